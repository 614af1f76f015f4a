"""Metrics against the hand-worked values of `methods.md` part E and scikit-learn."""

from __future__ import annotations

import time

import numpy as np
import pytest
import sklearn.metrics as reference

from insula.learn import metrics
from insula.learn.resampling import interval, with_intervals

TRUTH, SAID = np.array([0, 0, 0, 0, 1, 1]), np.array([0, 0, 0, 1, 1, 0])


def test_hand_worked_classification() -> None:
    assert metrics.accuracy(TRUTH, SAID) == pytest.approx(4 / 6)
    assert metrics.recalls(TRUTH, SAID) == {0: 0.75, 1: 0.5}
    assert metrics.uar(TRUTH, SAID) == pytest.approx(0.625)
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

    people = interval(rate, np.repeat(np.arange(20), 50), np.random.default_rng(1))
    samples = interval(rate, np.arange(1000), np.random.default_rng(1))
    assert samples[0] < hits.mean() < samples[1]
    assert people[1] - people[0] > 4 * (samples[1] - samples[0])


def test_the_quick_interval_is_the_slow_one() -> None:
    rng = np.random.default_rng(0)
    truth, said = rng.integers(0, 4, 600), rng.integers(0, 4, 600)
    said[:300] = truth[:300]
    groups = rng.integers(0, 25, 600)
    quick = with_intervals(metrics.label_tallies(truth, said, 4), groups, np.random.default_rng(1))
    for name in ("accuracy", "uar", "f1_macro", "f1_weighted"):
        slow = getattr(metrics, name)
        low, high = interval(
            lambda rows, slow=slow: slow(truth[rows], said[rows]), groups, np.random.default_rng(2)
        )
        assert quick[name].value == pytest.approx(slow(truth, said))
        assert quick[name].low == pytest.approx(low, abs=0.01)
        assert quick[name].high == pytest.approx(high, abs=0.01)


def test_tallies_of_axes_are_the_plain_formulas() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(3, 1, 200)
    said = 0.5 * truth + rng.normal(0, 1, 200)
    covariance = np.cov(truth, said, bias=True)[0, 1]
    distance = truth.var() + said.var() + (truth.mean() - said.mean()) ** 2
    assert metrics.pcc(truth, said) == pytest.approx(np.corrcoef(truth, said)[0, 1])
    assert metrics.ccc(truth, said) == pytest.approx(2 * covariance / distance)
    assert metrics.rmse(truth, said) == pytest.approx(
        reference.mean_squared_error(truth, said) ** 0.5
    )


def test_several_labels_against_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    truth, chances = rng.random((300, 5)) < 0.3, rng.random((300, 5))
    truth[:, 4] = False  # a label that is never there
    said = chances > 0.5
    tallies = metrics.multilabel_tallies(truth, said)
    for name, average in (
        ("f1_macro", "macro"),
        ("f1_micro", "micro"),
        ("f1_weighted", "weighted"),
    ):
        expected = reference.f1_score(truth, said, average=average, zero_division=0)
        assert tallies[name].value == pytest.approx(expected)
    present = truth[:, :4], said[:, :4]
    recall = reference.recall_score(*present, average="macro")
    assert tallies["uar"].value == pytest.approx(recall)
    balanced = [
        reference.balanced_accuracy_score(t, s)
        for t, s in zip(*(p.T for p in present), strict=True)
    ]
    assert tallies["weighted_accuracy"].value == pytest.approx(np.mean(balanced))


def test_jaccard_by_hand() -> None:
    truth = np.array([[1, 1, 0], [0, 0, 0], [0, 1, 0]], bool)
    said = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 0]], bool)
    jaccard = metrics.multilabel_tallies(truth, said)["jaccard"].value
    assert jaccard == pytest.approx((1 / 3 + 0 + 1) / 3)


def test_risk_coverage_by_hand() -> None:
    right, sure = np.array([1, 0, 1, 1]), np.array([0.9, 0.6, 0.8, 0.7])
    assert metrics.risk_coverage(right, sure) == pytest.approx([0, 0, 0, 0.25])
    assert metrics.aurc(right, sure) == pytest.approx(0.0625)
    assert metrics.aurc(right, np.ones(4)) == pytest.approx(0.25)  # no order: the mean everywhere


def test_divergence_of_distributions() -> None:
    target = np.array([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]])
    said = np.array([[0.25, 0.25, 0.5], [1.0, 0.0, 0.0]])
    assert metrics.divergence(target, said) == pytest.approx([np.log(2), 0])


def test_reliability_adds_up_to_ece() -> None:
    rng = np.random.default_rng(0)
    sure = rng.random(400)
    right = rng.random(400) < sure**2
    bins = metrics.reliability(right, sure)
    assert sum(n for _, _, n in bins) == 400
    total = sum(n * abs(share - confidence) for confidence, share, n in bins) / 400
    assert metrics.ece(right, sure) == pytest.approx(total)


@pytest.mark.parametrize(
    ("spoken", "heard", "expected"),
    [
        ("the cat sat", "the cat sat", 0),
        ("The cat, sat!", "the cat sat", 0),
        ("a b c d", "a c d e", 2 / 4),  # b deleted, e inserted
        ("a b", "", 1),
        ("a b", "x y z", 3 / 2),
    ],
)
def test_word_error_rate(spoken: str, heard: str, expected: float) -> None:
    assert metrics.word_error_rate([spoken], [heard]) == pytest.approx(expected)


def test_a_thousand_resamples_are_quick() -> None:
    rng = np.random.default_rng(0)
    truth, said = rng.integers(0, 8, 3555), rng.integers(0, 8, 3555)
    began = time.process_time()
    with_intervals(metrics.label_tallies(truth, said, 8), np.arange(3555), rng)
    assert time.process_time() - began < 5
