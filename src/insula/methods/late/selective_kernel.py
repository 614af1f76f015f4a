"""Soft attention between kernel sizes, channel by channel (`methods.md` F16, system M8).

Where it fuses: late by the paper; each modality has finished a map over time of its own, the maps
are added, and a light fusion with the classifier follows. It mixes representations, not scores.

    tokens of each modality -> one grid of steps -> convolution: a map; the sum of all maps: U
    -> convolutions with kernels 1, 3, 5 -> their sum, averaged over time -> squeezed to a quarter
    -> a score a scale and channel -> softmax over scales: a
    -> sum of a x scale -> mean over time -> logits

Sources: the paper of the MFFNN, EEG and eye movements, four classes of SEED-IV: 87.32 % within
subject, gaze alone 64.4 %; Li et al., "Selective kernel networks", CVPR 2019, for the attention.

What differs here: any number of modalities; a grid of `steps` in place of strides chosen by hand
aligns sequences of any lengths that cover the same time; layer norm in place of batch norm, so that
a sample does not depend on its company. An absent modality's map is one learned vector throughout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from insula.methods.batch import Batch, ModelOutput
from insula.methods.description import Method, Published
from insula.methods.encoders import Encoders
from insula.methods.resampling import resampled

METHOD = Method(
    name="selective-kernel",
    id="F16",
    title="Multi-scale soft attention over channels",
    stage="late",
    mechanism="attention",
    modalities=("eeg", "gaze"),
    tasks=("classes", "labels", "axes"),
    source="MFFNN, EEG and eye movements (methods.md M8); Li et al., CVPR 2019",
    code="insula.methods.late.selective_kernel:SelectiveKernel",
    published=(Published("SEED-IV", "within subject, four classes", "accuracy", 87.32),),
)

SQUEEZE = 4  # channels to one number of the squeezed summary; 64 to 16


class SelectiveKernel(nn.Module):
    """Logits from the sum of all maps, seen through the kernels that suit each sample.

    widths: modality -> D. outputs: C. kernels: their widths in steps, odd. steps: of the common
    grid. hidden: H, the channels.
    """

    def __init__(
        self,
        widths: Mapping[str, int],
        outputs: int,
        *,
        kernels: Sequence[int] = (1, 3, 5),
        steps: int = 16,
        hidden: int = 64,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.steps = steps
        self.encoders = Encoders(widths, hidden, dropout=dropout)
        self.branches = nn.ModuleDict({name: same_length(hidden, 3) for name in widths})
        self.fuse = SelectedScales(hidden, kernels)
        self.decide = nn.Sequential(nn.Dropout(dropout), nn.Linear(hidden, outputs))

    def forward(self, batch: Batch) -> ModelOutput:
        """Logits [B, C]; weights "scale" [B, K, H], of the kernels in each channel."""
        maps = []
        for name, tokens in self.encoders(batch).items():
            there = tokens.valid.any(dim=1)[:, None, None]
            grid = self.encoders.filled(name, resampled(tokens, self.steps), there)  # [B, S, H]
            maps.append(self.branches[name](grid.transpose(1, 2)))  # [B, H, S]
        selected, weights = self.fuse(torch.stack(maps).sum(dim=0))
        return ModelOutput(self.decide(selected.mean(dim=2)), weights={"scale": weights})


class SelectedScales(nn.Module):
    """A selective-kernel unit over time."""

    def __init__(self, hidden: int, kernels: Sequence[int]) -> None:
        super().__init__()
        squeezed = max(hidden // SQUEEZE, 1)
        self.scales = nn.ModuleList(same_length(hidden, kernel) for kernel in kernels)
        self.squeeze = nn.Sequential(nn.Linear(hidden, squeezed), nn.LayerNorm(squeezed), nn.ReLU())
        self.excite = nn.ModuleList(nn.Linear(squeezed, hidden) for _ in kernels)

    def forward(self, united: Tensor) -> tuple[Tensor, Tensor]:
        """united: [B, H, S]. Returns the selected map, [B, H, S], and weights [B, K, H]."""
        seen = torch.stack([scale(united) for scale in self.scales], dim=1)  # [B, K, H, S]
        summary = self.squeeze(seen.sum(dim=1).mean(dim=2))  # [B, squeezed]
        scores = torch.stack([excite(summary) for excite in self.excite], dim=1)
        weights = scores.softmax(dim=1)  # [B, K, H]
        return torch.einsum("bkh,bkhs->bhs", weights, seen), weights


def same_length(channels: int, kernel: int) -> nn.Sequential:
    """A convolution over time that keeps the number of steps, and a rectifier."""
    return nn.Sequential(nn.Conv1d(channels, channels, kernel, padding=kernel // 2), nn.ReLU())
