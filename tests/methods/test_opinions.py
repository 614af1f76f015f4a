"""Late fusion: weights that are shares, votes, and weights chosen on held-out samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import get_args

import pytest
import torch

from insula.errors import ConfigError
from insula.methods.batch import Batch
from insula.methods.late.opinions import Opinions, Weighting, simplex, voted

WIDTHS = {"audio": 6, "video": 6}
Telling = Callable[[int, int], Batch]


@pytest.mark.parametrize("weighting", get_args(Weighting))
def test_weights_are_shares_of_those_that_are_there(telling: Telling, weighting: Weighting) -> None:
    torch.manual_seed(0)
    batch = telling(8, 0)
    batch.masks["video"][:3] = False
    batch.masks["audio"][2] = False
    output = Opinions(WIDTHS, 2, weighting=weighting).eval()(batch)
    weights = output.weights["modality"]
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(8))
    assert not weights[:2, 1].any() and weights[3:, 1].all()
    torch.testing.assert_close(output.values.exp().sum(dim=1), torch.ones(8))
    if weighting != "vote":
        alone = output.aux["opinions"][:2, 0]
        torch.testing.assert_close(output.values[:2].exp(), alone)


def test_a_majority_wins_and_the_mean_settles_ties() -> None:
    torn = torch.tensor([[[0.9, 0.1, 0.0], [0.3, 0.4, 0.3]]])  # one vote each, the mean says 0
    most = torch.tensor([[[0.98, 0.02], [0.45, 0.55], [0.45, 0.55]]])  # the mean says 0, most say 1
    assert voted(torn, torch.ones(1, 2, dtype=torch.bool), "single").argmax() == 0
    assert voted(most, torch.ones(1, 3, dtype=torch.bool), "single").argmax() == 1
    assert voted(most[:, 1:], torch.tensor([[False, True]]), "single").argmax() == 1
    several = voted(torch.tensor([[[0.9, 0.2], [0.3, 0.6]]]), torch.tensor([[True, True]]), "multi")
    assert (several > 0.5).tolist() == [[True, False]]
    with pytest.raises(ConfigError, match="cannot be voted on"):
        voted(most, torch.ones(1, 3, dtype=torch.bool), "axes")


@pytest.mark.parametrize("weighting", ["variance", "grid", "learned"])
def test_who_knows_more_counts_for_more(telling: Telling, weighting: Weighting) -> None:
    torch.manual_seed(0)
    net, batch, held_out = Opinions(WIDTHS, 2, weighting=weighting), telling(128, 1), telling(64, 2)
    optimiser = torch.optim.AdamW(net.parameters(), 1e-2)
    for _ in range(40):
        output = net(batch)
        loss = torch.nn.functional.cross_entropy(output.values, batch.labels)
        optimiser.zero_grad()
        (loss + sum(output.losses.values())).backward()
        optimiser.step()
    before = net.weights(held_out.present)[0]
    net.choose(held_out)
    audio, video = net.eval()(held_out).weights["modality"][0].tolist()
    assert audio > video + 0.1
    if weighting != "learned":
        assert before.tolist() == [0.5, 0.5]
    assert (net(held_out).values.argmax(dim=1) == held_out.labels).float().mean() > 0.95


def test_counted_and_chosen_weights_leave_each_head_to_its_own_loss(telling: Telling) -> None:
    batch = telling(8, 0)
    net = Opinions(WIDTHS, 2, weighting="grid")
    output = net(batch)
    assert not output.values.requires_grad
    output.losses["heads"].backward()
    assert all(weight.grad is not None for weight in net.heads.parameters())
    with pytest.raises(ConfigError, match="have none"):
        net.choose(replace(batch, labels=None))


def test_labels_are_pooled_one_by_one_and_axes_as_values(telling: Telling) -> None:
    net = Opinions(WIDTHS, 2).eval()
    batch = replace(telling(8, 0), labels=None)
    logits = net.heads(batch)
    several = net(replace(batch, kind="multi")).values.sigmoid()
    torch.testing.assert_close(several, logits.sigmoid().mean(dim=1))
    torch.testing.assert_close(net(replace(batch, kind="axes")).values, logits.mean(dim=1))


def test_the_grid_holds_every_way_to_share() -> None:
    found = list(simplex(3, 4))
    assert len(found) == len(set(found)) == 15
    assert all(sum(parts) == 4 for parts in found)
