"""A Gaussian mixture on the axes: several readings of one sample (`methods.md` R16).

    values of the net, [B, K * (1 + C + C (C + 1) / 2)], so K * 6 of valence and arousal
    -> K weights by softmax, K means in [-1, 1] by tanh, K covariances L L^T (diagonal of L by
    softplus)
    -> loss: - log of the density at the label; answer: the mean of the mixture

Where people disagree, as on the valence of surprise, one point between two opinions is nobody's.

Sources: `methods.md` R16 after Zhao et al., "Emotion recognition from multiple modalities:
fundamentals and methodologies", IEEE Signal Processing Magazine 2021; the net's density after
Bishop, "Mixture density networks", 1994.

What differs here: labels of the laboratory are one point a sample and not a point an annotator.
Any number of axes will do, in the range of valence and arousal.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from insula.errors import ConfigError
from insula.methods.description import Method
from insula.methods.training.method import Setting, TrainingMethod

METHOD = Method(
    name="gaussian-mixture",
    id="R16",
    title="Gaussian mixture of valence and arousal",
    stage="training",
    mechanism="labels",
    modalities=("any",),
    tasks=("axes", "dialogue"),
    source="Zhao et al., Emotion recognition from multiple modalities, IEEE SPM 2021",
    code="insula.methods.training.gaussian_mixture:GaussianMixture",
)

NARROWEST = 0.01  # of the diagonal of L, in units of the axes: no density grows without bound


class Mixture(NamedTuple):
    """Of each sample: weights [..., K], log; means [..., K, C]; L [..., K, C, C], lower."""

    weights: Tensor
    means: Tensor
    spreads: Tensor


class GaussianMixture(TrainingMethod):
    """components: K."""

    kinds = ("axes",)
    criterial = True

    def __init__(self, setting: Setting, *, components: int = 3) -> None:
        super().__init__(setting)
        self.components, self.axes = components, setting.outputs
        widest = setting.labels.abs().max().item()
        if widest > 1:
            raise ConfigError(
                f"gaussian-mixture has its means in [-1, 1], and a label is {widest:g} away from "
                f"0. Use labels of valence and arousal in [-1, 1], or leave it out."
            )

    def values(self, outputs: int) -> int:
        """Numbers that say a mixture of K on C axes."""
        return self.components * (1 + outputs + outputs * (outputs + 1) // 2)

    def answer(self, values: Tensor) -> Tensor:
        """The mean of the mixture, [..., C]."""
        mixture = mixture_of(values, self.axes)
        return (mixture.weights.exp().unsqueeze(-1) * mixture.means).sum(dim=-2)

    def criterion(self, values: Tensor, labels: Tensor) -> Tensor:
        """values: as `values` says, [B, any]. labels: [B, C]. Returns [B]."""
        return -log_density(mixture_of(values, self.axes), labels)


def mixture_of(values: Tensor, axes: int) -> Mixture:
    """The mixture that a net's numbers say.

    values: [..., K * numbers], those of a component side by side: weight, means, L row by row.
    """
    row, column = torch.meshgrid(*2 * [torch.arange(axes, device=values.device)], indexing="ij")
    numbers = axes * (axes + 1) // 2
    values = values.float().unflatten(-1, (-1, 1 + axes + numbers))  # a half is too coarse for logs
    weight, means, entries = values.split([1, axes, numbers], dim=-1)
    full = entries[..., (row * (row + 1) // 2 + column).clamp(max=numbers - 1)]  # [..., K, C, C]
    spreads = torch.where(row == column, functional.softplus(full) + NARROWEST, full.tril())
    return Mixture(weight.squeeze(-1).log_softmax(dim=-1), means.tanh(), spreads)


def log_density(mixture: Mixture, points: Tensor) -> Tensor:
    """Log of the density of each mixture, [N], at its point, [N, C]."""
    apart = (points.unsqueeze(-2) - mixture.means).unsqueeze(-1)  # [N, K, C, 1]
    whitened = torch.linalg.solve_triangular(mixture.spreads, apart, upper=False).squeeze(-1)
    volume = mixture.spreads.diagonal(dim1=-2, dim2=-1).log().sum(dim=-1)  # [N, K]
    axes = points.shape[-1]
    logs = -0.5 * whitened.square().sum(dim=-1) - volume - 0.5 * axes * math.log(2 * math.pi)
    return (mixture.weights + logs).logsumexp(dim=-1)
