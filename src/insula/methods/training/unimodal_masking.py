"""Unimodal losses by masking: the net must also answer from each modality alone (`methods.md` R2).

    the batch, once more for each modality, all others hidden -> the same net -> its loss
    L = fused + weight * all of these

No heads, so any net will do; the price is M further passes a step.

Sources: the survey that `methods.md` builds on describes it: unimodal losses from masked parts of
the net. The paper itself was not found, and no number belongs to it.

What differs here: hidden is what the laboratory calls missing, so a net answers with whatever it
has for that, a learned vector or weights over what is there. A sample counts where it has the
modality.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from insula.methods import answers
from insula.methods.description import Method
from insula.methods.training.method import Pass, Setting, TrainingMethod

METHOD = Method(
    name="unimodal-masking",
    id="R2",
    title="Unimodal losses by masking the other modalities",
    stage="training",
    mechanism="masking",
    modalities=("any",),
    tasks=("classes", "labels", "axes"),
    source="A survey's account of masking for unimodal losses; the paper itself was not found",
    code="insula.methods.training.unimodal_masking:UnimodalMasking",
)


class UnimodalMasking(TrainingMethod):
    """weight: of each unimodal loss, where the fused one has 1."""

    judging = True

    def __init__(self, setting: Setting, *, weight: float = 1.0) -> None:
        super().__init__(setting)
        self.weight = weight

    def losses(self, seen: Pass) -> Mapping[str, Tensor]:
        """The loss with each modality alone."""
        batch = seen.batch
        assert batch.labels is not None
        found = {}
        for name in batch.modalities:
            losses = answers.loss(seen.with_only(name).values, batch.labels, batch.kind)
            found[name] = self.weight * answers.mean_where(losses, batch.masks[name].any(dim=1))
        return found
