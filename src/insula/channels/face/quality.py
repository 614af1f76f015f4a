"""How much a face crop can tell: its size, sharpness and pose. All measures lie in [0, 1]."""

from __future__ import annotations

import numpy as np

from insula.core.track import Array

# Side of a face in pixels at which nothing, and everything, of an expression is to be seen. The
# nets here look at 48 pixels; half of that is a smear.
SIDE_USELESS, SIDE_FULL = 16.0, 64.0
# Mean squared Laplacian of a 48-pixel crop of unit contrast: blurred, and sharp. Measured on 14
# clips, 2026-11-21: faces as they are 0.015 to 0.058; blurred by one pixel (sigma) 0.002 to 0.005.
BLURRED, SHARP = 0.004, 0.025
# Correlation of a face with its mirror image: profile, and frontal. Frontal faces on these clips
# lie between 0.2 and 0.75, faces turned by about 30 degrees between 0.03 and 0.25.
PROFILE, FRONTAL = -0.2, 0.4


def face_quality(faces: Array, sides: Array) -> Array:
    """Quality of each face. faces: (N, 48, 48) grey in [0, 1]; sides: (N,) pixels in the frame.

    The geometric mean of the three measures: any of them at zero makes the face worthless, and
    pose alone cannot, since a turned face still shows half of its expression.
    """
    size = _ramp(sides, SIDE_USELESS, SIDE_FULL)
    pose = 0.3 + 0.7 * _ramp(_symmetry(faces), PROFILE, FRONTAL)
    quality: Array = np.cbrt(size * _ramp(_sharpness(faces), BLURRED, SHARP) * pose)
    return quality


def _ramp(values: Array, low: float, high: float) -> Array:
    ramp: Array = np.clip((np.asarray(values, np.float64) - low) / (high - low), 0, 1)
    return ramp


def _normalised(faces: Array) -> Array:
    centred = faces - faces.mean(axis=(1, 2), keepdims=True)
    normalised: Array = centred / (centred.std(axis=(1, 2), keepdims=True) + 0.02)
    return normalised


def _sharpness(faces: Array) -> Array:
    """Mean squared Laplacian at unit contrast; a flat crop has none."""
    unit = _normalised(faces)
    laplacian = (
        unit[:, :-2, 1:-1] + unit[:, 2:, 1:-1] + unit[:, 1:-1, :-2] + unit[:, 1:-1, 2:]
    ) / 4 - unit[:, 1:-1, 1:-1]
    sharpness: Array = (laplacian**2).mean(axis=(1, 2))
    return sharpness


def _symmetry(faces: Array) -> Array:
    """Correlation of a face with its mirror image, at a quarter of the resolution."""
    count = len(faces)
    unit = _normalised(faces.reshape(count, 12, 4, 12, 4).mean(axis=(2, 4)))
    symmetry: Array = (unit * unit[:, :, ::-1]).mean(axis=(1, 2))
    return symmetry
