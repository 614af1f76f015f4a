"""Several small judges of the same statistics, who answer together.

Where it fuses: late, inside one channel.

    statistics [B, F] -> members, each a `SpectrogramJudge` of its own -> mean of their logits
                      -> `CorpusExperts`: a linear judge a corpus      -> added to them

Each member learns alone, from its own start and its own dropout, so that they err apart and their
mean errs less (Hansen and Salamon, "Neural network ensembles", IEEE TPAMI 12, 1990). Linear
judges err in yet another way; each knows one corpus and speaks as far as a voice sounds like that
corpus (Jacobs et al., "Adaptive mixtures of local experts", Neural Computation 3, 1991).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from insula.methods.unimodal.spectrogram import SpectrogramJudge

LARGEST = 4.0  # of a standardised statistic, as in `SpectrogramJudge`


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


class LinearJudge(nn.Module):
    """A line through the statistics for each answer: about 1 for the right one, 0 for the others.

    mean, spread: [F] of the statistics it was fitted to. weight: [F, answers]. bias: [answers].
    """

    def __init__(self, mean: Tensor, spread: Tensor, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("spread", spread)
        self.register_buffer("weight", weight)
        self.register_buffer("bias", bias)

    def forward(self, statistics: Tensor) -> Tensor:
        """statistics: [..., F]. Returns scores [..., answers]."""
        usual = ((statistics - self.mean) / self.spread).clamp(-LARGEST, LARGEST)
        return usual @ self.weight + self.bias


class CorpusExperts(nn.Module):
    """A linear judge a corpus, each heard as far as a voice sounds like its corpus.

    corpus: scores the corpora, those of `experts` first and in their order. experts: each scores
    the same answers. weight: logits that a score of 1 is worth.
    """

    def __init__(
        self, corpus: LinearJudge, experts: Sequence[LinearJudge], *, weight: float
    ) -> None:
        super().__init__()
        self.corpus = corpus
        self.experts = nn.ModuleList(experts)
        self.weight = weight

    def forward(self, statistics: Tensor) -> Tensor:
        """statistics: [B, F]. Returns logits [B, answers]; near zero for a voice like none's."""
        share = functional.softmax(self.weight * self.corpus(statistics), dim=1)
        scores = torch.stack([expert(statistics) for expert in self.experts], dim=1)
        heard = share[:, : len(self.experts)].unsqueeze(2) * scores
        return self.weight * heard.sum(dim=1)
