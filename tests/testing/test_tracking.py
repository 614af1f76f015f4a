"""Scores of tracking, against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from insula.testing.tracking import TrackingScore, score_tracks

HERE, THERE, AWAY = (np.array([x, 0.0, 10.0, 10.0]) for x in (0, 100, 300))


def test_nothing_wrong() -> None:
    score = score_tracks([{"a": HERE, "b": THERE}] * 3, [{1: HERE, 2: THERE}] * 3)
    assert (score.recall, score.precision, score.mota, score.idf1) == (1, 1, 1, 1)
    assert (score.switches, score.people, score.tracks) == (0, 2, 2)


def test_two_people_exchanged_for_half_of_the_time() -> None:
    """Four frames of two people, tracks exchanged after two: two switches, half is agreed."""
    truth = [{"a": HERE, "b": THERE}] * 4
    score = score_tracks(truth, [{1: HERE, 2: THERE}] * 2 + [{2: HERE, 1: THERE}] * 2)
    assert score.switches == 2
    assert score.mota == pytest.approx(1 - 2 / 8)
    assert score.idf1 == pytest.approx(4 / 8)


def test_missed_false_and_excused() -> None:
    """Of four faces two are found, beside one false alarm and one box in doubt."""
    truth = [{"a": HERE}] * 4
    answers = [{1: HERE}, {1: HERE, 2: AWAY}, {}, {3: THERE}]
    score = score_tracks(truth, answers, [[], [], [], [THERE]])
    assert (score.recall, score.precision) == (0.5, pytest.approx(2 / 3))
    assert score.mota == pytest.approx(1 - 3 / 4)
    assert score.idf1 == pytest.approx(2 * 2 / (4 + 3))


def test_a_gap_is_no_switch_and_a_new_track_is_one() -> None:
    truth = [{"a": HERE}] * 4
    assert score_tracks(truth, [{1: HERE}, {}, {}, {1: HERE}]).switches == 0
    score = score_tracks(truth, [{1: HERE}, {}, {}, {2: HERE}])
    assert (score.switches, score.tracks, score.agreed) == (1, 2, 1)


def test_the_pair_of_the_frame_before_is_kept() -> None:
    """Where two boxes cover a face, the one that was its own before stays so."""
    near = HERE + np.array([1.0, 0, 0, 0])
    score = score_tracks([{"a": HERE}] * 2, [{1: near}, {1: near, 2: HERE}])
    assert (score.switches, score.false) == (0, 1)


def test_scores_add_up() -> None:
    one = score_tracks([{"a": HERE}], [{1: HERE}])
    other = score_tracks([{"a": HERE}], [{}])
    assert one + other == TrackingScore(faces=2, found=1, agreed=1, people=2, tracks=1)
