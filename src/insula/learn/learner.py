"""A net of the laboratory with the training methods that a recipe switches on.

batch -> each method's change -> the net, watched -> the loss: the criterial method's, or that
of [learning], of the samples that the methods choose -> the methods' further terms
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal, Protocol, TypeAlias, cast, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn import functional

from insula.errors import ConfigError
from insula.learn.recipe import Value, called
from insula.learn.task import Batch as Tensors
from insula.methods.batch import Batch, Kind
from insula.methods.training.method import Setting, TrainingMethod, watched
from insula.registry import load_object
from insula.registry import methods as known

Loss: TypeAlias = Literal["cross-entropy", "absolute", "squared"]


@runtime_checkable
class Choosing(Protocol):
    """A net that chooses something by samples that it does not learn from."""

    def choose(self, batch: Batch) -> None:
        """Choose by these samples."""


class Learner(nn.Module):
    """The net on the flat batches of the training loop; only in training is it shown labels.

    Lightning Fabric looks into what nets take and give, and refuses frozen dataclasses there.
    """

    def __init__(
        self,
        net: nn.Module,
        methods: Sequence[TrainingMethod],
        *,
        modalities: Sequence[str],
        kind: Kind,
        loss: Loss,
    ) -> None:
        super().__init__()
        self.net, self.methods = net, nn.ModuleList(methods)
        self.modalities, self.kind, self.usual = tuple(modalities), kind, loss

    def forward(self, tensors: Tensors) -> tuple[Tensor, Tensor]:
        """Answers, [B, C] or [B, T, C], and in training the loss, elsewhere 0."""
        batch = self._batch(tensors)
        if not self.training:
            values = self.answer(self.net(batch).values)
            return values, values.new_zeros(())
        for method in self._each():
            batch = method.change(batch)
        seen = watched(self.net, batch)
        assert batch.labels is not None
        losses = self._criterion()(seen.rows(seen.output.values), seen.rows(batch.labels))
        for method in self._each():
            losses = losses * method.chosen(seen, losses)
        terms = [losses.mean(), *seen.output.losses.values()]
        for method in self._each():
            terms += method.losses(seen).values()
        return self.answer(seen.output.values), torch.stack(terms).sum()

    def answer(self, values: Tensor) -> Tensor:
        """What the net's values amount to."""
        for method in self._each():
            values = method.answer(values)
        return values

    def begin(self, development: Tensors, progress: float) -> None:
        """Tell the methods that an epoch begins."""
        for method in self._each():
            method.begin(self.net, self._batch(development), progress)

    def adjust(self, again: Callable[[], None]) -> None:
        """Let the methods change the gradients; `again` adds those of the same batch once more.

        Those that ask for them again come first: these gradients are new, and not yet changed.
        """

        def anew() -> None:
            self.zero_grad()
            again()

        for method in sorted(self._each(), key=lambda method: not method.asking):
            method.adjust(self.net, anew)

    def stepped(self) -> None:
        """Let the methods change the weights after the step."""
        for method in self._each():
            method.stepped(self.net)

    def settle(self, development: Tensors) -> None:
        """Let a net choose what it does not learn by gradients, such as weights of opinions."""
        if isinstance(self.net, Choosing):
            self.net.choose(replace(self._batch(development), labels=development["labels"]))

    def _criterion(self) -> Callable[[Tensor, Tensor], Tensor]:
        for method in self._each():
            if method.criterial:
                return method.criterion
        return lambda values, labels: usual_loss(self.usual, self.kind, values, labels)

    def _each(self) -> Sequence[TrainingMethod]:
        return cast(Sequence[TrainingMethod], self.methods)

    def _batch(self, tensors: Tensors) -> Batch:
        features = {name: tensors[f"features {name}"] for name in self.modalities}
        masks = {name: tensors[f"masks {name}"] for name in self.modalities}
        labels = tensors["labels"] if self.training else None
        speakers, sources = tensors.get("speakers"), tensors.get("sources")
        return Batch(features, masks, labels, self.kind, speakers, sources)


def make_methods(lines: Mapping[str, Value], setting: Setting) -> list[TrainingMethod]:
    """The methods of the section [training]: registry name -> arguments.

    Raises UnknownName for a name that no training method has, ConfigError for arguments or labels
    that do not fit, or for two losses at once.
    """
    found = []
    labels = setting.example.labels
    dialogues = labels is not None and labels.ndim > (1 if setting.kind == "single" else 2)
    for name, arguments in lines.items():
        entry = known.get(name)
        kind = load_object(entry.code, needed_by=name)  # type: ignore[attr-defined]
        if not (isinstance(kind, type) and issubclass(kind, TrainingMethod)):
            raise ConfigError(
                f"{name!r} is no training method but a fusion. Name it as `method`, or choose what "
                f"`insula methods --stage training` lists."
            )
        if setting.kind not in kind.kinds:
            raise ConfigError(
                f"{name} does not fit labels of kind {setting.kind!r}, only "
                f"{', '.join(kind.kinds)}. Leave it out, or choose another corpus."
            )
        if dialogues and "dialogue" not in entry.tasks:  # type: ignore[attr-defined]
            raise ConfigError(
                f"{name} does not fit labels of each step of a dialogue, only those of whole "
                f"samples. Leave it out, or choose another corpus."
            )
        if not isinstance(arguments, Mapping):
            raise ConfigError(
                f"The line {name!r} of [training] holds {arguments!r}. It takes a table of "
                f"arguments: {name} = {{}} for the usual ones."
            )
        method = called(kind, arguments, setting, where=f"[training] {name}")
        found.append(cast(TrainingMethod, method))
    losses = [name for name, method in zip(lines, found, strict=True) if method.criterial]
    if len(losses) > 1:
        raise ConfigError(
            f"{' and '.join(losses)} are losses, and a net learns by one. Keep one of them."
        )
    for name, method in zip(lines, found, strict=True):
        if any(each.joint for each in found) and type(method).chosen is not TrainingMethod.chosen:
            raise ConfigError(
                f"{name} weighs samples by their losses, and {losses[0]} is one loss of the whole "
                f"batch. Keep one of them."
            )
        changes = [type(each).values is not TrainingMethod.values for each in found]
        if method.judging and any(changes):
            raise ConfigError(
                f"{name} judges the net's values, and with {[*lines][changes.index(True)]} they "
                f"are not its answer. Keep one of them."
            )
    return found


def usual_loss(loss: Loss, kind: Kind, values: Tensor, labels: Tensor) -> Tensor:
    """The loss of each sample, [B]; cross-entropy of several labels is the binary one."""
    if loss == "absolute":
        return functional.l1_loss(values, labels, reduction="none").mean(dim=1)
    if loss == "squared":
        return functional.mse_loss(values, labels, reduction="none").mean(dim=1)
    if kind == "multi":
        every = functional.binary_cross_entropy_with_logits(values, labels, reduction="none")
        return every.mean(dim=1)
    return functional.cross_entropy(values, labels, reduction="none")


def check_loss(loss: Loss, kind: Kind, corpus: str) -> None:
    """ConfigError where such labels have no such loss."""
    if (kind == "axes") == (loss == "cross-entropy"):
        raise ConfigError(
            f"The loss {loss!r} does not fit {corpus}, whose labels are {kind!r}. Set "
            f"learning.loss to 'cross-entropy' for classes, to 'absolute' or 'squared' for axes."
        )
