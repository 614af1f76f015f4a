"""Spans of time and what happens in them. Seconds from the start of the recording, float64."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True, order=True)
class Span:
    """Half-open interval of time `[start, end)` in seconds.

    >>> Span(1, 3) & Span(2, 5)
    Span(start=2.0, end=3.0)
    >>> (Span(0, 1) & Span(2, 3)).duration
    0.0
    """

    start: float
    end: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", float(self.start))
        object.__setattr__(self, "end", float(self.end))
        if not (np.isfinite(self.start) and np.isfinite(self.end) and self.end >= self.start):
            raise ValueError(
                f"Span({self.start}, {self.end}) does not run forward; "
                f"give finite seconds with start <= end."
            )

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.end - self.start

    @property
    def middle(self) -> float:
        """The moment half way."""
        return (self.start + self.end) / 2

    def __contains__(self, time: float) -> bool:
        return self.start <= time < self.end

    def __and__(self, other: Span) -> Span:
        """The common part; of zero length where there is none."""
        start = max(self.start, other.start)
        return Span(start, max(start, min(self.end, other.end)))

    def shifted(self, seconds: float) -> Span:
        """The same span, `seconds` later."""
        return Span(self.start + seconds, self.end + seconds)

    def grid(self, hop: float) -> np.ndarray:
        """Middles, inside the span, of consecutive cells of `hop` seconds; at least one.

        >>> Span(0, 2).grid(0.5)
        array([0.25, 0.75, 1.25, 1.75])
        """
        # A last cell of which less than half lies inside would have its middle after the end.
        cells = max(1, int(np.ceil(round(self.duration / hop - 0.5, 6))))
        return self.start + hop * (np.arange(cells) + 0.5)


@dataclass(frozen=True)
class Mark:
    """A span that says something: a word, a sentence, a laugh, a speaking turn.

    `kind` is one word ("sentence", "sound", "speech", ...), `text` what was said or the event's
    name, `score` how sure the source is, in [0, 1], `language` an ISO 639-1 code or "".
    """

    span: Span
    kind: str
    text: str = ""
    score: float = 1.0
    language: str = ""

    def shifted(self, seconds: float) -> Mark:
        """The same mark, `seconds` later."""
        return replace(self, span=self.span.shifted(seconds))


def merge_spans(spans: Iterable[Span], *, gap: float = 0.0) -> tuple[Span, ...]:
    """Join spans that overlap or lie at most `gap` seconds apart.

    >>> merge_spans([Span(3, 4), Span(0, 1), Span(1.2, 2)], gap=0.5)
    (Span(start=0.0, end=2.0), Span(start=3.0, end=4.0))
    """
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and span.start - merged[-1].end <= gap:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return tuple(merged)


def overlap(left: Iterable[Span], right: Iterable[Span]) -> float:
    """Seconds that two sets of spans share.

    >>> overlap([Span(0, 2), Span(4, 6)], [Span(1, 5)])
    2.0
    """
    right = merge_spans(right)
    return float(sum((a & b).duration for a in merge_spans(left) for b in right))
