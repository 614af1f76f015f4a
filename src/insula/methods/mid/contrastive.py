"""Contrastive alignment: what belongs together is drawn together before it is fused (F21).

Entry F21 of `methods.md`. Where it fuses: mid; a loss shapes the vectors of the modalities, and a
joint net decides on these.

    one vector a modality -> projection p -> side by side -> linear -> logits
                                          -> in training, the loss "alignment", one of
    "sample"   p / |p| of every modality; drawn together: the modalities of one sample
    "label"    the same; drawn together: all that carry equal labels, of any modality
    "triplet"  the mean of p over modalities; in the pivot's features the nearest other sample is
               drawn in, the farthest pushed off

Sources: Khosla et al., "Supervised contrastive learning", NeurIPS 2020, in the form of Peng et al.,
"CARAT: contrastive feature reconstruction and aggregation for multi-modal multi-label emotion
recognition", AAAI 2024 (M21; temperature 0.07); the triplets after Netease's entry to ABAW-6
(M20), published there: mean Pearson correlation 0.7185 on the test set of Hume-Vidmimic2.

What differs here: no queue of older vectors, since batches are small; CARAT's prototypes and
reconstruction belong to the whole system. The second hinge of the triplets has the sign that pushes
positive and negative apart; as printed it pulls them together. A missing modality takes no part in
the loss, and a learned vector stands for it in the fusion.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from insula.methods.batch import Batch, ModelOutput
from insula.methods.description import Method, Published
from insula.methods.early.concatenation import mean_over_steps
from insula.methods.encoders import Encoders

METHOD = Method(
    name="contrastive",
    id="F21",
    title="Contrastive alignment of modalities",
    stage="mid",
    mechanism="contrastive",
    modalities=("any",),
    tasks=("classes", "labels", "axes"),
    source="Peng et al., CARAT: contrastive feature reconstruction and aggregation, AAAI 2024",
    code="insula.methods.mid.contrastive:ContrastiveAlignment",
    published=(
        Published("Hume-Vidmimic2", "ABAW-6 test set; system M20, triplets", "mean PCC", 0.7185),
    ),
)


class ContrastiveAlignment(nn.Module):
    """Logits from aligned vectors.

    widths: modality -> D. outputs: C. align: see above. pivot: whose features choose the triplets;
    None is the first. temperature: of the first two. margin: of the triplets. weight: of the loss.
    hidden: H. size: values of a projection.
    """

    def __init__(
        self,
        widths: Mapping[str, int],
        outputs: int,
        *,
        align: Literal["sample", "label", "triplet"] = "sample",
        pivot: str | None = None,
        temperature: float = 0.07,
        margin: float = 0.2,
        weight: float = 0.1,
        size: int = 32,
        hidden: int = 64,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.align, self.pivot = align, pivot or next(iter(widths))
        self.temperature, self.margin, self.weight = temperature, margin, weight
        self.encoders = Encoders(widths, hidden, dropout=dropout)
        self.project = nn.ModuleDict({name: nn.Linear(hidden, size) for name in widths})
        self.joint = nn.Sequential(
            nn.Linear(len(widths) * size, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, outputs),
        )

    def forward(self, batch: Batch) -> ModelOutput:
        """Logits [B, C]; losses "alignment" in training; aux "projections" [B, M, size]."""
        vectors = self.encoders.vectors(batch).unbind(dim=1)
        projections = torch.stack(
            [p(v) for p, v in zip(self.project.values(), vectors, strict=True)], dim=1
        )
        logits = self.joint(projections.flatten(start_dim=1))
        # Labels are not known later, and a sample alone has nothing to be drawn to.
        losses = {"alignment": self.weight * self.loss(projections, batch)} if self.training else {}
        return ModelOutput(logits, losses=losses, aux={"projections": projections})

    def loss(self, projections: Tensor, batch: Batch) -> Tensor:
        """How badly the projections, [B, M, size], are aligned; not weighted."""
        there = torch.stack([batch.masks[name].any(dim=1) for name in self.project], dim=1)
        if self.align == "triplet":
            count = there.sum(dim=1, keepdim=True).clamp(min=1)
            fused = projections.where(there.unsqueeze(2), 0.0).sum(dim=1) / count
            rows = batch.masks[self.pivot].any(dim=1)  # without the pivot there is no triplet
            return triplet_loss(
                fused[rows], mean_over_steps(batch, self.pivot)[rows], margin=self.margin
            )
        if self.align == "label" and batch.labels is not None:
            group = batch.labels.reshape(len(batch), -1)
        else:
            group = torch.arange(len(batch), device=there.device).unsqueeze(1)
        together = (group.unsqueeze(0) == group.unsqueeze(1)).all(dim=2)  # [B, B]
        for axis in (0, 1):
            together = together.repeat_interleave(there.shape[1], dim=axis)  # [B M, B M]
        return contrastive_loss(
            projections.flatten(0, 1), together, there.flatten(), temperature=self.temperature
        )


def contrastive_loss(
    vectors: Tensor, together: Tensor, there: Tensor, *, temperature: float = 0.07
) -> Tensor:
    """Minus the mean log share that a vector gives to those that belong to it, among all others.

    vectors: [N, D], of any length. together: [N, N] bool, symmetric; what is on its diagonal does
    not matter. there: [N] bool, which take part. A vector that nothing belongs to counts only
    among the others; 0 if this is so for all.
    """
    units = functional.normalize(vectors, dim=1)
    others = there & ~torch.eye(len(units), dtype=torch.bool, device=units.device)
    scores = (units @ units.T / temperature).masked_fill(~others, torch.finfo(units.dtype).min)
    positive = together & others & there.unsqueeze(1)
    count = positive.sum(dim=1)
    share = scores.log_softmax(dim=1).where(positive, 0.0).sum(dim=1) / count.clamp(min=1)
    return -share.sum() / (count > 0).sum().clamp(min=1)


def triplets(features: Tensor) -> tuple[Tensor, Tensor]:
    """Of each sample, the number of its nearest and of its farthest other: [B] each."""
    distance = torch.cdist(features, features)
    itself = torch.eye(len(features), dtype=torch.bool, device=features.device)
    return distance.masked_fill(itself, torch.inf).argmin(dim=1), distance.argmax(dim=1)


def triplet_loss(vectors: Tensor, features: Tensor, *, margin: float = 0.2) -> Tensor:
    """Two hinges a sample: its positive is nearer to it, and nearer than to the negative.

    vectors: [B, D]. features: [B, any], in which positive and negative are chosen. 0 if B < 3.
    """
    if len(vectors) < 3:  # then positive and negative are the same sample
        return 0.0 * vectors.sum()
    near, far = triplets(features)
    positive, negative = vectors[near], vectors[far]
    to_positive = (vectors - positive).square().sum(dim=1)
    from_anchor = (vectors - negative).square().sum(dim=1)
    from_positive = (positive - negative).square().sum(dim=1)
    hinges = (to_positive - from_anchor + margin).relu() + (
        to_positive - from_positive + margin
    ).relu()
    return hinges.mean()
