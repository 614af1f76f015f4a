"""Polarity-consistent cross-entropy: which mistakes cost more."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from insula.core.space import EKMAN7, EKMAN8, GOEMOTIONS, PLUTCHIK8, RAVDESS8, Space
from insula.errors import ConfigError
from insula.methods.batch import Batch
from insula.methods.early.concatenation import Concatenation
from insula.methods.training.method import Setting
from insula.methods.training.polarity import Polarity, polarity

NAMES = ("anger", "fear", "happiness", "neutral")


def made(names: tuple[str, ...], **arguments: float) -> Polarity:
    masks = {"audio": torch.ones(2, 1, dtype=torch.bool)}
    example = Batch({"audio": torch.randn(2, 1, 3)}, masks)
    net = Concatenation({"audio": 3}, 4, hidden=4)
    labels = torch.tensor([0, 1])
    return Polarity(Setting(net, 4, "single", labels, names, example), **arguments)


def test_a_mistake_of_polarity_costs_more_and_no_other() -> None:
    said = 2.0 * torch.eye(4)  # each class in turn
    for true, dearer in ((0, [2]), (2, [0, 1]), (3, [])):
        labels = torch.full((4,), true)
        entropy = functional.cross_entropy(said, labels, reduction="none")
        expected = entropy * torch.tensor([1.7 if row in dearer else 1.0 for row in range(4)])
        assert torch.equal(made(NAMES, extra=0.7).criterion(said, labels), expected)


def test_the_factor_is_that_of_the_source() -> None:
    said, labels = torch.tensor([[0.0, 0.0, 1.0, 0.0]]), torch.tensor([0])
    entropy = functional.cross_entropy(said, labels)
    assert made(NAMES).criterion(said, labels).item() == pytest.approx(1.5 * entropy.item())


@pytest.mark.parametrize("space", [EKMAN7, EKMAN8, RAVDESS8, GOEMOTIONS, PLUTCHIK8])
def test_only_what_is_neither_has_no_polarity(space: Space) -> None:
    neither = {"neutral", "calm", "confusion", "curiosity", "realization"}
    assert {name for name in space.labels if polarity(name) == 0} <= neither


def test_unknown_names_are_refused() -> None:
    for names in ((), ("even", "odd"), ("anger", "fear", "neutral")):
        with pytest.raises(ConfigError, match="polarity goes by names of classes"):
            made(names)
