"""Sound judged by what its spectrogram does over time: fixed statistics, then a small net.

Where it fuses: nowhere; it is part of the voice and sounds channels' own classifiers.

    log-mel [B, T, 64] -> level taken out -> what each moment is like (bands, cepstrum, its
    changes, harmonics, pitch, energy) -> mean, spread and skew over the moments that are not
    silent -> standardise -> hidden layer (the embedding) -> one linear head a question

Why not a convolutional-recurrent net over the spectrogram: there are 1,200 clips of 20 people, too
few to learn what the statistics already say.

Sources of the idea: functionals of low-level descriptors, Eyben, "Real-time speech and music
classification by large audio feature space extraction", Springer 2016; the cepstrum after Davis
and Mermelstein, IEEE TASSP 28, 1980; changes over several lags in the place of a modulation
spectrum. What differs: everything is computed from one log-mel spectrogram by weights and
differences, so the whole is one exported graph.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

BANDS = 64
CEPSTRA = 24  # of the discrete cosine transform; finer ripples are the speaker's, not the mood's
LOW_BANDS = 26  # up to about 1.2 kHz, where harmonics of a voice stand apart
RIPPLE = 5  # bands over which the envelope is smoothed to leave the harmonics
GROUPS = 16  # of four bands, whose changes over time are measured
LAGS = (1, 2, 4, 8, 16, 32)  # rows of 10 ms: changes from 100 a second to three
QUIETEST = 1e-4  # power, relative to the mean, under which everything is alike: -40 dB
SILENT = 1e-7  # power that stands for silence when the level is taken out
ACTIVE = 4.0  # natural-log units (17 dB) under the loudest moments where activity is one half
STEEPNESS = 2.0  # of that threshold
SHARPNESS = 3.0  # of the choice of the strongest harmonic


class SpectrogramStatistics(nn.Module):
    """What a spectrogram is like on the whole, whatever its length and level. Nothing to learn."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("cosines", _cosines())  # [64, 24]
        self.register_buffer("ripples", _ripples())  # [64, 26]
        self.register_buffer("groups", _groups())  # [64, 16]
        self.register_buffer("places", torch.arange(float(LOW_BANDS)))

    @property
    def width(self) -> int:
        """How many statistics there are."""
        with torch.no_grad():
            return int(self(torch.zeros(1, 2, BANDS)).shape[1])

    def forward(self, log_mel: Tensor) -> Tensor:
        """log_mel: [B, T, 64] natural logarithm of power, T of any length. Returns [B, F]."""
        power = log_mel.exp()
        bands = (power / mean_power(power) + QUIETEST).log()  # [B, T, 64]
        energy = bands.exp().mean(dim=2).log()  # [B, T]
        activity = activity_of(energy)  # [B, T], adds up to T where all is active
        share = (activity / activity.sum(dim=1, keepdim=True)).unsqueeze(2)  # [B, T, 1]
        cepstrum = bands @ self.cosines
        change = _change(cepstrum)
        harmonics = bands @ self.ripples
        pitch = self._pitch(harmonics)
        moments = torch.cat(
            [
                *(cepstrum, change, _change(change), bands, harmonics),
                *(pitch, _change(pitch), energy.unsqueeze(2), _change(energy.unsqueeze(2))),
            ],
            dim=2,
        )
        parts = [_summary(moments, share), self._movement(bands, share), _pace(activity)]
        return torch.cat(parts, dim=1)

    def _pitch(self, harmonics: Tensor) -> Tensor:
        """Where the strongest harmonics lie, how spread they are and how strong: [B, T, 3]."""
        chance = functional.softmax(SHARPNESS * harmonics, dim=2)
        place = (chance * self.places).sum(dim=2, keepdim=True)
        spread = (chance * (self.places - place).square()).sum(dim=2, keepdim=True).sqrt()
        strength = (SHARPNESS * harmonics).logsumexp(dim=2, keepdim=True)
        return torch.cat([place, spread, strength], dim=2)

    def _movement(self, bands: Tensor, share: Tensor) -> Tensor:
        """How much groups of bands change over each lag: [B, 6 * 16], logarithmic."""
        groups = bands @ self.groups
        length = groups.shape[1]
        padded = extended(groups, 0, max(LAGS))
        squares = [(padded[:, lag : lag + length] - groups).square() for lag in LAGS]
        means = [(share * square).sum(dim=1) for square in squares]
        return (torch.cat(means, dim=1) + QUIETEST).log() / 2


class SpectrogramJudge(nn.Module):
    """One hidden layer over the statistics, and a linear head for each question.

    hidden: width of the embedding. drop_statistics, drop_hidden: shares dropped in training.
    heads: question -> number of answers. width: how many statistics come in.
    """

    def __init__(
        self,
        *,
        hidden: int,
        drop_statistics: float,
        drop_hidden: float,
        heads: Mapping[str, int],
        width: int,
    ) -> None:
        super().__init__()
        self.standardise = nn.BatchNorm1d(width, affine=False, momentum=0.02)
        self.drop_statistics = nn.Dropout(drop_statistics)
        self.hidden = nn.Linear(width, hidden)
        self.norm = nn.LayerNorm(hidden)
        self.drop_hidden = nn.Dropout(drop_hidden)
        self.heads = nn.ModuleDict({name: nn.Linear(hidden, n) for name, n in heads.items()})

    def forward(self, statistics: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """statistics: [B, F]. Returns head -> logits [B, answers], and embedding [B, hidden]."""
        usual = self.standardise(statistics).clamp(-4, 4)
        embedding = functional.relu(self.norm(self.hidden(self.drop_statistics(usual))))
        kept = self.drop_hidden(embedding)
        return {name: head(kept) for name, head in self.heads.items()}, embedding


def mean_power(power: Tensor) -> Tensor:
    """Mean power of the moments, each weighted by its power, so that pauses hardly count."""
    moments = power.mean(dim=2, keepdim=True)  # [B, T, 1]
    return moments.square().sum(dim=1, keepdim=True) / moments.sum(dim=1, keepdim=True) + SILENT


def activity_of(energy: Tensor) -> Tensor:
    """How far each moment is not a pause, [B, T] in [0, 1]: from log energy."""
    loud = (2 * energy).logsumexp(dim=1, keepdim=True) / 2
    loud = loud - torch.ones_like(energy).sum(dim=1, keepdim=True).log() / 2
    return torch.sigmoid(STEEPNESS * (energy - loud + ACTIVE))


def _summary(moments: Tensor, share: Tensor) -> Tensor:
    """Mean, spread (plain and logarithmic) and skew over time: [B, T, D] -> [B, 4 D]."""
    mean = (share * moments).sum(dim=1, keepdim=True)
    centred = moments - mean
    spread = ((share * centred.square()).sum(dim=1, keepdim=True) + 1e-6).sqrt()
    skew = (share * (centred / spread) ** 3).sum(dim=1).clamp(-4, 4)
    return torch.cat([mean[:, 0], spread[:, 0], spread[:, 0].log(), skew], dim=1)


def _pace(activity: Tensor) -> Tensor:
    """Share of active time, and how often activity starts or stops, a second of it: [B, 2]."""
    turns = (activity - extended(activity.unsqueeze(2), 1, 0)[:, :-1, 0]).abs().sum(dim=1)
    return torch.stack([activity.mean(dim=1), 100 * turns / activity.sum(dim=1)], dim=1)


def _change(moments: Tensor) -> Tensor:
    """Difference between the row after and the row before: [B, T, D]."""
    padded = extended(moments, 1, 1)
    return padded[:, 2:] - padded[:, :-2]


def extended(moments: Tensor, before: int, after: int) -> Tensor:
    """The first and last row repeated outwards: [B, before + T + after, D]."""
    first = moments[:, :1].expand(-1, before, -1)
    last = moments[:, -1:].expand(-1, after, -1)
    return torch.cat([first, moments, last], dim=1)


def _cosines() -> Tensor:
    """The first columns of the orthonormal cosine transform of the bands: [64, 24]."""
    band = torch.arange(BANDS).unsqueeze(1) + 0.5
    order = torch.arange(CEPSTRA).unsqueeze(0)
    cosines = torch.cos(math.pi / BANDS * band * order) * math.sqrt(2 / BANDS)
    cosines[:, 0] /= math.sqrt(2)
    return cosines


def _ripples() -> Tensor:
    """Low bands less their neighbourhood's mean: [64, 26]."""
    band = torch.arange(BANDS).unsqueeze(1)
    place = torch.arange(LOW_BANDS).unsqueeze(0)
    near = ((band - place).abs() <= RIPPLE // 2).float()
    return (band == place).float() - near / near.sum(dim=0)


def _groups() -> Tensor:
    """Means of neighbouring bands: [64, 16]."""
    size = BANDS // GROUPS
    band = torch.arange(BANDS).unsqueeze(1) // size
    return (band == torch.arange(GROUPS).unsqueeze(0)).float() / size
