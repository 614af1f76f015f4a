"""Self-distillation: knowledge flows from the fused answer into the heads."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch.nn import functional

from insula.learn.laboratory import flat
from insula.learn.learner import Learner, make_methods
from insula.methods.batch import Batch
from insula.methods.mid.joint_vectors import JointVectors
from insula.methods.training.method import Setting, watched
from insula.methods.training.self_distillation import SelfDistillation

WIDTHS = {"audio": 6, "video": 6}


def made(batch: Batch, **arguments: float) -> tuple[Learner, SelfDistillation]:
    torch.manual_seed(0)
    net = JointVectors(WIDTHS, 2, hidden=16, dropout=0.0)
    assert batch.labels is not None
    setting = Setting(net, 2, batch.kind, batch.labels, (), batch)
    methods = make_methods({"self-distillation": arguments}, setting)
    learner = Learner(net, methods, modalities=tuple(WIDTHS), kind="single", loss="cross-entropy")
    (method,) = methods
    assert isinstance(method, SelfDistillation)
    return learner.train(), method


@pytest.mark.parametrize("teaching", [1.0, 0.0])
def test_a_head_that_never_sees_a_label_learns_from_the_fused_answer(
    teaching: float, telling: Callable[[int, int], Batch]
) -> None:
    train, held_out = telling(128, 0), telling(128, 1)
    learner, method = made(train, labels=0.0, teaching=teaching)
    with torch.no_grad():
        for head in method.heads.layers.values():
            head.weight.zero_()  # says the same of everyone until it is taught
    steering = torch.optim.AdamW(learner.parameters(), 0.01)
    for _ in range(40):
        steering.zero_grad()
        learner(flat(train))[1].backward()
        steering.step()
    with torch.no_grad():
        said = method.heads(watched(learner.net.eval(), held_out))
    audio, video = (said.argmax(dim=2) == held_out.labels.unsqueeze(1)).float().mean(dim=0)
    if teaching:
        assert audio > 0.9
    else:
        assert 0.35 < audio < 0.65
    assert 0.35 < video < 0.65  # it shows nothing of the class


def test_the_divergence_by_hand(telling: Callable[[int, int], Batch]) -> None:
    _, method = made(telling(4, 0), temperature=2.0)
    student, teacher = torch.tensor([[1.0, -1.0]]), torch.tensor([[2.0, 0.5]])
    soft = (teacher / 2).softmax(dim=1)
    expected = (soft * (soft.log() - (student / 2).log_softmax(dim=1))).sum(dim=1)
    for kind in ("single", "distribution"):
        torch.testing.assert_close(method.divergence(student, teacher, kind), expected)
    chances, said = (teacher / 2).sigmoid(), (student / 2).sigmoid()
    each = chances * (chances / said).log() + (1 - chances) * ((1 - chances) / (1 - said)).log()
    torch.testing.assert_close(method.divergence(student, teacher, "multi"), each.mean(dim=1))
    squared = functional.mse_loss(student, teacher).unsqueeze(0)
    torch.testing.assert_close(method.divergence(student, teacher, "axes"), squared)
    for kind in ("single", "distribution", "multi", "axes"):
        assert method.divergence(teacher, teacher, kind) == pytest.approx(0, abs=1e-6)


def test_each_weight_weighs_its_own_loss(telling: Callable[[int, int], Batch]) -> None:
    batch = telling(8, 0)
    batch.masks["video"][:] = False
    learner, method = made(batch)
    seen = watched(learner.net, batch)
    found = method.losses(seen)
    values = method.heads(seen)[:, 0]  # of video there is nothing
    torch.testing.assert_close(found["labels"], functional.cross_entropy(values, batch.labels))
    taught = method.divergence(values, seen.output.values, "single").mean()
    torch.testing.assert_close(found["teaching"], taught)
    method.labels, method.teaching = 0.5, 3.0
    again = method.losses(seen)
    torch.testing.assert_close(again["labels"], 0.5 * found["labels"])
    torch.testing.assert_close(again["teaching"], 3 * found["teaching"])
