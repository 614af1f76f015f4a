"""Contrastive alignment: the loss by hand, and that it really aligns."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from insula.methods.batch import Batch
from insula.methods.mid.contrastive import (
    ContrastiveAlignment,
    contrastive_loss,
    triplet_loss,
    triplets,
)


def correlated(samples: int, seed: int) -> Batch:
    """Two views of the same four hidden values, one step each."""
    made = torch.Generator().manual_seed(seed)
    hidden = torch.randn(samples, 4, generator=made)
    fixed = torch.Generator().manual_seed(99)
    views = {
        name: hidden @ torch.randn(4, 6, generator=fixed)
        + 0.1 * torch.randn(samples, 6, generator=made)
        for name in ("audio", "video")
    }
    return Batch(
        {name: view.unsqueeze(1) for name, view in views.items()},
        {name: torch.ones(samples, 1, dtype=torch.bool) for name in views},
        (hidden[:, 0] > 0).long(),
    )


def partners_found(net: ContrastiveAlignment, batch: Batch) -> float:
    """In how many samples the nearest video projection to that of audio is the sample's own."""
    with torch.inference_mode():
        units = functional.normalize(net.eval()(batch).aux["projections"], dim=2)
    nearest = (units[:, 0] @ units[:, 1].T).argmax(dim=1)
    return float((nearest == torch.arange(len(batch))).float().mean())


def test_training_on_the_loss_alone_finds_the_partner() -> None:
    torch.manual_seed(0)
    net = ContrastiveAlignment({"audio": 6, "video": 6}, 2, hidden=32, size=16)
    held_out = correlated(64, seed=1)
    assert partners_found(net, held_out) < 0.2
    optimiser = torch.optim.AdamW(net.parameters(), 1e-2)
    for step in range(80):
        loss = net.train()(correlated(64, seed=2 + step)).losses["alignment"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert partners_found(net, held_out) > 0.7


def test_the_loss_by_hand() -> None:
    vectors = torch.tensor([[2.0, 0.0], [0.0, 1.0], [3.0, 0.0]])
    together = torch.tensor([[True, False, True], [False, True, False], [True, False, True]])
    everyone = torch.ones(3, dtype=torch.bool)
    # 0 and 2 point the same way; 1, which is alone, only counts among the others.
    expected = -torch.log(torch.tensor(1 / 0.5).exp() / (torch.tensor(1 / 0.5).exp() + 1))
    assert torch.allclose(contrastive_loss(vectors, together, everyone, temperature=0.5), expected)
    # With temperature 0.07 the same is as good as solved.
    assert contrastive_loss(vectors, together, everyone) < 1e-5
    without = contrastive_loss(vectors, together, torch.tensor([True, True, False]))
    assert without == 0


@pytest.mark.parametrize("kind", ["single", "multi"])
def test_equal_labels_belong_together(kind: str) -> None:
    torch.manual_seed(0)
    batch = correlated(8, seed=0)
    if kind == "multi":
        batch = replace(batch, labels=functional.one_hot(batch.labels, 2).float(), kind="multi")
    net = ContrastiveAlignment({"audio": 6, "video": 6}, 2, align="label")
    by_class = functional.one_hot(correlated(8, seed=0).labels, 2).float()
    solved = by_class.unsqueeze(1).expand(-1, 2, -1)
    mixed = solved.roll(1, dims=0)
    assert net.loss(solved, batch) < net.loss(mixed, batch)
    assert net.eval()(replace(batch, labels=None)).losses == {}


def test_triplets_are_chosen_by_the_pivot_only() -> None:
    features = torch.tensor([[0.0], [1.0], [5.0], [5.5]])
    near, far = triplets(features)
    assert near.tolist() == [1, 0, 3, 2]
    assert far.tolist() == [3, 3, 0, 0]
    torch.manual_seed(0)
    batch = correlated(8, seed=0)
    net = ContrastiveAlignment({"audio": 6, "video": 6}, 2, align="triplet", pivot="video")
    projections = torch.randn(8, 2, 32)
    losses = [
        net.loss(projections, replace(batch, features={**batch.features, name: other}))
        for name, other in correlated(8, seed=5).features.items()
    ]
    before = net.loss(projections, batch)
    assert torch.equal(losses[0], before)  # other audio, the same triplets
    assert not torch.equal(losses[1], before)


def test_triplets_pull_and_push() -> None:
    features = torch.tensor([[0.0], [1.0], [9.0]])  # of 0: near 1, far 2
    settled = torch.tensor([[0.0, 0.0], [0.0, 0.0], [9.0, 0.0]])
    assert triplet_loss(settled[[0, 1, 2, 2]], features[[0, 1, 2, 2]]) == 0
    vectors = torch.tensor([[0.0], [1.0], [0.5]], requires_grad=True)
    triplet_loss(vectors, features).backward()
    assert vectors.grad is not None
    downhill = (vectors - 0.1 * vectors.grad).detach()
    assert triplet_loss(downhill, features) < triplet_loss(vectors, features)
    assert (downhill[0] - downhill[1]).abs() < (vectors[0] - vectors[1]).abs()


def test_few_samples_or_one_modality_have_a_loss_of_nothing() -> None:
    batch = correlated(1, seed=0)
    for align in ("sample", "label", "triplet"):
        net = ContrastiveAlignment({"audio": 6}, 2, align=align)  # type: ignore[arg-type]
        assert net(batch).losses["alignment"] == 0
