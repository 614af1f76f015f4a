"""Unimodal losses by masking: a pass a modality, and nothing for what is hidden."""

from __future__ import annotations

from collections.abc import Callable

import torch

from insula.learn.laboratory import flat
from insula.learn.learner import Learner, make_methods
from insula.methods import answers
from insula.methods.batch import Batch
from insula.methods.mid.joint_vectors import JointVectors
from insula.methods.training.method import Setting, watched

WIDTHS = {"audio": 6, "video": 6}


def made(batch: Batch, *, weight: float = 1.0) -> Learner:
    torch.manual_seed(0)
    net = JointVectors(WIDTHS, 2, hidden=8, dropout=0.0)
    assert batch.labels is not None
    setting = Setting(net, 2, "single", batch.labels, (), batch)
    methods = make_methods({"unimodal-masking": {"weight": weight}}, setting)
    modalities = batch.modalities
    return Learner(net, methods, modalities=modalities, kind="single", loss="cross-entropy").train()


def test_there_is_one_pass_and_one_more_a_modality(telling: Callable[[int, int], Batch]) -> None:
    batch = telling(8, 0)
    learner = made(batch)
    passes: list[bool] = []
    learner.net.register_forward_hook(lambda *_: passes.append(True))
    learner(flat(batch))
    assert len(passes) == 1 + 2


def test_what_is_hidden_gets_no_gradient(telling: Callable[[int, int], Batch]) -> None:
    batch = telling(8, 0)
    learner = made(batch)
    seen = watched(learner.net, batch)
    learner.methods[0].losses(seen)["video"].backward()
    hidden, shown = (learner.net.encoders.encoders[name][1].weight for name in WIDTHS)
    assert hidden.grad is None or not hidden.grad.any()
    assert shown.grad.abs().sum() > 0


def test_the_losses_are_those_of_each_modality_alone(
    telling: Callable[[int, int], Batch],
) -> None:
    batch = telling(8, 0)
    batch.masks["video"][0] = False
    assert batch.labels is not None
    learner = made(batch, weight=0.5)
    alone = [learner.net(batch.without(name)).values for name in ("video", "audio")]
    audio = answers.loss(alone[0], batch.labels, "single").mean()
    video = answers.loss(alone[1], batch.labels, "single")[1:].mean()  # where it is there
    fused = answers.loss(learner.net(batch).values, batch.labels, "single").mean()
    torch.testing.assert_close(learner(flat(batch))[1], fused + 0.5 * (audio + video))
