"""Label distributions: the loss and the measures, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from insula.methods.batch import Batch
from insula.methods.early.concatenation import Concatenation
from insula.methods.training.label_distributions import (
    LabelDistributions,
    canberra,
    chebyshev,
    clark,
    cosine,
    intersection,
)
from insula.methods.training.method import Setting

TRUTH, SAID = np.array([[0.5, 0.5, 0.0]]), np.array([[0.2, 0.8, 0.0]])


def made() -> LabelDistributions:
    masks = {"audio": torch.ones(2, 1, dtype=torch.bool)}
    example = Batch({"audio": torch.randn(2, 1, 3)}, masks, torch.full((2, 3), 1 / 3))
    net = Concatenation({"audio": 3}, 3, hidden=4)
    return LabelDistributions(
        Setting(net, 3, "distribution", torch.full((2, 3), 1 / 3), (), example)
    )


def test_the_loss_is_the_divergence() -> None:
    values, labels = torch.tensor([[0.2, 0.7, 0.1]]).log(), torch.tensor([[0.5, 0.5, 0.0]])
    loss = made().criterion(values + 3.0, labels)  # logits are shares up to a constant
    assert loss.shape == (1,)
    assert loss.item() == pytest.approx(0.5 * math.log(0.5 / 0.2) + 0.5 * math.log(0.5 / 0.7))
    perfect = torch.tensor([[0.2, 0.7, 0.1]])
    assert made().criterion(perfect.log(), perfect).item() == pytest.approx(0, abs=1e-6)


def test_a_net_learns_the_same_by_the_cross_entropy() -> None:
    values = torch.randn(5, 3, requires_grad=True)
    labels = torch.rand(5, 3).softmax(dim=1)
    (one,) = torch.autograd.grad(made().criterion(values, labels).mean(), values)
    (two,) = torch.autograd.grad(functional.cross_entropy(values, labels), values)
    assert torch.allclose(one, two, atol=1e-6)


def test_the_measures_by_hand() -> None:
    relative = [0.3 / 0.7, 0.3 / 1.3]  # the class that neither holds counts for nothing
    assert chebyshev(TRUTH, SAID).tolist() == pytest.approx([0.3])
    assert clark(TRUTH, SAID).tolist() == pytest.approx([math.hypot(*relative)])
    assert canberra(TRUTH, SAID).tolist() == pytest.approx([sum(relative)])
    expected = 0.5 / (math.sqrt(0.5) * math.sqrt(0.68))
    assert cosine(TRUTH, SAID).tolist() == pytest.approx([expected])
    assert intersection(TRUTH, SAID).tolist() == pytest.approx([0.7])


def test_the_measures_of_a_perfect_answer() -> None:
    shares = np.random.default_rng(0).dirichlet(np.ones(4), 6)
    for distance in (chebyshev, clark, canberra):
        assert distance(shares, shares).tolist() == [0.0] * 6
    for similarity in (cosine, intersection):
        assert similarity(shares, shares).tolist() == pytest.approx([1.0] * 6)
