"""Fusion that was trained: a robust pool of the channels' opinions (`methods.late.robust_pool`).

Shapes: `M` channels, `K` channels the weights know, `T` grid cells, `C` labels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from insula.core.records import Estimate, Observation
from insula.core.roles import Fusion
from insula.core.track import Array
from insula.fusion.evidence import Evidence, conclude, gather
from insula.fusion.rules import LEAST_PROBABILITY
from insula.zoo.session import Model


class RobustPool(Fusion):
    """Adds up what the channels say, each with a learned and measured doubt.

    model: a weight name, or a folder that training wrote. It reads distributions and qualities
    only, so a channel may run other weights that are about as good. Channels that it was not
    trained with join by the product rule. A channel's weight is how far the answer moves when it
    is left out (total variation).
    """

    name = "pool"

    def __init__(self, model: str = "fusion-pool") -> None:
        self.model = model
        self.space = "ekman7"

    @property
    def weights(self) -> tuple[str, ...]:
        """The one weight file it runs."""
        return (self.model,)

    def fuse(self, observations: Sequence[Observation], *, times: object) -> Estimate:
        """The fused estimate of one person on the grid `times`."""
        evidence = gather(observations, np.asarray(times), self.space)
        fused = self._answer(evidence, evidence.trust)
        weights = np.zeros_like(evidence.trust)
        for row, present in enumerate(evidence.present):
            without = evidence.trust.copy()
            without[row] = 0
            moved = np.abs(fused - self._answer(evidence, without)).sum(axis=1) / 2
            # A channel that is there but moves nothing still stands behind the answer.
            weights[row] = np.where(present, np.maximum(moved, 1e-3), 0)
        return conclude(evidence, fused, weights, self.name, doubts_quality=True)

    def _answer(self, evidence: Evidence, trust: Array) -> Array:
        """Fused scores (T, C) if the channels deserve this trust, (M, T)."""
        model = Model.shared(self.model)
        known = model.card.channels
        scores = np.zeros((len(evidence.times), len(known), len(evidence.space)), np.float32)
        trusts = np.zeros((len(evidence.times), len(known)), np.float32)
        logs = np.zeros((len(evidence.times), len(evidence.space)))
        for row, name in enumerate(evidence.channels):
            if name in known:
                scores[:, known.index(name)] = evidence.scores[row]
                trusts[:, known.index(name)] = trust[row]
            else:
                said = np.log(np.clip(evidence.scores[row], LEAST_PROBABILITY, 1))
                logs += trust[row][:, None] * said
        fused = model.run(scores=scores, trust=trusts)["probabilities"] * np.exp(logs)
        answer: Array = fused / fused.sum(axis=1, keepdims=True)
        return answer
