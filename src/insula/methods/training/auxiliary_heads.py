"""Auxiliary heads with balancing: who is ahead learns more slowly (`methods.md` R1).

    vector of each modality -> a head of its own -> its loss; L = fused + all heads
    -> its accuracy on the batch -> running accuracy q_i
    -> K_i = (mean of all q / q_i)^beta, in [0.1, 10] -> learning rate of encoder i times K_i

The heads give every encoder a loss of its own, so that none is left untrained when another modality
already answers; K keeps the modality that is ahead from leaving the others behind.

Sources: the survey that `methods.md` builds on describes it; the paper itself was not found, so the
rule for K is that of `methods.md`. Reported: 80 percent right against 70 by plain training, on a
corpus that the survey does not name.

What differs here: a learning rate an encoder, whatever the optimiser. Scaled gradients would not do
it, since AdamW undoes any constant scale, so the encoder goes K_i of the way that the optimiser
took: the same as its rate times K_i. Right about a sample is: of several labels, the share of right
ones; of shares of classes, the largest; of axes, the side of the training mean.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, distributed, nn

from insula.methods.description import Method
from insula.methods.encoders import Encoders
from insula.methods.training.method import Pass, Setting, TrainingMethod
from insula.methods.training.modality_heads import ModalityHeads

BOUNDS = (0.1, 10.0)  # of K, `methods.md` R1
LEAST = 1e-3  # of a running accuracy, so that K stays finite

METHOD = Method(
    name="auxiliary-heads",
    id="R1",
    title="Auxiliary heads with balancing",
    stage="training",
    mechanism="balance",
    modalities=("any",),
    tasks=("classes", "labels", "axes"),
    source="A survey's account of balancing coefficients; the paper itself was not found",
    code="insula.methods.training.auxiliary_heads:AuxiliaryHeads",
)


class AuxiliaryHeads(TrainingMethod):
    """beta: how strongly learning rates follow accuracies; 0 leaves them equal.

    memory: share of a running accuracy that stays at each step.
    """

    accuracies: Tensor  # [M]
    middle: Tensor  # [C], the training mean of axes

    def __init__(self, setting: Setting, *, beta: float = 1.0, memory: float = 0.9) -> None:
        super().__init__(setting)
        self.beta, self.memory, self.kind = beta, memory, setting.kind
        self.heads = ModalityHeads(setting, method=METHOD.name)
        self.register_buffer("accuracies", torch.full((len(self.heads),), 0.5))  # none is ahead
        self.register_buffer("middle", setting.labels.float().mean(dim=0))
        self.before: list[list[Tensor]] = []

    def losses(self, seen: Pass) -> Mapping[str, Tensor]:
        """The loss of each head, over the samples that have its modality."""
        values = self.heads(seen)
        self._follow(values.detach(), seen)
        losses = self.heads.losses(values, seen.batch)
        return dict(zip(self.heads.modalities, losses.unbind(), strict=True))

    def adjust(self, net: nn.Module, again: Callable[[], None]) -> None:
        """Keep the weights of the encoders."""
        self.before = [
            [weight.detach().clone() for weight in encoder] for encoder in self._encoders(net)
        ]

    def stepped(self, net: nn.Module) -> None:
        """Have each encoder go K of its way."""
        each = zip(self.before, self._encoders(net), self.rates().unbind(), strict=True)
        with torch.no_grad():
            for before, encoder, rate in each:
                for old, weight in zip(before, encoder, strict=True):
                    weight.copy_(torch.lerp(old, weight, rate))
        self.before = []

    def rates(self) -> Tensor:
        """K, by which the learning rate of each encoder is multiplied: [M]."""
        accuracies = self.accuracies.clamp(min=LEAST)
        return (accuracies.mean() / accuracies).pow(self.beta).clamp(*BOUNDS)

    def _follow(self, values: Tensor, seen: Pass) -> None:
        assert seen.batch.labels is not None
        there = self.heads.there(seen.batch)
        right = self.right(values, seen.batch.labels).where(there, 0.0)
        found = torch.stack([right.sum(dim=0), there.sum(dim=0)])  # [2, M]
        if distributed.is_available() and distributed.is_initialized():
            distributed.all_reduce(found)  # each process sees a part, and all must step alike
        now = found[0] / found[1].clamp(min=1)
        moved = self.memory * self.accuracies + (1 - self.memory) * now
        self.accuracies.copy_(moved.where(found[1] > 0, self.accuracies))

    def right(self, values: Tensor, labels: Tensor) -> Tensor:
        """How right each head is about each sample, in [0, 1]: [B, M] from values [B, M, C]."""
        if self.kind in ("single", "distribution"):
            true = labels if self.kind == "single" else labels.argmax(dim=1)
            return (values.argmax(dim=2) == true.unsqueeze(1)).float()
        if self.kind == "multi":
            said, truth = values > 0, labels > 0.5
        else:
            said, truth = values > self.middle, labels > self.middle
        return (said == truth.unsqueeze(1)).float().mean(dim=2)

    def _encoders(self, net: nn.Module) -> list[list[nn.Parameter]]:
        assert isinstance(net.encoders, Encoders)
        return [list(net.encoders.encoders[name].parameters()) for name in self.heads.modalities]
