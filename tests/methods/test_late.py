"""Fusions of scores: absent channels are not looked at; known rules are settings of them."""

from __future__ import annotations

import pytest
import torch

from insula.methods.late.robust_pool import RobustPool
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
    assert torch.allclose(net(scores, present), net(changed, present))
    assert not torch.allclose(net(scores, present), net(scores, 0 * present))


def test_untrained_it_says_nothing() -> None:
    net = ScoreRegression(channels=3, classes=7, logarithms=True)
    assert net(people(2), torch.ones(2, 3)).abs().max() == 0


def test_the_product_rule_is_one_setting() -> None:
    net = ScoreRegression(channels=3, classes=7, logarithms=True)
    with torch.no_grad():
        net.regression.weight[:, -21:] = TYPICAL * torch.eye(7).repeat(1, 3)
    scores = people(5)
    product = scores.prod(dim=1)
    fused = net(scores, torch.ones(5, 3)).softmax(dim=1)
    assert torch.allclose(fused, product / product.sum(dim=1, keepdim=True), atol=1e-5)


def pool(belief: float = 2.0) -> RobustPool:
    """Untrained, but for how far it believes anyone, and as sure that none means another label."""
    net = RobustPool(channels=3, classes=7)
    torch.nn.init.constant_(net.belief, belief)
    torch.nn.init.constant_(net.contrary, -belief)
    return net


def says(*shares: dict[int, float]) -> torch.Tensor:
    """One person: what each channel says, [1, 3, 7]; what is not named shares the rest."""
    rows = [
        [said.get(label, (1 - sum(said.values())) / (7 - len(said))) for label in range(7)]
        for said in shares
    ]
    return torch.tensor([rows])


def test_the_pool_does_not_look_at_channels_without_trust() -> None:
    torch.manual_seed(1)
    net = pool()
    for weight in net.parameters():
        torch.nn.init.normal_(weight)
    scores, trust = people(4), torch.tensor([[1.0, 0, 1]]).expand(4, -1)
    changed = scores.clone()
    changed[:, 1] = 0
    assert torch.allclose(net(scores, trust), net(changed, trust))
    assert not torch.allclose(net(scores, trust), net(scores, torch.ones(4, 3)))


def test_full_belief_is_the_product_rule() -> None:
    scores = people(5)
    product = scores.prod(dim=1)
    fused = pool(belief=50.0)(scores, torch.ones(5, 3)).softmax(dim=1)
    assert torch.allclose(fused, product / product.sum(dim=1, keepdim=True), atol=1e-4)


def test_one_who_contradicts_two_is_outvoted_however_sure() -> None:
    scores = says({0: 0.997}, {1: 0.7}, {1: 0.7})
    trust = torch.ones(1, 3)
    assert pool()(scores, trust).argmax() == 1
    assert pool(belief=50.0)(scores, trust).argmax() == 0  # the product rule believes anything


def test_one_who_contradicts_two_makes_them_less_sure_but_speaks_against_its_own() -> None:
    trust, net = torch.ones(1, 3), pool()
    torch.nn.init.constant_(net.contrary, -50.0)
    scores = says({0: 0.97}, {1: 0.7}, {1: 0.7})
    before, after = (each(scores, trust).softmax(dim=1)[0] for each in (net, pool()))
    assert after[1] > before[1] and after[0] < before[0]
    assert after[1] < pool()(says({1: 0.97}, {1: 0.7}, {1: 0.7}), trust).softmax(dim=1)[0, 1]


def test_of_two_alone_none_is_taken_to_mean_another_label() -> None:
    net, scores = pool(), says({0: 0.9}, {1: 0.6}, {})
    trust = torch.tensor([[1.0, 1, 0]])
    before = net(scores, trust)
    torch.nn.init.constant_(net.contrary, 2.0)
    assert torch.allclose(before, net(scores, trust), atol=1e-5)
    assert not torch.allclose(before, net(scores, torch.ones(1, 3)), atol=1e-2)


def test_three_who_agree_are_surer_than_each() -> None:
    scores = says({0: 0.6}, {0: 0.6}, {0: 0.6})
    assert pool()(scores, torch.ones(1, 3)).softmax(dim=1)[0, 0] > 0.9


def test_less_quality_is_less_belief() -> None:
    scores = says({0: 0.6}, {1: 0.9}, {2: 0.3})
    said = [
        pool()(scores, torch.tensor([[1.0, quality, 0]])).softmax(dim=1)[0, 1].item()
        for quality in (0.1, 0.5, 1.0)
    ]
    assert said[0] < said[1] < said[2]
