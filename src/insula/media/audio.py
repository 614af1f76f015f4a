"""Sound of a recording: any codec, rate and layout -> mono 16 kHz on the recording's clock.

Decoded once, the first time it is asked for, into 16-bit samples that lie in memory while short
and in an anonymous temporary file when long; each reading takes just its part from there. So memory
stays flat however long the recording is.
"""

from __future__ import annotations

import tempfile
import threading
import weakref
from collections.abc import Iterator
from typing import Protocol

import av
import numpy as np

from insula.core.track import Array
from insula.errors import UnreadableMedia
from insula.media.container import Container, packets

SAMPLE_RATE = 16_000  # Hz, what every speech model here takes
BYTES = 2  # of a 16-bit sample; its steps lie 96 dB below full scale
SCALE = 32_768  # 16-bit steps in [0, 1)
IN_MEMORY = 120 * SAMPLE_RATE * BYTES  # bytes; two minutes, 3.8 MB
# A timestamp further than this from where the samples put it is a gap or an overlap; below it, it
# is rounding (milliseconds in MKV) or jitter of a live recorder. Seconds.
GAP = 0.05
PIECE = 10 * SAMPLE_RATE  # samples of silence written at once


class SampleSource(Protocol):
    """Where mono 16 kHz samples come from."""

    def samples(self, first: int, last: int) -> Array:
        """Samples `first` to `last` on the clock (sample 0 at second 0), zeros where none are."""
        ...


class Spool:
    """16-bit samples, appended once and then read anywhere."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115
        self._lock = threading.Lock()
        self.length = 0  # samples
        weakref.finalize(self, self._file.close)

    def append(self, data: memoryview | bytes) -> None:
        """Add 16-bit samples in the machine's byte order."""
        self._file.write(data)
        self.length += len(data) // BYTES

    def silence(self, count: int) -> None:
        """Add `count` samples of silence."""
        while count > 0:
            self.append(bytes(min(count, PIECE) * BYTES))
            count -= PIECE

    def samples(self, first: int, last: int) -> Array:
        """Samples `first` to `last`; zeros outside of what was added. (last - first,) float32."""
        begin, end = max(first, 0), min(last, self.length)
        result = np.zeros(max(0, last - first), np.float32)
        if begin < end:
            with self._lock:
                self._file.seek(begin * BYTES)
                data = self._file.read((end - begin) * BYTES)
            part = np.frombuffer(data, np.int16)
            np.divide(part, SCALE, out=result[begin - first : end - first], dtype=np.float32)
        return result


class AudioFile:
    """The audio stream of a container."""

    def __init__(self, container: Container) -> None:
        self.container = container
        self._lock = threading.Lock()
        self._spool: Spool | None = None

    def samples(self, first: int, last: int) -> Array:
        """See `SampleSource`; the first call decodes the stream."""
        with self._lock:
            if self._spool is None:
                self._spool = self._decode()
        return self._spool.samples(first, last)

    def _decode(self) -> Spool:
        info = self.container.audio
        assert info is not None
        writer = _Writer(Spool(), self.container.origin, round(self.container.end * SAMPLE_RATE))
        with self.container.open() as handle:
            stream = handle.streams[info.index]
            assert isinstance(stream, av.AudioStream)
            stream.codec_context.thread_count = 1  # audio decoders have nothing to share out
            unchecked = info.codec.startswith("pcm_f")  # floats straight from the file
            for frame in _frames(handle, stream):
                writer.add(_mixable(frame, unchecked))
        writer.flush()
        if not writer.heard:
            raise UnreadableMedia(
                self.container.path,
                f"nothing of its audio stream ({info.line}) can be decoded",
                "Copy or export it again.",
            )
        return writer.spool


def _frames(handle: av.container.InputContainer, stream: av.AudioStream) -> Iterator[av.AudioFrame]:
    """Decoded frames; damaged packets are left out and become gaps."""
    for packet in packets(handle, [stream]):
        try:
            yield from packet.decode()  # type: ignore[misc]
        except av.FFmpegError:
            continue
    try:
        yield from stream.decode(None)
    except av.FFmpegError:  # already flushed by the end of the file
        return


class _Writer:
    """Puts decoded frames where their timestamps say: silence into gaps, overlaps dropped."""

    def __init__(self, spool: Spool, origin: float, limit: int) -> None:
        self.spool, self.origin, self.limit = spool, origin, limit
        self.heard = False
        self._resampler: av.AudioResampler | None = None
        self._form: tuple[object, ...] = ()
        self._due = 0.0  # second at which the next sample is due
        self._skip = 0  # samples still to drop, because their time is already taken

    def add(self, frame: av.AudioFrame) -> None:
        """Write one frame; also where rate or layout change in the middle."""
        time = self._due if frame.time is None else frame.time - self.origin
        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        if self._resampler is None or form != self._form or abs(time - self._due) > GAP:
            self.flush()
            self._resampler, self._form = av.AudioResampler("s16", "mono", SAMPLE_RATE), form
            self._place(time)
            self._due = time
        self._due += frame.samples / frame.sample_rate
        frame.pts = None
        self._write(self._resampler.resample(frame))

    def flush(self) -> None:
        """Write what the resampler still holds."""
        if self._resampler is not None:
            self._write(self._resampler.resample(None))
            self._resampler = None

    def _place(self, time: float) -> None:
        target = min(round(time * SAMPLE_RATE), self.limit)
        self.spool.silence(target - self.spool.length)
        self._skip = max(0, self.spool.length - target)

    def _write(self, frames: list[av.AudioFrame]) -> None:
        for frame in frames:
            self.heard = True
            first = min(self._skip, frame.samples)
            self._skip -= first
            last = min(frame.samples, first + self.limit - self.spool.length)
            if first < last:
                self.spool.append(memoryview(frame.planes[0])[first * BYTES : last * BYTES])


def _mixable(frame: av.AudioFrame, unchecked: bool) -> av.AudioFrame:
    """A frame that libav can mix down: numbers finite, layout known.

    unchecked: the samples are a file's own floating-point numbers, which may be NaN or infinite
    and would spread in the resampler. A layout without names (eight microphones) has no mixing
    rule; its channels count alike.
    """
    named = frame.layout.nb_channels <= 2 or "channels" not in frame.layout.name
    if named and not unchecked:
        return frame
    values = frame.to_ndarray()
    channels = frame.layout.nb_channels
    if not frame.format.is_planar:
        values = values.reshape(-1, channels).T
    mono = to_float(values).mean(axis=0, keepdims=True)
    mixed = av.AudioFrame.from_ndarray(mono, format="fltp", layout="mono")
    mixed.sample_rate, mixed.pts, mixed.time_base = frame.sample_rate, frame.pts, frame.time_base
    return mixed


def to_float(values: Array) -> Array:
    """Samples of any type as finite float32 in [-1, 1]; same shape."""
    if values.dtype == np.uint8:
        return (values.astype(np.float32) - 128) / 128
    if np.issubdtype(values.dtype, np.integer):
        return values.astype(np.float32) / np.float32(-float(np.iinfo(values.dtype).min))
    finite = np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=1.0, neginf=-1.0)
    clipped: Array = np.clip(finite, -1.0, 1.0)
    return clipped


class AudioArray:
    """Sound that is already in memory.

    audio: (N,) or (N, channels), any number type. start: second of its first sample.
    """

    def __init__(self, audio: Array, sample_rate: int, start: float) -> None:
        audio = to_float(np.asarray(audio))
        mono = audio.mean(axis=1) if audio.ndim == 2 else audio
        self._first = round(start * SAMPLE_RATE)
        self._samples = mono if sample_rate == SAMPLE_RATE else _resample(mono, sample_rate)

    def samples(self, first: int, last: int) -> Array:
        """See `SampleSource`."""
        result = np.zeros(max(0, last - first), np.float32)
        begin = max(first, self._first)
        end = min(last, self._first + len(self._samples))
        if begin < end:
            part = self._samples[begin - self._first : end - self._first]
            result[begin - first : end - first] = part
        return result


def _resample(mono: Array, sample_rate: int) -> Array:
    """(N,) at `sample_rate` -> (N * 16000 / sample_rate,) at 16 kHz."""
    if not len(mono):
        return mono
    resampler = av.AudioResampler("fltp", "mono", SAMPLE_RATE)
    frame = av.AudioFrame.from_ndarray(mono[None], format="fltp", layout="mono")
    frame.sample_rate = sample_rate
    parts = [*resampler.resample(frame), *resampler.resample(None)]
    samples: Array = np.concatenate([part.to_ndarray()[0] for part in parts])
    return samples.clip(-1.0, 1.0)
