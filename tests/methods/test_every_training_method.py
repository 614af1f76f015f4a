"""What holds for every training method of the laboratory, on made-up samples."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import nn

from insula import registry
from insula.errors import ConfigError, UnknownName
from insula.learn.laboratory import flat
from insula.learn.learner import Learner, make_methods
from insula.learn.synthetic import xor
from insula.methods.batch import Batch, Kind
from insula.methods.description import Method
from insula.methods.early.concatenation import Concatenation
from insula.methods.mid.gates import Gates
from insula.methods.training.method import Setting, TrainingMethod, watched

MODALITIES = ("text", "audio", "video")
WIDTH, SAMPLES, CLASSES, ANNOTATORS = 6, 24, 3, 4


def training_methods() -> Iterator[Method]:
    for name in registry.methods:
        method = registry.methods.get(name)
        assert isinstance(method, Method)
        if method.stage == "training":
            yield method


every = pytest.mark.parametrize("method", list(training_methods()), ids=lambda method: method.name)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


def batch_of(kind: Kind, rng: np.random.Generator) -> Batch:
    bare = xor(SAMPLES, rng, modalities=MODALITIES, width=WIDTH)
    shares = rng.dirichlet(np.ones(CLASSES), SAMPLES).astype(np.float32)
    labels = {
        "single": torch.from_numpy(rng.integers(0, CLASSES, SAMPLES)),
        "multi": torch.from_numpy((shares > 0.3).astype(np.float32)),
        "distribution": torch.from_numpy(shares),
        "axes": torch.from_numpy(rng.uniform(-1, 1, (SAMPLES, CLASSES)).astype(np.float32)),
    }[kind]
    return Batch(bare.features, bare.masks, labels, kind)


def setting_of(net: nn.Module, batch: Batch) -> Setting:
    """With everything that any method may ask for."""
    assert batch.labels is not None
    names = ("joy", "anger", "sadness")
    target = Batch(batch.features, batch.masks, None, batch.kind)
    annotations = torch.randint(0, CLASSES, (SAMPLES, ANNOTATORS))
    return Setting(net, CLASSES, batch.kind, batch.labels, names, batch, target, annotations)


def learner_of(name: str, batch: Batch, **arguments: object) -> Learner:
    """A net that learns by this method alone."""
    widths = dict.fromkeys(MODALITIES, WIDTH)
    net: nn.Module = Gates(widths, CLASSES, hidden=16)
    lines = {name: arguments}
    methods = make_methods(lines, setting_of(net, batch))
    if (wanted := methods[0].values(CLASSES)) != CLASSES:
        net = Gates(widths, wanted, hidden=16)
        methods = make_methods(lines, setting_of(net, batch))
    loss = "squared" if batch.kind == "axes" else "cross-entropy"
    return Learner(net, methods, modalities=MODALITIES, kind=batch.kind, loss=loss)


def kinds_of(method: Method) -> tuple[Kind, ...]:
    kind = registry.load_object(method.code, needed_by=method.name)
    assert isinstance(kind, type) and issubclass(kind, TrainingMethod)
    return kind.kinds


@every
def test_a_step_on_every_kind_of_labels_is_finite(method: Method) -> None:
    for kind in kinds_of(method):
        batch = batch_of(kind, np.random.default_rng(0))
        learner = learner_of(method.name, batch).train()
        steering = torch.optim.SGD(learner.parameters(), 0.01)
        learner.begin(flat(batch), 0.5)
        values, loss = learner(flat(batch))
        assert values.shape == (SAMPLES, CLASSES)
        loss.backward()
        learner.adjust(lambda: learner(flat(batch))[1].backward())  # noqa: B023
        for weight in learner.parameters():
            assert weight.grad is None or weight.grad.isfinite().all()
        before = [weight.clone() for weight in learner.net.parameters()]
        steering.step()
        learner.stepped()
        assert any(
            not torch.equal(old, new)
            for old, new in zip(before, learner.net.parameters(), strict=True)
        )
        assert all(weight.isfinite().all() for weight in learner.parameters())


@every
def test_what_ships_is_the_net_and_needs_no_labels(method: Method) -> None:
    batch = batch_of(kinds_of(method)[0], np.random.default_rng(0))
    learner = learner_of(method.name, batch).eval()
    unlabelled = Batch(batch.features, batch.masks, None, batch.kind)
    with torch.inference_mode():
        expected = learner.answer(learner.net(unlabelled).values)
        said, loss = learner({**flat(unlabelled), "labels": batch.labels})
    assert torch.equal(said, expected)
    assert loss == 0


@every
def test_other_kinds_of_labels_are_refused(method: Method) -> None:
    for kind in {"single", "multi", "distribution", "axes"} - set(kinds_of(method)):
        batch = batch_of(kind, np.random.default_rng(0))  # type: ignore[arg-type]
        with pytest.raises(ConfigError, match=f"{method.name} does not fit labels of kind"):
            learner_of(method.name, batch)


def test_slips_in_the_section_are_named() -> None:
    batch = batch_of("single", np.random.default_rng(0))
    with pytest.raises(UnknownName, match="Did you mean 'focal'"):
        learner_of("focel", batch)
    with pytest.raises(ConfigError, match="'gates' is no training method but a fusion"):
        learner_of("gates", batch)
    with pytest.raises(ConfigError, match=r"unknown key 'gama'\. Did you mean 'gamma'"):
        learner_of("focal", batch, gama=1.0)
    setting = setting_of(Gates(dict.fromkeys(MODALITIES, WIDTH), CLASSES), batch)
    with pytest.raises(ConfigError, match=r"takes a table of arguments: focal = \{\}"):
        make_methods({"focal": 2.0}, setting)


def test_a_pass_is_watched() -> None:
    batch = batch_of("single", np.random.default_rng(0))
    widths = dict.fromkeys(MODALITIES, WIDTH)
    mid, early = Gates(widths, CLASSES, hidden=16), Concatenation(widths, CLASSES, hidden=16)
    seen = watched(mid, batch)
    assert seen.vectors is not None and seen.vectors.shape == (SAMPLES, 3, 16)
    assert torch.equal(mid.joint[-1](seen.representation), seen.output.values)
    assert watched(early, batch).vectors is None
    with pytest.raises(ConfigError, match="needs a net with an encoder a modality"):
        setting_of(early, batch).encoders("this")
