"""What a sound is like on the whole: its spectrum, and the texture that tells noises apart.

Where it fuses: nowhere; it is the sounds channel's own front.

    log-mel [B, T, 64] -> `SpectrogramStatistics`
                       -> envelopes of eight groups of bands and of all, over time:
                            rhythm      how alike moments are that lie 10 ms to 1 s apart
                            impulses    peaks over the mean, at three time scales; kurtosis
                            synchrony   which groups rise and fall together   -> [B, F]

Rain, the sea, a helicopter, a chainsaw and a fire have much the same mean spectrum; rotor blades,
waves and crackles differ in these.

Source of the idea: McDermott and Simoncelli, "Sound texture perception via statistics of the
auditory periphery", Neuron 71, 2011 (moments of envelopes, their modulations, and correlations
between bands); mix-up after Zhang et al., ICLR 2018. What differs: rhythm is measured by lags
instead of a bank of modulation filters, everything is weighted by activity so that pauses hardly
count, and it starts from log-mel.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from insula.methods.unimodal.spectrogram import (
    BANDS,
    QUIETEST,
    SpectrogramStatistics,
    activity_of,
    extended,
    mean_power,
)

# Rows of 10 ms: every one up to 160 ms, where rotors and engines beat, then wider apart up to 1 s.
LAGS = (*range(1, 17), 18, 20, 22, 24, 28, 32, 36, 40, 45, 50, 56, 64, 72, 80, 90, 100)
BEATS = ((2, 12), (5, 20), (16, 32))  # parts of LAGS within which the deepest swing is a beat
ENVELOPES = 8  # groups of bands for rhythm and synchrony
FINE = 16  # groups of bands for impulses
SCALES = (1, 5, 17)  # rows over which power is smoothed before impulses are measured; odd
ENOUGH = 1.0  # pairs of active rows from which on a lag says something
MOMENTUM = 0.02  # of the running mean and spread of the statistics
FARTHEST = 4.0  # standard deviations from the usual; more is not more unusual
LEAST = 1e-3  # of a variance, in squared natural-log units


class SoundStatistics(nn.Module):
    """What a sound is like on the whole, whatever its length and level. Nothing to learn."""

    def __init__(self) -> None:
        super().__init__()
        self.spectrogram = SpectrogramStatistics()
        self.register_buffer("lags", torch.tensor(LAGS))
        first, second = torch.triu_indices(ENVELOPES, ENVELOPES, 1)
        self.register_buffer("pairs", first * ENVELOPES + second)

    @property
    def width(self) -> int:
        """How many statistics there are."""
        with torch.no_grad():
            return int(self(torch.zeros(1, 2, BANDS)).shape[1])

    def forward(self, log_mel: Tensor) -> Tensor:
        """log_mel: [B, T, 64] natural logarithm of power, T of any length. Returns [B, F]."""
        power = log_mel.exp()
        power = power / mean_power(power) + QUIETEST  # [B, T, 64]
        whole = power.mean(dim=2, keepdim=True)
        active = activity_of(whole.squeeze(2).log())  # [B, T]
        share = (active / active.sum(dim=1, keepdim=True)).unsqueeze(2)  # [B, T, 1]
        groups = power.unflatten(2, (ENVELOPES, -1)).mean(dim=3)
        envelopes = torch.cat([groups, whole], dim=2).log()  # [B, T, 9]
        centred = envelopes - (share * envelopes).sum(dim=1, keepdim=True)
        variance = (share * centred.square()).sum(dim=1) + LEAST  # [B, 9]
        usual = centred / variance.sqrt().unsqueeze(1)
        kurtosis = ((share * usual**4).sum(dim=1) + 0.1).log()
        parts = [self._rhythm(centred, variance, active), kurtosis, _impulses(power, share)]
        return torch.cat([self.spectrogram(log_mel), *parts, self._synchrony(usual, share)], dim=1)

    def _rhythm(self, envelopes: Tensor, variance: Tensor, active: Tensor) -> Tensor:
        """Change over each lag, correlation over it, and beats: [B, 32 * 9 + 32 * 9 + 3 * 9]."""
        length = active.shape[1]
        later = torch.arange(length, device=active.device).unsqueeze(1) + self.lags  # [T, K]
        both = functional.pad(active, (0, max(LAGS)))[:, later] * active.unsqueeze(2)  # [B, T, K]
        moved = functional.pad(envelopes, (0, 0, 0, max(LAGS)))[:, later]  # [B, T, K, 9]
        count = both.sum(dim=1).unsqueeze(2)  # [B, K, 1]
        known = (count > ENOUGH).float()
        here = envelopes.unsqueeze(2)  # [B, T, 1, 9]
        products = torch.einsum("btk,btke->bke", both, moved * here) / (count + LEAST)
        squares = torch.einsum("btk,btke->bke", both, (moved - here).square()) / (count + LEAST)
        apart = 2 * variance.unsqueeze(1)  # the change where moments have nothing in common
        change = (known * squares + (1 - known) * apart + LEAST).log() / 2
        alike = (known * products / variance.unsqueeze(1)).clamp(-2, 2)
        beats = [alike[:, i:j].amax(dim=1) - alike[:, i:j].amin(dim=1) for i, j in BEATS]
        return torch.cat([change.flatten(1), alike.flatten(1), *beats], dim=1)

    def _synchrony(self, usual: Tensor, share: Tensor) -> Tensor:
        """Correlations between the groups' envelopes: [B, 28]."""
        groups = usual[:, :, :ENVELOPES]
        correlations = (share * groups).transpose(1, 2) @ groups
        return correlations.flatten(1)[:, self.pairs].clamp(-2, 2)


class SoundJudge(nn.Module):
    """One hidden layer over the statistics, and a logit a class.

    hidden: width of the layer. drop_statistics, drop_hidden: shares dropped in training. answers:
    C. width: F, how many statistics come in.
    """

    def __init__(
        self, *, hidden: int, drop_statistics: float, drop_hidden: float, answers: int, width: int
    ) -> None:
        super().__init__()
        self.standardise = nn.BatchNorm1d(width, affine=False, momentum=MOMENTUM)
        self.drop_statistics = nn.Dropout(drop_statistics)
        self.hidden = nn.Linear(width, hidden)
        self.norm = nn.LayerNorm(hidden)
        self.drop_hidden = nn.Dropout(drop_hidden)
        self.head = nn.Linear(hidden, answers)

    def forward(
        self, statistics: Tensor, partner: Tensor | None = None, share: Tensor | None = None
    ) -> Tensor:
        """statistics: [B, F]. Returns logits [B, C].

        In training a sample may be mixed with its `partner`, [B] numbers of samples, `share` [B, 1]
        of it its own. It is mixed after standardising, or the spread would be that of mixtures.
        """
        usual = self.standardise(statistics)
        if partner is not None and share is not None:
            usual = share * usual + (1 - share) * usual[partner]
        kept = self.drop_statistics(usual.clamp(-FARTHEST, FARTHEST))
        return self.head(self.drop_hidden(functional.relu(self.norm(self.hidden(kept)))))


def _impulses(power: Tensor, share: Tensor) -> Tensor:
    """How far the mean power lies over the typical, and the peak over the mean: [B, 3 * 2 * 16]."""
    groups = power.unflatten(2, (FINE, -1)).mean(dim=3)  # [B, T, 16]
    parts = []
    for rows in SCALES:
        around = extended(groups, rows // 2, rows // 2).transpose(1, 2)
        smooth = functional.avg_pool1d(around, rows, stride=1).transpose(1, 2)
        mean = (share * smooth).sum(dim=1)
        parts += [mean.log() - (share * smooth.log()).sum(dim=1), (smooth.amax(dim=1) / mean).log()]
    return torch.cat(parts, dim=1)
