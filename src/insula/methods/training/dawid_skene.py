"""Dawid-Skene: the truth behind annotators of whom some err, or mislead (`methods.md` R18).

    what K annotators say -> majority -> 100 times: how often each says l where the truth is c
    -> how likely each truth is, given all that was said -> labels to learn from

One who is always wrong in the same way tells as much as one who is right.

Sources: Dawid and Skene, "Maximum likelihood estimation of observer error-rates using the EM
algorithm", Applied Statistics 1979; 100 rounds as in Dusha, Kondratenko et al., "Large Raw
Emotional Dataset with Aggregation Mechanism", 2022.

What differs here: Dusha leaves out samples whose truth stays unlikely; here all are kept, and of
labels that are distributions each takes the likelihoods themselves. A sample that nobody annotated
keeps the label that it has.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from insula.errors import ConfigError
from insula.methods.description import Method
from insula.methods.training.method import Setting, TrainingMethod

METHOD = Method(
    name="dawid-skene",
    id="R18",
    title="Labels from annotators who err",
    stage="training",
    mechanism="labels",
    modalities=("any",),
    tasks=("classes",),
    source="Dawid and Skene, Maximum likelihood estimation of observer error-rates, 1979",
    code="insula.methods.training.dawid_skene:DawidSkene",
)

NOTHING = -1  # where an annotator says nothing of a sample
SEEN = 0.01  # of every answer to every truth, as if it had occurred that often


class Aggregation(NamedTuple):
    """truth: [N, C], how likely each class is. answers: [K, C, C], how often annotator k says the
    class of the column where the row's is true."""

    truth: Tensor
    answers: Tensor


class DawidSkene(TrainingMethod):
    """rounds: of estimating annotators and truth in turn."""

    kinds = ("single", "distribution")

    def __init__(self, setting: Setting, *, rounds: int = 100) -> None:
        super().__init__(setting)
        if setting.annotations is None:
            raise ConfigError(
                "dawid-skene weighs annotators, and of this corpus only the truth is known. "
                "Choose a corpus whose annotators are known one by one, or leave it out."
            )
        self.kind, self.classes, self.rounds = setting.kind, setting.outputs, rounds
        self.annotations = setting.annotations

    def relabel(self, labels: Tensor) -> Tensor:
        """The likeliest class of each sample, or how likely each class is."""
        said = (self.annotations != NOTHING).any(dim=1)
        truth = fit_dawid_skene(self.annotations, self.classes, rounds=self.rounds).truth
        if self.kind == "single":
            return truth.argmax(dim=1).where(said, labels)
        return truth.to(labels.dtype).where(said.unsqueeze(1), labels)


def fit_dawid_skene(annotations: Tensor, classes: int, *, rounds: int = 100) -> Aggregation:
    """What is true and how annotators answer, found together.

    annotations: [N, K] int64, -1 where nothing is said.
    """
    said = annotations != NOTHING
    answers = functional.one_hot(annotations.where(said, 0), classes).double()
    answers = answers * said.unsqueeze(2)  # [N, K, C], zeros where nothing is said
    votes = answers.sum(dim=1)  # [N, C]
    truth = (votes + SEEN) / (votes + SEEN).sum(dim=1, keepdim=True)
    for _ in range(rounds):
        counts = torch.einsum("nc,nkl->kcl", truth, answers) + SEEN
        table = counts / counts.sum(dim=2, keepdim=True)
        logs = truth.mean(dim=0).log() + torch.einsum("nkl,kcl->nc", answers, table.log())
        truth = logs.softmax(dim=1)
    return Aggregation(truth, table)
