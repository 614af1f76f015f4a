"""Verification: rates by hand, against scikit-learn, and on voices that tell nothing."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from insula.learn.verification import auc, enrolled, equal_error_rate, pairs


def test_pairs_of_one_source_do_not_count() -> None:
    embeddings = np.eye(2)[[0, 0, 0, 1]]
    scores, same = pairs(embeddings, np.array(list("aaab")), np.array([1, 1, 2, 3]))
    assert sorted(zip(scores.tolist(), same.tolist(), strict=True)) == [
        (0.0, False), (0.0, False), (0.0, False), (1.0, True), (1.0, True),
    ]  # fmt: skip
    assert equal_error_rate(scores, same) == 0.0
    assert auc(scores, same) == 1.0


def test_rates_are_those_of_the_definition() -> None:
    rng = np.random.default_rng(0)
    same = rng.random(400) < 0.3
    scores = np.round(rng.normal(same, 1.0), 1)  # with ties
    assert auc(scores, same) == pytest.approx(roc_auc_score(same, scores))
    gaps = [
        (abs((scores[same] < t).mean() - (scores[~same] >= t).mean()), t) for t in np.unique(scores)
    ]
    _, threshold = min(gaps)
    expected = ((scores[same] < threshold).mean() + (scores[~same] >= threshold).mean()) / 2
    assert equal_error_rate(scores, same) == pytest.approx(expected)


def test_voices_that_tell_nothing_are_even_chances() -> None:
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(200, 16))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    person = np.repeat(np.arange(10), 20)
    scores, same = pairs(embeddings, person, np.arange(200))
    assert equal_error_rate(scores, same) == pytest.approx(0.5, abs=0.05)


def test_who_is_enrolled_is_not_tested_and_needs_enough() -> None:
    rng = np.random.default_rng(0)
    person = np.array(list("aaaabbbbcc"))
    embeddings = np.eye(3)[np.array([0] * 4 + [1] * 4 + [2] * 2)]
    rest, scores, same = enrolled(embeddings, person, 3, rng)
    assert person[rest].tolist() == ["a", "b"]
    assert scores == pytest.approx(np.eye(2))
    assert same.tolist() == [[True, False], [False, True]]
