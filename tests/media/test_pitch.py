"""Pitch: tones are heard where they are, noise and silence have none."""

from __future__ import annotations

import numpy as np
import pytest

from insula.media.pitch import COLUMNS, pitch_track
from insula.media.spectral import SAMPLE_RATE, log_mel

COLUMN = {name: number for number, name in enumerate(COLUMNS)}


def voice(pitch: np.ndarray) -> np.ndarray:
    """Harmonics of a pitch in Hz at every sample, each weaker than the one before."""
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
    return sum(0.1 * np.sin(k * phase) / k for k in range(1, 9)).astype(np.float32)


def heard(audio: np.ndarray) -> np.ndarray:
    return pitch_track(audio, rows=len(log_mel(audio)))


@pytest.mark.parametrize("hertz", [80.0, 150.0, 300.0, 600.0])
def test_a_tone_has_its_pitch(hertz: float) -> None:
    track = heard(voice(np.full(SAMPLE_RATE, hertz)))
    assert track[:, COLUMN["voiced"]].mean() > 0.95
    semitones = 12 * np.log2(hertz / 60)
    assert np.median(track[:, COLUMN["pitch"]]) == pytest.approx(semitones, abs=0.1)
    assert np.median(track[:, COLUMN["clearness"]]) > 0.95
    shares = np.exp(np.median(track[:, COLUMN["harmonic 1"] :], axis=0))
    assert shares[0] > shares[1] > shares[2]


def test_a_glide_is_followed_at_its_time() -> None:
    pitch = np.linspace(120, 240, 2 * SAMPLE_RATE)
    track = heard(voice(pitch))
    rows = np.arange(10, len(track) - 10)
    middle = np.round((rows * 0.010 + 0.0125) * SAMPLE_RATE).astype(int)
    truth = 12 * np.log2(pitch[middle] / 60)
    assert np.abs(track[rows, COLUMN["pitch"]] - truth).max() < 0.3


def test_noise_and_silence_have_none() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, SAMPLE_RATE).astype(np.float32)
    assert heard(noise)[:, COLUMN["voiced"]].mean() < 0.05
    for samples in (1, 300, SAMPLE_RATE):
        assert not heard(np.zeros(samples, np.float32)).any()


def test_loudness_changes_nothing() -> None:
    audio = voice(np.full(SAMPLE_RATE, 200.0))
    assert np.allclose(heard(audio), heard(0.05 * audio), atol=0.01)
