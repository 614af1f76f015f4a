"""How the weights move: the section [optimiser] of a recipe, and when there is no more to learn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
import torch
from torch import nn

from insula.errors import ConfigError

LEAST = {"epochs": 1, "batch_size": 1}  # of the others, 0


@dataclass(frozen=True)
class Optimiser:
    """The section [optimiser] of a recipe."""

    kind: Literal["sgd", "adamw"]
    learning_rate: float
    """At its peak."""
    weight_decay: float
    epochs: int
    """At most."""
    batch_size: int
    """Samples a step, over all machines."""
    warm_up: float
    """Share of all steps in which the learning rate rises; then a cosine falls to zero."""
    clip: float
    """Largest norm of the gradient."""
    keep: Literal["last", "best"]
    """Whose epoch's weights ship: the last, or the best on the held-out samples."""
    patience: int
    """Epochs in a row without a better one, after which training ends; 0 never ends it early."""
    precision: Literal["32-true", "bf16-mixed"]

    def __post_init__(self) -> None:
        for key, value in asdict(self).items():
            least = LEAST.get(key, 0)
            if isinstance(value, (int, float)) and not least <= value < math.inf:
                raise ConfigError(
                    f"optimiser.{key} is {value!r}; it must be {least} or more. Change the recipe, "
                    f"or --set optimiser.{key}=..."
                )

    def make(self, net: nn.Module) -> torch.optim.Optimizer:
        """The optimiser over the net's weights; biases and norms do not decay."""
        decayed = [weight for weight in net.parameters() if weight.ndim > 1]
        free = [weight for weight in net.parameters() if weight.ndim <= 1]
        groups = [
            {"params": decayed, "weight_decay": self.weight_decay},
            {"params": free, "weight_decay": 0.0},
        ]
        if self.kind == "sgd":
            return torch.optim.SGD(groups, self.learning_rate, momentum=0.9, nesterov=True)
        return torch.optim.AdamW(groups, self.learning_rate, fused=True)

    def rate(self, step: int, steps: int) -> float:
        """Share of the peak learning rate at a step."""
        rise = max(1.0, self.warm_up * steps)
        if step < rise:
            return (step + 1) / (rise + 1)
        return 0.5 + 0.5 * math.cos(math.pi * (step - rise) / max(1.0, steps - rise))

    def is_done(self, scores: Sequence[float]) -> bool:
        """Whether training ends after epochs with these scores, more being better."""
        waited = len(scores) - 1 - best_of(scores)
        return len(scores) >= self.epochs or 0 < self.patience <= waited


def best_of(scores: Sequence[float]) -> int:
    """Which epoch was best, counted from 0; the first of equals. One that is no number is worst."""
    return int(np.argmax(np.nan_to_num(scores, nan=-np.inf))) if scores else 0
