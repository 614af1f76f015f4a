"""Readings of an estimate: runs of labels, averages."""

from __future__ import annotations

import numpy as np
import pytest

from insula.core.records import Estimate
from insula.core.space import EKMAN7
from insula.core.time import Span
from insula.core.track import Track
from insula.outputs.moments import coarser, label_during, stretches


def estimate(tops: str, valid: str = "", hop: float = 1.0) -> Estimate:
    """One moment a letter: the first letter of its label; a space in `valid` is unseen."""
    labels = {label[0]: column for column, label in enumerate(EKMAN7.labels)}
    values = np.full((len(tops), 7), 0.05)
    values[np.arange(len(tops)), [labels[letter] for letter in tops]] = 0.7
    mask = [letter != " " for letter in valid or "x" * len(tops)]
    times = hop * (np.arange(len(tops)) + 0.5)
    return Estimate(EKMAN7, Track(times, values, EKMAN7.labels, mask, hop), 0.5, "test")


def spans(found: list) -> list[tuple[float, float, str]]:
    return [(each.span.start, each.span.end, each.label[0]) for each in found]


def test_runs_of_one_label() -> None:
    assert spans(stretches(estimate("hhhaas"))) == [(0, 3, "h"), (3, 5, "a"), (5, 6, "s")]


def test_a_gap_in_the_evidence_is_a_gap_between_runs() -> None:
    assert spans(stretches(estimate("hhhh", "xx x"))) == [(0, 2, "h"), (3, 4, "h")]


def test_short_runs_join_a_neighbour() -> None:
    assert spans(stretches(estimate("hhhahh"), least=2)) == [(0, 6, "h")]
    assert spans(stretches(estimate("ahhh"), least=2)) == [(0, 4, "h")]


def test_the_label_during_a_span() -> None:
    said = label_during(estimate("hhaaa"), Span(2.2, 4.9))
    assert said is not None
    assert said.label == "anger"
    assert said.probability == pytest.approx(0.7)
    assert label_during(estimate("hh", "  "), Span(0, 2)) is None
    assert label_during(estimate("hh"), Span(5, 6)) is None


def test_coarser_averages_neighbours_and_leaves_the_unseen_out() -> None:
    less = coarser(estimate("hhaas", "xxx x"), 3)
    np.testing.assert_allclose(less.track.times, [1, 3, 4.5])
    assert less.track.width == 2
    happy = less.track.column("happiness")
    np.testing.assert_allclose(happy, [0.7, 0.05, 0.05], atol=1e-6)
    np.testing.assert_allclose(less.track.column("anger"), [0.05, 0.7, 0.05], atol=1e-6)
    np.testing.assert_allclose(less.confidence, 0.5)


def test_coarser_leaves_few_moments_as_they_are() -> None:
    few = estimate("hha")
    assert coarser(few, 3) is few
