"""What the channels say of one person, laid side by side on one grid.

Shapes: `M` channels, `T` grid cells, `C` labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from insula.core.records import Estimate, Observation
from insula.core.space import VA, Space, get_space, reaches
from insula.core.track import Array, Track
from insula.errors import ConfigError

# A channel that skips a beat (a missed face, a breath) is carried over gaps of up to this many
# seconds; F.A of methods.md reuses a face box for three frames, 0.6 s at 5 frames a second.
MAX_GAP = 1.0
# The smallest probability that is believed; one channel's zero must not be a veto.
LEAST_PROBABILITY = 0.01


@dataclass(frozen=True, eq=False)
class Evidence:
    """Aligned opinions.

    channels: M names, sorted. scores: (M, T, C), 0 where a channel is silent. trust: (M, T) in
    [0, 1], the measured quality, 0 where silent. affect: (M, T, 2) valence and arousal, and
    affect_trust (M, T); a channel may have either without the other. bases: where each channel's
    valence and arousal come from, in words.
    """

    space: Space
    times: Array
    channels: tuple[str, ...]
    scores: Array
    trust: Array
    affect: Array
    affect_trust: Array
    bases: tuple[str, ...]

    @property
    def present(self) -> Array:
        """Where each channel says something, (M, T) bool."""
        present: Array = self.trust > 0
        return present


def gather(observations: Sequence[Observation], times: Array, space: str | Space) -> Evidence:
    """Bring every opinion into `space` and onto the grid `times`."""
    space, times = fusible(space), np.asarray(times, np.float64)
    by_channel: dict[str, list[Estimate]] = {}
    for each in observations:
        if each.estimate is not None:
            by_channel.setdefault(each.channel, []).append(each.estimate)
    names = tuple(sorted(by_channel))
    scores = np.zeros((len(names), len(times), len(space)))
    trust = np.zeros((len(names), len(times)))
    affect = np.zeros((len(names), len(times), 2))
    affect_trust = np.zeros((len(names), len(times)))
    bases = []
    for row, name in enumerate(names):
        labelled = [each.into(space) for each in by_channel[name] if reaches(each.space, space)]
        axes = [each.affect or each for each in by_channel[name]]
        axes = [each.into(VA) for each in axes if reaches(each.space, VA)]
        if labelled:
            scores[row], trust[row] = _pool([_align(each, times) for each in labelled])
        if axes:
            affect[row], affect_trust[row] = _pool([_align(each, times) for each in axes])
            bases.append(f"{name}: {axes[0].basis}")
    return Evidence(space, times, names, scores, trust, affect, affect_trust, tuple(bases))


def fusible(space: str | Space) -> Space:
    """The space, if a fusion can answer in it; ConfigError if not."""
    space = get_space(space)
    if space.kind != "exclusive":
        raise ConfigError(
            f"A fusion answers with probabilities that sum to one; the space {space.name!r} is of "
            f"the kind {space.kind!r}. Fuse in one such as 'ekman7'; it brings valence and arousal."
        )
    return space


def as_features(scores: Array, trust: Array) -> Array:
    """What a trained fusion reads of one channel's opinions: (N, C + 1) float32.

    scores: (N, C) probabilities. trust: (N,). The logarithms of the scores, centred, so that a
    label that is never said is a long way off and a channel that says nothing of them is 0; and the
    trust.
    """
    logs = np.log(np.clip(scores, LEAST_PROBABILITY, 1))
    logs -= logs.mean(axis=1, keepdims=True)
    features: Array = np.concatenate([logs, trust[:, None]], axis=1).astype(np.float32)
    return features


def _align(estimate: Estimate, times: Array) -> tuple[Array, Array]:
    """Values (T, C) and trust (T,) of one estimate on the grid."""
    hop = times[1] - times[0] if len(times) > 1 else max(estimate.track.width, 1e-3)
    values = estimate.track.resample(times, width=hop, max_gap=MAX_GAP)
    trust = Track(
        estimate.track.times,
        estimate.confidence[:, None],
        ("trust",),
        estimate.track.mask & (estimate.confidence > 0),
    ).resample(times, width=hop, max_gap=MAX_GAP)
    return values.values, np.where(values.mask & trust.mask, trust.column("trust"), 0.0)


def _pool(aligned: Sequence[tuple[Array, Array]]) -> tuple[Array, Array]:
    """Several opinions of one channel as one: their mean weighted by trust."""
    weight = np.stack([trust for _, trust in aligned])
    values = np.stack([values for values, _ in aligned])
    total = weight.sum(0)
    pooled = (weight[..., None] * values).sum(0) / np.where(total > 0, total, 1)[:, None]
    return pooled, weight.max(0)


def conclude(
    evidence: Evidence,
    scores: Array,
    weights: Array,
    source: str,
    *,
    doubts_quality: bool = False,
) -> Estimate:
    """The fused estimate from fused scores (T, C) and the weights (M, T) that led to them.

    Confidence is (1 - prod_m (1 - trust_m)) x the top probability: how far anything was seen at
    all, times how likely the top label is right if the scores are calibrated. doubts_quality: the
    scores are calibrated for what was seen so badly already, so the top probability says it all.
    """
    total = weights.sum(0)
    valid = total > 0
    shares = weights / np.where(valid, total, 1)
    seen = 1 - np.prod(1 - np.where(weights > 0, evidence.trust, 0), axis=0)
    seen = np.where(doubts_quality, valid, seen)
    hop = evidence.times[1] - evidence.times[0] if len(evidence.times) > 1 else 1.0
    track = Track(evidence.times, scores, evidence.space.labels, valid, hop)
    confidence = seen * scores.max(axis=1, initial=0)
    # Who has valence and arousal but no labels counts by trust; the others as for the labels.
    pull = np.where(weights > 0, weights, evidence.affect_trust) * (evidence.affect_trust > 0)
    axes = np.einsum("mt,mtd->td", pull, evidence.affect)
    felt = pull.sum(0) > 0
    axes = axes / np.where(felt, pull.sum(0), 1)[:, None]
    affect = Estimate(
        VA,
        Track(evidence.times, np.clip(axes, -1, 1), VA.labels, felt, hop),
        1 - np.prod(1 - evidence.affect_trust, axis=0),
        source,
        basis="; ".join(evidence.bases),
    )
    return Estimate(
        evidence.space,
        track,
        confidence,
        source,
        parts=dict(zip(evidence.channels, shares, strict=True)),
        affect=affect,
        basis=f"{source} of {', '.join(evidence.channels) or 'nothing'}",
    )
