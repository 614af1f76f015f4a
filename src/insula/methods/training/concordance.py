"""Concordance as the loss of axes: what is judged is what is learned (`methods.md` R7, F.D).

    values and labels of the batch -> of each axis the concordance, from moments over the batch
    -> 1 - the mean over axes

A net that keeps to the middle of an axis has a small error and a concordance of 0.

Sources: Lin, "A concordance correlation coefficient to evaluate reproducibility", Biometrics 1989;
as a loss of valence and arousal Tzirakis et al., "End-to-end multimodal emotion recognition using
deep neural networks", IEEE Journal of Selected Topics in Signal Processing 2017.

What differs here: moments are those of the batch, and of the valid steps of dialogues. Small
batches make them unsteady, so batches of 128 or more are better.
"""

from __future__ import annotations

from torch import Tensor

from insula.methods.description import Method
from insula.methods.training.method import TrainingMethod

METHOD = Method(
    name="concordance",
    id="R7",
    title="Concordance loss",
    stage="training",
    mechanism="loss",
    modalities=("any",),
    tasks=("axes", "dialogue"),
    source="Tzirakis et al., End-to-end multimodal emotion recognition, IEEE JSTSP 2017",
    code="insula.methods.training.concordance:Concordance",
)

LEAST = 1e-8  # of the denominator, where neither values nor labels vary


class Concordance(TrainingMethod):
    """1 - the mean concordance of the axes, of the batch as a whole."""

    kinds = ("axes",)
    criterial = True
    joint = True

    def criterion(self, values: Tensor, labels: Tensor) -> Tensor:
        """values and labels: [B, C]. Returns []."""
        return 1 - concordance(values, labels).mean()


def concordance(values: Tensor, labels: Tensor) -> Tensor:
    """Lin's coefficient of each axis, [C] in [-1, 1], with population moments over [B, C]."""
    apart = values.mean(dim=0) - labels.mean(dim=0)
    values, labels = values - values.mean(dim=0), labels - labels.mean(dim=0)
    together = (values * labels).mean(dim=0)
    spread = values.square().mean(dim=0) + labels.square().mean(dim=0)
    return 2 * together / (spread + apart.square()).clamp(min=LEAST)
