"""Expression networks behind one interface: crops in, scores out.

Each family of weights wants its crops prepared in its own way; the family is found by the name of
the card. Whoever trains a new bundled model with the inputs of `face-ferplus` needs nothing here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import cv2
import numpy as np

from insula.channels.face.pulled import FAMILIES, PulledExpression
from insula.core.track import Array
from insula.zoo.session import Model


class Expression(Protocol):
    """Reads crops of faces."""

    def __call__(self, crops: Sequence[Array]) -> tuple[Array, Array | None]:
        """Scores (N, C) in the order of the space, and valence-arousal (N, 2) where it has them.

        crops: N arrays (h, w, 3) uint8 RGB of any size.
        """
        ...


class GreyExpression:
    """The bundled family: 48 x 48 grey faces in [0, 1], as FER2013 has them."""

    def __init__(self, model: str) -> None:
        self._model = Model.shared(model)

    def __call__(self, crops: Sequence[Array]) -> tuple[Array, Array | None]:
        """Scores (N, C); it has no head for valence and arousal."""
        return self._model.run(faces=grey_faces(crops)[:, None])["probabilities"], None


def grey_faces(crops: Sequence[Array]) -> Array:
    """Crops as 48 x 48 grey pictures in [0, 1]; (N, 48, 48) float32."""
    grey = [
        cv2.resize(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), (48, 48), interpolation=cv2.INTER_AREA)
        for crop in crops
    ]
    return np.stack(grey).astype(np.float32) / 255


def expression(model: str) -> Expression:
    """The reader for these weights."""
    return PulledExpression(model) if model in FAMILIES else GreyExpression(model)
