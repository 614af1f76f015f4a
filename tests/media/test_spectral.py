"""log_mel: known tones in the right band, lengths, gain, silence."""

from __future__ import annotations

import numpy as np
import pytest

from insula.media.spectral import BANDS, FLOOR, SAMPLE_RATE, band_centres, log_mel


def tone(frequency: float, seconds: float = 1.0, rate: int = SAMPLE_RATE) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * frequency * time)).astype(np.float32)


@pytest.mark.parametrize("frequency", [200, 440, 1000, 3000, 7000])
def test_a_tone_lies_in_its_band(frequency: float) -> None:
    loudest = log_mel(tone(frequency)).mean(axis=0).argmax()
    centres = band_centres()
    assert loudest == np.abs(centres - frequency).argmin()


def test_one_row_every_ten_milliseconds() -> None:
    assert log_mel(tone(440, 1.0)).shape == (98, BANDS)  # 98 windows of 25 ms end within 1 s
    assert log_mel(tone(440, 1.0)).dtype == np.float32
    assert log_mel(np.zeros(10, np.float32)).shape == (1, BANDS)
    assert log_mel(np.zeros(0, np.float32)).shape == (1, BANDS)


def test_rows_stand_where_the_sound_is() -> None:
    audio = np.concatenate([np.zeros(SAMPLE_RATE, np.float32), tone(440)])
    energy = log_mel(audio).max(axis=1)
    assert energy[:97].max() < -18  # the last window that ends before the tone
    assert energy[101:].min() > 0


def test_a_gain_of_ten_adds_the_logarithm_of_its_square() -> None:
    audio = np.random.default_rng(0).normal(0, 0.01, SAMPLE_RATE).astype(np.float32)
    assert np.allclose(log_mel(10 * audio) - log_mel(audio), np.log(100), atol=1e-2)


def test_silence_is_the_floor() -> None:
    assert np.allclose(log_mel(np.zeros(SAMPLE_RATE, np.float32)), np.log(FLOOR))


def test_white_noise_of_any_rate_has_one_level() -> None:
    """The window is normalised: power a hertz does not depend on how long it is in samples."""
    rng = np.random.default_rng(0)
    rates = (8_000, 16_000, 32_000)
    levels = [log_mel(rng.normal(0, 0.1, 4 * r), sample_rate=r)[:, 10:20].mean() for r in rates]
    # Twice the rate spreads the same power over twice the band, but a mel band then covers half
    # as many bins of the transform, whose size has doubled.
    assert np.ptp(levels) < 1.6


def test_the_input_is_untouched() -> None:
    audio = tone(440)
    before = audio.copy()
    log_mel(audio)
    assert np.array_equal(audio, before)


def test_a_part_has_the_same_rows() -> None:
    audio = np.random.default_rng(1).normal(0, 0.1, SAMPLE_RATE).astype(np.float32)
    assert np.allclose(log_mel(audio)[20:], log_mel(audio[20 * 160 :]), atol=1e-5)
