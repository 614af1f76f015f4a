"""Fusions that wrap a fusion: calibration, smoothing, abstention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from insula.core.records import Estimate, Observation
from insula.core.roles import Fusion
from insula.core.smoothing import KINDS, Kind, smooth
from insula.core.track import Array, Track
from insula.errors import ConfigError


class Calibrated(Fusion):
    """Sharpens or softens the wrapped fusion's probabilities: p ** (1 / temperature).

    temperature: fitted on held-out data (Guo et al. 2017, On calibration of modern neural
    networks, ICML); above 1 softens.
    """

    name = "calibrated"

    def __init__(self, fusion: Fusion, temperature: float = 1.0) -> None:
        self.fusion = fusion
        self.temperature = temperature
        self.space = fusion.space

    @property
    def weights(self) -> tuple[str, ...]:
        """The wrapped fusion's."""
        return self.fusion.weights

    def fuse(self, observations: Sequence[Observation], *, times: object) -> Estimate:
        """The wrapped estimate with recalibrated probabilities and confidence."""
        estimate = self.fusion.fuse(observations, times=times)
        after = np.power(np.clip(estimate.track.values, 1e-6, 1), 1 / self.temperature)
        return _revised(estimate, after / after.sum(axis=1, keepdims=True))


class Cautious(Fusion):
    """Leaves moments unlabelled where the wrapped fusion is not sure enough.

    min_confidence: the least confidence, in [0, 1], with which a label is given. Of labels given
    with calibrated confidence, at least this share is right.
    """

    name = "cautious"

    def __init__(self, fusion: Fusion, min_confidence: float) -> None:
        self.fusion = fusion
        self.min_confidence = min_confidence
        self.space = fusion.space

    @property
    def weights(self) -> tuple[str, ...]:
        """The wrapped fusion's."""
        return self.fusion.weights

    def fuse(self, observations: Sequence[Observation], *, times: object) -> Estimate:
        """The wrapped estimate, its unsure moments withheld."""
        return self.fusion.fuse(observations, times=times).withholding(self.min_confidence)


class Smoothed(Fusion):
    """Takes the jitter out of the wrapped fusion (`methods.md` P6).

    kind: "box" (moving mean), "median", or "gaussian" (sigma = width / 4, half of the half-width,
    as the source has it). width: seconds looked at around each moment. Moments without evidence
    neither give nor get anything. A stretch that does not change stays as it is.
    """

    name = "smoothed"

    def __init__(
        self,
        fusion: Fusion,
        kind: Kind = "gaussian",
        width: float = 2.0,
    ) -> None:
        if kind not in KINDS:
            raise ConfigError(f"Smoothing of the kind {kind!r} is unknown; it is one of {KINDS}.")
        self.fusion = fusion
        self.kind = kind
        self.width = width
        self.space = fusion.space

    @property
    def weights(self) -> tuple[str, ...]:
        """The wrapped fusion's."""
        return self.fusion.weights

    def fuse(self, observations: Sequence[Observation], *, times: object) -> Estimate:
        """The wrapped estimate with smoothed probabilities, valence and arousal."""
        estimate = self.fusion.fuse(observations, times=times)
        affect = estimate.affect
        if affect is not None:
            steady = self._smooth(affect.track)
            affect = replace(affect, track=_with_values(affect.track, steady))
        steady = self._smooth(estimate.track)
        # Medians of shares need not sum to one; means do anyway.
        steady = steady / np.maximum(steady.sum(axis=1, keepdims=True), 1e-6)
        return replace(_revised(estimate, steady), affect=affect)

    def _smooth(self, track: Track) -> Array:
        """Smoothed values, (T, C)."""
        reach = round(self.width / 2 / track.width) if track.width else 0
        return smooth(track.values, track.mask, reach=reach, kind=self.kind)


def _revised(estimate: Estimate, values: Array) -> Estimate:
    """The estimate with other probabilities; its confidence stays what was seen x the top one."""
    before = np.maximum(estimate.track.values.max(axis=1, initial=0), 1e-6)
    confidence = estimate.confidence * values.max(axis=1, initial=0) / before
    return replace(estimate, track=_with_values(estimate.track, values), confidence=confidence)


def _with_values(track: Track, values: Array) -> Track:
    return Track(track.times, values, track.names, track.mask, track.width)
