"""Fusion that was trained: the overall regression over channel scores (`methods.md` M22, F19)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from insula.core.records import Estimate, Observation
from insula.core.roles import Fusion
from insula.core.track import Array
from insula.fusion.evidence import conclude, gather
from insula.zoo.session import Model


class ScoreRegression(Fusion):
    """Softmax regression on the concatenated channel distributions and presence flags.

    model: a weight name, or a folder that training wrote. Channels that it was not trained on are
    ignored. A channel's weight is how far the answer moves when it is left out (total variation).
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
        model = Model.shared(self.model)
        known = model.card.channels
        heard = [each for each in observations if each.channel in known]
        evidence = gather(heard, np.asarray(times), self.space)
        scores = np.zeros((len(evidence.times), len(known), len(evidence.space)), np.float32)
        present = np.zeros((len(evidence.times), len(known)), np.float32)
        for row, name in enumerate(evidence.channels):
            column = known.index(name)
            present[:, column] = evidence.present[row]
            scores[:, column] = evidence.scores[row] * evidence.present[row][:, None]
        fused = self._run(model, scores, present)
        weights = np.zeros_like(evidence.trust)
        for row, name in enumerate(evidence.channels):
            without = present.copy()
            without[:, known.index(name)] = 0
            moved = np.abs(fused - self._run(model, scores, without)).sum(axis=1) / 2
            # A channel that is there but moves nothing still stands behind the answer.
            weights[row] = np.where(evidence.present[row], np.maximum(moved, 1e-3), 0)
        return conclude(evidence, fused, weights, self.name)

    @staticmethod
    def _run(model: Model, scores: Array, present: Array) -> Array:
        """(T, C) from scores (T, M, C) and flags (T, M)."""
        flat = (scores * present[..., None]).reshape(len(scores), -1)
        return model.run(scores=flat, present=present)["probabilities"]
