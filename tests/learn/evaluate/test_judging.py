"""Judgements against scikit-learn, and what is said of groups, silence and majorities."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as reference

from insula.core.space import EKMAN7, GOEMOTIONS, VA
from insula.learn import metrics
from insula.learn.evaluate.judging import Judgement, judge
from insula.learn.evaluate.matching import match

N = 240


def drawn(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def judged(truth: np.ndarray, said: np.ndarray) -> Judgement:
    keys = [
        {"speaker": str(row % 12), "sex": ("female", "male")[row % 2], "clip": str(row)}
        for row in range(len(truth))
    ]
    group = [each["speaker"] for each in keys]
    return judge(match(EKMAN7, truth, EKMAN7, said), group, keys, rng=drawn(1))


@pytest.fixture
def labels() -> tuple[np.ndarray, np.ndarray]:
    label = drawn(0).integers(0, 6, N)  # neutral is never true
    said = drawn(1).dirichlet(np.ones(7), N) + 0.4 * np.eye(7)[label]
    return label, said / said.sum(axis=1, keepdims=True)


def test_labels_against_scikit_learn(labels: tuple[np.ndarray, np.ndarray]) -> None:
    label, said = labels
    found, top = judged(np.eye(7)[label], said), said.argmax(axis=1)
    f1 = {
        average: reference.f1_score(label, top, average=average, zero_division=0)
        for average in ("macro", "weighted")
    }
    expected = {
        "accuracy": reference.accuracy_score(label, top),
        "uar": reference.recall_score(label, top, average="macro", labels=range(6)),
        "f1_macro": f1["macro"],
        "f1_weighted": f1["weighted"],
        "log_loss": reference.log_loss(label, said, labels=range(7)),
        "brier": np.square(said - np.eye(7)[label]).sum(axis=1).mean(),
        "ece": metrics.ece(top == label, said.max(axis=1)),
        "aurc": metrics.aurc(top == label, said.max(axis=1)),
    }
    assert {name: each.value for name, each in found.metrics.items()} == pytest.approx(expected)
    for each in found.metrics.values():
        assert each.low <= each.value <= each.high
    assert np.array_equal(found.confusion, reference.confusion_matrix(label, top, labels=range(7)))
    recall = reference.recall_score(label, top, average=None, labels=range(6))
    assert [found.recall[name].value for name in EKMAN7.labels[:6]] == pytest.approx(recall)
    assert (found.n, found.groups, found.unanswered) == (N, 12, 0)


def test_votes_add_their_own_measures(labels: tuple[np.ndarray, np.ndarray]) -> None:
    label, said = labels
    votes = 0.7 * np.eye(7)[label] + 0.3 / 7
    found = judged(votes, said)
    assert found.metrics["kl"].value == pytest.approx(metrics.divergence(votes, said).mean())
    agreeing = votes[np.arange(N), said.argmax(axis=1)]
    assert found.metrics["ece_raters"].value == pytest.approx(
        metrics.ece(agreeing, said.max(axis=1))
    )


def test_results_by_group(labels: tuple[np.ndarray, np.ndarray]) -> None:
    label, said = labels
    found, top = judged(np.eye(7)[label], said), said.argmax(axis=1)
    assert set(found.by_group) == {"speaker", "sex"}  # every clip is its own
    women = np.arange(N) % 2 == 0
    of_women = found.by_group["sex"]["female"]
    assert of_women["n"] == N / 2
    assert of_women["accuracy"] == pytest.approx((label == top)[women].mean())
    assert of_women["uar"] == pytest.approx(
        reference.recall_score(label[women], top[women], average="macro", labels=range(6))
    )


def test_a_majority_classifier_is_flagged(labels: tuple[np.ndarray, np.ndarray]) -> None:
    label, _ = labels
    truth = np.eye(7)[np.where(np.arange(N) % 3 == 0, label, 2)]
    always = judged(truth, np.tile(np.eye(7)[2], (N, 1)))
    assert always.near_majority
    assert always.majority == ("fear", pytest.approx((truth.argmax(axis=1) == 2).mean()))
    assert not judged(truth, truth).near_majority


def test_no_answer_is_a_drawn_one(labels: tuple[np.ndarray, np.ndarray]) -> None:
    label, said = labels
    silent = said.copy()
    silent[::2] = np.nan
    found = judged(np.eye(7)[label], silent)
    assert found.unanswered == N // 2
    assert found.n == N
    spoken = (label == said.argmax(axis=1))[1::2].mean()
    assert found.metrics["accuracy"].value == pytest.approx((spoken + 1 / 7) / 2, abs=0.06)


def test_risk_falls_where_confidence_tells(labels: tuple[np.ndarray, np.ndarray]) -> None:
    label, said = labels
    found = judged(np.eye(7)[label], said)
    assert found.coverage[-1] == 1
    assert found.risk[-1] == pytest.approx(1 - found.metrics["accuracy"].value)
    assert found.metrics["aurc"].value < found.risk[-1]
    assert sum(n for _, _, n in found.reliability) == N


def test_several_labels_at_thresholds() -> None:
    truth = (drawn(0).random((N, 28)) < 0.1).astype(float)
    chances = np.clip(0.3 * truth + 0.5 * drawn(1).random((N, 28)), 0, 1)
    limits = tuple(np.linspace(0.3, 0.6, 28))
    matched = match(GOEMOTIONS, truth, GOEMOTIONS, chances)
    keys = [{"text": str(row)} for row in range(N)]
    told_limits = [dict(zip(GOEMOTIONS.labels, limits, strict=True))] * N
    found = judge(matched, [k["text"] for k in keys], keys, limits=told_limits, rng=drawn(2))
    told = chances >= np.array(limits)
    expected = reference.f1_score(truth, told, average="macro", zero_division=0)
    assert found.metrics["f1_macro"].value == pytest.approx(expected)
    top = chances.argmax(axis=1)
    assert found.metrics["accuracy"].value == pytest.approx(truth[np.arange(N), top].mean())
    by_label = reference.f1_score(truth, told, average=None, zero_division=0)
    assert found.f1["joy"].value == pytest.approx(by_label[GOEMOTIONS.index("joy")])


def test_axes() -> None:
    truth = drawn(0).uniform(-1, 1, (N, 2))
    said = 0.5 * truth + 0.1
    keys = [{"speaker": str(row % 6)} for row in range(N)]
    found = judge(match(VA, truth, VA, said), [k["speaker"] for k in keys], keys, rng=drawn(1))
    values = {name: each.value for name, each in found.metrics.items()}
    assert values["pcc_valence"] == pytest.approx(1)
    assert values["ccc_arousal"] == pytest.approx(metrics.ccc(truth[:, 1], said[:, 1]))
    assert values["ccc_va"] == pytest.approx((values["ccc_valence"] + values["ccc_arousal"]) / 2)
    assert values["rmse_valence"] == pytest.approx(
        np.sqrt(np.mean((truth[:, 0] - said[:, 0]) ** 2))
    )
    assert found.majority is None
    assert not found.near_majority
    assert set(found.by_group["speaker"]) == {str(number) for number in range(6)}
