"""Fusion that was trained: the overall regression over channel scores (`methods.md` M22, F19).

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


class ScoreRegression(Fusion):
    """Softmax regression on the channels' distributions and presence flags.

    model: a weight name, or a folder that training wrote. Where training had presence flags of 0
    and 1, the measured quality stands in between: the regression is linear in scores and in their
    logarithms, so a flag of a half halves what a channel says. Channels that it was not trained
    with join by the product rule. A channel's weight is how far the answer moves when it is left
    out (total variation).
    """

    name = "regression"

    def __init__(self, model: str = "fusion-regression") -> None:
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
        return conclude(evidence, fused, weights, self.name)

    def _answer(self, evidence: Evidence, trust: Array) -> Array:
        """Fused scores (T, C) if the channels deserve this trust, (M, T)."""
        model = Model.shared(self.model)
        known = model.card.channels
        scores = np.zeros((len(evidence.times), len(known), len(evidence.space)), np.float32)
        flags = np.zeros((len(evidence.times), len(known)), np.float32)
        logs = np.zeros((len(evidence.times), len(evidence.space)))
        for row, name in enumerate(evidence.channels):
            if name in known:
                scores[:, known.index(name)] = evidence.scores[row]
                flags[:, known.index(name)] = trust[row]
            else:
                said = np.log(np.clip(evidence.scores[row], LEAST_PROBABILITY, 1))
                logs += trust[row][:, None] * said
        flat = scores.reshape(len(scores), -1)
        fused = model.run(scores=flat, present=flags)["probabilities"] * np.exp(logs)
        answer: Array = fused / fused.sum(axis=1, keepdims=True)
        return answer
