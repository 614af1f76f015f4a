"""Chance changes to training samples, all drawn from the generator that is passed in.

Faces imitate what a detector does to them: boxes shifted, too large or too small, tilted heads,
uneven light, distance (few pixels), hands and hair in the way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class FaceChanges:
    """How far a training face may differ from the picture in the corpus; 0 switches one off."""

    shift: float
    """Largest shift, as a share of the side."""
    scale: float
    """Largest change of size: sizes are drawn from exp(-scale) to exp(scale)."""
    turn: float
    """Largest tilt of the head, in degrees."""
    light: float
    """Largest change of brightness, of [0, 1], and of contrast, as a share."""
    erase: float
    """Chance that a rectangle of the face is covered."""
    coarse: float
    """Chance that the face has the detail of a smaller one, down to half the side."""


def change_faces(faces: Tensor, changes: FaceChanges, rng: np.random.Generator) -> Tensor:
    """faces: [B, 1, S, S] in [0, 1]. Returns the same shape and range; mirrors half of them."""
    faces = _move(faces, changes, rng)
    faces = _relight(faces, changes.light, rng)
    faces = _coarsen(faces, changes.coarse, rng)
    return _cover(faces, changes.erase, rng)


def _move(faces: Tensor, changes: FaceChanges, rng: np.random.Generator) -> Tensor:
    count = len(faces)
    angle = np.deg2rad(rng.uniform(-changes.turn, changes.turn, count))
    size = np.exp(rng.uniform(-changes.scale, changes.scale, (count, 2)))
    mirror = rng.choice([-1.0, 1.0], count)
    shift = rng.uniform(-2 * changes.shift, 2 * changes.shift, (count, 2))  # the side is 2 long
    matrix = np.empty((count, 2, 3), dtype=np.float32)
    matrix[:, 0, 0], matrix[:, 0, 1] = mirror * size[:, 0] * np.cos(angle), -np.sin(angle)
    matrix[:, 1, 0], matrix[:, 1, 1] = mirror * np.sin(angle), size[:, 1] * np.cos(angle)
    matrix[:, :, 2] = shift
    grid = functional.affine_grid(torch.from_numpy(matrix), list(faces.shape), align_corners=False)
    return functional.grid_sample(faces, grid, padding_mode="border", align_corners=False)


def _relight(faces: Tensor, light: float, rng: np.random.Generator) -> Tensor:
    shape = (len(faces), 1, 1, 1)
    contrast = _column(rng.uniform(1 - light, 1 + light, shape))
    brightness = _column(rng.uniform(-light, light, shape))
    side = faces.shape[-1]
    across = torch.linspace(-1, 1, side)
    slopes = _column(rng.uniform(-light, light, (2, *shape)))  # light from one side
    lamp = slopes[0] * across.view(1, 1, 1, side) + slopes[1] * across.view(1, 1, side, 1)
    return (0.5 + contrast * (faces - 0.5) + brightness + lamp).clamp(0, 1)


def _coarsen(faces: Tensor, chance: float, rng: np.random.Generator) -> Tensor:
    chosen = np.flatnonzero(rng.random(len(faces)) < chance)
    if len(chosen) == 0:
        return faces
    side = faces.shape[-1]
    smaller = int(rng.integers(side // 2, side))
    small = functional.interpolate(faces[chosen], size=smaller, mode="area")
    faces = faces.clone()
    faces[chosen] = functional.interpolate(small, size=side, mode="bilinear", align_corners=False)
    return faces


def _cover(faces: Tensor, chance: float, rng: np.random.Generator) -> Tensor:
    side = faces.shape[-1]
    faces = faces.clone()
    for index in np.flatnonzero(rng.random(len(faces)) < chance):
        height, width = rng.integers(side // 8, side // 2, 2)
        top, left = rng.integers(0, side - height), rng.integers(0, side - width)
        faces[index, :, top : top + height, left : left + width] = float(rng.random())
    return faces


def _column(values: np.ndarray) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))
