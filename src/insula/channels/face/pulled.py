"""Expression networks of others, as pulled: what their crops look like, what their numbers mean.

The order of a file's columns stands in its card (`labels`); answers come in the order of our space.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from insula.core.space import get_space
from insula.core.track import Array
from insula.zoo.card import Card
from insula.zoo.session import Model


@dataclass(frozen=True)
class Family:
    """What a file wants and gives.

    size: pixels a side of the crop. mean, deviation: of the three channels in [0, 1], taken off
    and divided by. affect: whether valence and arousal follow the logits. batched: whether the
    file takes several faces at once.
    """

    input: str
    output: str
    size: int
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]
    affect: bool
    batched: bool


_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_CENTRED = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))

# Sizes and normalisation from the released code of EmotiEffLib and of OpenCV Zoo.
FAMILIES = {
    "face-emotieff-b0": Family("input", "output", 224, *_IMAGENET, affect=True, batched=True),
    "face-emotieff-b2": Family("input", "output", 260, *_IMAGENET, affect=False, batched=True),
    "face-emotieff-mbf": Family("input", "output", 112, *_CENTRED, affect=True, batched=True),
    "face-mobilefacenet": Family("data", "label", 112, *_CENTRED, affect=False, batched=False),
}


class PulledExpression:
    """Reads crops with the pulled weights `model`, one of FAMILIES. See `expression.Expression`."""

    def __init__(self, model: str) -> None:
        self._family = FAMILIES[model]
        self._model = Model.shared(model)

    def __call__(self, crops: Sequence[Array]) -> tuple[Array, Array | None]:
        """Scores (N, C) in the order of the card's space, and valence-arousal (N, 2) or None."""
        family = self._family
        faces = prepare(crops, family)
        batches = [faces] if family.batched else np.split(faces, len(faces))
        outputs = [self._model.run(**{family.input: part})[family.output] for part in batches]
        return read(np.concatenate(outputs), self._model.card, family)


def prepare(crops: Sequence[Array], family: Family) -> Array:
    """Crops (h, w, 3) uint8 RGB as the file wants them: (N, 3, size, size) float32."""
    size = (family.size, family.size)
    faces = np.stack([cv2.resize(crop, size) for crop in crops]).astype(np.float32) / 255
    mean, deviation = np.array([family.mean, family.deviation], np.float32)
    faces = (faces - mean) / deviation
    return np.ascontiguousarray(faces.transpose(0, 3, 1, 2))


def read(output: Array, card: Card, family: Family) -> tuple[Array, Array | None]:
    """Probabilities (N, C) in the space's order, and valence-arousal (N, 2) in [-1, 1] or None.

    output: (N, C) logits in the card's order of labels, then valence and arousal where it has them.
    """
    count = len(card.labels)
    logits = output[:, :count] - output[:, :count].max(axis=1, keepdims=True)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    columns = [card.labels.index(label) for label in get_space(card.space).labels]
    affect = np.clip(output[:, count : count + 2], -1, 1) if family.affect else None
    return shares[:, columns].astype(np.float32), affect
