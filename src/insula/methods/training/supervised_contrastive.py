"""Supervised contrastive learning: samples of one label come to lie together (`methods.md` R8).

    what the last layer decides on, [B, D] -> directions -> each sample's share of nearness that
    goes to those that belong to it, among all others of the batch -> minus its mean logarithm

Sources: Khosla et al., "Supervised contrastive learning", NeurIPS 2020, in the form of Peng et al.,
"CARAT: contrastive feature reconstruction and aggregation for multi-modal multi-label emotion
recognition", AAAI 2024, with its temperature of 0.07: those with the very same set of labels belong
together.

What differs here: no projection lies between, and the loss is one term beside the usual one instead
of a stage before it. Shares of classes belong together where their largest is the same, values of
axes where they are near each other. F21 does this for vectors of modalities, R8 for the fused one.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from insula.methods.description import Method
from insula.methods.mid.contrastive import contrastive_loss
from insula.methods.training.method import Pass, Setting, TrainingMethod

METHOD = Method(
    name="supervised-contrastive",
    id="R8",
    title="Supervised contrastive learning of the fused vector",
    stage="training",
    mechanism="contrastive",
    modalities=("any",),
    tasks=("classes", "labels", "axes"),
    source="Khosla et al., Supervised contrastive learning, NeurIPS 2020",
    code="insula.methods.training.supervised_contrastive:SupervisedContrastive",
)


class SupervisedContrastive(TrainingMethod):
    """weight: of the loss. temperature: the smaller, the more only the nearest count.

    radius: of axes, how far apart values may be that belong together, in standard deviations of the
    training labels.
    """

    scale: Tensor  # [C] of axes, by which labels are divided

    def __init__(
        self,
        setting: Setting,
        *,
        weight: float = 0.1,
        temperature: float = 0.07,
        radius: float = 0.5,
    ) -> None:
        super().__init__(setting)
        setting.width(METHOD.name)  # refuses a net that decides in no one place
        self.kind = setting.kind
        self.weight, self.temperature, self.radius = weight, temperature, radius
        spread = setting.labels.float().std(dim=0, correction=0)
        self.register_buffer("scale", spread.where(spread > 0, 1.0))

    def losses(self, seen: Pass) -> Mapping[str, Tensor]:
        """How badly those that belong together lie together."""
        assert seen.representation is not None and seen.batch.labels is not None
        loss = contrastive_loss(
            seen.representation,
            self.together(seen.batch.labels),
            seen.batch.present.any(dim=1),
            temperature=self.temperature,
        )
        return {METHOD.name: self.weight * loss}

    def together(self, labels: Tensor) -> Tensor:
        """Which samples belong together, [B, B] bool."""
        if self.kind == "axes":
            scaled = labels / self.scale
            return torch.cdist(scaled, scaled) < self.radius
        group = labels.argmax(dim=1) if self.kind == "distribution" else labels
        group = group.reshape(len(group), -1)
        return (group.unsqueeze(0) == group.unsqueeze(1)).all(dim=2)
