"""Sharpness-aware minimisation: weights whose whole neighbourhood is good (`methods.md` R12).

    gradient g at w -> climb to w + rho g / |g| -> the gradient there -> back to w, a step by it

Where the loss rises steeply nearby, the gradient from above says so; the net settles where it is
flat, and such nets do better on what they never saw.

Sources: Foret et al., "Sharpness-aware minimization for efficiently improving generalization", ICLR
2021, algorithm 1 and rho 0.05.

What differs here: every step takes two passes, and the second draws its own chance (dropout, and
what other methods draw). Only the net climbs, not the heads of other methods. A method that changes
gradients belongs after this one in the section, or this one takes them anew.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from insula.methods.description import Method
from insula.methods.training.method import Setting, TrainingMethod

METHOD = Method(
    name="sharpness-aware",
    id="R12",
    title="Sharpness-aware minimisation",
    stage="training",
    mechanism="flat minima",
    modalities=("any",),
    tasks=("classes", "labels", "axes", "dialogue"),
    source="Foret et al., Sharpness-aware minimization, ICLR 2021",
    code="insula.methods.training.sharpness_aware:SharpnessAware",
)

LEAST = 1e-12  # length of a gradient, so that one of zero stays where it is


class SharpnessAware(TrainingMethod):
    """radius: rho, how far to climb, as a distance in the space of all weights."""

    asking = True

    def __init__(self, setting: Setting, *, radius: float = 0.05) -> None:
        super().__init__(setting)
        self.radius = radius

    @torch.no_grad()
    def adjust(self, net: nn.Module, again: Callable[[], None]) -> None:
        """Replace the gradients by those a little uphill."""
        moved = [weight for weight in net.parameters() if weight.grad is not None]
        before = [weight.clone() for weight in moved]
        gradients = [weight.grad for weight in moved if weight.grad is not None]
        length = torch.stack([gradient.norm() for gradient in gradients]).norm()
        for weight, gradient in zip(moved, gradients, strict=True):
            weight.add_(self.radius / length.clamp(min=LEAST) * gradient)
        with torch.enable_grad():
            again()
        for weight, old in zip(moved, before, strict=True):
            weight.copy_(old)
