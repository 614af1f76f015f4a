"""How much a mouth moves: what tells a speaker from a listener.

two frames in a row -> the face of each, upright and of one size -> the second laid on the first by
the upper face -> difference about the mouth, less that of the upper face

Moving, turning or coming nearer moves the upper face as well, and counts for nothing; so does a
change of light. The frames must be as near in time as a film has them: lips open and close within a
tenth of a second. How well it tells speech, clip by clip: benchmarks/results/tracking.json.
Shapes: `S` = SIDE, pixels a side of an upright face.
"""

from __future__ import annotations

import cv2
import numpy as np

from insula.core.track import Array

SIDE = 48  # pixels
# Where an upright face has its five points (`faces.POINTS`), as shares of its square: the means of
# 249 portraits of Labeled Faces in the Wild.
UPRIGHT = np.array([[0.32, 0.39], [0.68, 0.39], [0.5, 0.61], [0.345, 0.79], [0.655, 0.79]])
MOUTH = (slice(32, 46), slice(12, 36))  # rows and columns: lips and chin
UPPER = (slice(6, 30), slice(7, 41))  # brows to cheeks, what lies still while one speaks
STEPS = 2  # of Gauss and Newton; the frames are that near
# Grey levels: a face of less contrast than this is mostly noise of the camera.
LEAST_CONTRAST = 4.0


def upright(points: Array | None, box: Array) -> Array:
    """The matrix (2, 3) from the frame to an upright face. points: (5, 2) or None; box: (4,)."""
    target = UPRIGHT * SIDE
    if points is None:
        x, y, width, height = box
        return np.array(
            [[SIDE / width, 0, -x * SIDE / width], [0, SIDE / height, -y * SIDE / height]]
        )
    middle, aim = points.mean(axis=0), target.mean(axis=0)
    here, there = points - middle, target - aim
    # The similarity of least squares, as a complex number.
    turn = np.sum(_complex(there) * _complex(here).conj()) / np.sum(np.abs(_complex(here)) ** 2)
    rotation = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
    return np.column_stack([rotation, aim - rotation @ middle])


def face_at(image: Array, matrix: Array) -> Array:
    """The upright face, (S, S) float32 grey levels. image: (H, W, 3) uint8."""
    face = cv2.cvtColor(cv2.warpAffine(image, matrix, (SIDE, SIDE)), cv2.COLOR_RGB2GRAY)
    return cv2.GaussianBlur(face, (0, 0), 1.0).astype(np.float32)


def mouth_motion(before: Array, after: Array) -> float:
    """Motion of the mouth beyond that of the upper face, in contrasts of the face; 0 at rest."""
    change = np.abs(_aligned(after, before) - before) / (before.std() + LEAST_CONTRAST)
    mouth, upper = (float(np.sqrt(np.mean(change[part] ** 2))) for part in (MOUTH, UPPER))
    return max(0.0, mouth - upper)


def _aligned(after: Array, before: Array) -> Array:
    """`after` moved, turned, scaled and lit so that its upper face lies on that of `before`.

    Least squares on the brightness, linearised (Lucas and Kanade 1981).
    """
    down, across = np.gradient(before)
    down, across = down[UPPER].ravel(), across[UPPER].ravel()
    slopes = np.column_stack(
        [across, down, across * _X + down * _Y, down * _X - across * _Y, np.ones(len(down))]
    )
    normal = slopes.T @ slopes + 1e-3 * len(down) * np.eye(5)
    moved, motion, light = after, np.zeros(5), 0.0
    for _ in range(STEPS):
        wrong = (moved - before)[UPPER].ravel()
        motion -= np.linalg.solve(normal, slopes.T @ wrong)
        x, y, scale, turn, _ = motion
        matrix = np.array([[1 + scale, -turn, x], [turn, 1 + scale, y]])
        matrix[:, 2] -= (matrix[:, :2] - np.eye(2)) @ _MIDDLE
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        size, border = (SIDE, SIDE), cv2.BORDER_REPLICATE
        moved = cv2.warpAffine(after, matrix, size, flags=flags, borderMode=border)
    light = float((moved - before)[UPPER].mean())
    aligned: Array = moved - light
    return aligned


def _complex(points: Array) -> Array:
    numbers: Array = points[:, 0] + 1j * points[:, 1]
    return numbers


# Pixels from the middle of the upper face, for each of its pixels, and that middle.
_rows, _columns = np.mgrid[UPPER]
_MIDDLE = np.array([_columns.mean(), _rows.mean()])
_X, _Y = (_columns - _MIDDLE[0]).ravel(), (_rows - _MIDDLE[1]).ravel()
