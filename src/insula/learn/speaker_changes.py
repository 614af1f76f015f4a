"""Strong changes of voices in a batch of log-mels: rooms, noise, other voices, narrow bands.

All in power, where sounds add up; what changes is drawn anew for every piece.

Shapes: `B` pieces, `T` rows of 10 ms, 64 bands.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from insula.media.spectral import BANDS, HOP

RING = (0.15, 0.9)  # seconds to -60 dB, from a small room to a hall
TAIL = (-12.0, 2.0)  # dB of the tail, relative to the direct sound
BABBLE_QUIETER = 8.0  # dB by which a voice in the background is fainter than noise may be
FLOOR = (-60.0, -35.0)  # dB of a recording's own noise, relative to its mean
RATIO = 8.0  # largest difference in loudness of two who speak at once, dB
LEAST_TOGETHER = 30  # rows
AUDIBLE = 5.0  # natural-log units (22 dB) under the loudest row: quieter ones are pauses


@dataclass(frozen=True)
class VoiceChanges:
    """The section [augmentation]."""

    room: float
    """Chance that it rings on as in a room."""
    noise: float
    """Chance of coloured noise, at the ratio below."""
    babble: float
    """Chance of another voice in the background, fainter than noise."""
    ratio: tuple[float, float]
    """Signal to noise, lowest and highest, dB."""
    colour: float
    """Largest tilt and ripple of the spectrum, in natural-log units of power."""
    narrow: float
    """Chance that a codec has cut off the high bands."""
    mixed: float
    """Share of the pieces in which a second voice speaks, at once or instead; these teach overlap
    alone."""
    instead: float
    """Share of these in which the second voice speaks instead of the first."""


def change_voices(
    log_mel: Tensor, others: Tensor, changes: VoiceChanges, rng: np.random.Generator
) -> Tensor:
    """log_mel, others: [B, T, 64]; the others speak in the background. Returns [B, T, 64]."""
    power = log_mel.exp()
    power = torch.where(_chance(changes.room, power, rng), power + _tails(power, rng), power)
    level = power.mean(dim=(1, 2), keepdim=True)
    across = torch.linspace(-1, 1, BANDS)
    rough = torch.from_numpy(rng.normal(0, 0.6, power.shape).astype(np.float32))
    noise = (_uniform(-3, 1, power, rng) * across + rough).exp()
    kind = torch.from_numpy(rng.random((len(power), 1, 1)))
    babble = kind > 1 - changes.babble
    background = torch.where(babble, others.exp(), noise)
    ratio = _uniform(*changes.ratio, power, rng) + BABBLE_QUIETER * babble
    background *= level / background.mean(dim=(1, 2), keepdim=True) * 10 ** (-ratio / 10)
    power = torch.where(babble | (kind < changes.noise), power + background, power)
    waves, phase = _uniform(0.3, 1.5, power, rng), _uniform(0, 1, power, rng)
    ripple = torch.cos(2 * math.pi * (across * waves + phase))
    tilt, depth = _uniform(-1, 1, power, rng), _uniform(-0.6, 0.6, power, rng)
    power = power * (changes.colour * (tilt * across + depth * ripple)).exp()
    highest = torch.from_numpy(rng.integers(BANDS - 20, BANDS - 1, (len(power), 1, 1)))
    cut = _chance(changes.narrow, power, rng) & (torch.arange(BANDS) >= highest)
    power = torch.where(cut, power * 1e-3, power)
    floor = 10 ** (_uniform(*FLOOR, power, rng) / 10)
    return (power / power.mean(dim=(1, 2), keepdim=True) + floor).log()


def mix_voices(
    one: Tensor, other: Tensor, changes: VoiceChanges, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """For a while a second voice speaks, at once with the first or instead of it.

    one, other: [B, T, 64]. Returns the mixture and whether both are heard in each row, [B, T].
    """
    length = one.shape[1]
    ratio = _uniform(-RATIO, RATIO, one, rng) / 10 * math.log(10)
    other = other - _loudness(other) + _loudness(one) + ratio
    lasts = rng.integers(LEAST_TOGETHER, length + 1, (len(one), 1))
    begins = np.floor(rng.random((len(one), 1)) * (length - lasts + 1))
    row = np.arange(length)
    during = torch.from_numpy((row >= begins) & (row < begins + lasts))
    instead = _chance(changes.instead, one, rng)[:, 0]
    both = during & ~instead & _audible(one) & _audible(other)
    together = torch.where(instead[..., None], other, torch.logaddexp(one, other))
    return torch.where(during[..., None], together, one), both


def _tails(power: Tensor, rng: np.random.Generator) -> Tensor:
    """An exponential tail after every row, as in a room: [B, T, 64]."""
    decay = math.log(1e6) * HOP / _uniform(*RING, power, rng)  # of power a row, natural log
    gain = 10 ** (_uniform(*TAIL, power, rng) / 10) * (1 - (-decay).exp())
    row = torch.arange(power.shape[1])
    later = row[:, None] - row  # [T, T]
    kernel = torch.where(later > 0, (-decay * later.clamp_min(0)).exp() * gain, 0.0)
    return kernel @ power


def _loudness(log_mel: Tensor) -> Tensor:
    return log_mel.exp().mean(dim=(1, 2), keepdim=True).log()


def _audible(log_mel: Tensor) -> Tensor:
    """Which rows are no pauses, [B, T]."""
    energy = log_mel.exp().mean(dim=2).log()
    return energy > energy.amax(dim=1, keepdim=True) - AUDIBLE


def _uniform(low: float, high: float, like: Tensor, rng: np.random.Generator) -> Tensor:
    return torch.from_numpy(rng.uniform(low, high, (len(like), 1, 1)).astype(np.float32))


def _chance(chance: float, like: Tensor, rng: np.random.Generator) -> Tensor:
    return torch.from_numpy(rng.random((len(like), 1, 1)) < chance)
