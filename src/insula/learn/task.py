"""What one recipe trains, as the loop sees it.

    Recipe (TOML) --learn.face.build--> Task --learn.train--> weights, card, log, curves

A `Task` knows the samples and the net and nothing of epochs or optimisers; the loop in
`learn.train` knows epochs and optimisers and nothing of faces or voices. Samples are numbered from
0 in whatever order the task keeps them; every method takes numbers of samples, so a split is an
array of integers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np
from torch import Tensor, nn

from insula.zoo.card import GroupResult, HeldOut, Learned

Indices: TypeAlias = np.ndarray
"""Numbers of samples: (B,) int64."""

Batch: TypeAlias = Mapping[str, Tensor]
"""One training batch; names and shapes are the task's own business."""

Predictions: TypeAlias = Mapping[str, np.ndarray]
"""What a net says of samples, one row a sample, so that folds can be laid end to end."""

Calibration: TypeAlias = "Mapping[str, float | Sequence[float]]"
"""Numbers fitted on held-out predictions, for the exported graph: {"temperature": 1.3}.

For the card, "threshold" or "SPACE_threshold": one number, or one a label.
"""


@dataclass(frozen=True)
class Fold:
    """One training run: the samples it learns from, and those that judge it."""

    name: str
    train: Indices
    held_out: Indices


@dataclass(frozen=True)
class Metric:
    """One line of a card: a number, its 95 % interval, and what exactly was measured."""

    name: str
    value: float
    low: float
    high: float
    corpus: str
    protocol: str
    n: int


@dataclass(frozen=True)
class Report:
    """What the held-out predictions amount to."""

    metrics: Sequence[Metric]
    groups: Sequence[GroupResult] = field(default=())


class Task(ABC):
    """Samples, a net, a loss and a verdict."""

    folds: Sequence[Fold]
    """One net a fold, judged on what that fold holds out. All of them ship, as one ensemble."""

    metric: str
    """The key of `score` that says which epoch was best; more is better."""

    inputs: Mapping[str, str]
    """Inputs of the exported graph, for the card: {"faces": "float32 [N,1,48,48]"}."""

    outputs: Mapping[str, str]
    """Outputs of the exported graph, likewise."""

    learned: Sequence[Learned] = ()
    """What the net learns from and is tuned on, for the card; of several folds `held_out` says."""

    held_out: Sequence[HeldOut] = ()
    """Of several folds, for every corpus the groups that each net never sees, in their order."""

    @abstractmethod
    def make_net(self) -> nn.Module:
        """A fresh, untrained net; the loop has seeded torch before it calls."""

    def batches(self, indices: Indices, size: int, rng: np.random.Generator) -> Iterator[Indices]:
        """The samples of an epoch in the order of its steps, `size` a step; shuffled by default."""
        order = rng.permutation(indices)
        return (order[start : start + size] for start in range(0, len(order), size))

    @abstractmethod
    def batch(self, indices: Indices, rng: np.random.Generator) -> Batch:
        """The training batch of these samples, augmented by `rng`."""

    @abstractmethod
    def loss(self, net: nn.Module, batch: Batch) -> Tensor:
        """The scalar to minimise."""

    # Hooks, which a task need not have.

    def begin(self, net: nn.Module, epoch: int, epochs: int) -> None:  # noqa: B027
        """What changes from epoch to epoch, the first being 1; nothing by default."""

    def adjust(self, net: nn.Module, again: Callable[[], None]) -> None:  # noqa: B027
        """Change the gradients before the step; `again` adds those of the same batch once more."""

    def stepped(self, net: nn.Module) -> None:  # noqa: B027
        """Change the weights after the step."""

    @abstractmethod
    def predict(self, net: nn.Module, indices: Indices) -> Predictions:
        """What the net says of these samples as they are, in evaluation mode, without gradients."""

    @abstractmethod
    def score(self, predictions: Predictions) -> Mapping[str, float]:
        """Quick metrics after an epoch, with `metric` among them."""

    def judge(self, net: nn.Module, indices: Indices) -> Mapping[str, float]:
        """The `score` of an epoch; override where fewer predictions are enough for it."""
        return self.score(self.predict(net, indices))

    def calibrate(self, predictions: Predictions) -> Calibration:
        """Numbers fitted on held-out predictions; by default none."""
        return {}

    @abstractmethod
    def report(self, predictions: Predictions, rng: np.random.Generator) -> Report:
        """The metrics of the card; what is calibrated was fitted on other samples."""

    @abstractmethod
    def export(self, nets: Sequence[nn.Module], calibration: Calibration, path: Path) -> None:
        """Write the ONNX graph, calibration included, and check it against the nets.

        nets: one a fold. Of several the graph gives the mean, and beside it what each says.
        """
