"""Chance changes to training samples, all drawn from the generator that is passed in.

Faces imitate what a detector does to them: boxes shifted, too large or too small, tilted heads,
uneven light, distance (few pixels), hands and hair in the way. Sounds imitate other speakers,
rooms and microphones; they are changed as spectrograms, far cheaper than changing waves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

SENSOR_NOISE = 0.03  # largest standard deviation, of [0, 1]


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
    dark: float
    """Chance that a tenth to a half of the light is left, under a sensor's noise."""


def change_faces(faces: Tensor, changes: FaceChanges, rng: np.random.Generator) -> Tensor:
    """faces: [B, 1, S, S] in [0, 1]. Returns the same range; mirrors half of them."""
    faces = _move(faces, changes, rng)
    faces = _relight(faces, changes.light, rng)
    faces = _darken(faces, changes.dark, rng)
    faces = _coarsen(faces, changes.coarse, rng)
    return _cover(faces, changes.erase, rng)


def _move(faces: Tensor, changes: FaceChanges, rng: np.random.Generator) -> Tensor:
    count, side = len(faces), faces.shape[-1]
    angle = np.deg2rad(rng.uniform(-changes.turn, changes.turn, count))
    size = np.exp(rng.uniform(-changes.scale, changes.scale, (count, 2)))
    mirror = rng.choice([-1.0, 1.0], count)
    reach = 2 * changes.shift  # the side of a picture is 2 long here
    matrix = np.empty((count, 2, 3), dtype=np.float32)
    matrix[:, 0, 0], matrix[:, 0, 1] = mirror * size[:, 0] * np.cos(angle), -np.sin(angle)
    matrix[:, 1, 0], matrix[:, 1, 1] = mirror * np.sin(angle), size[:, 1] * np.cos(angle)
    matrix[:, :, 2] = rng.uniform(-reach, reach, (count, 2))
    shape = [count, 1, side, side]
    grid = functional.affine_grid(torch.from_numpy(matrix), shape, align_corners=False)
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


def _darken(faces: Tensor, chance: float, rng: np.random.Generator) -> Tensor:
    chosen = np.flatnonzero(rng.random(len(faces)) < chance)
    each = (len(chosen), 1, 1, 1)
    left = _column(rng.uniform(0.1, 0.5, each))
    grain = _column(rng.uniform(0, SENSOR_NOISE, each) * rng.normal(size=faces[chosen].shape))
    faces = faces.clone()
    faces[chosen] = (left * faces[chosen] + grain).clamp(0, 1)
    return faces


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


@dataclass(frozen=True)
class SoundChanges:
    """How far a training sound may differ from the clip in the corpus."""

    copies: int
    """Changed copies of each clip, made once."""
    shortest: float
    """Seconds of the shortest piece that is cut from a clip."""
    pace: float
    """Largest change of speed: exp(-pace) to exp(pace)."""
    shift: float
    """Largest shift of all frequencies: exp(-shift) to exp(shift) on the mel scale."""
    colour: float
    """Largest tilt and ripple of the spectrum, in natural-log units of power."""
    noise: float
    """Chance of noise in the background, 3 to 11 natural-log units (13 to 48 dB) below."""
    telephone: float
    """Chance that only the band of a telephone is left."""
    room: float
    """Chance that it rings on as in a room, 0.2 to 1 second to -60 dB."""


NOISE_BELOW = (-11.0, -3.0)  # natural-log units of power, relative to the sound's mean
TELEPHONE = slice(8, 50)  # mel bands of about 300 to 3400 Hz, for the 64 bands of media.spectral
REMOVED = 8.0  # natural-log units of power (35 dB) below the mean
RING = (0.2, 1.0)  # seconds to -60 dB, from a living room to a hall
TAIL = (-10.0, 3.0)  # dB of the tail, relative to the direct sound
ROWS = 100  # rows of a spectrogram a second


def change_sound(
    log_mel: np.ndarray, changes: SoundChanges, rng: np.random.Generator
) -> np.ndarray:
    """log_mel: (T, 64) of a clip. Returns a changed piece of it, (T', 64) float32."""
    piece = _cut(log_mel, round(changes.shortest * ROWS), rng)
    piece = _stretch(piece, _rows(piece, changes, rng), _factor(changes, rng))
    return _elsewhere(piece, changes, rng)


def change_voice(
    log_mel: np.ndarray, pitch: np.ndarray, changes: SoundChanges, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The same of a voice and its pitch track (T, 13): a higher voice has a higher pitch.

    Noise and rooms do not change the track.
    """
    bands = log_mel.shape[1]
    both = _cut(np.hstack([log_mel, pitch]), round(changes.shortest * ROWS), rng)
    rows, factor = _rows(both, changes, rng), _factor(changes, rng)
    track = both[np.linspace(0, len(both) - 1, rows).round().astype(int), bands:]
    track[:, 0] = np.maximum(track[:, 0] - 12 * np.log2(factor), 0) * track[:, 1]
    return _elsewhere(_stretch(both[:, :bands], rows, factor), changes, rng), track


def _rows(piece: np.ndarray, changes: SoundChanges, rng: np.random.Generator) -> int:
    """How long it is at another pace."""
    return max(2, int(len(piece) * np.exp(rng.uniform(-changes.pace, changes.pace))))


def _factor(changes: SoundChanges, rng: np.random.Generator) -> float:
    """By what all frequencies are divided."""
    return float(np.exp(rng.uniform(-changes.shift, changes.shift)))


def _elsewhere(piece: np.ndarray, changes: SoundChanges, rng: np.random.Generator) -> np.ndarray:
    """The same sound in another room, through another microphone, in noise: (T, 64) float32."""
    if rng.random() < changes.room:
        piece = _ring(piece, rng)
    across = np.linspace(-1, 1, piece.shape[1])
    level = np.log(np.exp(piece).mean() + 1e-9)
    ripple = np.cos(2 * np.pi * across * rng.uniform(0.3, 1.2) + rng.uniform(0, 2 * np.pi))
    piece = piece + rng.uniform(-1, 1) * changes.colour * across
    piece = piece + rng.uniform(-0.6, 0.6) * changes.colour * ripple
    if rng.random() < changes.noise:
        tilt = rng.uniform(-2, 0.5) * across
        noise = level + rng.uniform(*NOISE_BELOW) + tilt + rng.normal(0, 0.5, piece.shape)
        piece = np.logaddexp(piece, noise)
    if rng.random() < changes.telephone:
        faint = np.minimum(piece, level - REMOVED)
        faint[:, TELEPHONE] = piece[:, TELEPHONE]
        piece = faint
    return piece.astype(np.float32)


def _cut(log_mel: np.ndarray, shortest: int, rng: np.random.Generator) -> np.ndarray:
    """Half of the time all of it, else a piece of any length from `shortest` on."""
    length = len(log_mel)
    if length <= shortest or rng.random() < 0.5:
        return log_mel
    kept = int(rng.integers(shortest, length + 1))
    start = int(rng.integers(0, length - kept + 1))
    return log_mel[start : start + kept]


def _ring(log_mel: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """An exponential tail after every row, from -10 to +3 dB of the sound itself."""
    decay = 1e-6 ** (1 / (ROWS * rng.uniform(*RING)))  # of power, a row
    gain = 10 ** (rng.uniform(*TAIL) / 10) * (1 - decay)
    power = np.exp(log_mel)
    tail = np.zeros(log_mel.shape[1])
    heard = np.empty_like(power)
    for row, direct in enumerate(power):
        heard[row] = direct + tail
        tail = decay * (tail + gain * direct)
    return np.log(heard)


def _stretch(log_mel: np.ndarray, rows: int, factor: float) -> np.ndarray:
    """Faster or slower, higher or lower: linear interpolation along both axes."""
    length, bands = log_mel.shape
    log_mel = _at(log_mel, np.linspace(0, length - 1, rows))
    return _at(log_mel.T, np.clip(np.arange(bands) * factor, 0, bands - 1)).T


def _at(table: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Rows of a table at fractional places."""
    below = places.astype(int)
    above = np.minimum(below + 1, len(table) - 1)
    share = (places - below)[:, None].astype(np.float32)
    return table[below] * (1 - share) + table[above] * share
