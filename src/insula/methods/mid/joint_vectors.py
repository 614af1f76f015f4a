"""Mid-level concatenation: an encoder a modality, a joint net on their vectors (`methods.md` F3).

Where it fuses: mid; each modality is first made into a representation of its own, and the net that
decides sees these side by side.

    tokens of each modality -> mean over its valid steps -> M vectors side by side, [B, M * H]
    -> hidden layer -> logits

Sources: Ngiam et al., "Multimodal deep learning", ICML 2011, where modalities first meet above a
layer of their own; since then the usual baseline. No number belongs to it alone.

What differs here: nothing is pretrained; a learned vector stands for what a sample lacks.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from insula.methods.batch import Batch, ModelOutput
from insula.methods.description import Method
from insula.methods.encoders import Encoders

METHOD = Method(
    name="joint-vectors",
    id="F3",
    title="Mid-level fusion by concatenation",
    stage="mid",
    mechanism="concatenation",
    modalities=("any",),
    tasks=("classes", "labels", "axes"),
    source="Ngiam et al., Multimodal deep learning, ICML 2011",
    code="insula.methods.mid.joint_vectors:JointVectors",
)


class JointVectors(nn.Module):
    """Logits from the vectors of all modalities.

    widths: modality -> D. outputs: C. hidden: H, also the width of the joint layer.
    """

    def __init__(
        self, widths: Mapping[str, int], outputs: int, *, hidden: int = 64, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.encoders = Encoders(widths, hidden, dropout=dropout)
        self.joint = nn.Sequential(
            nn.Linear(hidden * len(widths), hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, outputs),
        )

    def forward(self, batch: Batch) -> ModelOutput:
        """Logits [B, C]."""
        vectors = self.encoders.vectors(batch)  # [B, M, H]
        return ModelOutput(self.joint(vectors.flatten(start_dim=1)))
