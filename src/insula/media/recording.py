"""The door: a path or arrays in, a `Recording` out. Nothing is decoded before it is asked for.

open(path)          probe -> container, sidecar text -> MediaRecording
from_arrays(...)    arrays -> MediaRecording
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar, cast

import numpy as np

from insula.core.records import Frames, Picture, Recording
from insula.core.time import Mark, Span, merge_spans
from insula.core.track import Array
from insula.errors import NoSuchStream, UnreadableMedia
from insula.media import text as texts
from insula.media import video as videos
from insula.media.audio import SAMPLE_RATE, AudioArray, AudioFile, SampleSource
from insula.media.container import Container, check_file, probe
from insula.media.speech import speech

T = TypeVar("T")

# Seconds without speech that stay inside a sentence when text without times is laid over speech.
SAME_STRETCH = 1.0


@dataclass
class _Entry:
    lock: threading.RLock = field(default_factory=threading.RLock)
    made: bool = False
    value: object = None


class Memo:
    """Results made once and shared by threads; different keys do not wait for each other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[str, _Entry] = {}

    def get(self, key: str, make: Callable[[], T]) -> T:
        """The value under `key`, made now if it is not there yet."""
        with self._lock:
            entry = self._entries.setdefault(key, _Entry())
        with entry.lock:
            if not entry.made:
                entry.value = make()
                entry.made = True
            return cast(T, entry.value)


class MediaRecording(Recording):
    """A recording made of sources, any of which may be missing.

    A crop has the same sources and a narrower span; a view the same but for its frames.
    """

    def __init__(
        self,
        id: str,
        span: Span,
        streams: Mapping[str, str],
        *,
        audio: SampleSource | None = None,
        video: videos.ShotSource | None = None,
        text: Callable[[], Sequence[Mark]] | None = None,
        memo: Memo | None = None,
    ) -> None:
        self.id, self.span, self.streams = id, span, dict(streams)
        self._audio, self._video, self._text = audio, video, text
        self._memo = memo or Memo()

    def __repr__(self) -> str:
        return f"<Recording {self.id!r}, {self.span.duration:.2f} s: {', '.join(self.streams)}>"

    def audio(self, span: Span | None = None) -> Array:
        """Mono float32 samples in [-1, 1] at 16 kHz of `span`, cut to the recording; (N,).

        N is exact: round(end * 16000) - round(start * 16000). Where the stream is silent, late or
        already over, samples are zero.
        """
        if self._audio is None:
            raise NoSuchStream(self.id, "audio", self.streams)
        part = self.span if span is None else span & self.span
        return self._audio.samples(round(part.start * SAMPLE_RATE), round(part.end * SAMPLE_RATE))

    def frames(self, *, rate: float, longest_side: int | None = None) -> Iterator[Frames]:
        """Batches of at most 16 frames: those nearest to every 1 / rate seconds, each once."""
        return videos.batches(self.pictures(rate=rate, longest_side=longest_side))

    def pictures(self, *, rate: float, longest_side: int | None = None) -> Iterator[Picture]:
        """Those nearest to every 1 / rate seconds, each once."""
        if self._video is None:
            raise NoSuchStream(self.id, "video", self.streams)
        videos.check_request(rate, longest_side)
        return videos.pictures(self._video, self.span, rate=rate, longest_side=longest_side)

    def text(self) -> tuple[Mark, ...]:
        """Sentences whose middle lies in the recording, cut to it; () where none came with it."""
        if self._text is None:
            return ()
        inside = (mark for mark in self._text() if mark.span.middle in self.span)
        return tuple(replace(mark, span=mark.span & self.span) for mark in inside)

    def file(self, kind: str) -> Path | None:
        """The file that holds the "audio" or "video"; None where it lies in memory, or is none."""
        source = {"audio": self._audio, "video": self._video}.get(kind)
        if isinstance(source, AudioFile | videos.VideoFile):
            return source.container.path
        return None

    def crop(self, span: Span) -> Recording:
        """The part in `span`, on the same clock."""
        video = self._video
        if isinstance(video, videos.SharedReader):
            video = video.shared.source
        return MediaRecording(
            self.id,
            span & self.span,
            self.streams,
            audio=self._audio,
            video=video,
            text=self._text,
        )

    def shared(self, key: str, make: Callable[[], T]) -> T:
        """See `Recording.shared`; views of a recording share with it, crops do not."""
        return self._memo.get(key, make)

    def views(self, count: int) -> Sequence[Recording]:
        """`count` readers, each to be read in its own thread, off one decode."""
        readers: list[videos.ShotSource | None] = [None] * count
        if self._video is not None:
            shared = videos.SharedShots(self._video, self.span, count)
            readers = [videos.SharedReader(shared, number) for number in range(count)]
        return [
            MediaRecording(
                self.id,
                self.span,
                self.streams,
                audio=self._audio,
                video=reader,
                text=self._text,
                memo=self._memo,
            )
            for reader in readers
        ]

    def release(self) -> None:
        """Say that this view will read no more frames; others need not wait for it."""
        if isinstance(self._video, videos.SharedReader):
            self._video.release()


def open(
    path: str | Path, *, transcript: str | Path | None = None, language: str = ""
) -> Recording:
    """The recording in a video, audio, image or text file.

    transcript: a .txt, .srt or .vtt file of what is said; by default subtitles of the same name
    beside the file (clip.srt, clip.ru.vtt), else those inside it. language: ISO 639-1 code of
    that text, where its file name does not say. Raises `UnreadableMedia`.
    """
    path = Path(path)
    check_file(path)
    if path.suffix.lower() in texts.FORMATS:
        return _open_text(path, language)
    container = probe(path)
    span = Span(0.0, container.end)
    streams: dict[str, str] = {}
    video: videos.ShotSource | None = None
    if container.is_image:
        image = videos.read_image(path)  # one frame is soon read, and tells a damaged file
        video = videos.FrameArrays(np.zeros(1), image[None])
        streams["video"] = f"{image.shape[1]}x{image.shape[0]}, a still image"
    elif container.video is not None:
        video = videos.VideoFile(container)
        streams["video"] = container.video.line
    if container.audio is not None:
        streams["audio"] = container.audio.line
    audio = AudioFile(container) if container.audio is not None else None
    memo = Memo()
    heard = MediaRecording(path.name, span, streams, audio=audio, memo=memo)
    text, line = _find_text(container, heard, transcript, language)
    if text is not None:
        streams["text"] = line
    return MediaRecording(path.name, span, streams, audio=audio, video=video, text=text, memo=memo)


def _open_text(path: Path, language: str) -> Recording:
    marks = texts.read_text_file(path, language=language)
    span = Span(0.0, max(mark.span.end for mark in marks))
    streams = {"text": f"a text file: {path.name}"}
    return MediaRecording(path.name, span, streams, text=lambda: marks)


def _find_text(
    container: Container, heard: Recording, transcript: str | Path | None, language: str
) -> tuple[Callable[[], Sequence[Mark]] | None, str]:
    """How to read the text that comes with a media file, and a line about it.

    heard: what there is to hear, where text without times is to be placed.
    """
    memo = Memo()
    if transcript is not None:
        given = Path(transcript)
        marks = texts.read_text_file(given, language=language)
        line = f"transcript given: {given.name}"
        return lambda: memo.get("text", lambda: texts.lay_over(marks, *_stretches(heard))), line
    beside = texts.find_sidecar(container.path, language)
    if beside is not None:
        line = f"subtitles beside the file: {beside.name}"
        return lambda: memo.get("text", lambda: texts.read_text_file(beside)), line
    inside = texts.choose_stream(container.subtitles, language)
    if inside is not None:
        return lambda: memo.get("text", lambda: texts.read_stream(container, inside)), inside.line
    return None, ""


def _stretches(recording: Recording) -> tuple[Sequence[Span], str]:
    """Where text without times may have been said, and that in words."""
    try:
        spoken = merge_spans(speech(recording), gap=SAME_STRETCH)
    except UnreadableMedia:  # the channels that listen will say so
        spoken = ()
    if spoken:
        return spoken, "they were spread over the speech"
    return (recording.span,), "they were spread over the whole, for no speech is to be heard"


def from_arrays(
    id: str,
    *,
    audio: Array | None = None,
    sample_rate: int = SAMPLE_RATE,
    frames: Array | None = None,
    frame_times: Array | None = None,
    text: Sequence[Mark] = (),
    span: Span | None = None,
) -> Recording:
    """A recording of what is already in memory.

    audio: (N,) or (N, channels) of any number type, floats in [-1, 1], at `sample_rate` Hz, from
    the start of `span` on. frames: (N, H, W, 3) uint8 RGB at `frame_times`, (N,) increasing
    seconds. text: sentences. span: by default from 0 to the end of what is given.
    """
    streams: dict[str, str] = {}
    ends = [mark.span.end for mark in text]
    if audio is not None:
        audio = np.asarray(audio)
        channels = audio.shape[1] if audio.ndim == 2 else 1
        streams["audio"] = f"array, {sample_rate} Hz, {channels} channel{'s'[: channels > 1]}"
        ends.append((span.start if span else 0.0) + len(audio) / sample_rate)
    if frames is not None:
        frames, times = _checked_frames(frames, frame_times)
        streams["video"] = f"{frames.shape[2]}x{frames.shape[1]}, {len(frames)} frames in an array"
        step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
        ends += [float(times[-1]) + step] if len(times) else []
    if text:
        streams["text"] = f"{len(text)} sentences given"
    span = span or Span(0.0, max(ends, default=0.0))
    marks = tuple(sorted(text, key=lambda mark: mark.span))
    return MediaRecording(
        id,
        span,
        streams,
        audio=None if audio is None else AudioArray(audio, sample_rate, span.start),
        video=None if frames is None else videos.FrameArrays(times, frames),
        text=(lambda: marks) if text else None,
    )


def _checked_frames(frames: Array, times: Array | None) -> tuple[Array, Array]:
    frames = np.asarray(frames)
    if frames.ndim != 4 or frames.shape[3] != 3 or frames.dtype != np.uint8:
        raise ValueError(
            f"frames has shape {frames.shape} and type {frames.dtype}; "
            f"give (N, H, W, 3) uint8 in RGB."
        )
    if times is None:
        raise ValueError("frames without frame_times; give the second of each frame, (N,).")
    times = np.asarray(times, np.float64)
    if times.shape != (len(frames),) or (np.diff(times) <= 0).any():
        raise ValueError(
            f"frame_times has shape {times.shape} for {len(frames)} frames; "
            f"give one strictly increasing second a frame."
        )
    return frames, times
