"""What befalls recordings on their way: noise, codecs, darkness, blur, covered faces, mishearing.

    noise telephone mp3      sound: samples (N,) float32 at 16 kHz in, as many out
    blur low_light jpeg occlusion      pictures: (H, W, 3) uint8 in, the same shape out
    corrupted(recording, "mp3")        a whole recording, each of its streams that this can befall

Each is one fixed degree of one fault, named, so that numbers under it can be compared.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import av
import cv2
import numpy as np

from insula.core.records import Recording
from insula.learn.misheard import mishear
from insula.media.audio import SAMPLE_RATE
from insula.media.recording import from_arrays

BAND = (300.0, 3400.0)  # Hz, what a telephone line carries (ITU-T G.712)
BAND_EDGE = 100.0  # Hz over which its filter falls
MU = 255.0  # of the companding of G.711
BIT_RATE = 32_000  # bits a second, where MP3 is heard to suffer
BLUR = 0.04  # standard deviation of the blur, of the shorter side
DIM, SENSOR_NOISE = 0.15, 4.0  # share of the light that is left; standard deviation, of 255
JPEG_QUALITY = 10  # of 100
COVERED = 0.25  # share of the picture under the dark rectangle
ASR_ERRORS = 0.15  # of the words
# Of a video, which is taken apart into pictures: enough for channels that look five times a second.
RATE, LONGEST_SIDE = 10.0, 640

Stream = Literal["audio", "video", "text"]


def noise(audio: np.ndarray, decibels: float, rng: np.random.Generator) -> np.ndarray:
    """Pink noise (power falls with frequency, as of rooms and traffic) at that signal-to-noise.

    The signal's power is that of the whole clip, pauses included.
    """
    spectrum = np.fft.rfft(rng.standard_normal(len(audio)))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    spectrum[:1] = 0
    pink = np.fft.irfft(spectrum, len(audio))
    signal, power = np.square(audio, dtype=np.float64).mean(), np.square(pink).mean()
    gain = np.sqrt(signal / max(power, 1e-30) / 10 ** (decibels / 10))
    return np.clip(audio + gain * pink, -1, 1).astype(np.float32)


def telephone(audio: np.ndarray) -> np.ndarray:
    """The band of a telephone line, and its eight logarithmic bits a sample (G.711, mu-law)."""
    hertz = np.fft.rfftfreq(len(audio), 1 / SAMPLE_RATE)
    inside = np.minimum(hertz - BAND[0], BAND[1] - hertz)
    passed = np.clip(inside / BAND_EDGE + 1, 0, 1)
    line = np.clip(np.fft.irfft(np.fft.rfft(audio) * passed, len(audio)), -1, 1)
    companded = np.sign(line) * np.log1p(MU * np.abs(line)) / np.log1p(MU)
    steps = np.round(companded * 127) / 127
    return (np.sign(steps) * np.expm1(np.abs(steps) * np.log1p(MU)) / MU).astype(np.float32)


def mp3(audio: np.ndarray) -> np.ndarray:
    """Through an MP3 encoder at 32 kbit/s and back."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=SAMPLE_RATE, layout="mono")
        stream.bit_rate = BIT_RATE
        samples = np.ascontiguousarray(audio, np.float32)[None]
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    file.seek(0)
    with av.open(file) as container:
        decoded = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
    heard = np.concatenate(decoded)[: len(audio)].astype(np.float32)
    return np.pad(heard, (0, len(audio) - len(heard)))


def blur(image: np.ndarray) -> np.ndarray:
    """Out of focus."""
    sigma = BLUR * min(image.shape[:2])
    return cv2.GaussianBlur(image, (0, 0), sigma)


def low_light(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A seventh of the light, and the sensor's noise."""
    dark = image * DIM + rng.normal(0, SENSOR_NOISE, image.shape[:2])[..., None]
    return np.clip(np.round(dark), 0, 255).astype(np.uint8)


def jpeg(image: np.ndarray) -> np.ndarray:
    """Through a JPEG encoder at quality 10 and back."""
    _, encoded = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return np.ascontiguousarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR)[..., ::-1])


def occlusion(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A dark rectangle over a quarter of the picture, anywhere in it."""
    height, width = image.shape[:2]
    tall, wide = round(height * COVERED**0.5), round(width * COVERED**0.5)
    top, left = rng.integers(0, height - tall + 1), rng.integers(0, width - wide + 1)
    covered = image.copy()
    covered[top : top + tall, left : left + wide] = 20
    return covered


@dataclass(frozen=True)
class Corruption:
    """One fault at one degree. apply: takes samples, a picture or (text, language), and chance."""

    stream: Stream
    apply: Callable[..., object]


def _misheard(text: str, language: str, rng: np.random.Generator) -> str:
    return mishear(text, error_rate=ASR_ERRORS, rng=rng, language=language or "en")


CORRUPTIONS: Mapping[str, Corruption] = {
    "noise 20 dB": Corruption("audio", lambda audio, rng: noise(audio, 20, rng)),
    "noise 10 dB": Corruption("audio", lambda audio, rng: noise(audio, 10, rng)),
    "noise 0 dB": Corruption("audio", lambda audio, rng: noise(audio, 0, rng)),
    "mp3": Corruption("audio", lambda audio, rng: mp3(audio)),
    "telephone": Corruption("audio", lambda audio, rng: telephone(audio)),
    "blur": Corruption("video", lambda image, rng: blur(image)),
    "low light": Corruption("video", low_light),
    "jpeg": Corruption("video", lambda image, rng: jpeg(image)),
    "occlusion": Corruption("video", occlusion),
    "asr errors": Corruption("text", _misheard),
}


def corrupted(recording: Recording, name: str, rng: np.random.Generator) -> Recording:
    """The recording with that fault in the stream that it befalls; the others as they are."""
    fault = CORRUPTIONS[name]
    change = functools.partial(fault.apply, rng=rng)
    audio = frames = times = None
    if "audio" in recording.streams:
        audio = recording.audio()
        audio = change(audio) if fault.stream == "audio" else audio
    if "video" in recording.streams:
        batches = list(recording.frames(rate=RATE, longest_side=LONGEST_SIDE))
        times = np.concatenate([batch.times for batch in batches])
        frames = np.concatenate([batch.images for batch in batches])
        if fault.stream == "video":
            frames = np.stack([change(image) for image in frames])
    text = recording.text() if "text" in recording.streams else ()
    if fault.stream == "text":
        text = [replace(mark, text=change(mark.text, mark.language)) for mark in text]
    return from_arrays(
        recording.id, audio=audio, frames=frames, frame_times=times, text=text, span=recording.span
    )
