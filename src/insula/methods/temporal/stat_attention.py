"""Attention over frames that stand beside their neighbourhood's mean (`methods.md` P3).

Source: Savchenko's lecture on affective computing, 2024 (slides), which pools the descriptors of
faces so for the emotion of each frame and of a clip; no number is published for it apart.

Where it fuses: over time, within one channel; it follows a frame model and precedes any fusion.

    frames x_t -> mean of the frames around, m_t -> [x_t, m_t] -> score by a learned question
    -> softmax over frames, all of the clip or those around a moment -> weighted sum -> linear

What differs here: one module gives both, the answer for a clip and the answer a frame (`around`),
as the slide's formula allows; the mean is over the valid frames only, fewer at the ends.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from insula.methods.temporal.frame_attention import weigh


class StatAttention(nn.Module):
    """Logits from frames and their neighbourhoods, weighted by what they say.

    features: D, values a frame. outputs: C. reach: frames on either side in a neighbourhood.
    """

    def __init__(self, *, features: int, outputs: int, reach: int) -> None:
        super().__init__()
        self.reach = reach
        self.question = nn.Linear(2 * features, 1, bias=False)  # a constant would change no softmax
        self.head = nn.Linear(2 * features, outputs)

    def forward(self, frames: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """frames: [B, T, D]; valid: [B, T] bool. Returns logits [B, C] and weights [B, T]."""
        pooled, weights = self.pool(frames, valid)
        return self.head(pooled), weights

    def pool(self, frames: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """The clip as one vector, [B, 2 D], and the weights of its frames, [B, T]."""
        beside = self._beside(frames, valid)
        weights = weigh(self.question(beside).squeeze(2), valid, "softmax")
        return torch.einsum("bt,btd->bd", weights, beside), weights

    def around(self, frames: Tensor, valid: Tensor) -> Tensor:
        """Logits of every frame from its neighbourhood, [B, T, C]."""
        beside = self._beside(frames, valid)  # [B, T, 2 D]
        near = self._windows(beside)  # [B, T, 2 D, W]
        inside = self._windows(valid.unsqueeze(2)).squeeze(2)  # [B, T, W]
        scores = self._windows(self.question(beside)).squeeze(2)
        weights = weigh(scores.flatten(0, 1), inside.flatten(0, 1), "softmax")
        return self.head(torch.einsum("btw,btdw->btd", weights.view_as(scores), near))

    def _beside(self, frames: Tensor, valid: Tensor) -> Tensor:
        """[x, mean of the valid frames within reach]: [B, T, 2 D]; invalid frames are zeros."""
        kept = valid.unsqueeze(2)
        frames = frames.where(kept, 0.0)
        count = self._windows(kept).sum(dim=3).clamp(min=1)  # [B, T, 1]
        mean = self._windows(frames).sum(dim=3) / count
        return torch.cat([frames, mean.where(kept, 0.0)], dim=2)

    def _windows(self, values: Tensor) -> Tensor:
        """What lies around every frame, zeros past the ends: [B, T, D] -> [B, T, D, W]."""
        padded = functional.pad(values, (0, 0, self.reach, self.reach))
        return padded.unfold(1, 2 * self.reach + 1, 1)
