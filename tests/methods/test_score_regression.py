"""Regression over scores under the laboratory's contract."""

from __future__ import annotations

from collections.abc import Callable

import torch

from insula.methods.batch import Batch
from insula.methods.late.score_regression import RegressedOpinions


def test_a_head_reaches_the_answer_through_the_regression_alone(
    telling: Callable[[int, int], Batch],
) -> None:
    torch.manual_seed(0)
    net, batch = RegressedOpinions({"audio": 6, "video": 6}, 3).eval(), telling(4, 0)
    said, width = net(batch).values, 3
    with torch.no_grad():  # a constant in place of the block "video"
        for weight in net.heads.heads[1].parameters():
            weight.zero_()
    constant = net(batch)
    assert (constant.aux["opinions"][:, 1] == 1 / 3).all()
    # An even opinion adds the same to all classes and has no centred logarithms.
    change = said.log_softmax(dim=1) - constant.values.log_softmax(dim=1)
    assert change.abs().max() > 1e-3
    trust = torch.ones(4, 2)
    by_hand = net.regression(constant.aux["opinions"], trust)
    torch.testing.assert_close(constant.values, by_hand)
    assert by_hand.shape == (4, width)


def test_the_answer_does_not_teach_the_heads(telling: Callable[[int, int], Batch]) -> None:
    net = RegressedOpinions({"audio": 6, "video": 6}, 2)
    output = net(telling(4, 0))
    output.values.square().sum().backward(retain_graph=True)
    assert all(weight.grad is None for weight in net.heads.parameters())
    output.losses["heads"].backward()
    assert all(weight.grad is not None for weight in net.heads.parameters())


def test_shares_sum_to_one_and_the_best_can_be_listed(
    telling: Callable[[int, int], Batch],
) -> None:
    shares = RegressedOpinions({"audio": 6, "video": 6}, 5).eval()(telling(4, 0)).values.softmax(1)
    best = shares.topk(3, dim=1).values
    torch.testing.assert_close(shares.sum(dim=1), torch.ones(4))
    assert (best.diff(dim=1) <= 0).all()
