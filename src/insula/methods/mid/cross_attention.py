"""Cross-attention: the steps of each modality ask the steps of each other one (`methods.md` F10).

Where it fuses: mid, between the encoders and the decision.

    for each ordered pair: every step of the one asks, the steps of the other answer
    -> step + what it found -> mean over the steps of the one that asked
    all pairs side by side -> linear -> logits

Sources: Tsai et al., "Multimodal transformer for unaligned multimodal language sequences", ACL
2019, for the pairs; Krishna and Patil, Interspeech 2020 (M7), for the plain form: audio asks words
and words ask audio. Published for M7: accuracy 72.8 on IEMOCAP with four classes, fold not stated.

What differs here: any number of modalities, one layer a pair, means alone where M7 takes standard
deviations too; a single modality asks itself. The two need not have equally many steps. One that is
missing answers nothing, and where it should ask a learned vector stands for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations

import torch
from torch import nn

from insula.methods.batch import Batch, ModelOutput
from insula.methods.description import Method, Published
from insula.methods.encoders import Encoders, Tokens
from insula.methods.mid.attention import Attention

METHOD = Method(
    name="cross-attention",
    id="F10",
    title="Cross-attention between all pairs",
    stage="mid",
    mechanism="cross-attention",
    modalities=("any",),
    tasks=("classes", "labels", "axes"),
    source="Tsai et al., Multimodal transformer for unaligned language sequences, ACL 2019",
    code="insula.methods.mid.cross_attention:CrossAttention",
    published=(
        Published("IEMOCAP", "four classes, as quoted in a survey; system M7", "accuracy", 72.8),
    ),
)


class CrossAttention(nn.Module):
    """Logits from what every modality finds in every other.

    widths: modality -> D. outputs: C. heads: of each attention, must divide hidden. hidden: H.
    """

    def __init__(
        self,
        widths: Mapping[str, int],
        outputs: int,
        *,
        heads: int = 4,
        hidden: int = 64,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.encoders = Encoders(widths, hidden, dropout=dropout)
        self.pairs = list(permutations(widths, 2)) or [(name, name) for name in widths]
        self.attend = nn.ModuleList(
            Attention(hidden, heads=heads, dropout=dropout) for _ in self.pairs
        )
        self.joint = nn.Sequential(
            nn.Linear(len(self.pairs) * hidden, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, outputs),
        )

    def forward(self, batch: Batch) -> ModelOutput:
        """Logits [B, C]; weights of x asking y, "x|y" [B, heads, T of x, T of y]."""
        tokens, means, weights = self.encoders(batch), [], {}
        for (asking, answering), attend in zip(self.pairs, self.attend, strict=True):
            values, valid = tokens[asking]
            found, weights[f"{asking}|{answering}"] = attend(values, *tokens[answering])
            together = Tokens((values + found).where(valid.unsqueeze(2), 0.0), valid)
            means.append(self.encoders.summed_up({asking: together}).squeeze(1))  # [B, H]
        return ModelOutput(self.joint(torch.cat(means, dim=1)), weights=weights)
