"""Tensor fusion: every product of one value of each modality (`methods.md` F12).

Where it fuses: mid, between the encoders and the decision.

    one vector z a modality -> [1; z] -> outer product over the modalities: with the ones it holds
    what each modality says alone, every product of two, and every product of all -> flat
    -> hidden layer -> logits

Sources: Zadeh et al., "Tensor fusion network for multimodal sentiment analysis", EMNLP 2017. Our
specification has no number that belongs to it alone.

What differs here: each vector is narrowed to `size` values, between -1 and 1, before the product,
since (H + 1)^M values of H = 64 are too many to learn from; a missing modality is zeros, and so
leaves exactly the products of the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from insula.methods.batch import Batch, ModelOutput
from insula.methods.description import Method
from insula.methods.encoders import Encoders

METHOD = Method(
    name="tensor-fusion",
    id="F12",
    title="Tensor fusion (TFN)",
    stage="mid",
    mechanism="tensor",
    modalities=("any",),
    tasks=("classes", "labels", "axes"),
    source="Zadeh et al., Tensor fusion network for multimodal sentiment analysis, EMNLP 2017",
    code="insula.methods.mid.tensor_fusion:TensorFusion",
)


class TensorFusion(nn.Module):
    """Logits from the outer product of all modalities.

    widths: modality -> D. outputs: C. size: values a modality in the product, which has
    (size + 1)^M of them. hidden: H.
    """

    def __init__(
        self,
        widths: Mapping[str, int],
        outputs: int,
        *,
        size: int = 16,
        hidden: int = 64,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.encoders = Encoders(widths, hidden, dropout=dropout, stand_in=False)
        self.narrow = nn.ModuleDict({name: nn.Linear(hidden, size) for name in widths})
        self.joint = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear((size + 1) ** len(widths), hidden),
            nn.ReLU(),
            nn.Linear(hidden, outputs),
        )

    def forward(self, batch: Batch) -> ModelOutput:
        """Logits [B, C]; aux "tensor" [B, (size + 1)^M], its first value always 1."""
        narrowed = []
        vectors = self.encoders.vectors(batch).unbind(dim=1)  # M of [B, H]
        for (name, narrow), vector in zip(self.narrow.items(), vectors, strict=True):
            there = batch.masks[name].any(dim=1, keepdim=True)
            narrowed.append(torch.tanh(narrow(vector)).where(there, 0.0))  # [B, size]
        tensor = outer_product(narrowed)
        return ModelOutput(self.joint(tensor), aux={"tensor": tensor})


def outer_product(vectors: Sequence[Tensor]) -> Tensor:
    """The outer product of [1; z] of each z, [B, D]: [B, (D1 + 1) (D2 + 1) ...], the last fastest.

    The ones keep the products of fewer modalities, down to each alone and to the constant 1.
    """
    product = vectors[0].new_ones(len(vectors[0]), 1)
    for vector in vectors:
        extended = functional.pad(vector, (1, 0), value=1.0)  # [1; z]
        product = (product.unsqueeze(2) * extended.unsqueeze(1)).flatten(start_dim=1)
    return product
