"""A Gaussian mixture on the axes: it is a density, and its optimum is the sample's."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from insula.errors import ConfigError
from insula.methods.batch import Batch
from insula.methods.early.concatenation import Concatenation
from insula.methods.training.gaussian_mixture import (
    GaussianMixture,
    log_density,
    mixture_of,
)
from insula.methods.training.method import Setting


def made(components: int, *, largest: float = 1.0) -> GaussianMixture:
    masks, labels = {"audio": torch.ones(2, 1, dtype=torch.bool)}, torch.full((2, 2), largest)
    example = Batch({"audio": torch.randn(2, 1, 3)}, masks, labels, "axes")
    net = Concatenation({"audio": 3}, 2, hidden=4)
    setting = Setting(net, 2, "axes", labels, ("valence", "arousal"), example)
    return GaussianMixture(setting, components=components)


def test_a_net_says_six_numbers_a_component() -> None:
    assert made(3).values(2) == 18
    assert made(1).values(3) == 1 + 3 + 6


def test_the_density_integrates_to_one() -> None:
    torch.manual_seed(0)
    mixture = mixture_of(torch.randn(1, 18), 2)
    line = torch.linspace(-8, 8, 321)
    grid = torch.cartesian_prod(line, line)
    whole = log_density(mixture, grid).exp().sum() * (line[1] - line[0]) ** 2
    assert whole.item() == pytest.approx(1, abs=1e-3)
    mean = (log_density(mixture, grid).exp().unsqueeze(1) * grid).sum(0) * (line[1] - line[0]) ** 2
    assert (mixture.weights.exp().unsqueeze(-1) * mixture.means).sum(1)[0].allclose(mean, atol=1e-3)


def test_the_optimum_of_one_component_is_mean_and_covariance_of_the_sample() -> None:
    torch.manual_seed(0)
    points = torch.randn(200, 2) @ torch.tensor([[0.3, 0.2], [0.0, 0.1]]) + torch.tensor(
        [0.2, -0.4]
    )
    mean, spread = points.mean(dim=0), torch.linalg.cholesky(points.T.cov(correction=0))
    roots = torch.log(torch.expm1(spread.diagonal() - 0.01))
    best = torch.cat([torch.zeros(1), mean.atanh(), roots[:1], spread[1, :1], roots[1:]])
    mixture = mixture_of(best.unsqueeze(0), 2)
    assert mixture.means[0, 0].allclose(mean)
    assert mixture.spreads[0, 0].allclose(spread)

    def loss(numbers: Tensor) -> Tensor:
        return made(1).criterion(numbers.expand(200, 6), points).mean()

    (slope,) = torch.autograd.grad(loss(best.requires_grad_()), best)
    assert slope.abs().max() < 1e-4
    for _ in range(20):
        assert loss(best + 0.1 * torch.randn(6) * torch.tensor([0, 1, 1, 1, 1, 1])) > loss(best)


def test_two_opinions_stay_two_and_the_answer_is_between() -> None:
    apart = torch.atanh(torch.tensor(0.6)).item()
    narrow = math.log(math.expm1(0.1 - 0.01))
    numbers = torch.tensor(
        [[0.0, -apart, 0.0, narrow, 0.0, narrow, math.log(3), apart, 0.0, narrow, 0.0, narrow]]
    )
    assert made(2).answer(numbers).allclose(torch.tensor([[0.3, 0.0]]))  # 1/4 and 3/4
    there = torch.tensor([[0.6, 0.0]]), torch.tensor([[0.3, 0.0]])
    dense, empty = (made(2).criterion(numbers, point).item() for point in there)
    expected = -math.log(0.75 / (2 * math.pi * 0.01))
    assert dense == pytest.approx(expected, abs=1e-4)
    assert empty > dense + 3
    steps = made(2).answer(numbers.expand(4, 5, 12))  # of dialogues
    assert steps.shape == (4, 5, 2)


def test_labels_out_of_reach_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"means in \[-1, 1\], and a label is 3 away from 0"):
        made(3, largest=-3.0)
