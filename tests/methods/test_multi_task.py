"""Multi-task learning: weighted cross-entropy of the sides of each axis, by hand."""

from __future__ import annotations

import math

import pytest
import torch

from insula.errors import ConfigError
from insula.methods.batch import Batch
from insula.methods.early.concatenation import Concatenation
from insula.methods.training.method import Setting, watched
from insula.methods.training.multi_task import MultiTask

LABELS = torch.tensor([[0.5, -1.0], [0.1, 0.4], [0.2, 0.3], [-0.7, -0.2]])


def made(*, cut: float = 0.0, weight: float = 1.0) -> tuple[MultiTask, Batch]:
    torch.manual_seed(0)
    masks = {"audio": torch.ones(4, 1, dtype=torch.bool)}
    samples = Batch({"audio": torch.randn(4, 1, 3)}, masks, LABELS, "axes")
    net = Concatenation({"audio": 3}, 2, hidden=4)
    setting = Setting(net, 2, "axes", LABELS, ("valence", "arousal"), samples)
    method = MultiTask(setting, cut=cut, weight=weight)
    torch.nn.init.zeros_(method.head.weight)
    torch.nn.init.constant_(method.head.bias, math.log(3))  # 3/4 for above, on both axes
    return method, samples


def test_the_loss_by_hand() -> None:
    method, samples = made(weight=0.5)
    seen = watched(Concatenation({"audio": 3}, 2, hidden=4), samples)
    # Three samples above zero on the first axis, one below: so the one counts three times.
    first = 3 * -math.log(3 / 4) + 3 * -math.log(1 / 4)
    second = 2 * -math.log(3 / 4) + 2 * -math.log(1 / 4)
    assert method.losses(seen)["sides"].item() == pytest.approx(0.5 * (first + second) / 8)


def test_it_falls_as_the_side_becomes_surer_and_reaches_the_net() -> None:
    method, samples = made()
    net = Concatenation({"audio": 3}, 2, hidden=4)
    torch.nn.init.normal_(method.head.weight)
    seen = watched(net, samples)
    loss = method.losses(seen)["sides"]
    loss.backward()
    assert net.joint[0].weight.grad.abs().sum() > 0  # what the net decides on is shaped
    with torch.no_grad():
        for weight in (*net.joint[:4].parameters(), *method.head.parameters()):
            weight -= 0.05 * weight.grad
    assert method.losses(watched(net, samples))["sides"] < loss


def test_an_axis_with_one_side_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"All labels of an axis are on one side of 0\.45"):
        made(cut=0.45)
