"""Truth and answers in one space: bridges, labels left out, what has no counterpart."""

from __future__ import annotations

import numpy as np
import pytest

from insula.core.space import EKMAN7, EKMAN8, GOEMOTIONS, PLUTCHIK8, RAVDESS8, VA, VAD, Space
from insula.errors import UnknownName
from insula.learn.evaluate.matching import first_match, match

ASED5 = Space("five", ("neutral", "fear", "happiness", "sadness", "anger"), "exclusive", "a test")


def one_hot(space: Space, *labels: str) -> np.ndarray:
    return np.eye(len(space))[[space.index(label) for label in labels]]


def test_one_space_is_left_as_it_is() -> None:
    truth, said = one_hot(EKMAN8, "anger", "contempt"), np.full((2, 8), 1 / 8)
    found = match(EKMAN8, truth, EKMAN8, said)
    assert found.labels == EKMAN8.labels
    assert found.rows.all()
    assert found.way == ""
    assert np.array_equal(found.said, said)


def test_an_answer_crosses_its_bridge() -> None:
    said = 0.5 * one_hot(RAVDESS8, "calm", "fear") + 0.5 * one_hot(RAVDESS8, "neutral", "anger")
    found = match(EKMAN7, one_hot(EKMAN7, "neutral", "fear"), RAVDESS8, said)
    assert found.said[0, EKMAN7.index("neutral")] == pytest.approx(1)
    assert found.said[1, EKMAN7.index("anger")] == pytest.approx(0.5)
    assert "calm" in found.way


def test_truth_crosses_where_answers_cannot() -> None:
    truth = one_hot(EKMAN8, "contempt", "happiness")
    found = match(EKMAN8, truth, EKMAN7, one_hot(EKMAN7, "anger", "happiness"))
    # The answers' space has a bridge to EKMAN8 too: contempt is judged, and never said.
    assert found.labels == EKMAN8.labels
    six = Space("six", EKMAN7.labels[:6], "exclusive", "a test")
    found = match(EKMAN8, truth, six, one_hot(six, "anger", "happiness"))
    assert found.rows.tolist() == [False, True]


def test_labels_the_truth_does_not_know_are_shared_out() -> None:
    said = np.zeros((1, 8))
    said[0, [RAVDESS8.index(label) for label in ("calm", "fear", "surprise")]] = 0.3, 0.2, 0.5
    found = match(ASED5, one_hot(ASED5, "fear"), RAVDESS8, said)
    assert dict(zip(found.labels, found.said[0], strict=True)) == pytest.approx(
        {"neutral": 0, "fear": 1, "happiness": 0, "sadness": 0, "anger": 0}
    )
    assert "surprise" in found.way


def test_finer_labels_become_their_groups() -> None:
    truth = np.zeros((2, 28))
    truth[0, [GOEMOTIONS.index("joy"), GOEMOTIONS.index("love"), GOEMOTIONS.index("grief")]] = 1
    truth[1, GOEMOTIONS.index("neutral")] = 1
    found = match(GOEMOTIONS, truth, EKMAN7, np.full((2, 7), 1 / 7))
    assert found.kind == "independent"
    assert found.truth[0].tolist() == [0, 0, 0, 1, 1, 0, 0]
    assert found.truth[1].tolist() == [0, 0, 0, 0, 0, 0, 1]


def test_examples_without_a_counterpart_are_left_out() -> None:
    truth = np.zeros((2, 8))
    truth[0, PLUTCHIK8.index("trust")] = truth[1, PLUTCHIK8.index("joy")] = 1
    said = np.full((2, 7), 1 / 7)
    found = match(PLUTCHIK8, truth, EKMAN7, said)
    assert found.rows.tolist() == [False, True]
    assert "neutral" not in found.labels
    assert found.said.sum(axis=1) == pytest.approx(1)


def test_no_answer_stays_none() -> None:
    said = np.stack([np.full(8, np.nan), np.full(8, 1 / 8)])
    for space in (EKMAN7, ASED5):
        found = match(space, one_hot(space, "anger", "fear"), RAVDESS8, said)
        assert np.isnan(found.said[0]).all()
        assert np.isfinite(found.said[1]).all()


def test_axes_meet_by_name() -> None:
    found = match(VAD, np.array([[0.1, 0.2, 0.3]]), VA, np.array([[0.4, 0.5]]))
    assert found.labels == ("valence", "arousal")
    assert found.truth.tolist() == [[0.1, 0.2]]


def test_the_first_space_that_fits_is_taken() -> None:
    assert first_match(VAD, [EKMAN7, VA]) is VA
    assert first_match(GOEMOTIONS, [EKMAN7, GOEMOTIONS]) is EKMAN7
    with pytest.raises(UnknownName, match="ekman7 -> vad"):
        first_match(VAD, [EKMAN7])
