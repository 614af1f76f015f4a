"""Domain adaptation: distances of the same are none, gradients turn round, a turned view helps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from insula.errors import ConfigError
from insula.learn.laboratory import LaboratoryTask, flat
from insula.learn.learner import Learner, make_methods
from insula.learn.recipe import Value, read_recipe
from insula.methods.batch import Batch, ModelOutput
from insula.methods.early.concatenation import Concatenation
from insula.methods.mid.joint_vectors import JointVectors
from insula.methods.training.domain_adaptation import (
    DomainAdaptation,
    alike,
    covariance_discrepancy,
    mean_discrepancy,
    mismatched,
    rate,
    reversed_gradient,
    told_apart,
)
from insula.methods.training.method import Pass, Setting, watched

RECIPE = Path(__file__).parents[2] / "recipes/synthetic.toml"
ADVERSARY = {"domain-adaptation": {"by": "adversary"}}
SAMPLES, EPOCHS, STEP = 256, 20, 0.5
TURN = 75.0  # degrees of the clearer modality, between the two domains
WIDTHS = {"audio": 2, "video": 2}


def corners(seed: int, turn: float = 0.0) -> Batch:
    """Three classes at three corners, seen dimly in "audio" and clearly in "video", which turns."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(3, SAMPLES, p=(0.5, 0.3, 0.2))
    features = {}
    for name, degrees, noise in (("audio", 0.0, 1.0), ("video", turn, 0.3)):
        angles = 2 * np.pi * labels / 3 + np.deg2rad(degrees)
        places = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        seen = places + noise * rng.normal(size=places.shape)
        features[name] = torch.from_numpy(seen.astype(np.float32))[:, None]
    masks = {name: torch.ones(SAMPLES, 1, dtype=torch.bool) for name in features}
    return Batch(features, masks, torch.from_numpy(labels))


def setting(net: nn.Module, target: Batch | None) -> Setting:
    source = corners(0)
    assert source.labels is not None
    unlabelled = None if target is None else replace(target, labels=None)
    return Setting(net, 3, "single", source.labels, (), source.map(lambda x: x[:8]), unlabelled)


def accuracy_in_the_target(lines: Mapping[str, Value]) -> float:
    torch.manual_seed(0)
    net = Concatenation(WIDTHS, 3, hidden=32, dropout=0.0)
    methods = make_methods(lines, setting(net, corners(1, TURN)))
    learner = Learner(net, methods, modalities=(*WIDTHS,), kind="single", loss="cross-entropy")
    weights, source = list(learner.parameters()), corners(0)
    for epoch in range(EPOCHS):
        learner.begin(flat(source), epoch / EPOCHS)
        learner.train()
        for rows in torch.randperm(SAMPLES).split(64):
            _, loss = learner(flat(source.map(lambda values: values[rows])))  # noqa: B023
            slopes = torch.autograd.grad(loss, weights)
            with torch.no_grad():
                for weight, slope in zip(weights, slopes, strict=True):
                    weight -= STEP * slope
    test = corners(2, TURN)
    with torch.inference_mode():
        said = net.eval()(test).values.argmax(dim=1)
    return float((said == test.labels).float().mean())


@pytest.fixture(scope="module")
def source_only() -> float:
    torch.set_num_threads(1)
    return accuracy_in_the_target({})


@pytest.mark.parametrize(("by", "weight"), [("mean", 3.0), ("adversary", 1.0)])
def test_where_a_modality_is_turned_the_target_gains(
    by: str, weight: float, source_only: float
) -> None:
    found = accuracy_in_the_target({"domain-adaptation": {"by": by, "weight": weight}})
    assert found > source_only + 0.1


def test_discrepancies_are_none_of_the_same_and_more_of_shifted() -> None:
    torch.manual_seed(0)
    one = torch.randn(40, 3)
    assert mean_discrepancy(one, one).abs() < 1e-6
    assert covariance_discrepancy(one, one) == 0
    near, far = mean_discrepancy(one, one + 0.5), mean_discrepancy(one, one + 2.0)
    assert 0.01 < near < far
    assert covariance_discrepancy(one, one + 2.0) < 1e-10  # it looks at shapes, not at places
    two = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    assert covariance_discrepancy(two, 3 * two).item() == pytest.approx(8**2 / (4 * 2**2))


def test_the_gradient_is_exactly_reversed() -> None:
    values, other = torch.randn(4, 3).requires_grad_(), torch.randn(4, 3)
    (turned,) = torch.autograd.grad((reversed_gradient(values, 0.25) * other).sum(), values)
    assert torch.equal(turned, -0.25 * other)
    assert torch.equal(reversed_gradient(values, 0.25), values)
    assert rate(0.0) == 0
    assert rate(0.3) == pytest.approx(2 / (1 + math.exp(-3)) - 1)


def test_the_discriminator_learns_what_the_net_unlearns() -> None:
    torch.manual_seed(0)
    net = Concatenation(WIDTHS, 3, hidden=8, dropout=0.0)
    method = DomainAdaptation(setting(net, corners(1, TURN)), by="adversary")
    source, target = torch.randn(6, 8).requires_grad_(), torch.randn(6, 8) + 1
    batch = corners(0).map(lambda x: x[:6])
    passes = [
        Pass(net, batch, ModelOutput(torch.zeros(6, 3)), None, vectors)
        for vectors in (source, target)
    ]
    method.begin(net, batch, 0.9)
    before = method._apart(*passes)
    slopes = torch.autograd.grad(before, [source, *method.heads.parameters()])
    with torch.no_grad():
        uphill = replace(passes[0], representation=source - 0.1 * slopes[0])
        assert method._apart(uphill, passes[1]) > before
        for weight, slope in zip(method.heads.parameters(), slopes[1:], strict=True):
            weight -= 0.1 * slope
        assert method._apart(*passes) < before


def test_sources_that_are_like_the_target_count_more() -> None:
    """The first source is as the target, the second one is far off; each has its discriminator."""
    torch.manual_seed(0)
    net = Concatenation(WIDTHS, 3, hidden=8, dropout=0.0)
    several = replace(setting(net, corners(1, TURN)), sources=2)
    method = DomainAdaptation(several, by="adversary")
    batch = replace(corners(0), sources=torch.arange(SAMPLES) % 2)
    values = torch.randn(SAMPLES, 8) + 3.0 * (batch.sources == 1).float()[:, None]
    target = torch.randn(SAMPLES, 8)
    seen = Pass(net, batch, ModelOutput(torch.zeros(SAMPLES, 3)), None, values)
    other = Pass(net, corners(1), ModelOutput(torch.zeros(SAMPLES, 3)), None, target)
    method.begin(net, batch, 0.9)
    steering = torch.optim.Adam(method.parameters(), 0.02)
    for _ in range(60):
        steering.zero_grad()
        method._apart(seen, other).backward()
        steering.step()
    rows = method._by_source(seen, values)
    losses = [
        told_apart(head(torch.cat([mine, target])), len(mine))
        for head, mine in zip(method.heads, rows, strict=True)
    ]
    assert losses[0] > 3 * losses[1]
    weights = alike(losses)
    assert weights[0] > weights[1] + 0.1
    assert weights.sum() == pytest.approx(1)
    assert not torch.equal(method.heads[0][0].weight, method.heads[1][0].weight)


def test_a_recipe_of_several_sources_has_a_discriminator_each() -> None:
    recipe = read_recipe(RECIPE, {"corpora": ["three-domains"], "training": ADVERSARY})
    task = LaboratoryTask(recipe, Path())
    learner = task.make_net().train()
    assert len(learner.methods[0].heads) == 2
    batch = task.batch(task.folds[0].train[-64:], np.random.default_rng(0))
    assert set(batch["sources"].tolist()) == {0}
    mixed = task.batch(task.folds[0].train[::10], np.random.default_rng(0))
    assert set(mixed["sources"].tolist()) == {0, 1}
    learner.begin(mixed, 0.5)
    for each in (batch, mixed):  # the first has none of the second source
        _, loss = learner(each)
        loss.backward()
        assert loss.isfinite()
    assert learner.methods[0].heads[1][0].weight.grad.abs().sum() > 0


def test_matching_asks_which_modalities_belong_together() -> None:
    torch.manual_seed(0)
    net = JointVectors(WIDTHS, 3, hidden=8)
    vectors = torch.randn(50, 1, 4).expand(-1, 2, -1)
    batch = corners(0).map(lambda x: x[:50])
    seen = Pass(net, batch, ModelOutput(torch.zeros(50, 3)), vectors, None)

    def knows(both: Tensor) -> Tensor:
        return 20 * (both[:, :4] - both[:, 4:]).norm(dim=1, keepdim=True) - 5

    assert mismatched(seen, knows) < 0.2
    assert mismatched(seen, lambda both: -knows(both)) > 5
    method = DomainAdaptation(setting(net, corners(1)), by="matching", weight=2.0)
    loss = method.losses(watched(net, batch))["domains"]
    assert loss.item() == pytest.approx(2 * math.log(2), abs=0.3)  # it knows nothing yet
    loss.backward()
    assert net.encoders.encoders["video"][1].weight.grad.abs().sum() > 0


def test_what_does_not_fit_is_refused() -> None:
    early = Concatenation(WIDTHS, 3, hidden=8)
    with pytest.raises(ConfigError, match="the corpus has no part 'target'"):
        DomainAdaptation(setting(early, None))
    with pytest.raises(ConfigError, match="knows no 'coral'"):
        DomainAdaptation(setting(early, corners(1)), by="coral")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="by matching needs a net with an encoder a modality"):
        DomainAdaptation(setting(early, corners(1)), by="matching")
