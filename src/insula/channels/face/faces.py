"""What detectors find, in one form whoever found it. Shapes: `K` faces."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import cv2
import numpy as np

from insula.core.track import Array

# The five points that detectors know, in the order of the picture from left to right.
POINTS = ("left eye", "right eye", "nose", "left corner of the mouth", "right corner of the mouth")

# Side of such a square as a share of the height of a box that fits closely, about the same middle:
# so the cascade's squares lie to MTCNN's boxes on 242 portraits.
SQUARE = 0.95


class Faces(NamedTuple):
    """The faces of one frame, the largest first.

    boxes: (K, 4) x, y, width, height in pixels of the frame: a square as the cascades frame a
    face, brow to chin, since the networks that read expressions learnt from such. scores: (K,) in
    [0, 1]. points: (K, 5, 2) x, y in pixels, see POINTS; None from detectors that know none.
    """

    boxes: Array
    scores: Array
    points: Array | None = None


NO_FACES = Faces(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))


class Detector(Protocol):
    """Finds faces."""

    def find(self, image: Array, near: Array | None = None) -> Faces:
        """The faces of a frame.

        image: (H, W, 3) uint8 RGB. near: boxes (K, 4) of all faces a moment ago. A detector may
        then look there only, as long as it finds as many.
        """
        ...


def largest_first(boxes: Array, scores: Array, points: Array | None = None) -> Faces:
    """The faces by falling area."""
    order = np.argsort(-boxes[:, 2] * boxes[:, 3], kind="stable")
    known = points[order].astype(np.float32) if points is not None else None
    return Faces(boxes[order].astype(np.float32), scores[order].astype(np.float32), known)


def squared(boxes: Array) -> Array:
    """Boxes x, y, width, height that fit a face closely as the squares of `Faces`, (K, 4)."""
    side = SQUARE * boxes[:, 3:]
    corner = boxes[:, :2] + boxes[:, 2:] / 2 - side / 2
    return np.concatenate([corner, side, side], axis=1)


def shrink(image: Array, longest: int) -> tuple[Array, float]:
    """The image with its longer side at most `longest` pixels, and the factor that took."""
    scale = min(1.0, longest / max(image.shape[:2]))
    if scale == 1.0:
        return image, scale
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA), scale
