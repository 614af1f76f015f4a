"""Self-distillation: each modality alone learns to say what all of them say (`methods.md` R9).

    vector of each modality -> a head of its own -> loss against the labels
                                                 -> KL(fused answer || head), both softened by tau
    L = fused + labels * all of the first + teaching * all of the second

The fused answer is soft where it is in doubt, which tells an encoder more than the label does.

Sources: Ma et al., "A transformer-based model with self-distillation for multimodal emotion
recognition in conversations", IEEE Transactions on Multimedia 2024 (SDT), and its code: weights 1
and 1, tau 1 on IEMOCAP and 8 on MELD, no factor tau^2. As there, gradients go both ways: the fused
answer also moves towards what the modalities can say.

What differs here: heads are linear, on the vectors of the encoders; SDT's lie behind its attention.
Of several labels each has a KL of its own, and the mean counts; of axes it is the mean squared
error, without tau.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from insula.methods import answers
from insula.methods.batch import Kind
from insula.methods.description import Method, Published
from insula.methods.training.method import Pass, Setting, TrainingMethod
from insula.methods.training.modality_heads import ModalityHeads

METHOD = Method(
    name="self-distillation",
    id="R9",
    title="Self-distillation from the fused answer",
    stage="training",
    mechanism="distillation",
    modalities=("any",),
    tasks=("classes", "labels", "axes"),
    source="Ma et al., A transformer-based model with self-distillation, IEEE TMM 2024",
    code="insula.methods.training.self_distillation:SelfDistillation",
    published=(
        Published(
            "IEMOCAP",
            "six classes, standard dialogues, chosen on test; whole system M10",
            "weighted accuracy",
            73.95,
        ),
    ),
)


class SelfDistillation(TrainingMethod):
    """labels, teaching: weights of the two losses of the heads. temperature: tau, above 0."""

    judging = True

    def __init__(
        self,
        setting: Setting,
        *,
        labels: float = 1.0,
        teaching: float = 1.0,
        temperature: float = 1.0,
    ) -> None:
        super().__init__(setting)
        self.labels, self.teaching, self.temperature = labels, teaching, temperature
        self.heads = ModalityHeads(setting, method=METHOD.name)

    def losses(self, seen: Pass) -> Mapping[str, Tensor]:
        """What the heads learn from the labels, and from the fused answer."""
        values, batch = self.heads(seen), seen.batch
        taught = [
            answers.mean_where(self.divergence(said, seen.output.values, batch.kind), there)
            for said, there in zip(values.unbind(1), self.heads.there(batch).unbind(1), strict=True)
        ]
        return {
            "labels": self.labels * self.heads.losses(values, batch).sum(),
            "teaching": self.teaching * torch.stack(taught).sum(),
        }

    def divergence(self, student: Tensor, teacher: Tensor, kind: Kind) -> Tensor:
        """KL(teacher || student) of each sample, [B], from logits [B, C]."""
        if kind != "axes":
            student, teacher = student / self.temperature, teacher / self.temperature
        target = answers.finished(teacher, kind)
        kind = "distribution" if kind == "single" else kind
        # Cross-entropy less the teacher's own entropy; of axes the latter is 0.
        return answers.loss(student, target, kind) - answers.loss(teacher, target, kind)
