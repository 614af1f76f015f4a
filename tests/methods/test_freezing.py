"""Freezing: no gradient where it is asked for, and only as long."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from insula.errors import UnknownName
from insula.learn.laboratory import flat
from insula.learn.learner import Learner, make_methods
from insula.methods.batch import Batch
from insula.methods.mid.joint_vectors import JointVectors
from insula.methods.training.method import Setting


def made(batch: Batch, **arguments: object) -> Learner:
    torch.manual_seed(0)
    net = JointVectors(dict.fromkeys(batch.modalities, 6), 2, hidden=8)
    assert batch.labels is not None
    setting = Setting(net, 2, "single", batch.labels, (), batch)
    methods = make_methods({"freezing": arguments}, setting)  # type: ignore[dict-item]
    modalities = batch.modalities
    return Learner(net, methods, modalities=modalities, kind="single", loss="cross-entropy").train()


def learning(learner: Learner, batch: Batch, progress: float) -> set[str]:
    """The weights that get a gradient in an epoch, and that a step with decay moves."""
    batch.masks["video"][0] = batch.masks["audio"][1] = False  # so that stand-ins learn too
    learner.begin(flat(batch), progress)
    before = {name: weight.clone() for name, weight in learner.net.named_parameters()}
    steering = torch.optim.AdamW(learner.parameters(), 0.01, weight_decay=0.1)
    learner.zero_grad()
    learner(flat(batch))[1].backward()
    steering.step()
    after = dict(learner.net.named_parameters())
    moved = {name for name, weight in after.items() if not torch.equal(weight, before[name])}
    assert moved == {name for name, weight in after.items() if weight.grad is not None}
    return moved


def test_the_encoders_stand_still_for_half_of_the_epochs(
    telling: Callable[[int, int], Batch],
) -> None:
    batch = telling(8, 0)
    learner = made(batch)
    everything = {name for name, _ in learner.net.named_parameters()}
    joint = {name for name in everything if name.startswith("joint.")}
    assert learning(learner, batch, 0.0) == joint
    assert learning(learner, batch, 0.49) == joint
    assert learning(learner, batch, 0.5) == everything


def test_any_part_for_any_time(telling: Callable[[int, int], Batch]) -> None:
    batch = telling(8, 0)
    learner = made(batch, parts=["encoders.encoders.audio", "joint.0"], until=1.0)
    found = learning(learner, batch, 0.99)
    assert not any(name.startswith(("encoders.encoders.audio", "joint.0")) for name in found)
    assert any(name.startswith("encoders.encoders.video") for name in found)


def test_a_part_that_the_net_lacks_is_named(telling: Callable[[int, int], Batch]) -> None:
    message = "No part of JointVectors is called 'encoder'. Did you mean 'encoders'"
    with pytest.raises(UnknownName, match=message):
        made(telling(4, 0), parts=["encoder"])
