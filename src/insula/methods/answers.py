"""What a head says, as finished answers: shares of classes, chances of labels, values of axes.

values (logits) -> finished: probabilities, which can be averaged -> unfinished: logits again
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from insula.methods.batch import Kind

LEAST = 1e-6  # probability; nothing finished is surer, so that its logarithm stays finite


def finished(values: Tensor, kind: Kind) -> Tensor:
    """Probabilities from logits [..., C]; axes stay as they are."""
    if kind == "axes":
        return values
    return values.sigmoid() if kind == "multi" else values.softmax(dim=-1)


def unfinished(answers: Tensor, kind: Kind) -> Tensor:
    """Logits of which `finished` makes these answers again, so that any loss on logits fits."""
    if kind == "axes":
        return answers
    if kind == "multi":
        return answers.logit(eps=LEAST)
    return answers.clamp(min=LEAST).log()


def truth(labels: Tensor, kind: Kind, classes: int) -> Tensor:
    """Labels in the form of finished answers, [..., C] float32."""
    return functional.one_hot(labels, classes).float() if kind == "single" else labels


def loss(values: Tensor, labels: Tensor, kind: Kind) -> Tensor:
    """The loss of each sample, [B]: cross-entropy, or the mean squared error of the axes.

    values: [B, C]. labels: [B] int64 of kind "single", else [B, C].
    """
    if kind == "axes":
        return functional.mse_loss(values, labels, reduction="none").mean(dim=1)
    if kind == "multi":
        return functional.binary_cross_entropy_with_logits(values, labels, reduction="none").mean(1)
    return functional.cross_entropy(values, labels, reduction="none")


def mean_where(losses: Tensor, there: Tensor) -> Tensor:
    """The mean of those that are there; 0 where none is."""
    return losses.where(there, 0.0).sum() / there.sum().clamp(min=1)
