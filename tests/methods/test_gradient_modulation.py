"""Gradient modulation: by the formula of two modalities, exactly, and noise of the right width."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
import torch
from torch import Tensor

from insula.learn.laboratory import flat
from insula.learn.learner import Learner, make_methods
from insula.methods.batch import Batch
from insula.methods.mid.joint_vectors import JointVectors
from insula.methods.training.gradient_modulation import GradientModulation, score, slowed
from insula.methods.training.method import Setting, watched

WIDTHS = {"audio": 6, "video": 6}


def made(batch: Batch, **arguments: float) -> Learner:
    """A net that knows the class from "audio", and nothing of "video"."""
    torch.manual_seed(0)
    net = JointVectors(WIDTHS, 2, hidden=32, dropout=0.0)
    assert batch.labels is not None
    setting = Setting(net, 2, "single", batch.labels, (), batch)
    methods = make_methods({"gradient-modulation": arguments}, setting)
    steering = torch.optim.AdamW(net.parameters(), 0.01)
    for _ in range(20):
        steering.zero_grad()
        values = net(batch.without("video")).values
        torch.nn.functional.cross_entropy(values, batch.labels).backward()
        steering.step()
    modalities = batch.modalities
    return Learner(net, methods, modalities=modalities, kind="single", loss="cross-entropy").train()


def gradients(learner: Learner, batch: Batch) -> tuple[Mapping[str, Tensor], Mapping[str, Tensor]]:
    """Of all weights of the net, before and after they are adjusted."""
    learner.zero_grad()
    learner(flat(batch))[1].backward()
    before = {name: weight.grad.clone() for name, weight in learner.net.named_parameters()}
    learner.adjust(lambda: None)
    return before, {name: weight.grad for name, weight in learner.net.named_parameters()}


@pytest.fixture
def batch(telling: Callable[[int, int], Batch]) -> Batch:
    found = telling(64, 0)
    found.masks["audio"][0] = found.masks["video"][1] = False  # so that stand-ins learn too
    return found


def test_only_the_dominant_encoder_is_slowed_and_exactly_so(batch: Batch) -> None:
    learner = made(batch, noise=False, alpha=0.3)
    learner.begin(flat(batch), 0.0)
    before, after = gradients(learner, batch)
    seen = watched(learner.net, batch)
    loud, weak = (float(score(seen, name)) for name in WIDTHS)
    assert loud > 1.2 * weak
    factor = 1 - float(torch.tanh(torch.tensor(0.3 * loud / weak)))
    matrix = "encoders.encoders.audio.1.weight"
    for name, gradient in after.items():
        expected = factor * before[name] if name == matrix else before[name]
        torch.testing.assert_close(gradient, expected, atol=0, rtol=1e-5)
    learner.begin(flat(batch), 0.5)  # the share after which all learn alike
    before, after = gradients(learner, batch)
    assert torch.equal(after[matrix], before[matrix])


def test_noise_is_as_wide_as_the_gradient_was(batch: Batch) -> None:
    learner = made(batch)
    for name in WIDTHS:
        drawn = []
        for _ in range(30):
            before, after = gradients(learner, batch)
            matrix = f"encoders.encoders.{name}.1.weight"
            factor = learner.methods[0].slowed[name]
            drawn.append((after[matrix] - factor * before[matrix]) / before[matrix].std())
        noise = torch.stack(drawn)  # 5760 numbers
        assert noise.mean().abs() < 0.06
        assert noise.std() == pytest.approx(1, abs=0.05)


def test_two_modalities_by_the_formula_of_the_paper() -> None:
    found = slowed(torch.tensor([0.8, 0.4]), alpha=0.5)
    assert found.tolist() == pytest.approx([1 - torch.tanh(torch.tensor(0.5 * 2)).item(), 1.0])
    assert slowed(torch.tensor([0.4, 0.8]), alpha=0.5).tolist() == found.flip(0).tolist()
    assert slowed(torch.tensor([0.5, 0.5]), alpha=0.5).tolist() == [1, 1]


def test_more_modalities_and_such_that_no_sample_has(batch: Batch) -> None:
    two_ahead = slowed(torch.tensor([0.8, 0.7, 0.3]), alpha=0.5)
    assert two_ahead[0] < two_ahead[1] < two_ahead[2] == 1
    none = torch.tensor([0.8, 0.4, torch.nan])
    assert slowed(none, alpha=0.5)[:2].tolist() == slowed(none[:2], alpha=0.5).tolist()
    assert slowed(none, alpha=0.5)[2] == 1
    assert slowed(torch.tensor([0.8, torch.nan]), alpha=0.5).tolist() == [1, 1]
    learner = made(batch)
    (method,) = learner.methods
    assert isinstance(method, GradientModulation)
    learner(flat(batch.without("audio")))[1].backward()
    learner.adjust(lambda: None)
    assert [float(factor) for factor in method.slowed.values()] == [1, 1]
