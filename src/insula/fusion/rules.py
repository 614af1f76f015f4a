"""Fusion by rule: nothing to train (`methods.md` F2).

Each rule turns aligned channel scores into fused scores and says what weight each channel had.
Shapes: `M` channels, `T` grid cells, `C` labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from insula.core.records import Estimate, Observation
from insula.core.roles import Fusion
from insula.core.track import Array
from insula.fusion.evidence import LEAST_PROBABILITY, Evidence, conclude, gather


class Rule(Fusion):
    """A weighted mean of the channels, (T, C); subclasses say how the weights come about."""

    def __init__(self, space: str = "ekman7") -> None:
        self.space = space

    def fuse(self, observations: Sequence[Observation], *, times: object) -> Estimate:
        """The fused estimate of one person on the grid `times`."""
        evidence = gather(observations, np.asarray(times), self.space)
        weights = np.where(evidence.present, self.weigh(evidence), 0)
        return conclude(evidence, self.combine(evidence, weights), weights, self.name)

    def weigh(self, evidence: Evidence) -> Array:
        """Weight of each channel at each time, (M, T), of any scale."""
        return np.ones_like(evidence.trust)

    def combine(self, evidence: Evidence, weights: Array) -> Array:
        """Fused scores, (T, C)."""
        total = weights.sum(0)
        shares = weights / np.where(total > 0, total, 1)
        fused: Array = np.einsum("mt,mtc->tc", shares, evidence.scores)
        return fused


class Mean(Rule):
    """Every channel that speaks counts the same."""

    name = "mean"


class Product(Rule):
    """Bayes with independent channels and a flat prior: probabilities are multiplied.

    Each channel's are raised to the power of its quality, so that what is hardly seen hardly
    counts (a logarithmic opinion pool).
    """

    name = "product"

    def weigh(self, evidence: Evidence) -> Array:
        """The quality."""
        return evidence.trust

    def combine(self, evidence: Evidence, weights: Array) -> Array:
        """Fused scores, (T, C)."""
        logs = np.log(np.clip(evidence.scores, LEAST_PROBABILITY, 1)) * weights[..., None]
        joint = np.exp(logs.sum(0) - logs.sum(0).max(axis=1, keepdims=True))
        fused: Array = joint / joint.sum(axis=1, keepdims=True)
        return fused


class Reliability(Rule):
    """Each channel counts by its measured quality at that moment, times its reliability.

    reliability: channel -> how much it is worth at full quality, 1 where not named.
    """

    name = "reliability"

    def __init__(
        self, space: str = "ekman7", reliability: Mapping[str, float] | None = None
    ) -> None:
        self.space = space
        self.reliability = dict(reliability or {})

    def weigh(self, evidence: Evidence) -> Array:
        """Quality times reliability."""
        worth = np.array([self.reliability.get(name, 1.0) for name in evidence.channels])
        weights: Array = evidence.trust * worth[:, None]
        return weights


class Vote(Rule):
    """Each channel has one vote for its top label; mean probability decides between equals."""

    name = "vote"

    def combine(self, evidence: Evidence, weights: Array) -> Array:
        """(votes + mean probability) / (voters + 1): the mean, below 1, only breaks ties."""
        speaks = (weights > 0)[..., None]
        tops = evidence.scores == evidence.scores.max(axis=2, keepdims=True)
        first = tops & (np.cumsum(tops, axis=2) == 1)
        votes = (first & speaks).sum(0)
        voters = speaks.sum(0)
        fused: Array = (votes + super().combine(evidence, weights)) / (voters + 1)
        return fused


class VarianceWeighted(Rule):
    """A channel counts by the inverse variance of its own distribution, 1 - sum p^2."""

    name = "variance"

    def weigh(self, evidence: Evidence) -> Array:
        """1 / variance, bounded where a channel is certain."""
        variance = 1 - (evidence.scores**2).sum(axis=2)
        weights: Array = 1 / np.maximum(variance, 0.05)
        return weights
