"""Metrics against the hand-worked values of `methods.md` part E and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as reference

from insula.learn import metrics

TRUTH, SAID = np.array([0, 0, 0, 0, 1, 1]), np.array([0, 0, 0, 1, 1, 0])


def test_hand_worked_classification() -> None:
    assert metrics.accuracy(TRUTH, SAID) == pytest.approx(4 / 6)
    assert metrics.recalls(TRUTH, SAID) == {0: 0.75, 1: 0.5}
    assert metrics.uar(TRUTH, SAID) == pytest.approx(0.625)
    assert metrics.f1_by_class(TRUTH, SAID) == pytest.approx({0: 0.75, 1: 0.5})
    assert metrics.f1_macro(TRUTH, SAID) == pytest.approx(0.625)
    assert metrics.f1_weighted(TRUTH, SAID) == pytest.approx(0.6666667)


def test_hand_worked_regression() -> None:
    x, y = np.array([1.0, 2, 3, 4]), np.array([2.0, 3, 4, 5])
    assert metrics.pcc(x, y) == pytest.approx(1)
    assert metrics.ccc(x, y) == pytest.approx(0.7142857)
    assert metrics.pcc(x, np.ones(4)) == 0
    assert metrics.ccc(np.ones(4), np.ones(4)) == 0


def test_against_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    truth, said = rng.integers(0, 7, 500), rng.integers(0, 7, 500)
    said[:250] = truth[:250]
    assert metrics.uar(truth, said) == pytest.approx(reference.balanced_accuracy_score(truth, said))
    for mine, average in ((metrics.f1_macro, "macro"), (metrics.f1_weighted, "weighted")):
        assert mine(truth, said) == pytest.approx(
            reference.f1_score(truth, said, average=average, zero_division=0)
        )
    table = metrics.confusion(truth, said, 7)
    assert np.array_equal(table, reference.confusion_matrix(truth, said))


def test_a_class_that_is_only_said_counts_in_f1_not_in_recall() -> None:
    truth, said = np.array([0, 0, 1]), np.array([0, 2, 1])
    assert metrics.uar(truth, said) == pytest.approx(0.75)
    assert metrics.f1_macro(truth, said) == pytest.approx((2 / 3 + 1 + 0) / 3)


def test_ece() -> None:
    sure = np.array([0.9, 0.9, 0.9, 0.9])
    assert metrics.ece(np.array([1, 1, 1, 1]), sure) == pytest.approx(0.1)
    assert metrics.ece(np.array([1, 1, 1, 0]), sure) == pytest.approx(0.15)
    both = np.array([1.0, 0.05])  # two bins, gaps 0 and 0.95, half of the samples each
    assert metrics.ece(np.array([1, 1]), both) == pytest.approx(0.475)


def test_brier() -> None:
    chances = np.array([[0.8, 0.2], [0.5, 0.5]])
    assert metrics.brier(np.array([0, 1]), chances) == pytest.approx((0.08 + 0.5) / 2)


def test_interval_resamples_groups() -> None:
    rng = np.random.default_rng(0)
    hits = np.repeat(rng.random(20) < 0.5, 50)  # all samples of a person are right, or none

    def rate(rows: np.ndarray) -> float:
        return float(hits[rows].mean())

    people = metrics.interval(rate, np.repeat(np.arange(20), 50), np.random.default_rng(1))
    samples = metrics.interval(rate, np.arange(1000), np.random.default_rng(1))
    assert samples[0] < hits.mean() < samples[1]
    assert people[1] - people[0] > 4 * (samples[1] - samples[0])
