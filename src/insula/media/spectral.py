"""Sound as a picture: the log-mel spectrogram that the voice and sounds channels look at.

    audio -> overlapping frames -> Hann window -> power spectrum -> 64 mel bands -> natural log

One definition serves training and inference, so the two cannot drift apart.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from insula.core.track import Array

SAMPLE_RATE = 16_000  # Hz
WINDOW = 0.025  # seconds, about two pitch periods of a low voice
HOP = 0.010  # seconds
BANDS = 64
# Rows multiplied at once. OpenBLAS puts products of more than 2**18 steps on all cores, where its
# threads spin and take the second core from the other channels: 8 ms of processor time for a
# window of 2 s instead of 1.1 (2 cores, 2026-11-21).
ROWS = 15
LOWEST = 50.0  # Hz, below the lowest pitch of a speaking voice
FLOOR = 1e-8  # power a band, so that digital silence stays finite: log gives -18.4


def log_mel(audio: Array, *, sample_rate: int = SAMPLE_RATE) -> Array:
    """The log-mel spectrogram of mono audio.

    audio: (samples,) float32 in [-1, 1]. Returns (T, 64) float32, natural logarithm of the power in
    each band, one row every 10 ms; row i looks at 25 ms from i * 10 ms on. Audio shorter than one
    window is padded with silence, so T is at least 1.
    """
    length = round(WINDOW * sample_rate)
    hop = round(HOP * sample_rate)
    audio = np.asarray(audio, dtype=np.float32)
    if len(audio) < length:
        audio = np.pad(audio, (0, length - len(audio)))
    frames = np.lib.stride_tricks.sliding_window_view(audio, length)[::hop]  # (T, length), a view
    size = 1 << (length - 1).bit_length()
    spectrum = np.fft.rfft(frames * _window(length), n=size, axis=1)
    power = (np.square(spectrum.real) + np.square(spectrum.imag)).astype(np.float32)
    filters = _filters(size, sample_rate)
    bands = np.empty((len(power), BANDS), np.float32)
    for first in range(0, len(power), ROWS):
        bands[first : first + ROWS] = power[first : first + ROWS] @ filters
    log: Array = np.log(bands + FLOOR)
    return log


def band_centres(sample_rate: int = SAMPLE_RATE) -> Array:
    """The frequency at the top of each band's triangle: (64,) Hz, rising."""
    return _edges(sample_rate)[1:-1]


@lru_cache(maxsize=8)
def _window(length: int) -> Array:
    """A periodic Hann window whose squares sum to 1: power does not depend on its length."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    return np.asarray(window / np.linalg.norm(window), dtype=np.float32)


@lru_cache(maxsize=8)
def _filters(size: int, sample_rate: int) -> Array:
    """Triangles of equal height on the mel scale: (size // 2 + 1, 64)."""
    frequency = np.arange(size // 2 + 1) * sample_rate / size
    edges = _edges(sample_rate)
    rising = (frequency[:, None] - edges[None, :-2]) / np.diff(edges)[:-1]
    falling = (edges[None, 2:] - frequency[:, None]) / np.diff(edges)[1:]
    triangles: Array = np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32)
    return triangles


def _edges(sample_rate: int) -> Array:
    """Feet and tops of the triangles: (66,) Hz, evenly spaced in mel = 2595 log10(1 + Hz / 700)."""
    lowest, highest = 2595 * np.log10(1 + np.array([LOWEST, sample_rate / 2]) / 700)
    edges: Array = 700 * (10 ** (np.linspace(lowest, highest, BANDS + 2) / 2595) - 1)
    return edges
