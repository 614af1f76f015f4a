"""Early fusion: the features of all modalities as one long vector (`methods.md` F1).

Where it fuses: early; nothing has looked at a modality alone when the decision is prepared.

    features of each modality -> mean over its valid steps -> one vector, [B, D1 + D2 + ...]
    -> hidden layers -> logits

Sources: the baseline of every survey, such as Baltrusaitis et al., "Multimodal machine learning: a
survey and taxonomy", TPAMI 2019, section 6.1. No number belongs to it alone.

What differs here: sequences are averaged first, since modalities differ in their number of steps;
a missing modality is zeros and a flag that says so, so that zeros that were measured stay apart.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from insula.methods.batch import Batch, ModelOutput
from insula.methods.description import Method

METHOD = Method(
    name="concatenation",
    id="F1",
    title="Early fusion by concatenation",
    stage="early",
    mechanism="concatenation",
    modalities=("any",),
    tasks=("classes", "labels", "axes"),
    source="Baltrusaitis et al., Multimodal machine learning: a survey and taxonomy, TPAMI 2019",
    code="insula.methods.early.concatenation:Concatenation",
)


class Concatenation(nn.Module):
    """Logits from all features at once.

    widths: modality -> D. outputs: C. hidden: width of the two hidden layers.
    """

    def __init__(
        self, widths: Mapping[str, int], outputs: int, *, hidden: int = 64, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.widths = dict(widths)
        self.joint = nn.Sequential(
            nn.Linear(sum(widths.values()) + len(widths), hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, outputs),
        )

    def forward(self, batch: Batch) -> ModelOutput:
        """Logits [B, C]."""
        means = [mean_over_steps(batch, name) for name in self.widths]  # M of [B, D]
        return ModelOutput(self.joint(torch.cat([*means, batch.present.float()], dim=1)))


def mean_over_steps(batch: Batch, modality: str) -> Tensor:
    """The mean of the valid steps, [B, D]; zeros where there are none."""
    valid = batch.masks[modality]
    total = batch.features[modality].where(valid.unsqueeze(2), 0.0).sum(dim=1)
    return total / valid.sum(dim=1, keepdim=True).clamp(min=1)
