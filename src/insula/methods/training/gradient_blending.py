"""Gradient-Blending: what overfits counts less (`methods.md` R3b).

    vector of each modality -> a head of its own -> its loss, [M]; the fused answer -> its loss
    over some epochs, for each: G, how far the loss on the development part fell
                                O, how far it moved away from that on training samples
    -> weights, proportional to G / O^2 and 1 in sum -> L = weighted sum of all M + 1

Sources: Wang, Tran and Feiszli, "What makes training multi-modal classification networks hard?",
CVPR 2020.

What differs here: the heads share their encoders with the fused answer and go on learning, where
the paper trains each modality anew for every estimate. What it learns from is judged by the samples
of `Setting.example`. A gap that shrinks counts as one that stays, and anything under `LEAST` as
`LEAST`: differences that small are chance, and would make a weight of 0 or of nearly 1. Until the
first estimate all count alike.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from insula.errors import ConfigError
from insula.methods import answers
from insula.methods.batch import Batch
from insula.methods.description import Method
from insula.methods.training.method import Pass, Setting, TrainingMethod, watched
from insula.methods.training.modality_heads import ModalityHeads

LEAST = 0.01  # of a loss; a choice, see above

METHOD = Method(
    name="gradient-blending",
    id="R3",
    title="Gradient-Blending by overfitting and generalisation",
    stage="training",
    mechanism="balance",
    modalities=("any",),
    tasks=("classes", "labels", "axes"),
    source="Wang et al., What makes training multi-modal networks hard?, CVPR 2020",
    code="insula.methods.training.gradient_blending:GradientBlending",
)


class GradientBlending(TrainingMethod):
    """every: epochs from one estimate of the weights to the next, at least 1."""

    judging = True
    weights: Tensor  # [M + 1], the last is the fused answer's
    start: Tensor  # [2, M + 1], losses on training samples and on the development part
    epochs: Tensor  # [], that have begun

    def __init__(self, setting: Setting, *, every: int = 5) -> None:
        super().__init__(setting)
        if every < 1:
            raise ConfigError(
                f"{METHOD.name} cannot estimate its weights every {every} epochs. Set every to 1 "
                f"or more, well below the number of epochs."
            )
        self.every, self.example = every, setting.example
        self.heads = ModalityHeads(setting, method=METHOD.name)
        count = len(self.heads) + 1
        self.register_buffer("weights", torch.full((count,), 1 / count))
        self.register_buffer("start", torch.zeros(2, count))
        self.register_buffer("epochs", torch.zeros((), dtype=torch.int64))

    def begin(self, net: nn.Module, development: Batch, progress: float) -> None:
        """Estimate the weights anew when it is time."""
        if self.epochs % self.every == 0:
            example = self.example.map(lambda values: values.to(self.start.device))
            now = torch.stack([self._judged(net, example), self._judged(net, development)])
            if self.epochs > 0:
                losses = torch.stack([self.start, now], dim=1)  # [2, 2, M + 1]
                self.weights.copy_(blended(*losses))
            self.start.copy_(now)
        self.epochs += 1

    def chosen(self, seen: Pass, losses: Tensor) -> Tensor:
        """The weight of the fused answer."""
        return self.weights[-1].expand_as(losses)

    def losses(self, seen: Pass) -> Mapping[str, Tensor]:
        """The loss of each head, weighted."""
        weighted = (self.weights * self._each(seen))[:-1].unbind()
        return dict(zip(self.heads.modalities, weighted, strict=True))

    def _each(self, seen: Pass) -> Tensor:
        """The losses of all heads and of the fused answer, [M + 1]."""
        assert seen.batch.labels is not None
        fused = answers.loss(seen.output.values, seen.batch.labels, seen.batch.kind).mean()
        return torch.cat([self.heads.losses(self.heads(seen), seen.batch), fused.unsqueeze(0)])

    @torch.no_grad()
    def _judged(self, net: nn.Module, batch: Batch) -> Tensor:
        training = net.training
        losses = self._each(watched(net.eval(), batch))
        net.train(training)
        return losses


def blended(training: Tensor, held_out: Tensor) -> Tensor:
    """The weights of K answers, [K], from their losses before and after some epochs, [2, K] each.

    training: on samples that they learn from. held_out: on others.
    """
    gain = (held_out[0] - held_out[1]).clamp(min=LEAST)
    gap = held_out - training
    growth = (gap[1] - gap[0]).clamp(min=LEAST)
    weights = gain / growth.square()
    return weights / weights.sum()
