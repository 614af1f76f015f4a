"""What every net of the laboratory takes and gives (`methods.md` 0.3).

    Batch: features and masks a modality, labels -> net -> ModelOutput: logits, losses, weights

B samples, T steps of one modality (frames, words, or the utterances of a dialogue), D values a
step, M modalities, C classes or axes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from insula.errors import ContractError

Kind: TypeAlias = Literal["single", "multi", "distribution", "axes"]
"""What labels are: the number of one class, 0 or 1 a class, shares of classes, values of axes."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Samples side by side.

    features: modality -> [B, T, D] float32; T and D may differ between modalities. masks: modality
    -> [B, T] bool, True where a step holds something; what the other steps hold counts for nothing.
    A modality that a sample lacks has no valid step. labels: [B] int64 of kind "single", else
    [B, C] float32; a dialogue labels each utterance, so there [B, T] and [B, T, C]; None where they
    are not known. speakers: [B, T] int64, who says each utterance of a dialogue; None elsewhere.
    sources: [B] int64, from which of several corpora or conditions a sample is; None where all are
    from one.
    """

    features: Mapping[str, Tensor]
    masks: Mapping[str, Tensor]
    labels: Tensor | None = None
    kind: Kind = "single"
    speakers: Tensor | None = None
    sources: Tensor | None = None

    def __post_init__(self) -> None:
        if not self.features or self.features.keys() != self.masks.keys():
            raise ContractError("Batch", "every modality has features and a mask", [*self.masks])
        for name, values in self.features.items():
            mask = self.masks[name]
            if values.ndim != 3 or mask.shape != values.shape[:2] or mask.dtype != torch.bool:
                found = f"{tuple(values.shape)} and {tuple(mask.shape)} {mask.dtype}"
                raise ContractError("Batch", f"{name} is [B, T, D] with a mask [B, T] bool", found)

    def __len__(self) -> int:
        return len(next(iter(self.features.values())))

    @property
    def modalities(self) -> tuple[str, ...]:
        """Their names, in the order of the columns of `present`."""
        return tuple(self.features)

    @property
    def present(self) -> Tensor:
        """Which sample has which modality: [B, M] bool."""
        return torch.stack([mask.any(dim=1) for mask in self.masks.values()], dim=1)

    @property
    def lengths(self) -> Mapping[str, Tensor]:
        """Valid steps of each sample: modality -> [B] int64."""
        return {name: mask.sum(dim=1) for name, mask in self.masks.items()}

    def without(self, *modalities: str) -> Batch:
        """The batch as if these had not been recorded."""
        hidden = {name: torch.zeros_like(self.masks[name]) for name in modalities}
        return replace(self, masks={**self.masks, **hidden})

    def map(self, change: Callable[[Tensor], Tensor]) -> Batch:
        """The batch with every tensor changed: moved to a device, or some of its rows."""
        return replace(
            self,
            features={name: change(values) for name, values in self.features.items()},
            masks={name: change(mask) for name, mask in self.masks.items()},
            labels=None if self.labels is None else change(self.labels),
            speakers=None if self.speakers is None else change(self.speakers),
            sources=None if self.sources is None else change(self.sources),
        )


@dataclass(frozen=True, eq=False)
class ModelOutput:
    """What a net says of a batch.

    values: logits of classes or values of axes, [B, C], or [B, T, C] of a dialogue. losses: further
    terms of the training loss by name, scalars. aux: what else may interest a loss or a reader, by
    name. weights: the coefficients of the fusion by name (attention, gates, shares), so that tests
    and explanations can look at them; [B, M] of modalities where there is one a modality.
    """

    values: Tensor
    losses: Mapping[str, Tensor] = field(default_factory=dict)
    aux: Mapping[str, Tensor] = field(default_factory=dict)
    weights: Mapping[str, Tensor] = field(default_factory=dict)
