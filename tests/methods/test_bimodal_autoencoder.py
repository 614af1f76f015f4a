"""The shared code: one modality is made from the other, where they have anything in common."""

from __future__ import annotations

import pytest
import torch

from insula.methods.batch import Batch
from insula.methods.mid.bimodal_autoencoder import BimodalAutoencoder

WIDTHS = {"eeg": 6, "gaze": 5}


def pairs(count: int, *, correlated: bool, seed: int) -> Batch:
    """Both modalities show the same two numbers, or each its own."""
    rng = torch.Generator().manual_seed(seed)
    cause, other = torch.randn(2, count, 2, generator=rng)
    pattern = torch.Generator().manual_seed(0)
    ways = [torch.randn(2, width, generator=pattern) for width in WIDTHS.values()]
    shown = (cause @ ways[0], (cause if correlated else other) @ ways[1])
    features = {name: x[:, None] for name, x in zip(WIDTHS, shown, strict=True)}
    masks = {name: torch.ones(count, 1, dtype=torch.bool) for name in WIDTHS}
    return Batch(features, masks, (cause[:, 0] > 0).long())


@pytest.mark.parametrize("correlated", [True, False])
def test_gaze_made_from_eeg_alone(correlated: bool) -> None:
    torch.manual_seed(0)
    net = BimodalAutoencoder(WIDTHS, 2, dropout=0.0, share=1.0)
    optimiser = torch.optim.AdamW(net.parameters(), 5e-3)
    for step in range(250):
        optimiser.zero_grad()
        net(pairs(64, correlated=correlated, seed=step)).losses["reconstruction"].backward()
        optimiser.step()
    new = pairs(512, correlated=correlated, seed=1000)
    target = net.eval()(new).aux["target gaze"]
    made = net(new.without("gaze")).aux["made gaze"]
    error = (made - target).square().mean() / (target - target.mean(dim=0)).square().mean()
    if correlated:
        assert error < 0.5
    else:
        assert 0.9 < error < 1.2


def test_the_decision_sees_nothing_but_the_code() -> None:
    torch.manual_seed(0)
    net = BimodalAutoencoder(WIDTHS, 3).eval()
    output = net(pairs(4, correlated=True, seed=0))
    torch.testing.assert_close(output.values, net.decide(output.aux["code"]))


def test_hidden_ones_are_still_to_be_made_and_never_all_are_hidden() -> None:
    torch.manual_seed(0)
    net, batch = (
        BimodalAutoencoder(WIDTHS, 2, hide=0.9, dropout=0.0),
        pairs(64, correlated=True, seed=0),
    )
    stand_ins = torch.stack([net.encoders.absent[name] for name in WIDTHS])
    hidden = (net.train().seen(batch) == stand_ins).all(dim=2)
    assert hidden.any(dim=0).all()
    assert not hidden.all(dim=1).any()
    assert not (net.eval().seen(batch) == stand_ins).all(dim=2).any()


def test_what_is_absent_is_no_error() -> None:
    torch.manual_seed(0)
    net, batch = BimodalAutoencoder(WIDTHS, 2).eval(), pairs(8, correlated=True, seed=0)
    alone = net(batch.without("gaze"))
    made, target = alone.aux["made eeg"], alone.aux["target eeg"]
    expected = net.share * (made - target).square().mean()
    torch.testing.assert_close(alone.losses["reconstruction"], expected)
