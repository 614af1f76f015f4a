"""Pitch: how high a voice is at every moment, how clear, and how strong its harmonics are.

    audio -> 8 kHz -> power spectrum of 64 ms -> autocorrelation at 86 pitches -> the best path
          -> pitch, whether there is one, clearness, levels of ten harmonics

Rows lie where those of `media.spectral.log_mel` lie. Sources: the autocorrelation divided by that
of the window, and a path with a price for jumps and for turning voiced or unvoiced, after Boersma,
"Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a
sampled sound", IFA Proceedings 17, 1993. What differs: pitches are evenly spaced in octaves.
Shapes: `T` moments, `P` pitches.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from insula.core.track import Array
from insula.media.spectral import HOP, SAMPLE_RATE, WINDOW

SLOWER = 2  # of the sample rate; 4 kHz hold ten harmonics of most voices
RATE = SAMPLE_RATE // SLOWER
FRAME = 512  # samples of 8 kHz, 64 ms: nearly four periods of the lowest pitch
SIZE = 2 * FRAME  # of the transform, so that the autocorrelation does not wrap round
LOWEST = 60.0  # Hz
PER_OCTAVE = 24  # half a semitone
PITCHES = 86  # up to 698 Hz
SEMITONES = 12 / PER_OCTAVE  # a step
HARMONICS = 10
COLUMNS = ("pitch", "voiced", "clearness", *(f"harmonic {k + 1}" for k in range(HARMONICS)))

# Prices on the scale of the autocorrelation, whose best is 1 (tried on RAVDESS by ear and eye).
PREFER_HIGH = 0.04  # an octave: half the pitch fits as well as the pitch
UNVOICED = 0.35  # what a moment without pitch is worth
JUMP = 0.6  # an octave
SWITCH = 0.10  # between voiced and unvoiced
REACH = 6  # steps a moment, a quarter of an octave
FAINT = 1e-9  # power, so that a logarithm is finite
LEAST_SHARE = 1e-5  # of a harmonic, 50 dB below all of them


def pitch_track(audio: Array, *, rows: int) -> Array:
    """audio: (samples,) float32 at 16 kHz. rows: T, how many rows `log_mel` has of it.

    Returns (T, 13) float32, columns `COLUMNS`: pitch in semitones above 60 Hz and voiced, 0 or 1;
    clearness, the autocorrelation there, about 0 to 1; the natural logarithm of each harmonic's
    share in the power of all ten. Pitch, clearness and harmonics are 0 where unvoiced.
    """
    power = _spectrum(_slower(np.asarray(audio, np.float32)), rows)  # (T, SIZE // 2 + 1)
    weights, cosines = _cosines()
    likeness = (power @ cosines) / (power @ weights + FAINT)[:, None]  # (T, P)
    step = _best_path(likeness)
    voiced = step >= 0
    step = np.maximum(step, 0)
    pitch = (step + _between(likeness, step)) * SEMITONES
    clearness = likeness[np.arange(rows), step]
    harmonics = _harmonics(power, LOWEST * 2 ** (pitch / 12))
    found = np.column_stack([pitch, np.ones(rows), clearness, harmonics])
    track: Array = np.where(voiced[:, None], found, 0).astype(np.float32)
    return track


def _slower(audio: Array) -> Array:
    """Every second sample, behind a filter that ends at 4 kHz."""
    smooth: Array = np.convolve(audio, _low_pass(), mode="same")[::SLOWER]
    return smooth


def _spectrum(audio: Array, rows: int) -> Array:
    """Power of frames whose middles are those of log-mel's windows: (T, SIZE // 2 + 1)."""
    hop, first = round(HOP * RATE), round(WINDOW / 2 * RATE)
    before = max(0, FRAME // 2 - first)
    after = max(0, (rows - 1) * hop + FRAME - before - len(audio))
    padded = np.pad(audio, (before, after))
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::hop][:rows]
    spectrum = np.fft.rfft((frames - frames.mean(axis=1, keepdims=True)) * _window(), n=SIZE)
    power: Array = (np.square(spectrum.real) + np.square(spectrum.imag)).astype(np.float32)
    return power


def _best_path(likeness: Array) -> Array:
    """The pitch of each moment as a step, -1 for none: (T,) int; Viterbi's algorithm."""
    worth = likeness - PREFER_HIGH * np.arange(PITCHES - 1, -1, -1) / PER_OCTAVE
    price = JUMP * np.abs(np.arange(-REACH, REACH + 1)) / PER_OCTAVE
    rows = len(worth)
    came = np.zeros((rows, PITCHES + 1), np.int16)  # from which state; the last one is unvoiced
    state = np.append(worth[0], UNVOICED)
    near = np.full(PITCHES + 2 * REACH, -np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(near, 2 * REACH + 1)
    steps = np.arange(PITCHES)
    for row in range(1, rows):
        near[REACH:-REACH] = state[:-1]
        reached = windows - price
        move = reached.argmax(axis=1)
        best = reached[steps, move]
        begins = state[-1] - SWITCH > best
        came[row, :-1] = np.where(begins, PITCHES, steps + move - REACH)
        top = int(state[:-1].argmax())
        ends = state[top] - SWITCH > state[-1]
        came[row, -1] = top if ends else PITCHES
        silent = max(state[-1], state[top] - SWITCH) + UNVOICED
        state = np.append(np.maximum(best, state[-1] - SWITCH) + worth[row], silent)
    path = np.empty(rows, np.int64)
    path[-1] = state.argmax()
    for row in range(rows - 1, 0, -1):
        path[row - 1] = came[row, path[row]]
    return np.where(path == PITCHES, -1, path)


def _between(likeness: Array, step: Array) -> Array:
    """Where the top of the parabola through three neighbours lies, -0.5 to 0.5 steps: (T,)."""
    row, inner = np.arange(len(step)), np.clip(step, 1, PITCHES - 2)
    left, top, right = (likeness[row, inner + k] for k in (-1, 0, 1))
    bend = np.minimum(left - 2 * top + right, -1e-6)
    place: Array = np.where(step == inner, np.clip((left - right) / bend / 2, -0.5, 0.5), 0)
    return place


def _harmonics(power: Array, pitch: Array) -> Array:
    """Logarithm of the share of each harmonic: (T, 10). pitch: (T,) Hz."""
    place = pitch[:, None] * np.arange(1, HARMONICS + 1) * SIZE / RATE
    nearest = np.minimum(np.rint(place).astype(int), SIZE // 2 - 1)
    row = np.arange(len(pitch))[:, None]
    level = np.maximum.reduce([power[row, nearest + k] for k in (-1, 0, 1)]) + FAINT
    share: Array = np.log(level / level.sum(axis=1, keepdims=True) + LEAST_SHARE)
    return share


@lru_cache(maxsize=1)
def _cosines() -> tuple[Array, Array]:
    """What makes power of the autocorrelation at lag 0, (S,), and at each pitch's lag, (S, P)."""
    lags = RATE / (LOWEST * 2 ** (np.arange(PITCHES) / PER_OCTAVE))  # samples
    weights = np.full(SIZE // 2 + 1, 2.0)
    weights[[0, -1]] = 1.0
    angles = 2 * np.pi * np.outer(np.arange(SIZE // 2 + 1), lags) / SIZE
    own = np.fft.irfft(np.abs(np.fft.rfft(_window(), n=SIZE)) ** 2)
    own_at = np.interp(lags, np.arange(FRAME), own[:FRAME] / own[0])
    cosines = weights[:, None] * np.cos(angles) / own_at
    return weights.astype(np.float32), cosines.astype(np.float32)


@lru_cache(maxsize=1)
def _window() -> Array:
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)
    return window.astype(np.float32)


@lru_cache(maxsize=1)
def _low_pass() -> Array:
    """A windowed sinc of 31 taps that keeps what lies under 4 kHz."""
    place = np.arange(-15, 16)
    taps = np.sinc(place / SLOWER) * np.hamming(len(place))
    low_pass: Array = (taps / taps.sum()).astype(np.float32)
    return low_pass
