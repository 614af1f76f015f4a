"""Attention over the frames of a clip: which of them say something (`methods.md` P2).

Paper: Meng, Peng, Wang and Qiao, "Frame attention networks for facial expression recognition in
videos", ICIP 2019 (FAN).

Where it fuses: over time, within one channel; it follows a frame model and precedes any fusion.

    level 1   each frame against a learned question   a_t = g(x_t q0)        c = sum a_t x_t
    level 2   each frame beside that summary          b_t = g([x_t, c] q1)
              sum a_t b_t [x_t, c] / sum a_t b_t  -> linear -> logits

`single` stops after level 1; `self` lets every frame look at every other (four heads of scaled
dot-product attention, one layer) and takes their mean.

What differs here: the lecture has a softmax over the frames in the place of the paper's sigmoid
divided by its sum; `weighing` offers both, and the paper's is the default. Their frame network is
not part of this file: frames come as features of any channel. In training the paper draws three
frames a video, one from each third; that is a matter of whoever makes the batches.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

Level: TypeAlias = Literal["single", "relation", "self"]
Weighing: TypeAlias = Literal["sigmoid", "softmax"]

HEADS = 4  # of the level `self`
DROP_SINGLE, DROP_RELATION = 0.5, 0.6  # the paper's dropout before the question of each level


class FrameAttention(nn.Module):
    """Logits from frames weighted by what they say.

    features: D, values a frame; a multiple of four for `self`. outputs: C. level: how far the
    attention goes. weighing: how scores become weights.
    """

    def __init__(
        self,
        *,
        features: int,
        outputs: int,
        level: Level = "relation",
        weighing: Weighing = "sigmoid",
    ) -> None:
        super().__init__()
        self.level, self.weighing = level, weighing
        self.question = nn.Linear(features, 1) if level != "self" else None
        self.relation = nn.Linear(2 * features, 1) if level == "relation" else None
        self.mutual = (
            nn.MultiheadAttention(features, HEADS, batch_first=True) if level == "self" else None
        )
        self.drop_single, self.drop_relation = nn.Dropout(DROP_SINGLE), nn.Dropout(DROP_RELATION)
        self.head = nn.Linear(2 * features if level == "relation" else features, outputs)

    def forward(self, frames: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """frames: [B, T, D]; valid: [B, T] bool. Returns logits [B, C] and weights [B, T]."""
        pooled, weights = self.pool(frames, valid)
        return self.head(pooled), weights

    def pool(self, frames: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """The clip as one vector, [B, D] or for `relation` [B, 2 D], and weights [B, T].

        Weights sum to one over the valid frames; without any both are zeros.
        """
        frames = frames.where(valid.unsqueeze(2), 0.0)
        if self.question is None:
            frames = self._mutual(frames, valid)
            weights = normalise(torch.ones_like(frames[:, :, 0]), valid)
            return torch.einsum("bt,btd->bd", weights, frames), weights
        scores = self.question(self.drop_single(frames)).squeeze(2)  # [B, T]
        weights = weigh(scores, valid, self.weighing)
        summary = torch.einsum("bt,btd->bd", weights, frames)
        if self.relation is None:
            return summary, weights
        beside = torch.cat([frames, summary.unsqueeze(1).expand_as(frames)], dim=2)  # [B, T, 2 D]
        scores = self.relation(self.drop_relation(beside)).squeeze(2)
        weights = normalise(weights * weigh(scores, valid, self.weighing), valid)
        return torch.einsum("bt,btd->bd", weights, beside), weights

    def _mutual(self, frames: Tensor, valid: Tensor) -> Tensor:
        """Frames that have looked at each other: [B, T, D]."""
        assert self.mutual is not None  # as there is no question
        hidden = ~valid & valid.any(dim=1, keepdim=True)  # hiding all of them would give NaN
        seen, _ = self.mutual(frames, frames, frames, key_padding_mask=hidden, need_weights=False)
        return seen


def weigh(scores: Tensor, valid: Tensor, weighing: Weighing) -> Tensor:
    """Weights [B, T] that sum to one over the valid frames, from scores [B, T]."""
    if weighing == "sigmoid":
        return normalise(scores.sigmoid(), valid)
    top = scores.where(valid, -torch.inf).amax(dim=1, keepdim=True)
    return normalise((scores - top.where(valid.any(dim=1, keepdim=True), 0.0)).exp(), valid)


def normalise(weights: Tensor, valid: Tensor) -> Tensor:
    """The valid weights divided by their sum, the others zero: [B, T]."""
    kept = weights.where(valid, 0.0)
    return kept / kept.sum(dim=1, keepdim=True).clamp(min=torch.finfo(kept.dtype).tiny)
