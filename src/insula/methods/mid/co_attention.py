"""Co-attention: two modalities, each attended in the light of the other (`methods.md` F10).

Where it fuses: mid, between the encoders and the decision. One class for both orders:

    parallel     affinity C = tanh(X W Y') of every step with every step
                 -> tanh(W x + (W y) C') scores the steps of x, tanh(W y + (W x) C) those of y, at
                 once
    alternating  x alone -> its summary scores the steps of y -> their summary scores those of x
    then         softmax over valid steps -> weighted sums of both -> linear -> logits

Sources: Lu et al., "Hierarchical question-image co-attention for visual question answering",
NeurIPS 2016. No number on emotions belongs to it alone.

What differs here: it is bimodal by nature, so every pair of modalities has one of its own, and the
decision sees the sums of all; a single modality is paired with itself. Padded or missing steps get
the weight zero; a missing modality is a learned vector.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Literal

import torch
from torch import Tensor, nn

from insula.methods.batch import Batch, ModelOutput
from insula.methods.description import Method
from insula.methods.encoders import Encoders, Tokens
from insula.methods.mid.attention import masked_softmax

METHOD = Method(
    name="co-attention",
    id="F10",
    title="Parallel and alternating co-attention",
    stage="mid",
    mechanism="co-attention",
    modalities=("any",),
    tasks=("classes", "labels", "axes"),
    source="Lu et al., Hierarchical question-image co-attention, NeurIPS 2016",
    code="insula.methods.mid.co_attention:CoAttention",
)


class CoAttention(nn.Module):
    """Logits from the attended steps of every pair of modalities.

    widths: modality -> D. outputs: C. order: see above; the first modality of a pair begins.
    hidden: H.
    """

    def __init__(
        self,
        widths: Mapping[str, int],
        outputs: int,
        *,
        order: Literal["parallel", "alternating"] = "parallel",
        hidden: int = 64,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.encoders = Encoders(widths, hidden, dropout=dropout)
        self.pairs = list(combinations(widths, 2)) or [(name, name) for name in widths]
        kind = {"parallel": ParallelPair, "alternating": AlternatingPair}[order]
        self.attend = nn.ModuleList(kind(hidden) for _ in self.pairs)
        self.joint = nn.Sequential(
            nn.Linear(2 * len(self.pairs) * hidden, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, outputs),
        )

    def forward(self, batch: Batch) -> ModelOutput:
        """Logits [B, C]; weights of x beside y, "x|y" [B, T], and "y|x"."""
        tokens, sums, weights = self.encoders(batch), [], {}
        for (x, y), attend in zip(self.pairs, self.attend, strict=True):
            shares = attend(tokens[x], tokens[y])
            for name, beside, share in zip((x, y), (y, x), shares, strict=True):
                values, valid = tokens[name]
                total = torch.einsum("bt,bth->bh", share, values)
                there = valid.any(dim=1, keepdim=True)
                sums.append(self.encoders.filled(name, total, there))
                weights[f"{name}|{beside}"] = share
        return ModelOutput(self.joint(torch.cat(sums, dim=1)), weights=weights)


class ParallelPair(nn.Module):
    """The shares of the steps of both, found at once."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        # No biases: a padded step is zeros and must stay so on its way to the other modality.
        self.affinity = nn.Linear(hidden, hidden, bias=False)
        self.first = nn.Linear(hidden, hidden, bias=False)
        self.second = nn.Linear(hidden, hidden, bias=False)
        self.score_first = nn.Linear(hidden, 1, bias=False)
        self.score_second = nn.Linear(hidden, 1, bias=False)

    def forward(self, first: Tokens, second: Tokens) -> tuple[Tensor, Tensor]:
        """Shares [B, T] of the first and of the second, each adding up to 1 over valid steps."""
        affinity = torch.tanh(
            torch.einsum("bnh,bth->bnt", self.affinity(first.values), second.values)
        )
        one, two = self.first(first.values), self.second(second.values)
        beside_one = torch.tanh(one + torch.einsum("bnt,bth->bnh", affinity, two))
        beside_two = torch.tanh(two + torch.einsum("bnt,bnh->bth", affinity, one))
        return (
            masked_softmax(self.score_first(beside_one).squeeze(2), first.valid),
            masked_softmax(self.score_second(beside_two).squeeze(2), second.valid),
        )


class AlternatingPair(nn.Module):
    """The first alone, the second guided by what was found, the first again guided by that."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.steps = nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(3))
        self.guides = nn.ModuleList(nn.Linear(hidden, hidden, bias=False) for _ in range(2))
        self.scores = nn.ModuleList(nn.Linear(hidden, 1, bias=False) for _ in range(3))

    def forward(self, first: Tokens, second: Tokens) -> tuple[Tensor, Tensor]:
        """As ParallelPair."""
        guidance = torch.zeros_like(first.values[:, 0])  # [B, H]; at first there is none
        shares = []
        for turn, (values, valid) in enumerate((first, second, first)):
            inner = self.steps[turn](values) + guidance.unsqueeze(1)
            share = masked_softmax(self.scores[turn](torch.tanh(inner)).squeeze(2), valid)
            if turn < len(self.guides):
                guidance = self.guides[turn](torch.einsum("bt,bth->bh", share, values))
            shares.append(share)
        return shares[2], shares[1]
