"""What corpora of signals have in common: a recording whose streams are signals, folds of people.

name -> a function that reads it -> `recording.signal(name)`, read when first asked for
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence

from insula.core.records import Recording
from insula.core.time import Span
from insula.core.track import Track
from insula.media.recording import MediaRecording

PEOPLE_FOLDS = 5


class SignalRecording(MediaRecording):
    """Signals of one person on one clock, and nothing to see or hear.

    signals: name ("eda", "gaze", ...) -> what reads it; called once, by whoever asks first.
    """

    def __init__(self, id: str, span: Span, signals: Mapping[str, Callable[[], Track]]) -> None:
        streams = {f"signal:{name}": "recorded with the others, on one clock" for name in signals}
        super().__init__(id, span, streams)
        self._signals = {name: functools.cache(read) for name, read in signals.items()}

    def signal(self, name: str) -> Track:
        """The signal called `name` within the span of the recording."""
        if name not in self._signals:
            return super().signal(name)  # says which there are
        return self._signals[name]().crop(self.span)

    def crop(self, span: Span) -> Recording:
        """The part in `span`, on the same clock."""
        return SignalRecording(self.id, span & self.span, self._signals)

    def views(self, count: int) -> Sequence[Recording]:
        """There is nothing to decode together: the recording itself, `count` times."""
        return [self] * count
