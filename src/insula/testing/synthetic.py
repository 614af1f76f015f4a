"""Small media with known truth, written with PyAV and numpy: for our tests and for yours.

    audio = np.concatenate([silence(1.0), tone(1.0, hertz=440)])
    write_video("clip.mp4", seconds=2.0, picture=moving_square, audio=audio, audio_start=0.5)

Pictures are functions of the time, so a test can say what the frame at any second must show.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.subtitles.stream import SubtitleStream
from av.subtitles.subtitle import SubtitleSet

from insula.core.time import Mark
from insula.core.track import Array

SAMPLE_RATE = 16_000  # Hz
TICKS = 90_000  # a second; the clock that frame times are written on
# A picture is a function (second, width, height) -> (height, width, 3) uint8 RGB.
Picture = Callable[[float, int, int], Array]
# Quick to write; a key frame a second at 25 fps.
FAST_ENCODING = {"preset": "ultrafast", "g": "25"}
# The least that libav's subtitle encoders want to know about styles.
ASS_HEADER = (
    b"[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, Fontname, Fontsize\n"
    b"Style: Default,Arial,16\n\n[Events]\nFormat: Layer, Start, End, Style, Text\n"
)
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}


def tone(
    seconds: float, *, hertz: float = 440.0, sample_rate: int = SAMPLE_RATE, level: float = 0.5
) -> Array:
    """A sine of `level` in [0, 1]; (N,) float32."""
    times = np.arange(round(seconds * sample_rate)) / sample_rate
    return (level * np.sin(2 * np.pi * hertz * times)).astype(np.float32)


def silence(seconds: float, *, sample_rate: int = SAMPLE_RATE) -> Array:
    """Digital silence; (N,) float32."""
    return np.zeros(round(seconds * sample_rate), np.float32)


def noise(
    seconds: float,
    rng: np.random.Generator,
    *,
    sample_rate: int = SAMPLE_RATE,
    level: float = 0.1,
) -> Array:
    """White noise of standard deviation `level`, cut to [-1, 1]; (N,) float32."""
    values = rng.normal(0.0, level, round(seconds * sample_rate))
    return np.clip(values, -1, 1).astype(np.float32)


def black(second: float, width: int, height: int) -> Array:
    """A black frame."""
    return np.zeros((height, width, 3), np.uint8)


def moving_square(second: float, width: int, height: int) -> Array:
    """A white square on grey that goes from left to right once in 4 seconds."""
    image = np.full((height, width, 3), 96, np.uint8)
    side = height // 4
    left = round((width - side) * (second % 4.0) / 4.0)
    top = (height - side) // 2
    image[top : top + side, left : left + side] = 255
    return image


def brightness_of_time(second: float, width: int, height: int) -> Array:
    """A flat grey frame, 25 a second brighter: its mean tells its time for nine seconds."""
    return np.full((height, width, 3), min(255, round(20 + 25 * second)), np.uint8)


def corner(second: float, width: int, height: int) -> Array:
    """A red patch in the upper left corner of a blue frame: shows which way up it is."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 2] = 200
    image[: height // 2, : width // 2] = (220, 0, 0)
    return image


def write_video(
    path: str | Path,
    *,
    seconds: float = 2.0,
    fps: float = 25.0,
    size: tuple[int, int] = (160, 120),
    picture: Picture = moving_square,
    times: Sequence[float] | None = None,
    audio: Array | Sequence[Array] | None = None,
    sample_rate: int = SAMPLE_RATE,
    video_start: float = 0.0,
    audio_start: float = 0.0,
    rotation: int = 0,
    subtitles: Sequence[Mark] = (),
    index_first: bool = False,
    encoding: Mapping[str, str] = FAST_ENCODING,
) -> Path:
    """Write a video; the suffix of `path` chooses the container.

    size: (width, height) as stored, even numbers. times: seconds of the frames, for a variable
    rate; by default every 1 / fps. audio: (N,) or (channels, N) in [-1, 1], or several such, one
    a stream. video_start, audio_start: second at which each begins. rotation: degrees
    counter-clockwise that a player turns the picture by. index_first: put the index of an MP4
    before its data, so that a cut-off file can still be read. encoding: options of libx264.
    """
    path = Path(path)
    if times is None:
        times = [number / fps for number in range(round(seconds * fps))]
    tracks = [] if audio is None else [audio] if isinstance(audio, np.ndarray) else list(audio)
    options = {"movflags": "+faststart"} if index_first else {}
    with av.open(str(path), "w", options=options) as container:
        video = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        video.width, video.height = size
        video.pix_fmt = "yuv420p"
        video.options = dict(encoding)
        video.codec_context.time_base = Fraction(1, TICKS)
        if rotation:
            video.set_display_rotation(rotation)
        sounds = [_sound_stream(container, path, each, sample_rate) for each in tracks]
        words = _subtitle_stream(container, path) if subtitles else None
        for second in times:
            frame = av.VideoFrame.from_ndarray(picture(second, *size), format="rgb24")
            frame.pts, frame.time_base = round((second + video_start) * TICKS), Fraction(1, TICKS)
            container.mux(video.encode(frame))
        container.mux(video.encode())
        for stream, each in zip(sounds, tracks, strict=True):
            _encode_sound(container, stream, each, sample_rate, audio_start)
        if words is not None:
            _encode_words(container, words, subtitles)
    return path


def write_audio(path: str | Path, audio: Array, *, sample_rate: int = SAMPLE_RATE) -> Path:
    """Write sound as .wav, .flac, .mp3, .m4a or .ogg.

    audio: (N,) or (channels, N); float in [-1, 1], or int16. A WAV of floats keeps them exactly,
    NaN included, where its name ends in ".float.wav".
    """
    path = Path(path)
    with av.open(str(path), "w") as container:
        stream = _sound_stream(container, path, audio, sample_rate)
        _encode_sound(container, stream, audio, sample_rate, 0.0)
    return path


def write_image(path: str | Path, image: Array) -> Path:
    """Write (H, W, 3) uint8 RGB as .png, .jpg, .bmp or .webp."""
    path = Path(path)
    codec = {".png": "png", ".bmp": "bmp", ".webp": "libwebp"}.get(path.suffix, "mjpeg")
    pixels = {"mjpeg": "yuvj444p", "bmp": "bgr24", "libwebp": "yuv420p"}.get(codec, "rgb24")
    context = av.CodecContext.create(codec, "w")
    assert isinstance(context, av.video.codeccontext.VideoCodecContext)
    context.height, context.width = image.shape[:2]
    context.pix_fmt, context.time_base = pixels, Fraction(1, 25)
    frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=pixels)
    packets = [*context.encode(frame), *context.encode(None)]
    path.write_bytes(b"".join(bytes(packet) for packet in packets))
    return path


def cut_off(path: str | Path, share: float) -> Path:
    """Cut a file to `share` of its bytes, as a broken copy would."""
    path = Path(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def overwrite(path: str | Path, share: float, rng: np.random.Generator, count: int = 2000) -> Path:
    """Replace `count` bytes at `share` of a file by random ones, as a bad disk would."""
    path = Path(path)
    data = bytearray(path.read_bytes())
    first = int(len(data) * share)
    data[first : first + count] = rng.bytes(min(count, len(data) - first))
    path.write_bytes(data)
    return path


def _sound_stream(
    container: OutputContainer, path: Path, audio: Array, sample_rate: int
) -> av.AudioStream:
    codecs = {".wav": "pcm_s16le", ".flac": "flac", ".mp3": "libmp3lame", ".ogg": "libopus"}
    codec = "pcm_f32le" if path.name.endswith(".float.wav") else codecs.get(path.suffix, "aac")
    channels = audio.shape[0] if audio.ndim == 2 else 1
    layout = LAYOUTS.get(channels, f"{channels}c")
    stream = container.add_stream(codec, rate=sample_rate, layout=layout)
    assert isinstance(stream, av.AudioStream)
    return stream


def _encode_sound(
    container: OutputContainer,
    stream: av.AudioStream,
    audio: Array,
    sample_rate: int,
    start: float,
) -> None:
    planes = np.atleast_2d(audio)
    if planes.dtype == np.int16:
        planes = planes.astype(np.float32) / 32_768
    layout = stream.layout.name
    size = sample_rate  # samples encoded at once, a second
    resampler = av.AudioResampler(stream.format, layout, sample_rate, stream.frame_size or 0)
    for first in range(0, planes.shape[1], size):
        part = planes[:, first : first + size].T.astype(np.float32)
        frame = av.AudioFrame.from_ndarray(part.reshape(1, -1), format="flt", layout=layout)
        frame.sample_rate, frame.time_base = sample_rate, Fraction(1, sample_rate)
        frame.pts = first + round(start * sample_rate)
        for ready in resampler.resample(frame):
            container.mux(stream.encode(ready))
    for ready in resampler.resample(None):
        container.mux(stream.encode(ready))
    container.mux(stream.encode(None))


def _subtitle_stream(container: OutputContainer, path: Path) -> SubtitleStream:
    codec = "mov_text" if path.suffix in (".mp4", ".mov") else "srt"
    stream = container.add_stream(codec)
    assert isinstance(stream, SubtitleStream)
    stream.codec_context.subtitle_header = ASS_HEADER
    stream.codec_context.time_base = Fraction(1, 1000)
    return stream


def _encode_words(
    container: OutputContainer, stream: SubtitleStream, marks: Sequence[Mark]
) -> None:
    # libav takes every kind of subtitle as an ASS event, and times in milliseconds.
    for number, mark in enumerate(marks):
        event = f"{number},0,Default,,0,0,0,,{mark.text}".encode()
        length = round(mark.span.duration * 1000)
        words = SubtitleSet.create(event, 0, length, round(mark.span.start * 1000))
        packet = stream.codec_context.encode_subtitle(words)
        packet.stream, packet.time_base = stream, Fraction(1, 1000)
        container.mux(packet)
