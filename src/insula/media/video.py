"""Frames of a video: decode -> pick those nearest to a regular grid -> shrink to RGB -> batches.

Only frames that are wanted are converted; conversion and shrinking are one pass of libav's scaler.
`SharedShots` lets several readers, each at its own rate, live off one decode.
"""

from __future__ import annotations

import io
import math
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol, TypeVar

import av
import numpy as np

from insula.core.records import Frames, Picture
from insula.core.time import Span
from insula.core.track import Array
from insula.errors import UnreadableMedia
from insula.media.container import DAMAGED_IMAGE, Container, packets
from insula.media.painting import Painted, Painter, Shot

BATCH = 16  # frames handed out at once, at most
BATCH_BYTES = 64e6  # of RGB in a batch, at most; 4K frames come two at a time
# Decoding starts this many seconds before a crop, so that the frame before its first one is known.
LEAD_IN = 0.5
# From this size on, decoding with one thread a core pays: HEVC 960x540 270 -> 510 frames a second,
# H.264 640x360 1,200 -> 1,400 for twice the processor time (2 busy cores, November 2026).
THREADED_PIXELS = 960 * 540
# Decoded frames that a fast reader may be ahead of a slow one, and their bytes.
AHEAD = 48
AHEAD_BYTES = 150e6
# Seconds a reader waits for another that has not begun before going on without it.
PATIENCE = 10.0


class ShotSource(Protocol):
    """Where decoded frames come from."""

    def shots(self, span: Span) -> Iterator[Shot]:
        """Frames in order of time: those in `span`, some before it and one after it."""
        ...


class VideoFile:
    """The video stream of a container."""

    def __init__(self, container: Container) -> None:
        self.container = container
        self.decoded = 0  # frames decoded so far by all readers, for tests and benchmarks

    def shots(self, span: Span) -> Iterator[Shot]:
        """Decode `span`. A damaged frame is left out; a file cut off gives what is there."""
        info, origin = self.container.video, self.container.origin
        assert info is not None
        last = -math.inf
        with self.container.open() as handle:
            stream = handle.streams[info.index]
            assert isinstance(stream, av.VideoStream) and stream.time_base is not None
            if info.pixels >= THREADED_PIXELS:
                stream.thread_type = av.codec.context.ThreadType.AUTO
            else:
                stream.thread_count = 1
            if span.start > LEAD_IN:
                seconds = span.start - LEAD_IN + origin
                with suppress(av.FFmpegError):  # what cannot seek is decoded from its start
                    handle.seek(int(seconds / stream.time_base), stream=stream)
            for number, frame in enumerate(_decode(handle, stream)):
                self.decoded += 1
                timed = info.start is not None and frame.time is not None
                time = frame.time - origin if timed else number / info.rate
                if not last < time <= self.container.end:  # a damaged timestamp
                    continue
                last = time
                yield Shot(time, frame, info.aspect)
                if time >= span.end:
                    return
        if last == -math.inf and span.start <= LEAD_IN:
            raise UnreadableMedia(
                self.container.path,
                f"no frame of its video stream ({info.line}) can be decoded",
                "Copy or export it again.",
            )


def _decode(handle: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
    for packet in packets(handle, [stream]):
        try:
            yield from packet.decode()  # type: ignore[misc]
        except av.FFmpegError:
            continue
    try:
        yield from stream.decode(None)
    except av.FFmpegError:  # already flushed by the end of the file
        return


class FrameArrays:
    """Frames that are already in memory."""

    def __init__(self, times: Array, images: Array) -> None:
        self.times, self.images = times, images

    def shots(self, span: Span) -> Iterator[Shot]:
        """All frames up to the first after `span`."""
        for time, image in zip(self.times, self.images, strict=True):
            yield Shot(float(time), av.VideoFrame.from_ndarray(image, format="rgb24"))
            if time >= span.end:
                return


def read_image(path: Path) -> Array:
    """A still picture, upright. (H, W, 3) uint8 RGB."""
    try:
        # From memory, because by name libav would take "take%d.jpg" for a numbered series.
        with av.open(io.BytesIO(path.read_bytes()), "r") as handle:
            # Of a video any frame helps; of a picture half a face would mislead.
            handle.streams.video[0].codec_context.options = {"err_detect": "explode"}
            frame = next(handle.decode(video=0))
    except (av.FFmpegError, StopIteration) as error:
        raise UnreadableMedia(path, *DAMAGED_IMAGE) from error
    return Painter(None).colours(Shot(0.0, frame))


def check_request(rate: float, longest_side: int | None) -> None:
    """Raise ValueError for a rate or size that no frames can have."""
    if not (rate > 0 and math.isfinite(rate)):
        raise ValueError(f"rate={rate} frames a second; give a positive number.")
    if longest_side is not None and longest_side < 1:
        raise ValueError(f"longest_side={longest_side} pixels; give at least 1.")


def pictures(
    source: ShotSource, span: Span, *, rate: float, longest_side: int | None
) -> Iterator[Picture]:
    """Frames in `span`, about `rate` a second; see `Recording.pictures`."""
    painter = Painter(longest_side)
    for shot in nearest_to_grid(source.shots(span), rate):
        if shot.time in span:
            yield Painted(shot, painter)


def batches(pictures: Iterable[Picture]) -> Iterator[Frames]:
    """Pictures in colours, up to BATCH of one size at once; see `Recording.frames`."""
    batch, times = np.empty((0, 0, 0, 3), np.uint8), np.empty(0)
    filled = 0
    for picture in pictures:
        image = picture.colours()
        if filled == len(batch) or image.shape != batch.shape[1:]:
            if filled:
                yield Frames(times[:filled], batch[:filled])
            size = max(1, min(BATCH, int(BATCH_BYTES / image.nbytes)))
            batch, times, filled = np.empty((size, *image.shape), np.uint8), np.empty(size), 0
        times[filled], batch[filled] = picture.time, image
        filled += 1
    if filled:
        yield Frames(times[:filled], batch[:filled])


class Timed(Protocol):
    """Anything that happens at a time."""

    @property
    def time(self) -> float:
        """Seconds."""
        ...


T = TypeVar("T", bound=Timed)


def nearest_to_grid(shots: Iterable[T], rate: float) -> Iterator[T]:
    """Of `shots`, those that are the nearest one to some moment k / rate, each once."""
    return (shot for shot, nearest in beside_grid(shots, rate) if nearest)


def beside_grid(shots: Iterable[T], rate: float) -> Iterator[tuple[T, bool]]:
    """All `shots`, each with whether it is the nearest one to some moment k / rate.

    A shot answers for the moments between the midpoints to its neighbours. The grid counts from
    second 0 whatever is read, so a crop picks the frames that the whole would.
    """
    answered = -1  # the last k that a shot answers for
    held: T | None = None
    half = 0.0  # half the way from the shot before to the held one
    for shot in shots:
        if held is not None:
            half = (shot.time - held.time) / 2
            upto = math.floor(rate * (held.time + half))
            yield held, upto > answered
            answered = upto
        held = shot
    if held is not None:
        yield held, math.floor(rate * (held.time + half)) > answered


class SharedShots:
    """One decode read by several readers, each in its own thread and at its own pace.

    Whoever needs the next frame decodes it; the others find it in the buffer. A reader far ahead
    waits for the slowest. A reader that is done, released or closed is no longer waited for, nor
    is one that has not begun within `PATIENCE` seconds: it then decodes on its own.
    """

    def __init__(self, source: ShotSource, span: Span, readers: int) -> None:
        self.source = source
        self._shots = source.shots(span)
        self._changed = threading.Condition()
        self._buffer: deque[Shot] = deque()
        self._first = 0  # number of the oldest shot in the buffer
        self._position: dict[int, int] = dict.fromkeys(range(readers), 0)
        self._thread: dict[int, int] = {}  # reader -> thread that reads it, once it has begun
        self._decoding = False
        self._ended = False
        self._error: BaseException | None = None

    def claim(self, reader: int) -> bool:
        """Begin reading as `reader`; False where it has begun before or was left behind."""
        with self._changed:
            if reader not in self._position or reader in self._thread:
                return False
            self._thread[reader] = threading.get_ident()
            return True

    def leave(self, reader: int) -> None:
        """Take a reader out; the others need not wait for it."""
        with self._changed:
            self._position.pop(reader, None)
            self._trim()
            if not self._position and not self._decoding:
                self._close()
            self._changed.notify_all()

    def read(self, reader: int) -> Iterator[Shot]:
        """All shots, for a reader that has claimed its place."""
        try:
            while (shot := self._next(reader)) is not None:
                yield shot
        finally:
            self.leave(reader)

    def _next(self, reader: int) -> Shot | None:
        with self._changed:
            self._thread[reader] = threading.get_ident()
            while reader in self._position:
                place = self._position[reader] - self._first
                if place < len(self._buffer):
                    shot = self._buffer[place]
                    self._position[reader] += 1
                    self._trim()
                    return shot
                if self._error is not None:
                    raise self._error
                if self._ended:
                    return None
                if self._decoding or self._must_wait(reader):
                    if not self._changed.wait(PATIENCE):
                        self._leave_behind()
                    continue
                self._decode_one()
            return None

    def _decode_one(self) -> None:
        """Decode the next shot with the lock let go, so that others can go on reading."""
        self._decoding = True
        self._changed.release()
        shot, error = None, None
        try:
            shot = next(self._shots, None)
        except BaseException as raised:
            error = raised
        finally:
            self._changed.acquire()
            self._decoding = False
            self._error = error
            self._ended = shot is None
            if shot is not None and self._position:
                self._buffer.append(shot)
            if not self._position:
                self._close()
            self._changed.notify_all()

    def _must_wait(self, reader: int) -> bool:
        """Whether the buffer is full for the sake of a reader in another thread.

        A slower reader in this very thread could not catch up while we wait, so for it the buffer
        grows.
        """
        if len(self._buffer) < self._room():
            return False
        behind = [r for r, place in self._position.items() if place == self._first and r != reader]
        here = threading.get_ident()
        return any(self._thread.get(r) != here for r in behind)

    def _room(self) -> int:
        """How many shots may be buffered."""
        if not self._buffer:
            return AHEAD
        frame = self._buffer[0].frame
        size = frame.width * frame.height * 1.5  # bytes of a frame in the usual YUV 4:2:0
        return max(4, min(AHEAD, int(AHEAD_BYTES / size)))

    def _leave_behind(self) -> None:
        """Go on without the readers that have not begun."""
        for reader in [r for r in self._position if r not in self._thread]:
            del self._position[reader]
        self._trim()
        self._changed.notify_all()

    def _trim(self) -> None:
        """Forget shots that every reader has had."""
        slowest = min(self._position.values(), default=self._first + len(self._buffer))
        while self._first < slowest and self._buffer:
            self._buffer.popleft()
            self._first += 1
            self._changed.notify_all()

    def _close(self) -> None:
        close = getattr(self._shots, "close", None)
        if close is not None:
            close()


class SharedReader:
    """One reader's end of `SharedShots`; a source of shots like any other."""

    def __init__(self, shared: SharedShots, number: int) -> None:
        self.shared, self.number = shared, number

    def shots(self, span: Span) -> Iterator[Shot]:
        """From the shared decode the first time, from a decode of its own after that."""
        if self.shared.claim(self.number):
            return self.shared.read(self.number)
        return self.shared.source.shots(span)

    def release(self) -> None:
        """Read no more from the shared decode."""
        self.shared.leave(self.number)
