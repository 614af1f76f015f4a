"""How much a mouth moves: what tells a speaker from a listener.

two frames in a row -> the face of each, upright and of one size -> the second laid on the first by
the upper face -> difference about the mouth, less that of the upper face

Moving, turning or coming nearer moves the upper face as well, and counts for nothing; so does a
change of light. The frames must be as near in time as a film has them: lips open and close within a
tenth of a second. How well it tells speech, clip by clip: benchmarks/results/tracking.json.
Shapes: `S` = SIDE, pixels a side of an upright face.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from insula.core.track import Array

SIDE = 48  # pixels
# Where an upright face has its five points (`faces.POINTS`), as shares of its square: the means of
# 249 portraits of Labeled Faces in the Wild.
UPRIGHT = np.array([[0.32, 0.39], [0.68, 0.39], [0.5, 0.61], [0.345, 0.79], [0.655, 0.79]])
MOUTH = (slice(32, 46), slice(12, 36))  # rows and columns: lips and chin
UPPER = (slice(6, 30), slice(7, 41))  # brows to cheeks, what lies still while one speaks
BLUR = (5, 5)  # pixels that a Gaussian of sigma 1 spreads over
BACK = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
STEPS = 2  # of Gauss and Newton; the frames are that near
# Grey levels: a face of less contrast than this is mostly noise of the camera.
LEAST_CONTRAST = 4.0


def upright(points: Array | None, box: Array) -> Array:
    """The matrix (2, 3) from the frame to an upright face. points: (5, 2) or None; box: (4,)."""
    if points is None:
        x, y, width, height = box
        return np.array(
            [[SIDE / width, 0, -x * SIDE / width], [0, SIDE / height, -y * SIDE / height]]
        )
    # The similarity of least squares, as complex numbers.
    here = points[:, 0] + 1j * points[:, 1]
    middle = here.mean()
    here -= middle
    turn = np.vdot(here, _THERE) / np.vdot(here, here).real
    shift = _AIM - turn * middle
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def face_at(greys: Array, matrix: Array) -> Array:
    """The upright face, (S, S) float32 grey levels. greys: (H, W) uint8, the frame."""
    face = cv2.warpAffine(greys, matrix, (SIDE, SIDE)).astype(np.float32)
    return cv2.GaussianBlur(face, BLUR, 1.0)


def mouth_motion(before: Array, after: Array) -> float:
    """Motion of the mouth beyond that of the upper face, in contrasts of the face; 0 at rest."""
    change = _aligned(after, before) - before
    light, left = _mean_and_spread(change[UPPER])  # what is left is no mouth's doing
    mouth, spread = _mean_and_spread(change[MOUTH])
    moved = math.hypot(spread, mouth - light)
    return max(0.0, moved - left) / (_mean_and_spread(before)[1] + LEAST_CONTRAST)


def _aligned(after: Array, before: Array) -> Array:
    """`after` moved, turned and scaled so that its upper face lies on that of `before`.

    Least squares on the brightness, linearised (Lucas and Kanade 1981). The fifth slope is light.
    """
    across = cv2.Sobel(before, cv2.CV_32F, 1, 0, ksize=1, scale=0.5)[UPPER]
    down = cv2.Sobel(before, cv2.CV_32F, 0, 1, ksize=1, scale=0.5)[UPPER]
    slopes = np.ones((5, *down.shape), np.float32)
    slopes[0], slopes[1] = across, down
    slopes[2], slopes[3] = across * _X + down * _Y, down * _X - across * _Y
    slopes = slopes.reshape(5, -1)
    _, inverse = cv2.invert(slopes @ slopes.T + _RIDGE)
    moved, motion = after, np.zeros(5, np.float32)
    for _ in range(STEPS):
        motion -= inverse @ (slopes @ (moved - before)[UPPER].ravel())
        x, y, scale, turn, _ = motion.tolist()
        x += turn * _MIDDLE[1] - scale * _MIDDLE[0]
        y -= turn * _MIDDLE[0] + scale * _MIDDLE[1]
        matrix = np.array([[1 + scale, -turn, x], [turn, 1 + scale, y]])
        moved = cv2.warpAffine(
            after, matrix, (SIDE, SIDE), flags=BACK, borderMode=cv2.BORDER_REPLICATE
        )
    return moved


def _mean_and_spread(values: Array) -> tuple[float, float]:
    """Mean and standard deviation of grey levels (h, w)."""
    mean, spread = cv2.meanStdDev(values)
    return mean.item(), spread.item()


# UPRIGHT in pixels as complex numbers: its middle, and its points seen from there.
_AIM = complex(*UPRIGHT.mean(axis=0)) * SIDE
_THERE = (UPRIGHT[:, 0] + 1j * UPRIGHT[:, 1]) * SIDE - _AIM
# The middle of the upper face, and pixels from there for each of its pixels.
_rows, _columns = np.mgrid[UPPER].astype(np.float32)
_MIDDLE = (float(_columns.mean()), float(_rows.mean()))
_X, _Y = _columns - _MIDDLE[0], _rows - _MIDDLE[1]
_RIDGE = 1e-3 * _X.size * np.eye(5, dtype=np.float32)  # where a face has no slopes, nothing moves
