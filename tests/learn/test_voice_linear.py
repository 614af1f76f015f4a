"""Linear judges of voices: they find planted answers, and speak only of what they know."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from insula.learn.voice_linear import fit_linear
from insula.methods.unimodal.voice_judge import CorpusExperts, LinearJudge

ANSWERS, WIDTH = 3, 12


def planted(
    rng: np.random.Generator, count: int = 300, *, centre: float = 0.0
) -> tuple[Tensor, np.ndarray]:
    """Two copies of statistics, the first three of which tell the answer: (2, N, 12), (N,)."""
    label = rng.integers(0, ANSWERS, count)
    clips = rng.normal(centre, 1, (2, count, WIDTH))
    clips[:, :, :ANSWERS] += 4 * np.eye(ANSWERS)[label]
    return torch.from_numpy(clips.astype(np.float32)), label


def fitted(bank: Tensor, label: np.ndarray, *, ridge: float = 1.0) -> LinearJudge:
    return fit_linear(bank, np.eye(ANSWERS)[label], np.ones(len(label)), ridge=ridge)


def test_planted_answers_are_found_in_new_clips() -> None:
    rng = np.random.default_rng(0)
    judge = fitted(*planted(rng))
    clips, label = planted(rng)
    said = judge(clips[0])
    assert (said.argmax(dim=1).numpy() == label).mean() > 0.95
    assert said.sum(dim=1).numpy() == pytest.approx(1, abs=1e-3)


def test_a_dear_ridge_leaves_only_how_often_each_answer_counts() -> None:
    bank, label = planted(np.random.default_rng(0))
    weights = np.where(label == 2, 2.0, 1.0)
    judge = fit_linear(bank, np.eye(ANSWERS)[label], weights, ridge=1e12)
    shares = np.bincount(label, weights) / weights.sum()
    assert judge(bank[0]).numpy() == pytest.approx(np.tile(shares, (len(label), 1)), abs=1e-4)


def test_weighing_a_clip_twice_is_having_it_twice() -> None:
    bank, label = planted(np.random.default_rng(0), 40)
    bank[1] = bank[0]  # standardising does not weigh, so both must have the same mean and spread
    both = torch.cat([bank, bank], dim=1)
    twice = fit_linear(bank, np.eye(ANSWERS)[label], np.full(40, 2.0), ridge=5.0)
    doubled = fitted(both, np.tile(label, 2), ridge=5.0)
    assert twice(bank[0]).numpy() == pytest.approx(doubled(bank[0]).numpy(), abs=2e-3)


def test_each_expert_is_heard_on_its_own_corpus() -> None:
    rng = np.random.default_rng(0)
    parts = [planted(rng, centre=centre) for centre in (-6.0, 0.0, 6.0)]
    corpus = np.eye(3)[np.repeat(np.arange(3), 300)]
    which = fit_linear(torch.cat([bank for bank, _ in parts], 1), corpus, np.ones(900), ridge=1.0)
    alone = [fitted(*part) for part in parts[:2]]
    experts = CorpusExperts(which, alone, weight=20.0)
    for expert, (bank, _) in zip(alone, parts[:2], strict=True):
        heard = (experts(bank[0]).argmax(dim=1) == expert(bank[0]).argmax(dim=1)).float().mean()
        assert heard > 0.9
    known, stranger = experts(parts[0][0][0]).abs().mean(), experts(parts[2][0][0]).abs().mean()
    assert stranger < 0.1 * known
