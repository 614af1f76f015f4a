"""Corruptions: each does what it says, to the degree that it says, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from insula.core.time import Mark, Span
from insula.learn import corrupt
from insula.media.recording import from_arrays
from insula.testing.synthetic import tone

RATE = 16_000  # Hz


@pytest.fixture
def voiced() -> np.ndarray:
    """A second and a half of a chord with a pause before it."""
    chord = sum(tone(1.0, hertz=hertz) for hertz in (220, 880, 2000)) / 3
    return np.concatenate([np.zeros(RATE // 2, np.float32), chord.astype(np.float32)])


@pytest.mark.parametrize("decibels", [20, 10, 0])
def test_noise_has_the_power_asked_for(voiced: np.ndarray, decibels: int) -> None:
    noisy = corrupt.noise(voiced, decibels, np.random.default_rng(0))
    added = noisy - voiced
    ratio = 10 * np.log10(np.mean(voiced**2) / np.mean(added**2))
    assert ratio == pytest.approx(decibels, abs=0.5)
    power = np.abs(np.fft.rfft(added)) ** 2
    octave = len(power) // 64
    falls = power[octave : 2 * octave].mean() / power[8 * octave : 16 * octave].mean()
    assert 4 < falls < 16  # three octaves up: an eighth


def test_telephone_passes_its_band(voiced: np.ndarray) -> None:
    def level(hertz: float) -> float:
        heard = corrupt.telephone(0.5 * tone(1.0, hertz=hertz))
        return float(np.sqrt(np.mean(heard**2)))

    assert level(1000) > 20 * max(level(100), level(5000))
    heard = corrupt.telephone(voiced)
    assert heard.shape == voiced.shape
    assert len(np.unique(heard)) <= 255


def test_mp3_keeps_length_and_time(voiced: np.ndarray) -> None:
    heard = corrupt.mp3(voiced)
    assert heard.shape == voiced.shape
    assert np.abs(heard[: RATE // 4]).max() < 0.01
    onset = np.flatnonzero(np.abs(heard) > 0.1)[0] / RATE
    assert onset == pytest.approx(0.5, abs=0.03)
    lost = np.mean((heard - voiced) ** 2) / np.mean(voiced**2)
    assert 0 < lost < 0.2


@pytest.fixture
def picture() -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(60, 200, (48, 64, 3), dtype=np.uint8)


def test_pictures_keep_their_shape_and_lose_what_they_should(picture: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    assert corrupt.blur(picture).std() < 0.5 * picture.std()
    assert corrupt.low_light(picture, rng).mean() == pytest.approx(0.15 * picture.mean(), abs=2)
    assert not np.array_equal(corrupt.jpeg(picture), picture)
    changed = (corrupt.occlusion(picture, rng) != picture).any(axis=2)
    assert changed.mean() == pytest.approx(0.25, abs=0.02)
    for name in ("blur", "low light", "jpeg", "occlusion"):
        made = corrupt.CORRUPTIONS[name].apply(picture, rng=rng)
        assert (made.shape, made.dtype) == (picture.shape, np.uint8)


def test_jpeg_keeps_the_colours() -> None:
    red = np.zeros((32, 32, 3), np.uint8)
    red[..., 0] = 200
    assert corrupt.jpeg(red).mean(axis=(0, 1)) == pytest.approx([200, 0, 0], abs=10)


def test_only_the_stream_that_it_befalls_changes(voiced: np.ndarray, picture: np.ndarray) -> None:
    said = [Mark(Span(0, 1), "sentence", "I am so happy today", language="en")]
    whole = from_arrays(
        "clip",
        audio=voiced,
        frames=np.stack([picture] * 3),
        frame_times=np.array([0.0, 0.5, 1.0]),
        text=said,
        span=Span(0, 1.5),
    )
    for name, fault in corrupt.CORRUPTIONS.items():
        made = corrupt.corrupted(whole, name, np.random.default_rng(0))
        again = corrupt.corrupted(whole, name, np.random.default_rng(0))
        assert made.span == whole.span
        assert np.array_equal(made.audio(), whole.audio()) == (fault.stream != "audio"), name
        assert np.array_equal(made.audio(), again.audio())
        [frames], [before] = made.frames(rate=2), whole.frames(rate=2)
        assert np.array_equal(frames.times, before.times)
        assert np.array_equal(frames.images, before.images) == (fault.stream != "video"), name
        assert (made.text() == whole.text()) == (fault.stream != "text"), name
