"""Attention between tokens, any of which may be missing, and transformers made of it.

    scores of tokens -> softmax over the valid ones; where none is valid, zeros and not NaN

Sources: Vaswani et al., "Attention is all you need", NeurIPS 2017; the norm comes first in a layer
(Xiong et al., "On layer normalization in the transformer architecture", ICML 2020), which learns
without a warm-up.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from insula.methods.encoders import Tokens


def masked_softmax(scores: Tensor, valid: Tensor) -> Tensor:
    """Shares along the last axis, exactly 0 where not valid; all 0 where nothing is valid.

    valid: bool, of a shape that spreads over that of the scores.
    """
    least = torch.finfo(scores.dtype).min
    return scores.masked_fill(~valid, least).softmax(dim=-1).where(valid, 0.0)


def sinusoids(steps: int, hidden: int, *, like: Tensor) -> Tensor:
    """The code of each step's place, [steps, hidden], on the device of `like`."""
    place = torch.arange(steps, device=like.device, dtype=like.dtype).unsqueeze(1)
    rate = torch.arange(0, hidden, 2, device=like.device, dtype=like.dtype) / hidden
    angle = place * torch.exp(-math.log(10_000.0) * rate)  # [steps, hidden / 2]
    return torch.stack([angle.sin(), angle.cos()], dim=2).flatten(start_dim=1)[:, :hidden]


class Attention(nn.Module):
    """Tokens that ask, tokens that answer. heads: must divide hidden."""

    def __init__(self, hidden: int, *, heads: int = 4, dropout: float = 0.1) -> None:
        super().__init__()
        self.heads = heads
        self.asked = nn.Linear(hidden, hidden)
        # Without a bias: the same amount added to all scores of a question changes no share.
        self.offered = nn.Linear(hidden, hidden, bias=False)
        self.held = nn.Linear(hidden, hidden)
        self.out = nn.Linear(hidden, hidden)
        self.drop = nn.Dropout(dropout)

    def forward(self, asking: Tensor, answering: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """asking: [B, N, H]; answering: [B, T, H]; valid: [B, T], which of these may answer.

        Returns [B, N, H], zeros where nothing may answer, and the weights [B, heads, N, T].
        """
        questions = self.asked(asking).unflatten(2, (self.heads, -1))  # [B, N, heads, H / heads]
        keys = self.offered(answering).unflatten(2, (self.heads, -1))
        values = self.held(answering).unflatten(2, (self.heads, -1))
        scores = torch.einsum("bnad,btad->bant", questions, keys) / math.sqrt(keys.shape[3])
        weights = masked_softmax(scores, valid[:, None, None])
        found = torch.einsum("bant,btad->bnad", self.drop(weights), values).flatten(start_dim=2)
        return self.out(found).where(valid.any(dim=1)[:, None, None], 0.0), weights


class TransformerLayer(nn.Module):
    """Tokens ask tokens, their own or others, then each alone passes two linear layers."""

    def __init__(self, hidden: int, *, heads: int = 4, dropout: float = 0.1) -> None:
        super().__init__()
        self.asking_norm = nn.LayerNorm(hidden)
        self.answering_norm = nn.LayerNorm(hidden)
        self.attention = Attention(hidden, heads=heads, dropout=dropout)
        self.inner = nn.Sequential(
            nn.LayerNorm(hidden),
            nn.Linear(hidden, 2 * hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(2 * hidden, hidden),
        )

    def forward(self, asking: Tensor, answering: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """As Attention; what asks is added to what it finds."""
        found, weights = self.attention(
            self.asking_norm(asking), self.answering_norm(answering), valid
        )
        tokens = asking + found
        return tokens + self.inner(tokens), weights


class JointTransformer(nn.Module):
    """The tokens of all modalities as one row, each with its modality's and its place's code.

    A summary token, learned, stands first and is always valid. names: of the modalities.
    """

    def __init__(
        self,
        names: Sequence[str],
        hidden: int,
        *,
        layers: int = 2,
        heads: int = 4,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.summary = nn.Parameter(0.02 * torch.randn(hidden))
        self.kinds = nn.ParameterDict(
            {name: nn.Parameter(0.02 * torch.randn(hidden)) for name in names}
        )
        self.layers = nn.ModuleList(
            TransformerLayer(hidden, heads=heads, dropout=dropout) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(hidden)

    def forward(self, tokens: Mapping[str, Tokens]) -> tuple[Tokens, Tensor]:
        """The row, [B, 1 + sum of T, H], and the last layer's weights [B, heads, N, N]."""
        first = next(iter(tokens.values())).values
        row = [self.summary.expand(len(first), 1, -1)]
        there = [torch.ones(len(first), 1, dtype=torch.bool, device=first.device)]
        for name, (values, valid) in tokens.items():
            places = sinusoids(values.shape[1], values.shape[2], like=values)
            row.append(values + self.kinds[name] + places)
            there.append(valid)
        joined, valid = torch.cat(row, dim=1), torch.cat(there, dim=1)
        for layer in self.layers:
            joined, weights = layer(joined, joined, valid)
        return Tokens(self.norm(joined), valid), weights
