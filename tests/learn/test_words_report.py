"""The numbers of the words cards, against scikit-learn and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score

from insula.learn import words_report


def test_macro_f1_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    said, truth = rng.random((50, 7)) > 0.6, rng.random((50, 7)) > 0.7
    assert words_report.f1(said, truth).mean() == pytest.approx(
        f1_score(truth, said, average="macro")
    )


def test_calibration_error_of_a_hand_worked_case() -> None:
    """Ten answers at 0.8, six of them right: the gap is 0.2."""
    chances = np.full((10, 7), 0.2 / 6)
    chances[:, 0] = 0.8
    truth = np.zeros((10, 7))
    truth[:6, 0], truth[6:, 1] = 1, 1
    part = words_report.Judged({"ekman7": chances}, np.zeros((10, 3)), {"ekman7": truth})
    (metric,) = words_report._certainty(part, "made up", np.random.default_rng(0))
    assert metric.value == pytest.approx(0.2)
    assert metric.low <= metric.value <= metric.high and metric.n == 10


def test_correlation_of_a_hand_worked_case() -> None:
    said = np.repeat([[1.0], [2.0], [3.0]], 3, axis=1)
    truth = np.repeat([[1.0], [3.0], [2.0]], 3, axis=1)
    part = words_report.Judged({}, said, {"vad": truth})
    metrics = words_report._affect(part, np.random.default_rng(0))
    assert [each.name for each in metrics] == ["pcc_valence", "pcc_arousal", "pcc_dominance"]
    assert metrics[1].value == pytest.approx(0.5)


def test_a_threshold_lies_halfway_between_its_own_and_the_common_one() -> None:
    chances = np.array([[0.9, 0.1], [0.3, 0.3], [0.25, 0.5], [0.1, 0.55]])
    truth = np.array([[1, 0], [1, 0], [0, 1], [0, 1]])
    part = words_report.Judged({"two": chances}, np.zeros((4, 3)), {"two": truth})
    first, second = words_report.best_thresholds(part, "two")
    assert first == pytest.approx(0.26) and 0.26 < second < 0.31 + 1e-9
    rows = chances >= np.array([first, second])
    assert words_report.f1(rows, truth)[0] == 1
