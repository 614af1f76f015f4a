"""What every training method of the laboratory is: hooks around one step of learning.

    begin (an epoch) -> change (the batch) -> the net's pass, watched -> criterion (the loss)
    -> chosen (whose loss counts) -> losses (further terms) -> gradients -> adjust
    -> step -> stepped

A method overrides the hooks that it needs; the others change nothing, so several can be used at
once. What a method learns for itself (heads, a discriminator) are its own weights: it is a module,
trained beside the net and left out of what ships.

B samples, T steps, M modalities, H the width of their vectors, D of what the net decides on, C
classes or axes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from insula.errors import ConfigError
from insula.methods.batch import Batch, Kind, ModelOutput
from insula.methods.encoders import Encoders, Tokens


@dataclass(frozen=True, eq=False)
class Setting:
    """What a training method works in.

    net: the net that learns. outputs: C. kind: of the labels. labels: those of all training
    samples, of dialogues those of all steps. names: of the classes or axes; () where the corpus
    names none. example: some training samples. target: samples of the domain that the net shall
    work in, unlabelled; None where that is the training domain. annotations: what each of K
    annotators says of each training sample, [N, K] int64, -1 where nothing; None where only the
    truth is known. sources: from how many corpora or conditions the training samples are.
    """

    net: nn.Module
    outputs: int
    kind: Kind
    labels: Tensor
    names: tuple[str, ...]
    example: Batch
    target: Batch | None = None
    annotations: Tensor | None = None
    sources: int = 1

    def encoders(self, method: str) -> Encoders:
        """The net's encoders; ConfigError where it has none."""
        found = getattr(self.net, "encoders", None)
        if not isinstance(found, Encoders):
            raise ConfigError(
                f"{method} needs a net with an encoder a modality, and "
                f"{type(self.net).__name__} joins modalities before. Choose a fusion of the stage "
                f"mid, or leave {method} out."
            )
        return found

    def width(self, method: str) -> int:
        """D, values of what the net decides on; ConfigError where it decides in no one place."""
        training = self.net.training
        with torch.no_grad():
            seen = watched(self.net.eval(), self.example)
        self.net.train(training)
        if seen.representation is None:
            raise ConfigError(
                f"{method} needs a net with one representation that it decides on, and "
                f"{type(self.net).__name__} joins answers. Choose a fusion of the stage early or "
                f"mid, or leave {method} out."
            )
        return seen.representation.shape[-1]


@dataclass(frozen=True, eq=False)
class Pass:
    """One pass of the net in training, and what was seen on the way.

    vectors: one a modality, [B, M, H]; None where the net has no encoders. representation: what
    goes into the layer that gives the values, [B, D]; None where there is no such layer.
    """

    net: nn.Module
    batch: Batch
    output: ModelOutput
    vectors: Tensor | None
    representation: Tensor | None

    def with_only(self, modality: str) -> ModelOutput:
        """A further pass, with all other modalities hidden."""
        others = [name for name in self.batch.modalities if name != modality]
        output = self.net(self.batch.without(*others))
        assert isinstance(output, ModelOutput)
        return output

    def rows(self, values: Tensor) -> Tensor:
        """Of [B, ...] the same; of dialogues, [B, T, ...], one row a valid step: [N, ...]."""
        if self.output.values.ndim == 2:
            return values
        return values[torch.stack(list(self.batch.masks.values())).any(dim=0)]


class TrainingMethod(nn.Module):
    """Changes nothing. Override what the method changes; options are keyword arguments.

    kinds: of labels that it can be used with. criterial: whether it is the loss; of such methods a
    recipe has at most one. joint: whether that loss is one of the whole batch, so that no method
    can choose samples. judging: whether it takes the net's values for its answer, so that no method
    can make them stand for something else. asking: whether its `adjust` finds gradients again.
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("single", "multi", "distribution", "axes")
    criterial: ClassVar[bool] = False
    joint: ClassVar[bool] = False
    judging: ClassVar[bool] = False
    asking: ClassVar[bool] = False

    def __init__(self, setting: Setting) -> None:
        super().__init__()

    def values(self, outputs: int) -> int:
        """How many values the net must give for C outputs."""
        return outputs

    def answer(self, values: Tensor) -> Tensor:
        """What those values amount to, [B, C]."""
        return values

    def relabel(self, labels: Tensor) -> Tensor:
        """The labels to learn from, of all training samples; asked once."""
        return labels

    def begin(self, net: nn.Module, development: Batch, progress: float) -> None:
        """An epoch begins. progress: share of the epochs that are done, in [0, 1)."""

    def change(self, batch: Batch) -> Batch:
        """The training batch, changed; chance comes from torch's generator."""
        return batch

    def criterion(self, values: Tensor, labels: Tensor) -> Tensor:
        """The loss of each sample, [B], or of the batch, []; asked where `criterial`."""
        raise NotImplementedError

    def chosen(self, seen: Pass, losses: Tensor) -> Tensor:
        """How much the loss of each sample, [B], shall count, [B]."""
        return torch.ones_like(losses)

    def losses(self, seen: Pass) -> Mapping[str, Tensor]:
        """Further terms of the loss by name, scalars, already weighted."""
        return {}

    def adjust(self, net: nn.Module, again: Callable[[], None]) -> None:
        """Change the gradients before the step; `again` finds those of the same batch anew."""

    def stepped(self, net: nn.Module) -> None:
        """Change the weights after the step."""


def watched(net: nn.Module, batch: Batch) -> Pass:
    """Run the net and see the vectors of its encoders, and what its last layer decides on."""
    tokens: list[Mapping[str, Tokens]] = []
    linear: list[tuple[Tensor, Tensor]] = []
    encoders = getattr(net, "encoders", None)
    hooks = [
        module.register_forward_hook(lambda _, given, found: linear.append((given[0], found)))
        for module in net.modules()
        if isinstance(module, nn.Linear)
    ]
    if isinstance(encoders, Encoders):
        hooks.append(encoders.register_forward_hook(lambda *passed: tokens.append(passed[2])))
    try:
        output = net(batch)
    finally:
        for hook in hooks:
            hook.remove()
    vectors = encoders.summed_up(tokens[0]) if tokens else None
    decided = (given for given, found in linear if found is output.values)
    return Pass(net, batch, output, vectors, next(decided, None))
