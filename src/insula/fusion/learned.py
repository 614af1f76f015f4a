"""Fusions that were trained: the robust pool that ships, and any net of the laboratory.

Both read the channels' opinions and how well each saw or heard, cell by cell. Channels that they
were not trained with join by the product rule. A channel's weight is how far the answer moves when
it is left out (total variation).

Shapes: `M` channels, `K` channels the weights know, `T` grid cells, `C` labels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from insula.core.records import Estimate, Observation
from insula.core.roles import Fusion
from insula.core.track import Array
from insula.fusion.evidence import LEAST_PROBABILITY, Evidence, as_features, conclude, gather
from insula.zoo.session import Model


class Learned(Fusion):
    """A fusion whose weights training wrote. Write `_known`."""

    def __init__(self, model: str) -> None:
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
        fused = self._known(model, scores, trusts) * np.exp(logs)
        answer: Array = fused / fused.sum(axis=1, keepdims=True)
        return answer

    def _known(self, model: Model, scores: Array, trust: Array) -> Array:
        """What the weights say of their channels: (T, C).

        scores: (T, K, C), trust: (T, K), both 0 where a channel is silent.
        """
        raise NotImplementedError


class RobustPool(Learned):
    """Adds up what the channels say, each with a learned and measured doubt.

    model: a weight name, or a folder that training wrote. It reads distributions and qualities
    only, so a channel may run other weights that are about as good.
    """

    name = "pool"

    def __init__(self, model: str = "fusion-pool") -> None:
        super().__init__(model)

    def _known(self, model: Model, scores: Array, trust: Array) -> Array:
        return model.run(scores=scores, trust=trust)["probabilities"]


class FromLaboratory(Learned):
    """A net of the laboratory that learnt from opinions of channels.

    model: the folder that training wrote (corpus "paired" of `insula train`), or a weight name.
    """

    name = "laboratory"

    def _known(self, model: Model, scores: Array, trust: Array) -> Array:
        feed = {}
        for column, channel in enumerate(model.card.channels):
            there = trust[:, column] > 0
            features = as_features(scores[:, column], trust[:, column])
            feed[channel] = np.where(there[:, None], features, 0)[:, None]  # one step, [T, 1, C+1]
            feed[f"{channel}_valid"] = there[:, None]
        return model.run(**feed)["probabilities"]
