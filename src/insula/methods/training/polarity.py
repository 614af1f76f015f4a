"""Polarity-consistent cross-entropy: joy for anger is worse than fear for anger (`methods.md` R10).

    cross-entropy of a sample, times 1 + extra where the class that the net says and the true one
    are of opposite polarity

Sources: Zhao et al., "An end-to-end visual-audio attention network for emotion recognition in
user-generated videos", AAAI 2020 (VAANet, M26), and its code; polarities of GoEmotions' further
classes from Demszky et al., "GoEmotions: a dataset of fine-grained emotions", ACL 2020.

What differs here: the source knows the eight classes of Plutchik; here polarity goes by the names
of the corpus's classes. What is not listed, such as neutral or calm, has none and is never opposite
to anything. Surprise is positive, as in the source.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

from insula.errors import ConfigError
from insula.methods.description import Method
from insula.methods.training.method import Setting, TrainingMethod

METHOD = Method(
    name="polarity",
    id="R10",
    title="Polarity-consistent cross-entropy",
    stage="training",
    mechanism="loss",
    modalities=("any",),
    tasks=("classes", "dialogue"),
    source="Zhao et al., An end-to-end visual-audio attention network, AAAI 2020",
    code="insula.methods.training.polarity:Polarity",
)

Sign: TypeAlias = Literal[-1, 0, 1]

POSITIVE = {
    *("anticipation", "joy", "surprise", "trust"),  # of the source
    *("happiness", "happy", "excitement"),  # its joy, in the words of other corpora
    *("admiration", "amusement", "approval", "caring", "desire", "gratitude", "love"),
    *("optimism", "pride", "relief"),
    "positive",
}
NEGATIVE = {
    *("anger", "disgust", "fear", "sadness"),  # of the source
    *("angry", "fearful", "sad", "contempt", "frustration"),
    *("annoyance", "disappointment", "disapproval", "embarrassment", "grief", "nervousness"),
    "remorse",
    "negative",
}


class Polarity(TrainingMethod):
    """extra: share by which the loss of a mistake of polarity is raised."""

    kinds = ("single",)
    criterial = True
    signs: Tensor

    def __init__(self, setting: Setting, *, extra: float = 0.5) -> None:
        super().__init__(setting)
        self.extra = extra
        signs = [polarity(name) for name in setting.names]
        if not {-1, 1} <= set(signs):
            raise ConfigError(
                f"polarity goes by names of classes such as 'joy' and 'anger', and those of the "
                f"corpus are {', '.join(setting.names) or 'unknown'}. Choose a corpus with classes "
                f"of both polarities, or leave polarity out."
            )
        self.register_buffer("signs", torch.tensor(signs))

    def criterion(self, values: Tensor, labels: Tensor) -> Tensor:
        """values: [B, C] logits. labels: [B]. Returns [B]."""
        entropy = functional.cross_entropy(values, labels, reduction="none")
        opposite = self.signs[values.argmax(dim=1)] * self.signs[labels] < 0
        return entropy * (1 + self.extra * opposite)


def polarity(name: str) -> Sign:
    """1 for a positive emotion, -1 for a negative one, 0 for what is neither.

    >>> polarity("happiness"), polarity("Anger"), polarity("neutral")
    (1, -1, 0)
    """
    name = name.casefold()
    return 1 if name in POSITIVE else -1 if name in NEGATIVE else 0
