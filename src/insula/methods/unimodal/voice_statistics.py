"""What a voice does on the whole: statistics of its spectrogram and of its pitch track.

Where it fuses: nowhere; it is the voice channel's own front.

    log-mel [B, T, 64] -> `SpectrogramStatistics`  \\
    pitch track [B, T, 13] -> over voiced moments:  > statistics [B, F]
      pitch, its changes, clearness, energy,       /
      harmonics, how voicing comes and goes

Sources: the choice of descriptors follows eGeMAPS (Eyben et al., IEEE Transactions on Affective
Computing 7, 2016): pitch in semitones with percentiles and slopes, harmonics-to-noise ratio,
relative levels of harmonics, voiced segments a second. What differs: percentiles, slopes and
curvature are taken of every one of them.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from insula.methods.unimodal.spectrogram import BANDS, QUIETEST, SILENT, SpectrogramStatistics

PITCH_COLUMNS = 13  # as insula.media.pitch.COLUMNS: pitch, voiced, clearness, ten harmonics
PERCENTILES = (0.05, 0.2, 0.5, 0.8, 0.95)
THIRDS = 3
CLEAREST = 0.98  # of clearness, so that its odds are finite
ABSENT = 1e4  # stands behind everything real when values are sorted
LEAST = 1e-4  # of a variance: what varies less than 0.01 semitones stands still


class VoiceStatistics(nn.Module):
    """What a voice is like on the whole, whatever its length and level. Nothing to learn."""

    def __init__(self) -> None:
        super().__init__()
        self.spectrogram = SpectrogramStatistics()

    @property
    def width(self) -> int:
        """How many statistics there are."""
        with torch.no_grad():
            rows = torch.zeros(1, 4, BANDS), torch.zeros(1, 4, PITCH_COLUMNS)
            return int(self(*rows).shape[1])

    def forward(self, log_mel: Tensor, pitch: Tensor) -> Tensor:
        """log_mel: [B, T, 64]. pitch: [B, T, 13], rows of the same moments. Returns [B, F]."""
        return torch.cat([self.spectrogram(log_mel), _of_pitch(log_mel, pitch)], dim=1)


def _of_pitch(log_mel: Tensor, track: Tensor) -> Tensor:
    """Statistics over the voiced moments: [B, F]; zeros of most where nothing is voiced."""
    voiced = track[:, :, 1]  # [B, T], 0 or 1
    both = torch.cat([torch.zeros_like(voiced[:, :1]), voiced[:, 1:] * voiced[:, :-1]], dim=1)
    energy = log_mel.exp().mean(dim=2)
    energy = (energy / (energy.mean(dim=1, keepdim=True) + SILENT) + QUIETEST).log()
    pitch = track[:, :, 0]
    clear = track[:, :, 2].clamp(1 - CLEAREST, CLEAREST)
    odds = (clear / (1 - clear)).log()  # in dB it would be the harmonics-to-noise ratio
    rise, swell = _step(pitch), _step(energy)
    parts = [
        _shape(torch.stack([pitch, odds, energy], dim=2), voiced),
        _shape(torch.stack([rise.abs(), swell.abs()], dim=2), both),
        _thirds(pitch, voiced),
        _rising(rise, both),
        _together(pitch, energy, voiced),
        _spread(track[:, :, 3:], voiced),
        _voicing(voiced),
    ]
    return torch.cat(parts, dim=1)


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean over time: [B, T, D] and [B, T] -> [B, D]."""
    return (values * weight.unsqueeze(2)).sum(dim=1) / (
        weight.sum(dim=1, keepdim=True).clamp_min(1)
    )


def _shape(values: Tensor, weight: Tensor) -> Tensor:
    """Mean, spread, percentiles, ranges, slope and curvature of each: [B, T, D] -> [B, 11 D]."""
    mean = _mean(values, weight)
    centred = values - mean.unsqueeze(1)
    spread = (_mean(centred.square(), weight) + LEAST).sqrt()
    low, below, middle, above, high = _percentiles(values, weight)
    # Time over the moments that count, from -1 to 1: pauses take none of it.
    count = weight.sum(dim=1, keepdim=True).clamp_min(1)
    time = ((weight.cumsum(dim=1) / count) * 2 - 1).unsqueeze(2)
    slope = _mean(centred * time, weight) * 3
    curve = _mean(centred * (time.square() - 1 / 3), weight) * 5
    quantiles = [low, below, middle, above, high, above - below, high - low]
    return torch.cat([mean, spread, *quantiles, slope, curve], dim=1)


def _percentiles(values: Tensor, weight: Tensor) -> list[Tensor]:
    """Each of PERCENTILES over the moments of weight 1: [B, D] each; 0 where there are none."""
    present = weight.unsqueeze(2) > 0
    ordered = torch.where(present, values, torch.full_like(values, ABSENT)).sort(dim=1).values
    count = weight.sum(dim=1)  # [B]
    found = []
    for share in PERCENTILES:
        place = (share * (count - 1).clamp_min(0)).round().long()  # [B]
        place = place.reshape(-1, 1, 1).expand(-1, 1, values.shape[2])
        value = ordered.gather(1, place)[:, 0]
        found.append(torch.where(count.unsqueeze(1) > 0, value, torch.zeros_like(value)))
    return found


def _thirds(pitch: Tensor, voiced: Tensor) -> Tensor:
    """Mean pitch in each third of the voiced moments, less that of all: [B, 3]."""
    count = voiced.sum(dim=1, keepdim=True).clamp_min(1)
    place = voiced.cumsum(dim=1) / count * THIRDS - LEAST  # (0, 3)
    whole = _mean(pitch.unsqueeze(2), voiced)
    means = []
    for third in range(THIRDS):
        inside = voiced * ((place > third) & (place <= third + 1)).to(voiced.dtype)
        mean = _mean(pitch.unsqueeze(2), inside)
        means.append(torch.where(inside.sum(dim=1, keepdim=True) > 0, mean - whole, 0.0))
    return torch.cat(means, dim=1)


def _rising(rise: Tensor, both: Tensor) -> Tensor:
    """How steeply pitch rises and falls, and how often it rises: [B, 3]."""
    up, down = both * (rise > 0).to(rise.dtype), both * (rise < 0).to(rise.dtype)
    steep = rise.unsqueeze(2)
    often = up.sum(dim=1, keepdim=True) / both.sum(dim=1, keepdim=True).clamp_min(1)
    return torch.cat([_mean(steep, up), _mean(steep, down), often], dim=1)


def _together(pitch: Tensor, energy: Tensor, voiced: Tensor) -> Tensor:
    """Correlation of pitch and energy over voiced moments: [B, 1]."""
    pair = torch.stack([pitch, energy], dim=2)
    pair = pair - _mean(pair, voiced).unsqueeze(1)
    spread = (_mean(pair.square(), voiced) + LEAST).sqrt()
    both = _mean(pair.prod(dim=2, keepdim=True), voiced)
    return both / spread.prod(dim=1, keepdim=True)


def _spread(harmonics: Tensor, voiced: Tensor) -> Tensor:
    """Mean and spread of the level of each harmonic: [B, 20]."""
    mean = _mean(harmonics, voiced)
    spread = (_mean((harmonics - mean.unsqueeze(1)).square(), voiced) + LEAST).sqrt()
    return torch.cat([mean, spread], dim=1)


def _voicing(voiced: Tensor) -> Tensor:
    """Share of voiced moments, voiced stretches a second, seconds a stretch: [B, 3]."""
    before = torch.cat([torch.zeros_like(voiced[:, :1]), voiced[:, :-1]], dim=1)
    stretches = (voiced * (1 - before)).sum(dim=1)
    rows = torch.ones_like(voiced).sum(dim=1)
    length = voiced.sum(dim=1) / stretches.clamp_min(1) / 100
    return torch.stack([voiced.mean(dim=1), 100 * stretches / rows, length], dim=1)


def _step(values: Tensor) -> Tensor:
    """Change since the moment before, 0 at first: [B, T]."""
    return torch.cat([torch.zeros_like(values[:, :1]), values[:, 1:] - values[:, :-1]], dim=1)
