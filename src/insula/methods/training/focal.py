"""Focal loss: what the net is sure of and right about counts less (`methods.md` R13, F.D).

    p_t, the probability of the true class -> -(1 - p_t)^gamma log p_t

Sources: Lin et al., "Focal loss for dense object detection", ICCV 2017, equation 4 and gamma 2;
CA-SER, a system for speech emotion, trains by it.

What differs here: of several labels each is a decision of its own, and the mean over them counts.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from insula.methods.description import Method
from insula.methods.training.method import Setting, TrainingMethod

METHOD = Method(
    name="focal",
    id="R13",
    title="Focal loss",
    stage="training",
    mechanism="loss",
    modalities=("any",),
    tasks=("classes", "labels", "dialogue"),
    source="Lin et al., Focal loss for dense object detection, ICCV 2017",
    code="insula.methods.training.focal:Focal",
)


class Focal(TrainingMethod):
    """gamma: how fast what is easy loses weight; 0 gives the cross-entropy."""

    kinds = ("single", "multi")
    criterial = True

    def __init__(self, setting: Setting, *, gamma: float = 2.0) -> None:
        super().__init__(setting)
        self.kind, self.gamma = setting.kind, gamma

    def criterion(self, values: Tensor, labels: Tensor) -> Tensor:
        """values: [B, C] logits. labels: [B] or, of several labels, [B, C]. Returns [B]."""
        if self.kind == "single":
            entropy = functional.cross_entropy(values, labels, reduction="none")  # [B]
        else:
            entropy = functional.binary_cross_entropy_with_logits(values, labels, reduction="none")
        losses = (1 - (-entropy).exp()) ** self.gamma * entropy
        return losses if losses.ndim == 1 else losses.mean(dim=1)
