"""Auxiliary heads: the weak modality learns, and who is ahead learns more slowly."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import numpy as np
import pytest
import torch

from insula.learn.laboratory import flat
from insula.learn.learner import Learner, make_methods
from insula.methods.batch import Batch, Kind
from insula.methods.mid.joint_vectors import JointVectors
from insula.methods.training.auxiliary_heads import AuxiliaryHeads
from insula.methods.training.method import Setting, watched

SAMPLES, STEPS, CHOSEN = 1024, 70, 64
TOLD = 0.9  # share of the samples whose class the loud modality shows


def loud_and_hidden(rng: np.random.Generator) -> Batch:
    """ "audio" shows the class in 90 %; "video" in all, as the sign of a product within noise.

    No line through the features of "video" tells the classes apart, nor do random units.
    """
    labels = rng.integers(0, 2, SAMPLES)
    sign = 2.0 * labels - 1
    told = sign * (rng.random(SAMPLES) < TOLD)
    audio = 3.0 * told[:, None] * np.array([1, -1, 1, -1, 1, -1]) + rng.normal(size=(SAMPLES, 6))
    video = rng.normal(size=(SAMPLES, 24))
    one = rng.choice([-1.0, 1.0], SAMPLES)
    video[:, :2] = np.column_stack([one, one * sign]) + 0.3 * video[:, :2]
    features = {
        name: torch.tensor(values, dtype=torch.float32).unsqueeze(1)
        for name, values in (("audio", audio), ("video", video))
    }
    masks = {name: torch.ones(SAMPLES, 1, dtype=torch.bool) for name in features}
    return Batch(features, masks, torch.from_numpy(labels))


def learner_on(batch: Batch, lines: dict[str, dict[str, float]], hidden: int = 8) -> Learner:
    torch.manual_seed(0)
    widths = {name: values.shape[2] for name, values in batch.features.items()}
    net = JointVectors(widths, 2, hidden=hidden, dropout=0.0)
    assert batch.labels is not None
    methods = make_methods(lines, Setting(net, 2, batch.kind, batch.labels, (), batch))
    return Learner(
        net, methods, modalities=batch.modalities, kind=batch.kind, loss="cross-entropy"
    ).train()


def step(learner: Learner, batch: Batch, steering: torch.optim.Optimizer) -> None:
    steering.zero_grad()
    learner(flat(batch))[1].backward()
    learner.adjust(lambda: None)
    steering.step()
    learner.stepped()


def probed(learner: Learner, train: Batch, held_out: Batch, modality: int) -> float:
    """How often the best line through the vectors of one modality is right."""
    assert train.labels is not None
    with torch.no_grad():
        given, asked = (watched(learner.net, batch).vectors for batch in (train, held_out))
    assert given is not None and asked is not None
    given, asked = (
        torch.nn.functional.pad(x[:, modality], (0, 1), value=1) for x in (given, asked)
    )
    line = torch.linalg.lstsq(given, 2.0 * train.labels - 1).solution
    return float(((asked @ line > 0) == held_out.labels).float().mean())


def test_the_weak_modality_learns_beside_a_dominant_one() -> None:
    rng = np.random.default_rng(0)
    train, held_out = loud_and_hidden(rng), loud_and_hidden(rng)
    reached = []
    for lines in ({}, {"auxiliary-heads": {}}):
        learner = learner_on(train, lines)
        steering = torch.optim.SGD(learner.parameters(), 0.05, momentum=0.9)
        for _ in range(STEPS):
            rows = torch.randint(0, SAMPLES, (CHOSEN,))
            step(learner, train.map(lambda values, rows=rows: values[rows]), steering)
        assert probed(learner, train, held_out, 0) > 0.9
        reached.append(probed(learner, train, held_out, 1))
    plain, balanced = reached
    assert plain < 0.65
    assert balanced > plain + 0.1


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.AdamW])
def test_balancing_is_a_learning_rate_an_encoder(
    kind: type[torch.optim.Optimizer], telling: Callable[[int, int], Batch]
) -> None:
    batch = telling(16, 0)
    balanced = learner_on(batch, {"auxiliary-heads": {"memory": 1.0}})
    (method,) = balanced.methods
    assert isinstance(method, AuxiliaryHeads)
    method.accuracies.copy_(torch.tensor([0.9, 0.3]))  # stays, with a memory of 1
    rates = method.rates()
    torch.testing.assert_close(rates, torch.tensor([0.6 / 0.9, 0.6 / 0.3]))
    by_hand = deepcopy(balanced)
    encoders = [list(each.parameters()) for each in by_hand.net.encoders.encoders.values()]
    own = {weight for encoder in encoders for weight in encoder}
    groups = [{"params": [each for each in by_hand.parameters() if each not in own]}]
    groups += [
        {"params": encoder, "lr": 0.01 * float(rate)}
        for encoder, rate in zip(encoders, rates, strict=True)
    ]
    usual, apart = kind(balanced.parameters(), 0.01), kind(groups, 0.01)
    for _ in range(3):
        step(balanced, batch, usual)
        apart.zero_grad()
        by_hand(flat(batch))[1].backward()
        apart.step()
    for found, expected in zip(balanced.parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)


def test_running_accuracies_and_their_bounds(telling: Callable[[int, int], Batch]) -> None:
    batch = telling(8, 0)
    learner = learner_on(batch, {"auxiliary-heads": {}})
    (method,) = learner.methods
    assert isinstance(method, AuxiliaryHeads)
    with torch.no_grad():
        for head in method.heads.layers.values():
            head.weight.zero_()
            head.bias.copy_(torch.tensor([0.0, 1.0]))  # always says class 1
    rows = torch.tensor([0, 1])
    ones = batch.map(lambda values: values[rows])
    ones.labels.fill_(1)
    learner(flat(ones.without("video")))
    # What is not there says nothing of its encoder.
    torch.testing.assert_close(method.accuracies, torch.tensor([0.9 * 0.5 + 0.1, 0.5]))
    method.accuracies.copy_(torch.tensor([1.0, 0.0]))
    torch.testing.assert_close(method.rates(), torch.tensor([0.5005, 10.0]), atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    ("kind", "labels", "expected"),
    [
        ("single", [1, 0], [1.0, 0.0]),
        ("distribution", [[0.2, 0.5, 0.3], [0.6, 0.4, 0.0]], [1.0, 0.0]),
        ("multi", [[0.0, 1.0, 1.0], [1.0, 0.0, 1.0]], [2 / 3, 0.0]),
        ("axes", [[1.0, 3.0, 2.0], [2.0, 2.0, 2.0]], [2 / 3, 1 / 3]),
    ],
)
def test_what_right_means(
    kind: Kind, labels: list[object], expected: list[float], telling: Callable[[int, int], Batch]
) -> None:
    bare = telling(2, 0)
    batch = Batch(bare.features, bare.masks, torch.tensor(labels), kind)
    net = JointVectors(dict.fromkeys(batch.modalities, 6), 3)
    assert batch.labels is not None
    method = AuxiliaryHeads(Setting(net, 3, kind, batch.labels, (), batch))
    values = torch.tensor([[-1.0, 2.6, -2.0], [-1.0, 2.6, -2.0]])
    if kind == "axes":  # means are 1.5, 2.5 and 2
        values = torch.tensor([[1.0, 2.6, 3.0], [1.0, 2.6, 1.0]])
    found = method.right(values.unsqueeze(1).expand(-1, 2, -1), batch.labels)
    torch.testing.assert_close(found, torch.tensor(expected).unsqueeze(1).expand(-1, 2))
