"""Recursive joint attention: each modality corrected by how it correlates with all (F18).

Entry F18 of `methods.md`. Where it fuses: mid; every modality is compared with the joint one, again
and again, before they are put side by side.

    steps X of each modality, all on one grid of N -> J: the modalities side by side, [N, M H]
    -> correlation C = tanh(W X' J / sqrt(M H)), where W mixes the N steps: [H, M H]
    -> attended relu(tanh(V X C)) -> linear, rectifier -> added to X; repeated with weights of
    their own -> mean over steps -> side by side -> logits

Sources: Praveen and Alam, "Recursive joint cross-modal attention for multimodal fusion in
dimensional emotion recognition", CVPR workshops 2024 (RJCMA, M17), and its code. Published on
Aff-Wild2, ABAW-6 test: CCC of valence 0.542, of arousal 0.619.

What differs here: samples have any number of steps, so they are brought to a grid of `window` steps
by their valid ones, which also aligns modalities of different rates; the released code holds for
300 frames only. V keeps the width. One answer a sample instead of one a frame, no temporal
convolution before, and no batch norm, since the encoders are those of every fusion here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from insula.methods.batch import Batch, ModelOutput
from insula.methods.description import Method, Published
from insula.methods.encoders import Encoders
from insula.methods.resampling import resampled

METHOD = Method(
    name="recursive-joint",
    id="F18",
    title="Recursive joint cross-modal attention",
    stage="mid",
    mechanism="attention",
    modalities=("any",),
    tasks=("classes", "labels", "axes"),
    source="Praveen and Alam, Recursive joint cross-modal attention, CVPR workshops 2024",
    code="insula.methods.mid.recursive_joint:RecursiveJointAttention",
    published=(
        Published("Aff-Wild2", "ABAW-6 test set; system M17", "CCC of valence", 0.542),
        Published("Aff-Wild2", "ABAW-6 test set; system M17", "CCC of arousal", 0.619),
    ),
)


class RecursiveJointAttention(nn.Module):
    """Logits from modalities that the joint one has corrected.

    widths: modality -> D. outputs: C. rounds: how often; 0 is plain concatenation. window: N, steps
    of the grid. hidden: H.
    """

    def __init__(
        self,
        widths: Mapping[str, int],
        outputs: int,
        *,
        rounds: int = 2,
        window: int = 8,
        hidden: int = 64,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.window = window
        self.encoders = Encoders(widths, hidden, dropout=dropout)
        self.rounds = nn.ModuleList(
            nn.ModuleDict(
                {
                    name: JointCorrelation(hidden, len(widths) * hidden, window, dropout)
                    for name in widths
                }
            )
            for _ in range(rounds)
        )
        self.joint = nn.Sequential(
            nn.Linear(len(widths) * hidden, hidden), nn.LeakyReLU(), nn.Linear(hidden, outputs)
        )

    def forward(self, batch: Batch) -> ModelOutput:
        """Logits [B, C]; weights: C of each modality in the last round, [B, H, M H]."""
        steps, weights = self.on_grid(batch), {}
        for attend in self.rounds:
            joint = torch.cat(list(steps.values()), dim=2)  # [B, N, M H]
            for name, values in steps.items():
                steps[name], weights[name] = attend[name](values, joint)
        fused = torch.cat([values.mean(dim=1) for values in steps.values()], dim=1)
        return ModelOutput(self.joint(fused), weights=weights)

    def on_grid(self, batch: Batch) -> dict[str, Tensor]:
        """The tokens of each modality on N steps, [B, N, H], or N times what stands for it."""
        return {
            name: self.encoders.filled(
                name, resampled(tokens, self.window), tokens.valid.any(dim=1)[:, None, None]
            )
            for name, tokens in self.encoders(batch).items()
        }


class JointCorrelation(nn.Module):
    """One round for one modality."""

    def __init__(self, hidden: int, joint: int, window: int, dropout: float) -> None:
        super().__init__()
        self.over_steps = nn.Linear(window, window, bias=False)
        self.values = nn.Linear(hidden, hidden, bias=False)
        self.back = nn.Sequential(nn.Linear(joint, hidden), nn.ReLU(), nn.Dropout(dropout))

    def forward(self, values: Tensor, joint: Tensor) -> tuple[Tensor, Tensor]:
        """values: [B, N, H]; joint: [B, N, M H]. Returns the corrected values and C."""
        mixed = self.over_steps(values.transpose(1, 2))  # [B, H, N]
        correlation = torch.tanh(mixed @ joint / math.sqrt(joint.shape[2]))  # [B, H, M H]
        attended = torch.relu(torch.tanh(self.values(values) @ correlation))  # [B, N, M H]
        return values + self.back(attended), correlation
