"""Weighted cross-entropy with smoothed labels: rare classes count more (`methods.md` R12, F.D).

    label -> 1 - smoothing for the true class, and smoothing / C for every class
    -> cross-entropy, times w of the true class, w_c = max_k N_k / N_c over the training samples

Sources: Szegedy et al., "Rethinking the inception architecture for computer vision", CVPR 2016,
section 7 (smoothing); the weights are those of HSEmotion's training code (U6).

What differs here: of several labels each is a decision of its own, weighted N / (2 N_there) where
it is there and N / (2 N_absent) where not, as for action units. The loss is not divided by the
weights of the batch, so that a sample's weight does not hang on its neighbours.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from insula.methods.description import Method
from insula.methods.training.method import Setting, TrainingMethod

METHOD = Method(
    name="class-weights",
    id="R12",
    title="Class weights and label smoothing",
    stage="training",
    mechanism="loss",
    modalities=("any",),
    tasks=("classes", "labels"),
    source="Szegedy et al., Rethinking the inception architecture, CVPR 2016",
    code="insula.methods.training.class_weights:ClassWeights",
)


class ClassWeights(TrainingMethod):
    """smoothing: share of a label that all classes have alike, in [0, 1)."""

    kinds = ("single", "multi")
    criterial = True
    weights: Tensor

    def __init__(self, setting: Setting, *, smoothing: float = 0.1) -> None:
        super().__init__(setting)
        self.kind, self.smoothing = setting.kind, smoothing
        self.register_buffer("weights", weights_of(setting.labels, setting.outputs))

    def criterion(self, values: Tensor, labels: Tensor) -> Tensor:
        """values: [B, C] logits. labels: [B] or, of several labels, [B, C]. Returns [B]."""
        if self.kind == "single":
            entropy = functional.cross_entropy(
                values, labels, reduction="none", label_smoothing=self.smoothing
            )
            return entropy * self.weights[labels]
        smooth = (1 - self.smoothing) * labels + self.smoothing / 2
        entropy = functional.binary_cross_entropy_with_logits(values, smooth, reduction="none")
        return (entropy * self.weights[1].where(labels > 0.5, self.weights[0])).mean(dim=1)


def weights_of(labels: Tensor, classes: int) -> Tensor:
    """How much each class counts.

    labels: [N] classes; returns [C]. Or [N, C] of several labels; returns [2, C], the first row for
    where a label is absent. A class that never occurs counts as if it did once.
    """
    if labels.is_floating_point():
        there = (labels > 0.5).sum(dim=0)
        counts = torch.stack([len(labels) - there, there])
        return len(labels) / (2.0 * counts.clamp(min=1))
    counts = torch.bincount(labels.flatten(), minlength=classes)
    return counts.max() / counts.clamp(min=1)
