"""What holds for every fusion net of the laboratory (`methods.md` part I), on made-up samples."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from insula import registry
from insula.learn.synthetic import xor
from insula.methods.batch import Batch, ModelOutput
from insula.methods.description import Method

WIDTHS = {"text": 7, "audio": 5, "video": 6}
CLASSES = 4
STEPS = 6
OF_FINISHED_OPINIONS = ("score averaging", "regression of scores")  # these cannot tell parity
HIDDEN = 32  # the default is twice that and three times as slow
XOR_SAMPLES, XOR_STEPS, ENOUGH = 128, 200, 0.95


def fusion_nets() -> Iterator[Method]:
    """Every fusion of single samples that is a net; the others have tests of their own."""
    for name in registry.methods:
        method = registry.methods.get(name)
        assert isinstance(method, Method)
        kind = registry.load_object(method.code, needed_by=name)
        net = isinstance(kind, type) and issubclass(kind, nn.Module)
        if method.id.startswith("F") and net and method.tasks != ("dialogue",):
            yield method


every = pytest.mark.parametrize("method", list(fusion_nets()), ids=lambda method: method.name)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


def made(method: Method, widths: dict[str, int] = WIDTHS, outputs: int = CLASSES) -> nn.Module:
    kind = registry.load_object(method.code, needed_by=method.name)
    return kind(widths, outputs, hidden=HIDDEN)  # type: ignore[operator, no-any-return]


def samples(count: int, seed: int = 0) -> Batch:
    rng = np.random.default_rng(seed)
    features, masks = {}, {}
    for name, width in WIDTHS.items():
        lengths = rng.integers(2, STEPS + 1, count)
        features[name] = torch.from_numpy(rng.normal(size=(count, STEPS, width)).astype(np.float32))
        masks[name] = torch.from_numpy(np.arange(STEPS) < lengths[:, None])
    return Batch(features, masks, torch.from_numpy(rng.integers(0, CLASSES, count)))


def said(net: nn.Module, batch: Batch) -> Tensor:
    output = net(batch)
    assert isinstance(output, ModelOutput)
    return output.values


@every
def test_padding_and_company_change_nothing(method: Method) -> None:
    """Seven steps more, with rubbish in what is masked; and each sample alone."""
    net, batch = made(method).eval(), samples(5)
    longer = replace(
        batch,
        features={n: functional.pad(x, (0, 0, 0, 7), value=3.0) for n, x in batch.features.items()},
        masks={n: functional.pad(m, (0, 7)) for n, m in batch.masks.items()},
    )
    rubbish = replace(
        batch,
        features={
            n: x.where(batch.masks[n].unsqueeze(2), torch.tensor(99.0))
            for n, x in batch.features.items()
        },
    )
    expected = said(net, batch)
    assert torch.allclose(said(net, longer), expected, atol=1e-5)
    assert torch.allclose(said(net, rubbish), expected, atol=1e-5)
    alone = torch.cat([said(net, batch.map(lambda x, n=n: x[n : n + 1])) for n in range(5)])  # type: ignore[misc]
    assert torch.allclose(alone, expected, atol=1e-5)
    assert expected.shape == (5, CLASSES)


@every
def test_any_modalities_may_be_missing(method: Method) -> None:
    net, batch = made(method).eval(), samples(4)
    whole = said(net, batch)
    for name in WIDTHS:
        others = [other for other in WIDTHS if other != name]
        assert said(net, batch.without(*others)).isfinite().all()
        assert not torch.allclose(said(net, batch.without(name)), whole, atol=1e-6)
    assert said(net, batch.without(*WIDTHS)).isfinite().all()


@every
def test_every_weight_learns(method: Method) -> None:
    net, batch = made(method).train(), samples(32)
    # One sample lacks one modality, so that what stands for it is used too.
    for row, name in enumerate(WIDTHS):
        batch.masks[name][row] = False
    output = net(batch)
    loss = functional.cross_entropy(output.values, batch.labels) + sum(output.losses.values())
    loss.backward()
    still = [
        name
        for name, weight in net.named_parameters()
        if weight.requires_grad and (weight.grad is None or not weight.grad.any())
    ]
    assert not still
    assert all(w.grad.isfinite().all() for w in net.parameters() if w.grad is not None)


@every
def test_thirty_two_samples_can_be_learnt_by_heart(method: Method) -> None:
    net, batch = made(method), samples(32)
    assert fitted(net, batch, steps=300) > 0.99


@every
def test_what_modalities_hold_only_together(method: Method) -> None:
    """Parity: a fusion of finished opinions cannot tell; every joint one must."""
    net = made(method, {"audio": 6, "video": 6}, 2)
    rng = np.random.default_rng(0)
    fitted(net, xor(XOR_SAMPLES, rng), steps=XOR_STEPS)
    reached = accuracy(net, xor(4 * XOR_SAMPLES, rng))
    if method.stage == "late" and method.mechanism in OF_FINISHED_OPINIONS:
        assert reached < 0.65
    else:
        assert reached > ENOUGH


@every
def test_the_same_seed_and_a_saved_net_say_the_same(method: Method) -> None:
    batch, answers = samples(16), []
    for _ in range(2):
        torch.manual_seed(1)
        net = made(method)
        fitted(net, batch, steps=5)
        answers.append(said(net.eval(), batch))
    assert torch.equal(*answers)
    file = io.BytesIO()
    torch.save(net.state_dict(), file)
    file.seek(0)
    again = made(method)
    again.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(said(again.eval(), batch), answers[1])


def fitted(net: nn.Module, batch: Batch, *, steps: int) -> float:
    """Train on all of the batch; returns the accuracy on it."""
    optimiser = torch.optim.AdamW(net.parameters(), 5e-3)
    net.train()
    for _ in range(steps):
        output = net(batch)
        loss = functional.cross_entropy(output.values, batch.labels) + sum(output.losses.values())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return accuracy(net, batch)


def accuracy(net: nn.Module, batch: Batch) -> float:
    with torch.inference_mode():
        return float((said(net.eval(), batch).argmax(dim=1) == batch.labels).float().mean())
