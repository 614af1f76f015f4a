"""Multi-task learning: beside values of axes, classes of the same samples (`methods.md` R6).

    representation -> the net's last layer -> values of axes  -> squared error, or concordance (R7)
                   -> a head of its own    -> side of each axis -> weighted cross-entropy
    loss = the first + weight * the second

Classes say more clearly than a distance which mistakes matter: on the wrong side of zero.

Sources: Savchenko, "HSE-NN team at the 4th ABAW competition: multi-task emotion recognition and
learning from synthetic images", ECCV workshops 2022 (MT-EmotiEffNet), and its code: weighted
cross-entropy of expressions + 1 - (CCC of valence + CCC of arousal) / 2.

What differs here: the source's frames have labels of two kinds, expressions and axes. A corpus of
the laboratory has one kind, so the classes are cut from the axes: of each axis, above or not above
a value. With `concordance = {}` in the same section the sum is that of the source.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from insula.errors import ConfigError
from insula.methods.description import Method
from insula.methods.training.method import Pass, Setting, TrainingMethod

METHOD = Method(
    name="multi-task",
    id="R6",
    title="Classes learned beside axes",
    stage="training",
    mechanism="loss",
    modalities=("any",),
    tasks=("axes", "dialogue"),
    source="Savchenko, HSE-NN team at the 4th ABAW competition, ECCV workshops 2022",
    code="insula.methods.training.multi_task:MultiTask",
)


class MultiTask(TrainingMethod):
    """weight: of the cross-entropy. cut: the value of each axis at which its two classes meet."""

    kinds = ("axes",)
    weights: Tensor

    def __init__(self, setting: Setting, *, weight: float = 1.0, cut: float = 0.0) -> None:
        super().__init__(setting)
        self.weight, self.cut = weight, cut
        above = (setting.labels.flatten(end_dim=-2) > cut).float().mean(dim=0)  # [C]
        if ((above == 0) | (above == 1)).any():
            raise ConfigError(
                f"All labels of an axis are on one side of {cut}, so multi-task has no two classes "
                f"to tell. Set its cut to a value that lies between them."
            )
        most = above.maximum(1 - above)
        # Of each class, below and above: N of the larger one / N of this one.
        self.register_buffer("weights", most / torch.stack([1 - above, above]))  # [2, C]
        self.head = nn.Linear(setting.width("multi-task"), setting.outputs)

    def losses(self, seen: Pass) -> Mapping[str, Tensor]:
        """The weighted cross-entropy of the sides, a mean over axes."""
        assert seen.representation is not None and seen.batch.labels is not None
        logits = self.head(seen.rows(seen.representation))  # [B, C]
        above = seen.rows(seen.batch.labels) > self.cut
        weights = self.weights[1].where(above, self.weights[0])
        entropy = functional.binary_cross_entropy_with_logits(logits, above.float(), weights)
        return {"sides": self.weight * entropy}
