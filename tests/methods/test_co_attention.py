"""Co-attention: parallel treats both alike, alternating has a first and a second."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from insula.learn.synthetic import xor
from insula.methods.encoders import Tokens
from insula.methods.mid.co_attention import AlternatingPair, CoAttention, ParallelPair

H = 8


def two() -> tuple[Tokens, Tokens]:
    torch.manual_seed(0)
    rows = []
    for steps in (4, 6):
        valid = torch.arange(steps) < torch.tensor([[steps], [steps - 1], [2]])
        rows.append(Tokens(torch.randn(3, steps, H).where(valid.unsqueeze(2), 0.0), valid))
    return rows[0], rows[1]


def test_parallel_is_symmetric_under_swapping() -> None:
    first, second = two()
    pair = ParallelPair(H)
    shares = pair(first, second)
    pair.affinity.weight.data = pair.affinity.weight.T.clone()
    pair.first, pair.second = pair.second, pair.first
    pair.score_first, pair.score_second = pair.score_second, pair.score_first
    for found, expected in zip(pair(second, first), reversed(shares), strict=True):
        assert torch.allclose(found, expected, atol=1e-6)


def test_alternating_depends_on_who_begins() -> None:
    first, second = two()
    pair = AlternatingPair(H)
    for found, other in zip(pair(second, first), reversed(pair(first, second)), strict=True):
        assert (found - other).abs().max() > 1e-3


@pytest.mark.parametrize("kind", [ParallelPair, AlternatingPair])
def test_shares_of_each_are_found_in_the_light_of_the_other(kind: type) -> None:
    first, second = two()
    pair = kind(H)
    shares = pair(first, second)
    for share, (_, valid) in zip(shares, (first, second), strict=True):
        assert torch.allclose(share.sum(dim=1), torch.ones(3))
        assert not share[~valid].any()
    for changed in (0, 1):
        other = [first, second]
        other[changed] = Tokens(other[changed].values.flip(2), other[changed].valid)
        assert (pair(*other)[1 - changed] - shares[1 - changed]).abs().max() > 1e-3


@pytest.mark.parametrize("order", ["parallel", "alternating"])
@pytest.mark.parametrize("names", [("a",), ("a", "b"), ("a", "b", "c", "d")])
def test_any_number_of_modalities(order: str, names: tuple[str, ...]) -> None:
    net = CoAttention(dict.fromkeys(names, 6), 3, order=order, hidden=H)  # type: ignore[arg-type]
    output = net(xor(4, np.random.default_rng(0), modalities=names))
    assert output.values.shape == (4, 3)
    pairs = max(len(names) * (len(names) - 1), 1)
    assert len(output.weights) == pairs
