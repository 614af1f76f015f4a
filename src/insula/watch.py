"""Progress and stopping, without any channel knowing: a recording that tells how far it is read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from insula.core.records import Frames, Picture, Recording
from insula.core.time import Mark, Span
from insula.core.track import Array, Track

T = TypeVar("T")


class Stopped(Exception):
    """The analysis was called off while a channel was reading."""


class Watched(Recording):
    """A recording that tells how far it has been read, and can be stopped.

    tell: called with the share read, in [0, 1]. stop: once set, the next read raises Stopped.
    """

    def __init__(
        self, recording: Recording, tell: Callable[[float], None], stop: threading.Event
    ) -> None:
        self._recording, self.tell, self._stop = recording, tell, stop
        self.id, self.span, self.streams = recording.id, recording.span, recording.streams

    def _reached(self, moment: float) -> None:
        if self._stop.is_set():
            raise Stopped
        share = (moment - self.span.start) / (self.span.duration or 1)
        self.tell(min(max(float(share), 0.0), 1.0))

    def audio(self, span: Span | None = None) -> Array:
        """See `Recording.audio`."""
        samples = self._recording.audio(span)
        self._reached((span or self.span).end)
        return samples

    def frames(self, *, rate: float, longest_side: int | None = None) -> Iterator[Frames]:
        """See `Recording.frames`."""
        for batch in self._recording.frames(rate=rate, longest_side=longest_side):
            yield batch
            self._reached(float(batch.times[-1]))

    def pictures(self, *, rate: float, longest_side: int | None = None) -> Iterator[Picture]:
        """See `Recording.pictures`."""
        for picture in self._recording.pictures(rate=rate, longest_side=longest_side):
            yield picture
            self._reached(picture.time)

    def text(self) -> tuple[Mark, ...]:
        """See `Recording.text`."""
        return self._recording.text()

    def signal(self, name: str) -> Track:
        """See `Recording.signal`."""
        return self._recording.signal(name)

    def crop(self, span: Span) -> Recording:
        """See `Recording.crop`; a crop is not watched."""
        return self._recording.crop(span)

    def shared(self, key: str, make: Callable[[], T]) -> T:
        """See `Recording.shared`."""
        return self._recording.shared(key, make)

    def views(self, count: int) -> Sequence[Recording]:
        """See `Recording.views`."""
        return self._recording.views(count)

    def release(self) -> None:
        """See `Recording.release`."""
        self._recording.release()
