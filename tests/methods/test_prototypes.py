"""Prototypes: means of shots, honest episodes, and classes known by name alone."""

from __future__ import annotations

import pytest
import torch

from insula.methods.batch import Batch
from insula.methods.early.concatenation import Concatenation
from insula.methods.training.method import Pass, Setting, watched
from insula.methods.training.prototypes import (
    Prototypes,
    episode,
    prototypes,
    shares_by_name,
)

LABELS = torch.tensor([3, 3, 5, 5, 5, 9])


def made(labels: torch.Tensor) -> tuple[Prototypes, Pass]:
    torch.manual_seed(0)
    count = len(labels)
    masks = {"audio": torch.ones(count, 1, dtype=torch.bool)}
    samples = Batch({"audio": torch.randn(count, 1, 3)}, masks, labels)
    net = Concatenation({"audio": 3}, 10, hidden=8, dropout=0.0)
    return Prototypes(Setting(net, 10, "single", labels, (), samples)), watched(net, samples)


def test_prototypes_of_two_shots_are_their_mean() -> None:
    vectors = torch.tensor([[1.0, 0.0], [5.0, 5.0], [3.0, 2.0]])
    classes, middles = prototypes(vectors, torch.tensor([7, 2, 7]))
    assert classes.tolist() == [2, 7]
    assert middles.tolist() == [[5.0, 5.0], [2.0, 1.0]]


def test_support_and_queries_of_an_episode_have_nothing_in_common() -> None:
    torch.manual_seed(0)
    drawn = set()
    for _ in range(20):
        support, queries = episode(LABELS)
        assert not (support & queries).any()
        assert LABELS[support].tolist() == [3, 5]
        assert LABELS[queries].tolist() == [3, 5, 5]  # the only one of class 9 sits out
        drawn.add(tuple(support.tolist()))
    assert len(drawn) > 2  # at random


def test_the_loss_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    method, seen = made(torch.tensor([4, 4, 8, 8]))
    support = torch.tensor([True, False, True, False])
    monkeypatch.setattr(
        "insula.methods.training.prototypes.episode", lambda labels: (support, ~support)
    )
    vectors = seen.representation
    assert vectors is not None
    near = (vectors[[1, 3]] - vectors[[0, 2]]).square().sum(dim=1)
    far = (vectors[[1, 3]] - vectors[[2, 0]]).square().sum(dim=1)
    expected = torch.log(1 + torch.exp(near - far)).mean()
    assert torch.allclose(method.losses(seen)["queries"], expected, atol=1e-6)


def test_a_batch_without_a_pair_has_a_loss_of_nothing() -> None:
    method, seen = made(torch.tensor([0, 1, 2]))
    loss = method.losses(seen)["queries"]
    loss.backward()
    assert loss == 0


def test_a_class_that_training_never_saw_is_known_by_its_name() -> None:
    """Names lie in the plane of valence and arousal; samples show that place, turned and noisy."""
    torch.manual_seed(0)
    names = torch.tensor([[0.8, 0.5], [-0.5, 0.6], [-0.6, -0.3], [0.6, -0.6]])  # joy ... calm
    turn = torch.randn(2, 6)
    labels = torch.arange(400) % 4
    samples = names[labels] @ turn + 0.2 * torch.randn(400, 6)
    known = labels != 2
    embed = torch.linalg.lstsq(samples[known], names[labels[known]]).solution
    unseen = shares_by_name(samples[~known] @ embed, names)
    assert torch.allclose(unseen.sum(dim=1), torch.ones(100))
    right = (unseen.argmax(dim=1) == 2).float().mean()
    assert right > 0.8  # by chance 0.25
    swapped = shares_by_name(samples[~known] @ embed, names[[2, 1, 0, 3]])
    assert (swapped.argmax(dim=1) == 2).float().mean() < 0.1  # it is the names that tell
