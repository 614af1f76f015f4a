"""The Fourier graph operator: exact transforms, two branches that part the signal, node mixing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from insula.learn.synthetic import xor
from insula.methods.mid.fourier_graph import FourierGraph, FourierOperator, filtered, joined, waves

NAMES = ("audio", "video")


@pytest.mark.parametrize("nodes", [1, 2, 7, 8])
def test_the_transform_is_the_real_fourier_transform(nodes: int) -> None:
    torch.manual_seed(0)
    values = torch.randn(2, nodes, 3)
    cosine, sine, times = waves(torch.ones(2, nodes, dtype=torch.bool))
    expected = torch.fft.rfft(values, dim=1, norm="ortho")
    assert torch.allclose(cosine @ values, expected.real, atol=1e-5)
    assert torch.allclose(-sine @ values, expected.imag, atol=1e-5)
    back = cosine.mT @ (times * (cosine @ values)) + sine.mT @ (times * (sine @ values))
    assert torch.allclose(back, values, atol=1e-5)


def test_padding_and_holes_do_not_enter_the_transform() -> None:
    torch.manual_seed(0)
    operator, values = FourierOperator(3), torch.randn(1, 5, 3)
    expected = operator(values, torch.ones(1, 5, dtype=torch.bool))
    places = [0, 1, 4, 5, 7]
    spread = torch.zeros(1, 9, 3)
    spread[:, places] = values
    valid = torch.zeros(1, 9, dtype=torch.bool)
    valid[:, places] = True
    found = operator(spread, valid)
    assert torch.allclose(found[:, places], expected, atol=1e-5)
    assert not found[~valid].any()


@pytest.mark.parametrize("diagonal", [False, True])
def test_with_weights_of_zero_the_operator_is_the_identity(diagonal: bool) -> None:
    operator, values = FourierOperator(4, diagonal=diagonal), torch.randn(2, 6, 4)
    every = torch.ones(2, 6, dtype=torch.bool)
    assert not torch.allclose(operator(values, every), values, atol=1e-2)
    torch.nn.init.zeros_(operator.weights)
    assert torch.allclose(operator(values, every), values, atol=1e-5)


def test_every_node_hears_of_every_other() -> None:
    """The transform runs along the nodes, not along the features of each."""
    torch.manual_seed(0)
    operator, values = FourierOperator(4), torch.randn(1, 12, 4)
    every = torch.ones(1, 12, dtype=torch.bool)
    other = values.clone()
    other[:, 2] += 1.0
    moved = (operator(other, every) - operator(values, every)).abs().amax(dim=2)
    assert (moved > 1e-4).all()


def ring(nodes: int) -> torch.Tensor:
    line = torch.eye(nodes, dtype=torch.bool)
    return (line.roll(1, 0) | line.roll(-1, 0)).unsqueeze(0)


def test_a_constant_is_slow_and_an_alternation_fast() -> None:
    constant = torch.full((1, 8, 2), 3.0)
    alternating = torch.tensor([1.0, -1.0]).repeat(4)[None, :, None]
    slow, fast = filtered(constant, ring(8))
    assert torch.equal(slow, constant)
    assert not fast.any()
    slow, fast = filtered(alternating, ring(8))
    assert not slow.any()
    assert torch.equal(fast, alternating)
    anything = torch.randn(1, 8, 2)
    assert torch.allclose(sum(filtered(anything, ring(8))), anything)


def test_neighbours_are_near_in_a_modality_and_at_the_same_time_in_two() -> None:
    three = torch.tensor([[True, True, True]])
    edges = joined([three, three], window=1)[0]
    assert edges[0].tolist() == [False, True, False, True, False, False]
    assert edges[4].tolist() == [False, True, False, True, False, True]
    six = torch.ones(1, 6, dtype=torch.bool)
    edges = joined([three, six], window=0)[0]
    assert edges[0, 3:].tolist() == [True, True, False, False, False, False]
    none = joined([torch.zeros(1, 2, dtype=torch.bool), three], window=1)[0]
    assert not none[:2].any() and not none[:, :2].any()


def test_both_branches_act_and_learn() -> None:
    torch.manual_seed(0)
    net = FourierGraph(dict.fromkeys(NAMES, 6), 2).eval()
    batch = xor(5, np.random.default_rng(0))
    output = net(batch)
    output.values.square().sum().backward()
    for branch in (net.slow, net.fast):
        assert all(weight.grad is not None and weight.grad.any() for weight in branch.parameters())
    assert (output.aux["slow"] - output.aux["fast"]).abs().max() > 0.1
    net.window = 7
    assert not torch.allclose(net(batch).values, output.values, atol=1e-4)
