"""What the words nets are taught by: one loss a kind of label, each summed over its sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from insula.core.space import EKMAN7, GOEMOTIONS, PLUTCHIK8, bridge
from insula.learn.task import Batch

SMALLEST = 1e-7  # probability, so that its logarithm is finite

Said: TypeAlias = Mapping[str, Tensor]
"""What a net says of a batch: logits a head, and what else it gives."""


@dataclass(frozen=True)
class LabelShares:
    """Of the section [loss]: how much each kind of label teaches."""

    goemotions: float
    ekman7: float
    """The same 28 probabilities, summed by Ekman's groups."""
    plutchik8: float
    plutchik_as_ekman: float
    vad: float
    """Of squared errors in units of each axis's variance."""

    def loss(self, said: Said, batch: Batch, spread: Tensor) -> Tensor:
        """The sum over a batch. spread: variance of each axis."""
        return (
            self.goemotions * fine_loss(said, batch)
            + self.ekman7 * group_loss(said, batch)
            + self.plutchik8 * plutchik_loss(said, batch)
            + self.plutchik_as_ekman * shared_emotions_loss(said, batch)
            + self.vad * vad_loss(said, batch, spread)
        )


GROUPS = torch.tensor(bridge(GOEMOTIONS, EKMAN7).matrix, dtype=torch.float32)  # [28, 7]
# Columns of plutchik8 whose emotion ekman7 has too, and the columns there.
_SHARED = np.argwhere(bridge(PLUTCHIK8, EKMAN7).matrix > 0)
PLUTCHIK_SHARED, EKMAN_SHARED = _SHARED[:, 0].tolist(), _SHARED[:, 1].tolist()


def fine_loss(said: Said, batch: Batch) -> Tensor:
    """Cross-entropy of the 28 labels, shared evenly among those that apply."""
    chances = functional.log_softmax(said["goemotions"], dim=1)
    return -(_evenly(batch["goemotions"]) * chances).sum()


def group_loss(said: Said, batch: Batch) -> Tensor:
    """The same of Ekman's seven."""
    return -(_evenly(batch["ekman7"]) * _ekman_logarithms(said)).sum()


def plutchik_loss(said: Said, batch: Batch) -> Tensor:
    """Binary cross-entropy of the lines of XED, summed over labels too."""
    known = batch["knows_plutchik8"]
    return functional.binary_cross_entropy_with_logits(
        said["plutchik8"][known], batch["plutchik8"][known], reduction="sum"
    )


def shared_emotions_loss(said: Said, batch: Batch) -> Tensor:
    """Cross-entropy of the lines of XED among the six emotions that Plutchik and Ekman share."""
    among_six = _ekman_logarithms(said)[:, EKMAN_SHARED].log_softmax(dim=1)
    return -(_evenly(batch["plutchik8"][:, PLUTCHIK_SHARED]) * among_six).sum()


def vad_loss(said: Said, batch: Batch, spread: Tensor) -> Tensor:
    """Squared error of valence, arousal and dominance, by each axis's variance, (3,)."""
    known = batch["knows_vad"]
    errors = (said["vad"][known] - batch["vad"][known]).square()
    return (errors / spread.to(errors)).sum()


def embedding_loss(said: Said, batch: Batch) -> Tensor:
    """One minus the cosine with the embedding asked for, where it was asked."""
    asked = batch["asked"]
    return (1 - (said["embedding"][asked] * batch["original"][asked]).sum(dim=1)).sum()


def teacher_loss(said: Said, batch: Batch) -> Tensor:
    """Divergence of the 28 probabilities from a teacher's, where it was asked."""
    asked = batch["asked"]
    chances = functional.log_softmax(said["goemotions"][asked], dim=1)
    return functional.kl_div(chances, batch["teacher"][asked], reduction="sum")


def _evenly(labels: Tensor) -> Tensor:
    """Rows that sum to one, spread over their labels; rows without a label stay zero."""
    return labels / labels.sum(dim=1, keepdim=True).clamp(min=1)


def _ekman_logarithms(said: Said) -> Tensor:
    """Logarithms of Ekman's seven probabilities, (B, 7)."""
    chances = functional.softmax(said["goemotions"], dim=1)
    return (chances @ GROUPS.to(chances) + SMALLEST).log()
