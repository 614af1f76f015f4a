"""Low-rank tensor fusion: the tensor of all products, never built (`methods.md` F12).

Where it fuses: mid, between the encoders and the decision.

    one vector z a modality -> [1; z] -> `rank` linear maps to the outputs
    -> product over the modalities -> weighted sum over the ranks + bias -> logits

Sources: Liu et al., "Efficient low-rank multimodal fusion with modality-specific factors", ACL
2018, and its code. Our specification has no number that belongs to it alone.

What differs here: nothing of the product; it equals a linear map of tensor fusion's product whose
weights are `materialised()`, at a cost that grows with M instead of as a power of it. A missing
modality is zeros, so that only its factors of the constant 1 remain.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from insula.methods.batch import Batch, ModelOutput
from insula.methods.description import Method
from insula.methods.encoders import Encoders

METHOD = Method(
    name="low-rank-fusion",
    id="F12",
    title="Low-rank tensor fusion (LMF)",
    stage="mid",
    mechanism="tensor",
    modalities=("any",),
    tasks=("classes", "labels", "axes"),
    source="Liu et al., Efficient low-rank multimodal fusion, ACL 2018",
    code="insula.methods.mid.low_rank:LowRankFusion",
)


class LowRankFusion(nn.Module):
    """Logits from a product of linear maps, one of each modality.

    widths: modality -> D. outputs: C. rank: how many such products are summed. hidden: H.
    """

    def __init__(
        self,
        widths: Mapping[str, int],
        outputs: int,
        *,
        rank: int = 4,
        hidden: int = 64,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.encoders = Encoders(widths, hidden, dropout=dropout, stand_in=False)
        self.product = LowRankProduct(dict.fromkeys(widths, hidden), outputs, rank)

    def forward(self, batch: Batch) -> ModelOutput:
        """Logits [B, C]."""
        return ModelOutput(self.product(self.encoders.vectors(batch)))


class LowRankProduct(nn.Module):
    """sum over r of w_r * product over m of (factor[m, r] [1; z_m]), plus a bias.

    widths: modality -> D of its vector.
    """

    def __init__(self, widths: Mapping[str, int], outputs: int, rank: int) -> None:
        super().__init__()
        self.factors = nn.ParameterDict(
            {
                # Each map gives values of about 1, so that a product of several does too.
                name: nn.Parameter(torch.randn(rank, width + 1, outputs) / (width + 1) ** 0.5)
                for name, width in widths.items()
            }
        )
        self.weights = nn.Parameter(torch.randn(rank) / rank**0.5)
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, vectors: Tensor) -> Tensor:
        """vectors: [B, M, D]. Returns [B, C]."""
        extended = functional.pad(vectors, (1, 0), value=1.0)  # [1; z] of each
        mapped = [
            torch.einsum("bd,rdc->brc", extended[:, column], factor)
            for column, factor in enumerate(self.factors.values())
        ]
        product = torch.stack(mapped).prod(dim=0)  # [B, rank, C]
        return torch.einsum("r,brc->bc", self.weights, product) + self.bias

    def materialised(self) -> Tensor:
        """The weights of the same map on the flat outer product: [(D1 + 1) (D2 + 1) ..., C]."""
        first, *others = self.factors.values()
        whole = self.weights[:, None, None] * first
        for factor in others:
            whole = (whole.unsqueeze(2) * factor.unsqueeze(1)).flatten(1, 2)
        return whole.sum(dim=0)
