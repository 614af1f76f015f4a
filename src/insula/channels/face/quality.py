"""How much a face crop can tell: its size, light, sharpness and pose. Measures lie in [0, 1]."""

from __future__ import annotations

import numpy as np

from insula.core.track import Array

# Side of a face in pixels at which nothing, and everything, of an expression is to be seen. The
# nets here look at 48 pixels; half of that is a smear.
SIDE_USELESS, SIDE_FULL = 16.0, 64.0
# Mean squared Laplacian of a 48-pixel crop of unit contrast: a smear, and sharp; judged by its
# logarithm. Medians of 900 faces of FER+ Valid, 2026-11-21, and how many of them the net reads
# rightly: as they are 0.036 (82 %), blurred with a sigma of 1 pixel 0.0032 (81 %), of 2 pixels
# 0.0005 (67 %), of 3 pixels 0.0002 (43 %), of 4 pixels 0.0001.
BLURRED, SHARP = 1e-4, 0.02
# Standard deviation of a crop of 12 x 12 pixels, where the camera's noise averages out: too dark or
# flat, and lit. One in a hundred of these faces has less than 0.08. At an eighth of the light and a
# noise of 4 grey levels they have 0.014, and the net reads 37 % of them rightly.
FLAT, LIT = 0.01, 0.08
# Correlation of a face with its mirror image: profile, and frontal. Frontal faces on these clips
# lie between 0.2 and 0.75, faces turned by about 30 degrees between 0.03 and 0.25.
PROFILE, FRONTAL = -0.2, 0.4
# Degrees away from the camera from which half of a face is hidden, and below which it is all seen.
AWAY, TOWARDS = 70.0, 20.0


def face_quality(faces: Array, sides: Array, away: Array | None = None) -> Array:
    """Quality of each face, (N,).

    faces: (N, 48, 48) grey in [0, 1]; sides: (N,) pixels in the frame; away: (N,) degrees that the
    head is turned from the camera, where that is known; else it is judged by the face's symmetry.

    The cube root of the product of size, sharpness and pose, times that of light: too small, or no
    light at all, makes a face worthless; pose alone cannot, since a turned face still shows half of
    its expression.
    """
    size = _ramp(sides, SIDE_USELESS, SIDE_FULL)
    light = _ramp(_coarse(faces).std(axis=(1, 2)), FLAT, LIT)
    sharp = _ramp(np.log(_sharpness(faces) + 1e-9), np.log(BLURRED), np.log(SHARP))
    if away is None:
        frontal = _ramp(_symmetry(faces), PROFILE, FRONTAL)
    else:
        frontal = 1 - _ramp(away, TOWARDS, AWAY)
    quality: Array = light * np.cbrt(size * sharp * (0.3 + 0.7 * frontal))
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
    unit = _normalised(_coarse(faces))
    symmetry: Array = (unit * unit[:, :, ::-1]).mean(axis=(1, 2))
    return symmetry


def _coarse(faces: Array) -> Array:
    """Means of 4 x 4 pixels, (N, 12, 12)."""
    coarse: Array = faces.reshape(len(faces), 12, 4, 12, 4).mean(axis=(2, 4))
    return coarse
