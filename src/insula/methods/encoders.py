"""The same small encoders for every fusion, so that what is compared is the fusion.

steps of a modality -> norm -> linear -> rectifier: tokens of one width -> mean of the valid:
one vector a modality; a modality that a sample lacks is a learned vector of its own
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from insula.methods.batch import Batch


class Tokens(NamedTuple):
    """One modality after its encoder. values: [B, T, H], zeros where not valid; valid: [B, T]."""

    values: Tensor
    valid: Tensor


class Encoders(nn.Module):
    """One encoder a modality, all of one width.

    widths: modality -> D, values a step. hidden: H. dropout: share of the tokens' values dropped in
    training. stand_in: whether a vector is learned for what a sample lacks.
    """

    def __init__(
        self,
        widths: Mapping[str, int],
        hidden: int,
        *,
        dropout: float = 0.1,
        stand_in: bool = True,
    ) -> None:
        super().__init__()
        self.encoders = nn.ModuleDict(
            {
                name: nn.Sequential(
                    nn.LayerNorm(width), nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(dropout)
                )
                for name, width in widths.items()
            }
        )
        self.absent = nn.ParameterDict(
            {name: nn.Parameter(0.02 * torch.randn(hidden)) for name in widths if stand_in}
        )

    def forward(self, batch: Batch) -> dict[str, Tokens]:
        """The tokens of every modality; masked steps are zeros, whatever they held."""
        tokens = {}
        for name, encoder in self.encoders.items():
            valid = batch.masks[name]
            values = encoder(batch.features[name].where(valid.unsqueeze(2), 0.0))
            tokens[name] = Tokens(values.where(valid.unsqueeze(2), 0.0), valid)
        return tokens

    def vectors(self, batch: Batch) -> Tensor:
        """One vector a modality, [B, M, H]: the mean of its tokens, or what stands for none."""
        return self.summed_up(self(batch))

    def summed_up(self, tokens: Mapping[str, Tokens]) -> Tensor:
        """The same of tokens that are already there."""
        rows = []
        for name, (values, valid) in tokens.items():
            count = valid.sum(dim=1, keepdim=True)  # [B, 1]
            mean = values.sum(dim=1) / count.clamp(min=1)
            rows.append(self.filled(name, mean, count > 0))
        return torch.stack(rows, dim=1)

    def filled(self, name: str, vectors: Tensor, there: Tensor) -> Tensor:
        """The vectors of a modality, [B, H], with what stands for it where it is not there."""
        return vectors.where(there, self.absent.get(name, 0.0))
