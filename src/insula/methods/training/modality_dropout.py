"""Training for missing modalities: some are left out of every batch (`methods.md` R19).

    batch -> of each sample, each modality hidden with a chance -> the net

What a net has never had to do without, it cannot do without. A sample may lose all modalities: then
the net learns the prior.

Sources: Neverova et al., "ModDrop: adaptive multi-modal gesture recognition", TPAMI 2016.

What differs here: one chance for all modalities; 0.3 is that of `methods.md`. The nets of the
laboratory put a learned vector where a modality is missing.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from insula.methods.batch import Batch
from insula.methods.description import Method
from insula.methods.training.method import Setting, TrainingMethod

METHOD = Method(
    name="modality-dropout",
    id="R19",
    title="Leaving modalities out",
    stage="training",
    mechanism="missing modality",
    modalities=("any",),
    tasks=("classes", "labels", "axes", "dialogue"),
    source="Neverova et al., ModDrop: adaptive multi-modal gesture recognition, TPAMI 2016",
    code="insula.methods.training.modality_dropout:ModalityDropout",
)


class ModalityDropout(TrainingMethod):
    """chance: that a modality of a sample is hidden, in [0, 1)."""

    def __init__(self, setting: Setting, *, chance: float = 0.3) -> None:
        super().__init__(setting)
        self.chance = chance

    def change(self, batch: Batch) -> Batch:
        """The batch with modalities hidden, its features untouched."""
        kept = {}
        for name, mask in batch.masks.items():
            stays = torch.rand(len(batch), device=mask.device) >= self.chance
            kept[name] = mask & stays.unsqueeze(1)
        return replace(batch, masks=kept)
