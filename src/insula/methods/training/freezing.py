"""Freezing: parts of the net stand still while the others learn (`methods.md` R4).

    the first epochs: no gradient for the named parts -> what is behind them learns to use them
    -> the other epochs: all learn

Sources: usual wherever encoders bring weights with them; Howard and Ruder, "Universal language
model fine-tuning for text classification", ACL 2018, free a net part by part. No number belongs to
it alone.

What differs here: one release, all at once. The encoders of the laboratory bring no weights, so
freezing them shows how much a fusion makes of what chance gave it; it is meant for parts that know
something.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from insula.errors import UnknownName
from insula.methods.batch import Batch
from insula.methods.description import Method
from insula.methods.training.method import Setting, TrainingMethod

METHOD = Method(
    name="freezing",
    id="R4",
    title="Freezing parts of the net",
    stage="training",
    mechanism="freezing",
    modalities=("any",),
    tasks=("classes", "labels", "axes", "dialogue"),
    source="Howard and Ruder, Universal language model fine-tuning, ACL 2018",
    code="insula.methods.training.freezing:Freezing",
)


class Freezing(TrainingMethod):
    """parts: of the net, by the names of its modules, such as "encoders" or "encoders.absent".

    until: share of the epochs after which they learn too; 1 freezes them for good.
    """

    def __init__(
        self, setting: Setting, *, parts: Sequence[str] = ("encoders",), until: float = 0.5
    ) -> None:
        super().__init__(setting)
        known = dict(setting.net.named_modules())
        for part in parts:
            if part not in known:
                children = [name for name, _ in setting.net.named_children()]
                raise UnknownName(f"part of {type(setting.net).__name__}", part, children)
        self.parts, self.until = tuple(parts), until

    def begin(self, net: nn.Module, development: Batch, progress: float) -> None:
        """Freeze the parts, or let them go."""
        for part in self.parts:
            net.get_submodule(part).requires_grad_(progress >= self.until)
