"""The simplest channel there is: it needs nothing, loads nothing and always works.

Read it to learn the role; use it to try a fusion or an output without any model.
"""

from __future__ import annotations

import numpy as np

from insula.core.records import Estimate, Observation, Recording
from insula.core.roles import Channel
from insula.core.space import EKMAN7
from insula.core.track import Track


class Toy(Channel):
    """Says the same of every recording: mostly `label`, and that with little confidence.

    label: one of ekman7. quality: in [0, 1], how much a fusion should believe it.
    """

    name = "toy"
    gives = frozenset({"progress"})
    space = "ekman7"
    window = hop = 1.0

    def __init__(self, label: str = "neutral", quality: float = 0.05) -> None:
        self.label = label
        self.quality = quality

    def observe(self, recording: Recording) -> list[Observation]:
        """One observation with the track "progress": the share of the recording behind us."""
        times = recording.span.grid(self.hop)
        times = times[times < recording.span.end] if recording.span.duration else times[:0]
        share = (times - recording.span.start) / max(recording.span.duration, 1e-9)
        scores = np.full((len(times), len(EKMAN7)), 0.5 / (len(EKMAN7) - 1))
        scores[:, EKMAN7.index(self.label)] = 0.5
        estimate = Estimate(
            EKMAN7,
            Track(times, scores, EKMAN7.labels, width=self.hop),
            np.full(len(times), self.quality),
            self.name,
            basis="a constant",
        )
        progress = Track(times, share, ("progress",), width=self.hop)
        return [
            Observation(self.name, "", recording.span, {"progress": progress}, estimate=estimate)
        ]
