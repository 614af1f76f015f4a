"""The sounds nets as they ship: one graph, every net beside their mean.

The widest weights, statistics by hidden layer, are kept as signed bytes with a scale a row, a
quarter of their size in float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from insula.learn.export import export_onnx
from insula.learn.words_export import rounded
from insula.methods.unimodal.sound_texture import FARTHEST, SoundJudge


class ShippedSounds(nn.Module):
    """Calibrated probabilities: the mean of the nets, [N, C], and what each says, [N, K, C].

    sureness: for each net, scale and shift of every logit, (2, C).
    """

    def __init__(
        self, statistics: nn.Module, nets: Sequence[SoundJudge], sureness: Sequence[np.ndarray]
    ) -> None:
        super().__init__()
        self.statistics = statistics
        self.nets = nn.ModuleList(_Bytes(net) for net in nets)
        self.register_buffer("sureness", torch.from_numpy(np.stack(sureness)))  # [K, 2, C]

    def forward(self, log_mel: Tensor) -> tuple[Tensor, Tensor]:
        """log_mel: [N, T, 64]."""
        statistics = self.statistics(log_mel)
        logits = torch.stack([net(statistics) for net in self.nets], dim=1)
        each = torch.sigmoid(logits * self.sureness[:, 0] + self.sureness[:, 1])
        return each.mean(dim=1), each


class _Bytes(nn.Module):
    """A judge whose hidden layer is kept as bytes."""

    def __init__(self, judge: SoundJudge) -> None:
        super().__init__()
        self.standardise, self.norm, self.head = judge.standardise, judge.norm, judge.head
        codes, scales = rounded(judge.hidden.weight.detach())
        self.register_buffer("codes", codes)
        self.register_buffer("scales", scales)
        self.register_buffer("bias", judge.hidden.bias.detach())

    def forward(self, statistics: Tensor) -> Tensor:
        usual = self.standardise(statistics).clamp(-FARTHEST, FARTHEST)
        hidden = (usual @ self.codes.float().T) * self.scales + self.bias
        return self.head(functional.relu(self.norm(hidden)))


def export_sounds(
    statistics: nn.Module,
    nets: Sequence[nn.Module],
    sureness: Sequence[np.ndarray],
    example: Tensor,
    path: Path,
) -> None:
    """Write the graph to `path`. example: [2, T, 64]."""
    export_onnx(
        ShippedSounds(statistics, nets, sureness),
        {"log_mel": example},
        ("probabilities", "fold_probabilities"),
        path,
        dynamic={"log_mel": {0: "N", 1: "T"}},
    )
