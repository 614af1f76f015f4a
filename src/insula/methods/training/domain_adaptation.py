"""Domain adaptation: the net is to work where nobody labelled anything (`methods.md` R11).

    training batch   -> the net -> representation s -> last layer -> the usual loss
    a target's batch -> the net -> representation t
    + weight * one of
    "mean"         maximum mean discrepancy of s and t, kernels of five widths
    "covariance"   squared distance of the covariances of s and t / 4 D^2 (CORAL)
    "adversary"    a discriminator tells s from t; its gradient is reversed for the net, times
                   lambda = 2 / (1 + exp(-10 progress)) - 1; of several sources each has its own,
                   and those that are hard to tell from the target, so alike it, count more
    "matching"     in both domains, whether vectors of the modalities belong to one sample

Sources: Long et al., "Learning transferable features with deep adaptation networks", ICML 2015; Sun
and Saenko, "Deep CORAL", ECCV workshops 2016; Ganin and Lempitsky, "Unsupervised domain adaptation
by backpropagation", ICML 2015; Arandjelovic and Zisserman, "Look, listen and learn", ICCV 2017.

What differs here: all but the last work on what the net decides on, the fused representation.
Kernels are as wide as the mean distance in the batch, times 1/4 to 4. Sources
count by the softmax of what their discriminators lose. Nothing says which classes meet when domains
are joined: of five runs on the two made-up domains of parity, the adversary brought three to 0.99
of the target, and two below 0.25.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from insula.errors import ConfigError
from insula.methods.batch import Batch
from insula.methods.description import Method
from insula.methods.training.method import Pass, Setting, TrainingMethod, watched

METHOD = Method(
    name="domain-adaptation",
    id="R11",
    title="Adaptation to an unlabelled domain",
    stage="training",
    mechanism="domain adaptation",
    modalities=("any",),
    tasks=("classes", "labels", "axes", "dialogue"),
    source="Ganin and Lempitsky, Unsupervised domain adaptation by backpropagation, ICML 2015",
    code="insula.methods.training.domain_adaptation:DomainAdaptation",
)

WIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)  # of the kernels, in mean squared distances
STEEPNESS = 10.0  # of lambda's rise, of the source


class DomainAdaptation(TrainingMethod):
    """by: see above. weight: of the further term. hidden: of the discriminator."""

    def __init__(
        self,
        setting: Setting,
        *,
        by: Literal["mean", "covariance", "adversary", "matching"] = "mean",
        weight: float = 1.0,
        hidden: int = 64,
    ) -> None:
        super().__init__(setting)
        if setting.target is None:
            raise ConfigError(
                "domain-adaptation needs samples of the domain to adapt to, and the corpus has no "
                "part 'target'. Choose a corpus of two domains, or leave it out."
            )
        if by not in ("mean", "covariance", "adversary", "matching"):
            raise ConfigError(
                f"domain-adaptation knows no {by!r}. Set by to 'mean', 'covariance', 'adversary' "
                f"or 'matching'."
            )
        self.target, self.by, self.weight, self.progress = setting.target, by, weight, 0.0
        name = f"domain-adaptation by {by}"
        width = vectors_width(setting, name) if by == "matching" else setting.width(name)
        heads = {"adversary": setting.sources, "matching": 1}.get(by, 0)
        self.heads = nn.ModuleList(discriminator(width, hidden) for _ in range(heads))

    def begin(self, net: nn.Module, development: Batch, progress: float) -> None:
        """Remember how far training is."""
        self.progress = progress

    def losses(self, seen: Pass) -> Mapping[str, Tensor]:
        """The further term, of this batch and as many random samples of the target."""
        rows = torch.randint(len(self.target), (len(seen.batch),))
        device = seen.output.values.device
        other = watched(seen.net, self.target.map(lambda values: values[rows].to(device)))
        return {"domains": self.weight * self._apart(seen, other)}

    def _apart(self, seen: Pass, other: Pass) -> Tensor:
        if self.by == "matching":
            (head,) = self.heads
            return (mismatched(seen, head) + mismatched(other, head)) / 2
        assert seen.representation is not None and other.representation is not None
        source, target = seen.rows(seen.representation), other.rows(other.representation)
        if self.by == "mean":
            return mean_discrepancy(source, target)
        if self.by == "covariance":
            return covariance_discrepancy(source, target)
        both = reversed_gradient(torch.cat([source, target]), rate(self.progress))
        source, target = both.split([len(source), len(target)])
        losses = [
            told_apart(head(torch.cat([mine, target])), len(mine))
            for head, mine in zip(self.heads, self._by_source(seen, source), strict=True)
            if len(mine)
        ]
        return (alike(losses) * torch.stack(losses)).sum()

    def _by_source(self, seen: Pass, values: Tensor) -> list[Tensor]:
        """The rows of each source."""
        sources = seen.batch.sources
        if sources is None:
            return [values]
        if seen.output.values.ndim == 3:  # dialogues, whose rows are steps
            sources = sources.unsqueeze(1).expand(seen.output.values.shape[:2])
        return [values[seen.rows(sources) == number] for number in range(len(self.heads))]


def rate(progress: float) -> float:
    """Lambda: 0 at the start, near 1 from the middle of training on."""
    return 2 / (1 + math.exp(-STEEPNESS * progress)) - 1


def alike(losses: Sequence[Tensor]) -> Tensor:
    """How much each source counts, [K], by what its discriminator loses: they add up to 1."""
    return torch.stack(list(losses)).detach().softmax(dim=0)


def mean_discrepancy(source: Tensor, target: Tensor) -> Tensor:
    """Squared maximum mean discrepancy of [N, D] and [K, D]; 0 where both are the same samples."""
    both = torch.cat([source, target])
    squares = both.square().sum(dim=1)
    distances = (squares.unsqueeze(0) + squares.unsqueeze(1) - 2 * both @ both.T).relu()
    middle = distances.detach().mean().clamp(min=torch.finfo(both.dtype).tiny)
    kernel = torch.stack([torch.exp(-distances / (width * middle)) for width in WIDTHS]).mean(dim=0)
    sign = torch.ones(len(both), device=both.device, dtype=both.dtype)
    share = torch.cat([sign[: len(source)] / len(source), -sign[len(source) :] / len(target)])
    return (share.unsqueeze(0) * share.unsqueeze(1) * kernel).sum()


def covariance_discrepancy(source: Tensor, target: Tensor) -> Tensor:
    """Squared Frobenius distance of the covariances of [N, D] and [K, D], / 4 D^2."""
    apart = covariance(source) - covariance(target)
    return apart.square().sum() / (4 * source.shape[1] ** 2)


def covariance(vectors: Tensor) -> Tensor:
    """Of [N, D]: [D, D], with population moments, so that one sample has one too."""
    centred = vectors - vectors.mean(dim=0)
    return centred.T @ centred / len(vectors)


class _Reversed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, values: Tensor, factor: float) -> Tensor:
        ctx.factor = factor  # type: ignore[attr-defined]
        return values.view_as(values)

    @staticmethod
    def backward(  # type: ignore[override]
        ctx: torch.autograd.function.FunctionCtx, gradient: Tensor
    ) -> tuple[Tensor, None]:
        return -ctx.factor * gradient, None  # type: ignore[attr-defined]


def reversed_gradient(values: Tensor, factor: float) -> Tensor:
    """The values as they are, whose gradient comes back times -factor."""
    return _Reversed.apply(values, factor)  # type: ignore[no-untyped-call,no-any-return]


def discriminator(width: int, hidden: int) -> nn.Module:
    """Two layers with one logit."""
    return nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, 1))


def told_apart(logits: Tensor, first: int) -> Tensor:
    """Cross-entropy of [N, 1]: the first so many rows are of one kind, the others of the other."""
    kinds = (torch.arange(len(logits), device=logits.device) >= first).to(logits.dtype)
    return functional.binary_cross_entropy_with_logits(logits.squeeze(1), kinds)


def mismatched(seen: Pass, head: nn.Module) -> Tensor:
    """How badly the head tells samples from such whose modalities were dealt anew."""
    assert seen.vectors is not None
    first, *others = seen.vectors.unbind(dim=1)  # M of [B, H]
    dealt = [other[torch.randperm(len(other), device=other.device)] for other in others]
    true = torch.cat([first, *others], dim=1)
    false = torch.cat([first, *dealt], dim=1)
    return told_apart(head(torch.cat([true, false])), len(true))


def vectors_width(setting: Setting, method: str) -> int:
    """Values of the vectors of all modalities side by side; ConfigError where there is one."""
    with torch.no_grad():
        _, count, width = setting.encoders(method).vectors(setting.example).shape
    if count == 1:
        raise ConfigError(
            f"{method} asks which modalities belong together, and there is one. Use several, or "
            f"set by to 'mean', 'covariance' or 'adversary'."
        )
    return count * width
