"""Gradient-Blending: the weights by hand, and that what overfits really loses weight."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from insula.errors import ConfigError
from insula.learn.laboratory import flat
from insula.learn.learner import Learner, make_methods
from insula.methods.batch import Batch
from insula.methods.mid.joint_vectors import JointVectors
from insula.methods.training.gradient_blending import GradientBlending, blended
from insula.methods.training.method import Setting

WIDTHS = {"audio": 6, "video": 6}


def made(batch: Batch, *, every: int = 5) -> tuple[Learner, GradientBlending]:
    torch.manual_seed(0)
    net = JointVectors(WIDTHS, 2, hidden=32, dropout=0.0)
    assert batch.labels is not None
    setting = Setting(net, 2, "single", batch.labels, (), batch)
    methods = make_methods({"gradient-blending": {"every": every}}, setting)
    learner = Learner(net, methods, modalities=tuple(WIDTHS), kind="single", loss="cross-entropy")
    (method,) = methods
    assert isinstance(method, GradientBlending)
    return learner.train(), method


def test_equal_curves_weigh_equally() -> None:
    training = torch.tensor([1.0, 0.5]).unsqueeze(1).expand(2, 3)
    held_out = torch.tensor([1.1, 0.8]).unsqueeze(1).expand(2, 3)
    assert blended(training, held_out).tolist() == pytest.approx([1 / 3] * 3)


def test_a_growing_gap_weighs_less() -> None:
    training = torch.tensor([[1.0, 1.0], [0.6, 0.3]])
    held_out = torch.tensor([[1.1, 1.1], [0.9, 0.9]])
    first, second = blended(training, held_out).tolist()
    assert second < first
    # G is 0.2 of both; O is 0.2 and 0.5.
    assert first / second == pytest.approx((0.5 / 0.2) ** 2, rel=1e-4)
    # Twice the gain at the same gap is twice the weight.
    training = torch.tensor([[1.0, 1.0], [0.7, 0.5]])
    held_out = torch.tensor([[1.1, 1.1], [0.9, 0.7]])
    first, second = blended(training, held_out).tolist()
    assert second / first == pytest.approx(2, rel=1e-4)


def test_a_gain_of_nothing_or_a_shrinking_gap_stays_finite() -> None:
    training = torch.tensor([[1.0, 1.0], [0.5, 0.9]])
    held_out = torch.tensor([[1.1, 1.3], [1.5, 1.1]])
    weights = blended(training, held_out)
    assert weights.isfinite().all()
    assert weights.sum() == pytest.approx(1)
    assert (weights > 0).all()


def test_the_modality_that_only_overfits_loses_weight(
    telling: Callable[[int, int], Batch],
) -> None:
    train, development = telling(32, 0), telling(64, 1)  # "video" says nothing of the class
    learner, method = made(train, every=2)
    steering = torch.optim.AdamW(learner.parameters(), 0.01)
    for epoch in range(3):
        learner.begin(flat(development), epoch / 3)
        assert learner.net.training
        assert epoch == 2 or method.weights.tolist() == pytest.approx([1 / 3] * 3)
        for _ in range(10):
            steering.zero_grad()
            learner(flat(train))[1].backward()
            steering.step()
    audio, video, fused = method.weights.tolist()
    assert video < 0.05 < audio
    assert audio + video + fused == pytest.approx(1)


def test_the_loss_is_the_weighted_sum(telling: Callable[[int, int], Batch]) -> None:
    batch = telling(8, 0)
    learner, method = made(batch)
    alone = []
    for place in range(3):
        method.weights.copy_(torch.eye(3)[place])
        alone.append(learner(flat(batch))[1].item())
    method.weights.copy_(torch.tensor([0.5, 0.2, 0.3]))
    expected = 0.5 * alone[0] + 0.2 * alone[1] + 0.3 * alone[2]
    assert learner(flat(batch))[1].item() == pytest.approx(expected, rel=1e-5)
    assert len({round(loss, 6) for loss in alone}) == 3
    for weights, untouched in (
        ([0.0, 0.0, 1.0], method.heads),
        ([0.5, 0.5, 0.0], learner.net.joint),
    ):
        method.weights.copy_(torch.tensor(weights))
        learner.zero_grad()
        learner(flat(batch))[1].backward()
        assert not any(weight.grad.any() for weight in untouched.parameters())


def test_never_is_refused(telling: Callable[[int, int], Batch]) -> None:
    with pytest.raises(ConfigError, match="every 0 epochs"):
        made(telling(4, 0), every=0)
