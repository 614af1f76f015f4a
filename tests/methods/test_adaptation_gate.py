"""The adaptation gate shifts the pivot, by no more than it may, and never to NaN."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from insula.methods.batch import Batch
from insula.methods.encoders import Tokens
from insula.methods.mid.adaptation_gate import (
    AdaptationGate,
    AdaptationGateFusion,
    at_steps_of,
    with_stand_in,
)


@pytest.mark.parametrize("beta", [0.3, 1.0])
def test_a_shift_is_bounded(beta: float) -> None:
    torch.manual_seed(0)
    gate = AdaptationGate(["audio"], 8, beta=beta).eval()
    gate.finish = torch.nn.Identity()  # before the norm, where the bound holds
    pivot, other = torch.randn(4, 5, 8), 50 * torch.randn(4, 5, 8)
    moved, weights = gate(pivot, {"audio": other})
    share = (moved - pivot).norm(dim=2) / pivot.norm(dim=2)
    assert share.max() <= beta + 1e-5
    assert share.max() > 0.9 * beta
    assert (weights["shift"] < 1).any()


def test_nothing_to_shift_by_and_nothing_to_shift() -> None:
    gate = AdaptationGate(["audio"], 8).eval()
    pivot, nothing = torch.randn(2, 3, 8), torch.zeros(2, 3, 8)
    moved, _ = gate(pivot, {"audio": nothing})
    assert torch.allclose(moved, gate.finish(pivot))
    empty = nothing.clone().requires_grad_()
    moved, _ = gate(empty, {"audio": pivot})
    moved.square().sum().backward()
    assert torch.allclose(moved, torch.zeros(2, 3, 8))  # the norm's bias
    assert empty.grad is not None and empty.grad.isfinite().all()


def test_each_step_hears_its_own_step_where_there_are_as_many() -> None:
    valid = torch.tensor([[True, True, False], [True, True, False]])
    pivot = Tokens(torch.ones(2, 3, 1), valid)
    values = torch.tensor([[[1.0], [3.0], [0.0], [0.0]], [[1.0], [3.0], [8.0], [0.0]]])
    other = Tokens(values, torch.tensor([[True, True, False, False], [True, True, True, False]]))
    heard = at_steps_of(pivot, other)
    assert heard[0, :2, 0].tolist() == [1.0, 3.0]
    assert heard[1, :2, 0].tolist() == [4.0, 4.0]  # three steps for two: their mean


def test_a_missing_pivot_is_one_learned_token() -> None:
    tokens = Tokens(torch.zeros(2, 3, 4), torch.tensor([[False] * 3, [True] * 3]))
    values, valid = with_stand_in(tokens, torch.ones(4))
    assert valid.tolist() == [[True, False, False], [True] * 3]
    assert values[0, 0].tolist() == [1.0] * 4
    assert not values[1].any()


def told_twice(samples: int, made: torch.Generator) -> tuple[Batch, torch.Tensor]:
    """A bit that audio and video both show, and in which samples video is noise instead."""
    bit = torch.randint(0, 2, (samples,), generator=made)
    which = torch.rand(samples, generator=made)
    shown = (2.0 * bit - 1)[:, None, None] * torch.linspace(-2, 2, 6)  # [B, 1, 6]
    features = {}
    for name, noise in (("audio", which > 0.7), ("video", which < 0.3)):
        strength = torch.where(noise, 1.5, 0.5)[:, None, None]
        rest = strength * torch.randn(samples, 3, 6, generator=made)
        features[name] = shown.where(~noise[:, None, None], 0.0) + rest
    masks = {name: torch.ones(samples, 3, dtype=torch.bool) for name in features}
    return Batch(features, masks, bit), which < 0.3


def test_noise_is_let_in_less_than_what_tells() -> None:
    torch.manual_seed(0)
    made = torch.Generator().manual_seed(0)
    net = AdaptationGateFusion({"audio": 6, "video": 6}, 2, hidden=16)
    optimiser = torch.optim.AdamW(net.parameters(), 1e-2)
    for _ in range(100):
        batch, _ = told_twice(64, made)
        loss = functional.cross_entropy(net(batch).values, batch.labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    batch, noisy = told_twice(400, made)
    gate = net.eval()(batch).weights["video"].mean(dim=(1, 2))
    assert gate[noisy].mean() < 0.9 * gate[~noisy].mean()


def test_the_pivot_can_be_named() -> None:
    net = AdaptationGateFusion({"text": 7, "audio": 5}, 2, pivot="audio")
    assert list(net.gate.gates) == ["text"]
