"""Recurrent fusion: order counts, no step is forgotten, padding and gaps are not there."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from insula.errors import ContractError
from insula.methods.batch import Batch
from insula.methods.mid.recurrence import BothWays, Recurrence

WIDTHS = {"audio": 4, "video": 5}
READINGS: tuple[Literal["apart", "together"], ...] = ("apart", "together")

every_reading = pytest.mark.parametrize("reading", READINGS)


def sequences(count: int, steps: int, *, seed: int = 0) -> Batch:
    rng = torch.Generator().manual_seed(seed)
    features = {n: torch.randn(count, steps, width, generator=rng) for n, width in WIDTHS.items()}
    masks = {name: torch.ones(count, steps, dtype=torch.bool) for name in WIDTHS}
    return Batch(features, masks)


@every_reading
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_time_has_a_direction(
    reading: Literal["apart", "together"], cell: Literal["gru", "lstm"]
) -> None:
    torch.manual_seed(0)
    net = Recurrence(WIDTHS, 3, reading=reading, cell=cell).eval()
    batch = sequences(4, 6)
    turned = replace(batch, features={n: x.flip(1) for n, x in batch.features.items()})
    assert not torch.allclose(net(turned).values, net(batch).values, atol=1e-4)


@every_reading
def test_gaps_and_padding_are_as_if_cut_out(reading: Literal["apart", "together"]) -> None:
    torch.manual_seed(0)
    net = Recurrence(WIDTHS, 3, reading=reading).eval()
    batch = sequences(4, 5)
    places = torch.tensor([1, 2, 4, 5, 7])  # of 9 steps; the others hold rubbish

    def spread(values: Tensor) -> Tensor:
        wider = torch.full((4, 9, *values.shape[2:]), 9.0).to(values.dtype)
        wider[:, places] = values
        return wider

    masks = {name: torch.zeros(4, 9, dtype=torch.bool) for name in WIDTHS}
    for mask in masks.values():
        mask[:, places] = True
    gapped = Batch({n: spread(x) for n, x in batch.features.items()}, masks)
    torch.testing.assert_close(net(gapped).values, net(batch).values)


@every_reading
def test_what_was_in_the_middle_is_remembered(reading: Literal["apart", "together"]) -> None:
    """Of three steps only the second tells the class; neither end knows anything of it."""
    torch.manual_seed(0)
    net = Recurrence(WIDTHS, 2, reading=reading, hidden=16)
    optimiser = torch.optim.AdamW(net.parameters(), 1e-2)
    for step in range(80):
        batch = sequences(64, 3, seed=step)
        optimiser.zero_grad()
        functional.cross_entropy(net(batch).values, told(batch)).backward()
        optimiser.step()
    new = sequences(256, 3, seed=1000)
    assert (net.eval()(new).values.argmax(dim=1) == told(new)).float().mean() > 0.8


def told(batch: Batch) -> Tensor:
    """Which of two values at the second step is greater, [B] of 0 and 1."""
    second = batch.features["audio"][:, 1]
    return (second[:, 0] > second[:, 1]).long()


def test_the_second_net_reads_backwards() -> None:
    torch.manual_seed(0)
    net, values = BothWays(4, 8, "gru"), torch.randn(3, 5, 4)
    net.backwards.load_state_dict(net.forwards.state_dict())
    valid = torch.ones(3, 5, dtype=torch.bool)
    ends, turned = net(values, valid), net(values.flip(1), valid)
    torch.testing.assert_close(turned, ends.roll(4, dims=1))
    assert not torch.allclose(turned, ends)


def test_together_needs_steps_that_correspond() -> None:
    batch = sequences(2, 5)
    uneven = Batch(
        {**batch.features, "video": batch.features["video"][:, :4]},
        {**batch.masks, "video": batch.masks["video"][:, :4]},
    )
    with pytest.raises(ContractError, match="one T"):
        Recurrence(WIDTHS, 2, reading="together")(uneven)
