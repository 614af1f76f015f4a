"""Label distributions: learn how opinions are spread, not only the commonest (`methods.md` R16).

    shares of classes d, probabilities of the net p -> KL(d || p) = sum of d log(d / p)

Sources: Geng, "Label distribution learning", IEEE TKDE 2016: the loss, and the six measures of
which four are distances and two similarities.

What differs here: the cross-entropy with shares, the laboratory's usual loss of such labels, is
this plus the entropy of the shares, which no weight changes. So a net learns the same by both, and
this one says how far it still is: 0 is a perfect answer.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor
from torch.nn import functional

from insula.methods.description import Method
from insula.methods.training.method import TrainingMethod

METHOD = Method(
    name="label-distributions",
    id="R16",
    title="Learning of label distributions",
    stage="training",
    mechanism="labels",
    modalities=("any",),
    tasks=("classes",),
    source="Geng, Label distribution learning, IEEE TKDE 2016",
    code="insula.methods.training.label_distributions:LabelDistributions",
)


class LabelDistributions(TrainingMethod):
    """The Kullback-Leibler divergence of the answer from the label."""

    kinds = ("distribution",)
    criterial = True

    def criterion(self, values: Tensor, labels: Tensor) -> Tensor:
        """values: [B, C] logits. labels: [B, C] shares. Returns [B], nats."""
        return functional.kl_div(values.log_softmax(dim=1), labels, reduction="none").sum(dim=1)


# How far answers are from the truth: both (N, C) shares, each function gives (N,).


def chebyshev(truth: np.ndarray, said: np.ndarray) -> np.ndarray:
    """The largest difference of a class, in [0, 1]."""
    return np.abs(truth - said).max(axis=1)


def clark(truth: np.ndarray, said: np.ndarray) -> np.ndarray:
    """Root of the summed squares of differences relative to sums, in [0, root of C]."""
    return np.sqrt(np.square(_relative(truth, said)).sum(axis=1))


def canberra(truth: np.ndarray, said: np.ndarray) -> np.ndarray:
    """Sum of the differences relative to sums, in [0, C]."""
    return _relative(truth, said).sum(axis=1)


def cosine(truth: np.ndarray, said: np.ndarray) -> np.ndarray:
    """Cosine of the angle between both, in [0, 1]; 1 is best."""
    lengths = np.linalg.norm(truth, axis=1) * np.linalg.norm(said, axis=1)
    return (truth * said).sum(axis=1) / lengths


def intersection(truth: np.ndarray, said: np.ndarray) -> np.ndarray:
    """What both have in common, in [0, 1]; 1 is best."""
    return np.minimum(truth, said).sum(axis=1)


def _relative(truth: np.ndarray, said: np.ndarray) -> np.ndarray:
    """Difference / sum of each class, (N, C); 0 where both are 0."""
    total = truth + said
    return np.abs(truth - said) / np.where(total > 0, total, 1.0)
