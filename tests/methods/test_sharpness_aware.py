"""Sharpness-aware minimisation: the gradient is that of a point uphill; narrow holes are left."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from insula.learn.laboratory import flat
from insula.learn.learner import Learner, make_methods
from insula.methods.batch import Batch
from insula.methods.early.concatenation import Concatenation
from insula.methods.training.method import Setting
from insula.methods.training.sharpness_aware import SharpnessAware


class Point(nn.Module):
    def __init__(self, *place: float) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.tensor(place))


def setting() -> Setting:
    torch.manual_seed(0)
    masks, labels = {"audio": torch.ones(12, 1, dtype=torch.bool)}, torch.randn(12, 2)
    samples = Batch({"audio": torch.randn(12, 1, 4)}, masks, labels, "axes")
    net = Concatenation({"audio": 4}, 2, hidden=8, dropout=0.0)
    return Setting(net, 2, "axes", labels, ("valence", "arousal"), samples)


def test_the_gradient_is_that_of_a_point_uphill() -> None:
    point, steep = Point(3.0, 4.0), torch.tensor([1.0, 3.0])

    def again() -> None:
        point.zero_grad()
        (0.5 * steep * point.place.square()).sum().backward()

    again()
    gradient = torch.tensor([3.0, 12.0])
    assert torch.equal(point.place.grad, gradient)
    SharpnessAware(setting(), radius=0.5).adjust(point, again)
    uphill = torch.tensor([3.0, 4.0]) + 0.5 * gradient / gradient.norm()
    assert torch.allclose(point.place.grad, steep * uphill)
    assert point.place.tolist() == [3.0, 4.0]  # it came back


def test_a_narrow_hole_is_left() -> None:
    def height(place: Tensor) -> Tensor:  # a narrow hole at 0 in a wide valley
        return -1.2 * torch.exp(-(place**2) / 0.02) - torch.exp(-((place - 1) ** 2))

    def settled(method: SharpnessAware | None) -> float:
        point = Point(-0.1)

        def again() -> None:
            point.zero_grad()
            height(point.place).sum().backward()

        for _ in range(100):
            again()
            if method is not None:
                method.adjust(point, again)
            with torch.no_grad():
                point.place -= 0.01 * point.place.grad
        return point.place.item()

    assert settled(None) == pytest.approx(0.0, abs=0.1)
    assert settled(SharpnessAware(setting(), radius=0.3)) > 0.25


def test_a_flat_place_is_left_as_it_is() -> None:
    point = Point(1.0)
    point.place.grad = torch.zeros(1)
    SharpnessAware(setting()).adjust(point, lambda: None)
    assert point.place.item() == 1.0


def test_heads_of_other_methods_get_their_gradient_once_and_runs_repeat() -> None:
    def gradients() -> list[Tensor]:
        given = setting()
        methods = make_methods({"sharpness-aware": {"radius": 0.01}, "multi-task": {}}, given)
        learner = Learner(
            given.net, methods, modalities=("audio",), kind="axes", loss="squared"
        ).train()
        learner(flat(given.example))[1].backward()
        before = [weight.grad.clone() for weight in methods[1].parameters()]
        learner.adjust(lambda: learner(flat(given.example))[1].backward())
        after = [weight.grad for weight in methods[1].parameters()]
        for old, new in zip(before, after, strict=True):
            assert (new - old).norm() < 0.1 * old.norm()  # and not twice as long
        return [weight.grad for weight in learner.parameters()]

    for one, two in zip(gradients(), gradients(), strict=True):
        assert torch.equal(one, two)
