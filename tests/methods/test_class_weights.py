"""Class weights and label smoothing, by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from insula.methods.batch import Batch, Kind
from insula.methods.early.concatenation import Concatenation
from insula.methods.training.class_weights import ClassWeights, weights_of
from insula.methods.training.method import Setting

CLASSES = torch.tensor([0, 0, 0, 0, 1, 1, 2])


def made(labels: Tensor, kind: Kind, smoothing: float) -> ClassWeights:
    masks = {"audio": torch.ones(2, 1, dtype=torch.bool)}
    example = Batch({"audio": torch.randn(2, 1, 3)}, masks)
    net = Concatenation({"audio": 3}, 3, hidden=4)
    return ClassWeights(Setting(net, 3, kind, labels, (), example), smoothing=smoothing)


def test_the_largest_class_has_weight_one() -> None:
    assert weights_of(CLASSES, 3).tolist() == [1.0, 2.0, 4.0]
    assert weights_of(CLASSES, 4).tolist() == [1.0, 2.0, 4.0, 4.0]  # never seen, yet finite


def test_the_loss_is_the_weighted_entropy_with_smoothed_labels() -> None:
    values = torch.tensor([[1.0, 0.5, -1.0], [0.2, 0.0, 0.3]])
    logs = values.log_softmax(dim=1)
    rare = -4 * (0.8 * logs[0, 2] + 0.1 * logs[0, 0] + 0.1 * logs[0, 1])
    usual = -1 * (0.8 * logs[1, 0] + 0.1 * logs[1, 1] + 0.1 * logs[1, 2])
    found = made(CLASSES, "single", 0.3).criterion(values, torch.tensor([2, 0]))
    assert found.tolist() == pytest.approx([rare.item(), usual.item()])


def test_several_labels_are_balanced_one_by_one() -> None:
    labels = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0], [0.0, 1.0, 1.0], [0.0, 1.0, 1.0]])
    absent, there = weights_of(labels, 3).tolist()
    assert absent == pytest.approx([4 / 6, 1.0, 2.0])
    assert there == [2.0, 1.0, 0.5]
    values = torch.tensor([[1.0, 0.5, -1.0]])
    chances = values.sigmoid()[0]
    smooth = [0.9 * -chances[0].log() + 0.1 * -(1 - chances[0]).log()]  # there
    smooth += [0.1 * -chances[1].log() + 0.9 * -(1 - chances[1]).log()]  # absent
    smooth += [0.9 * -chances[2].log() + 0.1 * -(1 - chances[2]).log()]
    expected = (2.0 * smooth[0] + 1.0 * smooth[1] + 0.5 * smooth[2]) / 3
    found = made(labels, "multi", 0.2).criterion(values, labels[:1])
    assert found.item() == pytest.approx(expected.item())


def test_without_smoothing_and_balanced_it_is_the_cross_entropy() -> None:
    values, labels = torch.randn(6, 3), torch.tensor([0, 1, 2, 0, 1, 2])
    found = made(labels, "single", 0.0).criterion(values, labels)
    assert torch.equal(found, functional.cross_entropy(values, labels, reduction="none"))
