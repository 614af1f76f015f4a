"""Late fusion: one finished opinion a modality, averaged (`methods.md` F2).

Where it fuses: late; no modality knows of another before each has said what it thinks.

    tokens of each modality -> mean -> hidden layer -> logits -> probabilities: its opinion
    -> sum of weight x opinion over the modalities that are there -> logarithm

The weights: "mean", all alike; "vote", each modality names its best class, and the mean decides
between classes of equally many votes; "variance", one over the mean squared error on held-out
samples; "learned", a softmax trained with the rest; "grid", of all weights in steps of a tenth
those with the least loss on held-out samples.

Sources: Kittler et al., "On combining classifiers", TPAMI 20, 1998, for mean and vote; Bates and
Granger, "The combination of forecasts", Operational Research Quarterly 20, 1969, for variance. The
other two are common practice (blending). No number belongs to it alone.

What differs here: weights of absent modalities go to the others; the answer is the logarithm of the
pooled probability, so that any loss on logits fits; where weights are counted or chosen, each head
learns from its own loss alone. Labels that exclude nothing are pooled one by one, axes as values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

from insula.errors import ConfigError
from insula.methods import answers
from insula.methods.batch import Batch, Kind, ModelOutput
from insula.methods.description import Method
from insula.methods.encoders import Encoders

METHOD = Method(
    name="opinions",
    id="F2",
    title="Late fusion of opinions",
    stage="late",
    mechanism="score averaging",
    modalities=("any",),
    tasks=("classes", "labels", "axes"),
    source="Kittler et al., On combining classifiers, TPAMI 1998",
    code="insula.methods.late.opinions:Opinions",
)

Weighting: TypeAlias = Literal["mean", "vote", "variance", "learned", "grid"]

PARTS = 10  # of the grid: weights are 0, 0.1, ... 1
LEAST_ERROR = 1e-6  # mean squared; a modality that never errs must not divide by zero


class Opinions(nn.Module):
    """The logarithm of a weighted mean of opinions.

    widths: modality -> D. outputs: C. weighting: see above. hidden: H.
    """

    shares: Tensor

    def __init__(
        self,
        widths: Mapping[str, int],
        outputs: int,
        *,
        weighting: Weighting = "mean",
        hidden: int = 64,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.weighting = weighting
        self.heads = Heads(widths, outputs, hidden=hidden, dropout=dropout)
        self.register_buffer("shares", torch.full((len(widths),), 1 / len(widths)))
        if weighting == "learned":
            self.preference = nn.Parameter(torch.zeros(len(widths)))

    def forward(self, batch: Batch) -> ModelOutput:
        """Logits [B, C]; aux "opinions" [B, M, C]; weights "modality" [B, M]."""
        values = self.heads(batch)  # [B, M, C]
        opinions = answers.finished(values, batch.kind)
        weights = self.weights(batch.present)
        if self.weighting == "vote":
            pooled = voted(opinions, weights > 0, batch.kind)
        else:
            pooled = torch.einsum("bm,bmc->bc", weights, opinions)
        said, losses = answers.unfinished(pooled, batch.kind), {}
        if self.weighting in ("vote", "variance", "grid"):
            said = said.detach()  # what is judged is each opinion, not the mixture
            losses = self.heads.losses(values, batch)
        return ModelOutput(said, losses, {"opinions": opinions}, {"modality": weights})

    def weights(self, present: Tensor) -> Tensor:
        """What each modality counts for, [B, M]: their sum is 1, absent ones have 0.

        Where none is there, all say what they say of nothing.
        """
        there = present | ~present.any(dim=1, keepdim=True)
        shares = self.preference.softmax(dim=0) if self.weighting == "learned" else self.shares
        counted = shares * there
        # What was chosen may give nothing to the only modality that is there.
        counted = torch.where(counted.sum(dim=1, keepdim=True) > 0, counted, there.float())
        return counted / counted.sum(dim=1, keepdim=True)

    @torch.no_grad()
    def choose(self, batch: Batch) -> None:
        """Weights for "variance" and "grid" from held-out samples; others have none to choose."""
        if self.weighting not in ("variance", "grid"):
            return
        if batch.labels is None:
            raise ConfigError("weights are chosen by labels, and these samples have none")
        learning = self.training
        opinions = answers.finished(self.eval().heads(batch), batch.kind)
        if self.weighting == "variance":
            self.shares.copy_(precision(opinions, batch))
        else:
            self.shares.copy_(self.best(opinions, batch))
        self.train(learning)

    def best(self, opinions: Tensor, batch: Batch) -> Tensor:
        """The weights of the grid with the least mean loss, [M]."""
        assert batch.labels is not None
        tried = []
        for shares in simplex(opinions.shape[1], PARTS):
            self.shares.copy_(torch.tensor(shares) / PARTS)
            pooled = torch.einsum("bm,bmc->bc", self.weights(batch.present), opinions)
            said = answers.unfinished(pooled, batch.kind)
            tried.append((answers.loss(said, batch.labels, batch.kind).mean(), self.shares.clone()))
        return min(tried, key=lambda pair: pair[0])[1]


class Heads(nn.Module):
    """What each modality says alone."""

    def __init__(
        self, widths: Mapping[str, int], outputs: int, *, hidden: int, dropout: float
    ) -> None:
        super().__init__()
        self.encoders = Encoders(widths, hidden, dropout=dropout, stand_in=False)
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, outputs))
            for _ in widths
        )

    def forward(self, batch: Batch) -> Tensor:
        """Logits of each modality, [B, M, C]."""
        vectors = self.encoders.vectors(batch)  # [B, M, H]
        said = [head(vectors[:, column]) for column, head in enumerate(self.heads)]
        return torch.stack(said, dim=1)

    def losses(self, values: Tensor, batch: Batch) -> dict[str, Tensor]:
        """The sum of the heads' own losses, each over the samples that have its modality."""
        if batch.labels is None:
            return {}
        own = [
            answers.mean_where(answers.loss(said, batch.labels, batch.kind), there)
            for said, there in zip(values.unbind(1), batch.present.unbind(1), strict=True)
        ]
        return {"heads": torch.stack(own).sum()}


def voted(opinions: Tensor, there: Tensor, kind: Kind) -> Tensor:
    """Shares of votes, [B, C].

    The mean opinion counts as one voice more. It can settle a tie and nothing else, since its
    probabilities differ by less than one vote.
    """
    if kind == "axes":
        raise ConfigError("values of axes cannot be voted on; take another weighting")
    voices = there.unsqueeze(2).float()  # [B, M, 1]
    if kind == "multi":
        votes = (opinions > 0.5).float()
    else:
        votes = nn.functional.one_hot(opinions.argmax(dim=2), opinions.shape[2]).float()
    count = voices.sum(dim=1)  # [B, 1]
    mean = (voices * opinions).sum(dim=1) / count
    return ((voices * votes).sum(dim=1) + mean) / (count + 1)


def precision(opinions: Tensor, batch: Batch) -> Tensor:
    """One over the mean squared error of each modality where it is there, summing to 1, [M]."""
    assert batch.labels is not None
    right = answers.truth(batch.labels, batch.kind, opinions.shape[2])
    errors = (opinions - right.unsqueeze(1)).square().mean(dim=2)  # [B, M]
    means = [
        answers.mean_where(error, there)
        for error, there in zip(errors.unbind(1), batch.present.unbind(1), strict=True)
    ]
    seen = batch.present.any(dim=0)
    weights = (1 / torch.stack(means).clamp(min=LEAST_ERROR)).where(seen, 0.0)
    return weights / weights.sum()


def simplex(parties: int, parts: int) -> Iterator[tuple[int, ...]]:
    """Every way to give `parts` equal parts to so many parties."""
    if parties == 1:
        yield (parts,)
        return
    for first in range(parts + 1):
        for others in simplex(parties - 1, parts - first):
            yield (first, *others)
