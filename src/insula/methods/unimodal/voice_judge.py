"""Several small judges of the same statistics, who answer together.

Where it fuses: late, inside one channel.

    statistics [B, F] -> members, each a `SpectrogramJudge` of its own -> mean of their logits

Each learns alone, from its own start and its own dropout, so that they err apart and their mean
errs less (Hansen and Salamon, "Neural network ensembles", IEEE TPAMI 12, 1990).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from insula.methods.unimodal.spectrogram import SpectrogramJudge


class VoiceJudge(nn.Module):
    """members: how many. The rest as in `SpectrogramJudge`."""

    def __init__(
        self,
        *,
        members: int,
        hidden: int,
        drop_statistics: float,
        drop_hidden: float,
        heads: Mapping[str, int],
        width: int,
    ) -> None:
        super().__init__()
        self.members = nn.ModuleList(
            SpectrogramJudge(
                hidden=hidden,
                drop_statistics=drop_statistics,
                drop_hidden=drop_hidden,
                heads=heads,
                width=width,
            )
            for _ in range(members)
        )

    def forward(self, statistics: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """statistics: [B, F]. Returns head -> logits [members, B, answers], and an embedding.

        embedding: [B, members * hidden], those of the members side by side.
        """
        said = [member(statistics) for member in self.members]
        heads = {name: torch.stack([logits[name] for logits, _ in said]) for name in said[0][0]}
        return heads, torch.cat([embedding for _, embedding in said], dim=1)
