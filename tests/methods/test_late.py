"""Score regression: absent channels are not looked at; the product rule is one of its settings."""

from __future__ import annotations

import pytest
import torch

from insula.methods.late.score_regression import TYPICAL, ScoreRegression


def people(count: int) -> torch.Tensor:
    torch.manual_seed(0)
    return torch.rand(count, 3, 7).add(0.3).log().softmax(dim=2)  # none below LEAST


@pytest.mark.parametrize("logarithms", [True, False])
def test_scores_of_absent_channels_change_nothing(logarithms: bool) -> None:
    torch.manual_seed(1)
    net = ScoreRegression(channels=3, classes=7, logarithms=logarithms)
    torch.nn.init.normal_(net.regression.weight)
    scores, present = people(4), torch.tensor([[1.0, 0, 1]]).expand(4, -1)
    changed = scores.clone()
    changed[:, 1] = 0
    assert torch.allclose(net(scores.flatten(1), present), net(changed.flatten(1), present))
    assert not torch.allclose(net(scores.flatten(1), present), net(scores.flatten(1), 0 * present))


def test_untrained_it_says_nothing() -> None:
    net = ScoreRegression(channels=3, classes=7, logarithms=True)
    assert net(people(2).flatten(1), torch.ones(2, 3)).abs().max() == 0


def test_the_product_rule_is_one_setting() -> None:
    net = ScoreRegression(channels=3, classes=7, logarithms=True)
    with torch.no_grad():
        net.regression.weight[:, -21:] = TYPICAL * torch.eye(7).repeat(1, 3)
    scores = people(5)
    product = scores.prod(dim=1)
    fused = net(scores.flatten(1), torch.ones(5, 3)).softmax(dim=1)
    assert torch.allclose(fused, product / product.sum(dim=1, keepdim=True), atol=1e-5)
