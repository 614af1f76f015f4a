"""Hybrid fusion: an early and a late one share the decision (`methods.md` F4).

Where it fuses: twice; one path sees all features at once, the other lets each modality decide.

    features of all modalities -> one joint net -> probabilities ----------------.
    tokens of each modality -> its own head -> mean of opinions -> probabilities -> weighted by two
    learned shares -> logarithm

Sources: Atrey et al., "Multimodal fusion for multimedia analysis: a survey", Multimedia Systems 16,
2010, section 3.1, which names the strategy. No number belongs to it alone.

What differs here: the two paths are F1 and F2 as they stand; their shares are a softmax that is
trained with them.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from insula.methods import answers
from insula.methods.batch import Batch, ModelOutput
from insula.methods.description import Method
from insula.methods.early.concatenation import Concatenation
from insula.methods.late.opinions import Opinions

METHOD = Method(
    name="early-and-late",
    id="F4",
    title="Hybrid of early and late fusion",
    stage="hybrid",
    mechanism="score averaging",
    modalities=("any",),
    tasks=("classes", "labels", "axes"),
    source="Atrey et al., Multimodal fusion for multimedia analysis, Multimedia Systems 2010",
    code="insula.methods.hybrid.early_and_late:EarlyAndLate",
)


class EarlyAndLate(nn.Module):
    """The logarithm of what both paths make of it together.

    widths: modality -> D. outputs: C. hidden: H, of both paths.
    """

    def __init__(
        self, widths: Mapping[str, int], outputs: int, *, hidden: int = 64, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.early = Concatenation(widths, outputs, hidden=hidden, dropout=dropout)
        self.late = Opinions(widths, outputs, weighting="mean", hidden=hidden, dropout=dropout)
        self.preference = nn.Parameter(torch.zeros(2))

    def forward(self, batch: Batch) -> ModelOutput:
        """Logits [B, C]; weights "path" [B, 2] of early and late, "modality" [B, M] of the late."""
        late = self.late(batch)
        said = torch.stack([self.early(batch).values, late.values], dim=1)  # [B, 2, C]
        shares = self.preference.softmax(dim=0)
        mixed = torch.einsum("p,bpc->bc", shares, answers.finished(said, batch.kind))
        weights = {"path": shares.expand(len(said), 2), **late.weights}
        return ModelOutput(answers.unfinished(mixed, batch.kind), late.losses, late.aux, weights)
