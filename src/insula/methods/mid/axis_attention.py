"""Attention over modalities, moments or places (`methods.md` F9).

Where it fuses: mid, between the encoders and the decision. Along the axis "modality" it weighs the
modalities against each other; along "time" the steps of each modality before these are put
together; "space" is the same for the places of a picture, which come as steps.

    tokens h -> tanh(W h) -> score by a learned question v -> softmax over what is there: a
    -> sum of a h -> linear -> logits

Sources: Bahdanau et al., "Neural machine translation by jointly learning to align and translate",
ICLR 2015, for the score; the three kinds after the surveys of the field. No number belongs to it
alone.

What differs here: one module for all three, told apart by `axis`; what is missing or padded gets
the weight zero, exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from insula.methods.batch import Batch, ModelOutput
from insula.methods.description import Method
from insula.methods.encoders import Encoders
from insula.methods.mid.attention import masked_softmax

METHOD = Method(
    name="axis-attention",
    id="F9",
    title="Attention over modalities, time or space",
    stage="mid",
    mechanism="attention",
    modalities=("any",),
    tasks=("classes", "labels", "axes"),
    source="Bahdanau et al., Neural machine translation by jointly learning to align, ICLR 2015",
    code="insula.methods.mid.axis_attention:AxisAttention",
)


class AxisAttention(nn.Module):
    """Logits from tokens weighed along one axis.

    widths: modality -> D. outputs: C. axis: what is weighed; see above. hidden: H.
    """

    def __init__(
        self,
        widths: Mapping[str, int],
        outputs: int,
        *,
        axis: Literal["modality", "time", "space"] = "modality",
        hidden: int = 64,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.axis = axis
        across = axis == "modality"
        self.encoders = Encoders(widths, hidden, dropout=dropout, stand_in=not across)
        self.weigh = AdditiveAttention(hidden)
        fused = hidden if across else hidden * len(widths)
        self.joint = nn.Sequential(nn.Linear(fused, hidden), nn.ReLU(), nn.Linear(hidden, outputs))

    def forward(self, batch: Batch) -> ModelOutput:
        """Logits [B, C]; weights "modality" [B, M], or of each modality [B, T]."""
        if self.axis == "modality":
            fused, weights = self.weigh(self.encoders.vectors(batch), batch.present)
            return ModelOutput(self.joint(fused), weights={"modality": weights})
        pooled, found = [], {}
        for name, (values, valid) in self.encoders(batch).items():
            summary, found[name] = self.weigh(values, valid)  # [B, H], [B, T]
            pooled.append(self.encoders.filled(name, summary, valid.any(dim=1, keepdim=True)))
        return ModelOutput(self.joint(torch.cat(pooled, dim=1)), weights=found)


class AdditiveAttention(nn.Module):
    """A learned question put to every token: a = softmax(v tanh(W h)), z = sum of a h."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.inner = nn.Linear(hidden, hidden)
        self.question = nn.Linear(hidden, 1, bias=False)

    def forward(self, tokens: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """tokens: [B, N, H]; valid: [B, N] bool. Returns [B, H] and weights [B, N], 0 if invalid.

        Where nothing is valid, zeros.
        """
        scores = self.question(torch.tanh(self.inner(tokens))).squeeze(2)  # [B, N]
        weights = masked_softmax(scores, valid)
        return torch.einsum("bn,bnh->bh", weights, tokens), weights
