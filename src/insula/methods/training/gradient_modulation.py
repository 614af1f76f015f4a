"""Gradient modulation: the gradients of the encoder that is ahead are made smaller (R3a).

Entry R3a of `methods.md`, OGM and OGM-GE.

    the net with all other modalities hidden -> probability of the truth, mean over samples: s_m
    r_m = s_m / mean of the other modalities' s -> k_m = 1 - tanh(alpha r_m) where r_m > 1, else 1
    gradient of each weight matrix of encoder m, times k_m -> plus noise as wide as it was before

Sources: Peng et al., "Balanced multimodal learning via on-the-fly gradient modulation", CVPR 2022,
and its code; alpha lies between 0.1 and 0.8 there, and the first 50 of 100 epochs are modulated.

What differs here: the paper has two modalities, and r is one's score over the other's. With M, it
is over the mean of the others', which is the same for two; so all that are above their others slow
down, and never all at once. The paper's score comes from the shares that the last layer's weights
give each modality; any net can be asked with the others hidden. Of several labels, shares of
classes and axes the score is exp(-loss), which for one class is its probability. A modality that
no sample of a batch has is left out. The paper trains by SGD: AdamW divides gradients by their
running size, which undoes a constant k, so that only its changes and the noise are left.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from insula.methods import answers
from insula.methods.batch import Batch
from insula.methods.description import Method
from insula.methods.encoders import Encoders
from insula.methods.training.method import Pass, Setting, TrainingMethod

METHOD = Method(
    name="gradient-modulation",
    id="R3",
    title="On-the-fly gradient modulation, OGM and OGM-GE",
    stage="training",
    mechanism="balance",
    modalities=("any",),
    tasks=("classes", "labels", "axes"),
    source="Peng et al., Balanced multimodal learning via on-the-fly modulation, CVPR 2022",
    code="insula.methods.training.gradient_modulation:GradientModulation",
)


class GradientModulation(TrainingMethod):
    """alpha: how strongly who is ahead is slowed down. noise: whether it is added (GE).

    until: share of the epochs after which gradients are left as they are.
    """

    judging = True

    def __init__(
        self, setting: Setting, *, alpha: float = 0.3, noise: bool = True, until: float = 0.5
    ) -> None:
        super().__init__(setting)
        setting.encoders(METHOD.name)  # refuses a net without
        self.alpha, self.noise, self.until = alpha, noise, until
        self.active = True
        self.slowed: dict[str, Tensor] = {}  # k by modality

    def begin(self, net: nn.Module, development: Batch, progress: float) -> None:
        """Stop when it is time."""
        self.active = progress < self.until

    def losses(self, seen: Pass) -> Mapping[str, Tensor]:
        """None; finds out who is ahead."""
        if self.active:
            scores = torch.stack([score(seen, name) for name in seen.batch.modalities])
            each = slowed(scores, alpha=self.alpha).unbind()
            self.slowed = dict(zip(seen.batch.modalities, each, strict=True))
        return {}

    def adjust(self, net: nn.Module, again: Callable[[], None]) -> None:
        """Scale the gradients of the encoders' weight matrices, and add noise."""
        if not self.active:
            return
        assert isinstance(net.encoders, Encoders)
        for name, encoder in net.encoders.encoders.items():
            for weight in encoder.parameters():
                if weight.grad is not None and weight.ndim > 1:
                    spread = weight.grad.std(correction=0) if self.noise else 0.0
                    noise = spread * torch.randn_like(weight.grad)
                    weight.grad.mul_(self.slowed[name]).add_(noise)


@torch.no_grad()
def score(seen: Pass, modality: str) -> Tensor:
    """The mean probability of the truth by this modality alone, where it is there; else NaN."""
    batch = seen.batch
    assert batch.labels is not None
    losses = answers.loss(seen.with_only(modality).values, batch.labels, batch.kind)
    return (-losses).exp()[batch.masks[modality].any(dim=1)].mean()


def slowed(scores: Tensor, *, alpha: float) -> Tensor:
    """k of each modality from the scores of all, [M] each; what scores NaN is left out."""
    others = (scores.nansum() - scores) / (scores.isfinite().sum() - 1)
    ratios = scores / others  # NaN, so not above 1, where there is nothing to compare
    return (1 - torch.tanh(alpha * ratios)).where(ratios > 1, 1.0)
