"""What travels through insula: Recording in, Observation and Estimate between, Analysis out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

import numpy as np

from insula.core.space import Language, Space, bridge, get_space, title
from insula.core.time import Mark, Span
from insula.core.track import Array, Track, frozen_array
from insula.errors import NoSuchStream
from insula.registry import load_object, writers

if TYPE_CHECKING:
    import pandas

T = TypeVar("T")


class Frames(NamedTuple):
    """A batch of frames. times: (N,) seconds; images: (N, H, W, 3) uint8 RGB."""

    times: Array
    images: Array


class Picture(Protocol):
    """One frame, converted when asked: grey levels cost hardly anything, colours do."""

    @property
    def time(self) -> float:
        """Seconds."""
        ...

    def colours(self) -> Array:
        """(H, W, 3) uint8 RGB."""
        ...

    def greys(self) -> Array:
        """(H, W) uint8, of the same size; brightness on the scale that the video has."""
        ...


class Recording(ABC):
    """A lazy handle on media whose streams share one clock.

    id: a short name for people. span: where it starts and ends on its clock; a crop keeps the
    clock of the whole. streams: kind ("video", "audio", "text", "signal:...") -> a line about it.
    Nothing is decoded before it is asked for.
    """

    id: str
    span: Span
    streams: Mapping[str, str]

    @abstractmethod
    def audio(self, span: Span | None = None) -> Array:
        """Mono float32 samples in [-1, 1] at 16 kHz, of `span` or of all; (N,)."""

    @abstractmethod
    def frames(self, *, rate: float, longest_side: int | None = None) -> Iterator[Frames]:
        """Batches of frames, about `rate` a second, shrunk to `longest_side` pixels at most."""

    @abstractmethod
    def pictures(self, *, rate: float, longest_side: int | None = None) -> Iterator[Picture]:
        """The frames of `frames` one by one, to be converted by whoever looks at them."""

    @abstractmethod
    def text(self) -> tuple[Mark, ...]:
        """What was said, where the recording comes with it (transcript, subtitles)."""

    @abstractmethod
    def crop(self, span: Span) -> Recording:
        """The part in `span`, on the same clock."""

    @abstractmethod
    def shared(self, key: str, make: Callable[[], T]) -> T:
        """Made once for this recording, whoever asks: what several channels need alike."""

    @abstractmethod
    def views(self, count: int) -> Sequence[Recording]:
        """`count` readers of this recording whose `frames` come from one decode."""

    def release(self) -> None:  # noqa: B027 - only views have someone to tell
        """Say that this view will read no more frames; others need not wait for it."""

    def signal(self, name: str) -> Track:
        """The signal called `name` ("eda", "ecg", ...) in SI units."""
        raise NoSuchStream(self.id, f"signal:{name}", self.streams)


@dataclass(frozen=True, eq=False)
class Estimate:
    """How someone appears to feel over time, in a space, by one source.

    A channel's opinion, the fused answer and the annotators' labels are all of this type.

    track: values (T, C) in the columns of `space`. confidence: (T,) in [0, 1], 0 where invalid:
    for a channel the measured quality of its evidence; for a fused answer how likely its top
    label is right. parts: channel -> (T,) share of the weight it had, adding up to 1 where
    anything was seen. affect: the same in valence and arousal, where there is one. basis: where
    the numbers come from, in words ("learned head", or a bridge's source). withheld: (T,) bool,
    moments that were seen and are left without an answer, since it would not have been sure enough;
    they are not valid, and their confidence says how sure it would have been.
    """

    space: Space
    track: Track
    confidence: Array
    source: str
    person: str = ""
    parts: Mapping[str, Array] = field(default_factory=dict)
    affect: Estimate | None = None
    basis: str = ""
    withheld: Array = field(default_factory=lambda: np.zeros((), bool))

    def __post_init__(self) -> None:
        withheld = np.broadcast_to(np.asarray(self.withheld, bool), (len(self.track),))
        object.__setattr__(self, "withheld", frozen_array(withheld, np.bool_))
        confidence = np.broadcast_to(np.asarray(self.confidence, np.float32), (len(self.track),))
        confidence = np.where(self.track.mask | withheld, np.clip(confidence, 0, 1), 0)
        object.__setattr__(self, "confidence", frozen_array(confidence, np.float32))
        parts = {name: frozen_array(part, np.float32) for name, part in self.parts.items()}
        object.__setattr__(self, "parts", parts)

    def mean(self) -> Array:
        """One answer for the whole: the mean over time weighted by confidence, (C,)."""
        weight = np.where(self.track.mask, self.confidence, 0).astype(np.float64)
        if weight.sum() < 1e-9:
            weight = self.track.mask.astype(np.float64)
        if weight.sum() < 1e-9:
            return self.space.prior()
        mean: Array = (weight @ self.track.values / weight.sum()).astype(np.float32)
        return mean

    @property
    def quality(self) -> float:
        """Mean confidence where there is an answer, in [0, 1]."""
        return float(self.confidence[self.track.mask].mean()) if self.track.mask.any() else 0.0

    @property
    def certainty(self) -> float:
        """How likely the top label of the whole is right, in [0, 1].

        The mean over time of what that label has of each moment's confidence: someone who is
        happy for one half and sad for the other is not surely either for the whole.
        """
        mask, values = self.track.mask, self.track.values
        if not mask.any():
            return 0.0
        if self.space.kind == "axes":
            return self.quality
        share = values[mask, self.mean().argmax()] / np.maximum(values[mask].max(axis=1), 1e-6)
        return float((self.confidence[mask] * share).mean())

    def top(self, count: int = 3, language: Language = "en") -> list[tuple[str, float]]:
        """The `count` most probable labels of the whole, highest first, with probabilities.

        [] where there is no answer at any moment.
        """
        if not self.track.mask.any():
            return []
        mean = self.mean()
        order = np.argsort(-mean, kind="stable")[:count]
        return [(title(self.space.labels[i], language), float(mean[i])) for i in order]

    def withholding(self, below: float) -> Estimate:
        """The same, without an answer at the moments whose confidence lies under `below`.

        Valence and arousal stay: the confidence is in the label.
        """
        unsure = self.track.mask & (self.confidence < below)
        kept = self.track.mask & ~unsure
        track = Track(self.track.times, self.track.values, self.track.names, kept, self.track.width)
        return replace(self, track=track, withheld=self.withheld | unsure)

    @property
    def seen(self) -> Array:
        """The moments with evidence, answered or withheld; (T,) bool."""
        seen: Array = self.track.mask | self.withheld
        return seen

    @property
    def unlabelled(self) -> float:
        """Share of the moments with evidence whose answer is withheld, in [0, 1]."""
        return float(self.withheld[self.seen].mean()) if self.withheld.any() else 0.0

    def into(self, space: str | Space) -> Estimate:
        """The same opinion in another space, over the published bridge."""
        target = get_space(space)
        if target == self.space:
            return self
        way = bridge(self.space, target)
        basis = f"bridge from {self.space.name}: {way.source}"
        confidence = self.confidence * way.mass(self.track.values)
        return Estimate(
            target, way.track(self.track), confidence, self.source, self.person, basis=basis
        )


@dataclass(frozen=True, eq=False)
class Observation:
    """What one channel perceived of one person.

    tracks: dense results by name; marks: sparse ones; estimate: the channel's opinion, with its
    quality over time as confidence; notes: what a reader of the answer should know. asked: a second
    opinion over emotions that a user named, where the channel can give one.
    """

    channel: str
    person: str
    span: Span
    tracks: Mapping[str, Track] = field(default_factory=dict)
    marks: tuple[Mark, ...] = ()
    estimate: Estimate | None = None
    notes: tuple[str, ...] = ()
    asked: Estimate | None = None

    @property
    def quality(self) -> float:
        """Mean quality of the evidence where there is any, in [0, 1]."""
        return self.estimate.quality if self.estimate is not None else 0.0


@dataclass(frozen=True)
class ChannelReport:
    """Whether a channel ran on a recording, and if not, why.

    seconds: of processor time in its own thread. weights: name -> SHA-256 of the weights that ran.
    """

    ran: bool
    reason: str = ""
    failed: bool = False
    seconds: float = 0.0
    weights: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Analysis:
    """The answer for one recording.

    people: one fused estimate a person. observations: what the channels said, persons bound.
    channels: which ran. without: person -> channel -> (C,) change of the summary when that
    channel is left out. notes: what a reader should know. provenance: configuration, version and
    weight hashes that produced it. language: in which labels are shown.
    """

    recording: str
    span: Span
    streams: Mapping[str, str]
    people: tuple[Estimate, ...]
    observations: tuple[Observation, ...]
    channels: Mapping[str, ChannelReport]
    without: Mapping[str, Mapping[str, Array]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    provenance: Mapping[str, object] = field(default_factory=dict)
    language: Language = "en"

    def by(self, channel: str, person: str | None = None) -> list[Observation]:
        """Observations of one channel, of one person or of all."""
        return [
            each
            for each in self.observations
            if each.channel == channel and person in (None, each.person)
        ]

    def asked(self, person: str) -> Estimate | None:
        """The second opinion on a person over emotions that a user named, where there is one."""
        found = [each.asked for each in self.observations if each.person == person and each.asked]
        return found[0] if found else None

    def quality(self, channel: str) -> float | None:
        """Mean quality of a channel's evidence over all persons; None where it gave no opinion."""
        qualities = [each.quality for each in self.by(channel) if each.estimate is not None]
        return float(np.mean(qualities)) if qualities else None

    def marks(self, kind: str) -> list[tuple[Mark, str]]:
        """All marks of a kind with the person they belong to, in order of time."""
        found = [
            (mark, each.person)
            for each in self.observations
            for mark in each.marks
            if mark.kind == kind
        ]
        return sorted(found, key=lambda item: (item[0].span, item[0].text))

    def to_dict(self) -> dict[str, object]:
        """The analysis as plain values, by the schema that `insula schema` prints."""
        to_dict = load_object("insula.outputs.document:to_dict", needed_by="Analysis.to_dict")
        document: dict[str, object] = to_dict(self)  # type: ignore[operator]
        return document

    def to_frame(self) -> pandas.DataFrame:
        """One row a person and moment, as a pandas table."""
        to_frame = load_object("insula.outputs.tables:to_frame", needed_by="Analysis.to_frame")
        return to_frame(self)  # type: ignore[operator]

    def save(self, folder: str | Path, formats: Sequence[str] | None = None) -> list[Path]:
        """Write the analysis into `folder`; by default every format that is installed."""
        save = load_object("insula.outputs.save:save", needed_by="Analysis.save")
        paths: list[Path] = save(self, Path(folder), formats or writers.names())  # type: ignore
        return paths

    def _repr_html_(self) -> str:
        """The picture a notebook shows."""
        picture = load_object("insula.outputs.report:picture", needed_by="the notebook picture")
        return picture(self)  # type: ignore[operator,no-any-return]
