"""Co-teaching: with wrong labels it beats plain training, because each net trusts the other."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from insula.errors import ConfigError
from insula.learn.laboratory import flat
from insula.learn.learner import Learner, make_methods
from insula.methods.batch import Batch
from insula.methods.early.concatenation import Concatenation
from insula.methods.training.co_teaching import CoTeaching, drawn_anew, smallest
from insula.methods.training.method import Setting, watched

EPOCHS, STEP = 30, 0.5


def samples(count: int, seed: int, *, flipped: float = 0.0) -> Batch:
    """Two classes, apart in two of twenty numbers, and some labels wrong."""
    made = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 2
    features = torch.randn(count, 1, 20, generator=made)
    features[:, 0, :2] += 3.0 * labels.unsqueeze(1) - 1.5
    wrong = torch.rand(count, generator=made) < flipped
    masks = {"audio": torch.ones(count, 1, dtype=torch.bool)}
    return Batch({"audio": features}, masks, labels.where(~wrong, 1 - labels))


def setting(train: Batch) -> Setting:
    torch.manual_seed(0)
    net = Concatenation({"audio": 20}, 2, hidden=64, dropout=0.0)
    assert train.labels is not None
    return Setting(net, 2, "single", train.labels, ("a", "b"), train.map(lambda x: x[:4]))


def accuracy_after(lines: dict[str, dict[str, float]]) -> float:
    """Of a net that learned long enough to know wrong labels by heart."""
    train, test = samples(160, 0, flipped=0.4), samples(400, 1)
    given = setting(train)
    methods = make_methods(lines, given)
    learner = Learner(
        given.net, methods, modalities=("audio",), kind="single", loss="cross-entropy"
    )
    weights = list(learner.parameters())
    for epoch in range(EPOCHS):
        learner.begin(flat(train), epoch / EPOCHS)
        learner.train()
        for rows in torch.randperm(160).split(40):
            chosen = train.map(lambda values: values[rows])  # noqa: B023
            slopes = torch.autograd.grad(learner(flat(chosen))[1], weights)
            with torch.no_grad():
                for weight, slope in zip(weights, slopes, strict=True):
                    weight -= STEP * slope
    with torch.inference_mode():
        said = given.net.eval()(test).values.argmax(dim=1)
    return float((said == test.labels).float().mean())


def test_with_two_in_five_labels_wrong_it_beats_plain_training() -> None:
    plain = accuracy_after({})
    together = accuracy_after({"co-teaching": {"noise": 0.4, "rise": 0.2}})
    assert plain < 0.8
    assert together > plain + 0.1


def test_each_learns_from_what_the_other_believes() -> None:
    train = samples(8, 0)
    given = setting(train)
    method = CoTeaching(given, noise=0.5, rise=0.0)
    method.begin(given.net, train, 0.0)
    seen = watched(given.net, train)
    own, peers = (
        torch.nn.functional.cross_entropy(net(train).values, train.labels, reduction="none")
        for net in (given.net, method.peer)
    )
    chosen = method.chosen(seen, own)
    assert set(chosen.nonzero().flatten().tolist()) == set(peers.argsort()[:4].tolist())
    assert chosen.mean() == 1
    trusted = own.argsort()[:4]
    assert set(trusted.tolist()) != set(peers.argsort()[:4].tolist())  # or this would say nothing
    assert torch.allclose(method.losses(seen)["peer"], peers[trusted].mean())


def test_the_share_left_out_rises_to_that_of_the_noise() -> None:
    given = setting(samples(8, 0))
    method = CoTeaching(given, noise=0.4, rise=0.2)
    found: list[float] = []
    for progress in (0.0, 0.1, 0.2, 0.9):
        method.begin(given.net, given.example, progress)
        found.append(method.forgotten)
    assert found == pytest.approx([0.0, 0.2, 0.4, 0.4])
    kept: Tensor = smallest(torch.tensor([3.0, 1.0, 2.0, 9.0]), 0.5)
    assert kept.tolist() == [0.0, 2.0, 2.0, 0.0]
    assert smallest(torch.tensor([3.0]), 0.1).tolist() == [1.0]


def test_the_peer_is_another_net_of_the_same_build() -> None:
    net = Concatenation({"audio": 20}, 2, hidden=8)
    peer = drawn_anew(net)
    for (name, one), two in zip(net.named_parameters(), peer.parameters(), strict=True):
        assert one.shape == two.shape and not torch.equal(one, two), name


def test_what_does_not_fit_is_refused() -> None:
    given = setting(samples(8, 0))
    with pytest.raises(ConfigError, match=r"the share 1\.5 of the labels"):
        CoTeaching(given, noise=1.5)
    axes = replace(given, kind="axes", labels=torch.rand(8, 2))
    with pytest.raises(ConfigError, match="with gaussian-mixture they are not its answer"):
        make_methods({"gaussian-mixture": {}, "co-teaching": {}}, axes)
