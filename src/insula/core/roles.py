"""The three roles that third parties play: Channel, Fusion, Corpus.

Thin base classes with harmless defaults and one method to write. As in scikit-learn a constructor
only stores its arguments (no file, no device, no download), and parameters and attributes share
their names, so `repr`, equality and configuration come for free.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from insula.core.records import Estimate, Observation, Recording


class Configurable:
    """Its configuration is its constructor's arguments."""

    def config(self) -> dict[str, object]:
        """Constructor arguments by name, as they were given."""
        names = list(inspect.signature(type(self).__init__).parameters)[1:]
        return {name: getattr(self, name) for name in names if hasattr(self, name)}

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.config().items())
        return f"{type(self).__name__}({arguments})"

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return self.config() == other.config()

    __hash__ = None  # type: ignore[assignment]


class Channel(Configurable):
    """Observes one kind of evidence in a recording. Write `observe`.

    name: its registry name. needs: kinds of stream it cannot do without ("video", "audio",
    "text", "signal:eda"). gives: names of the tracks, and kinds of the marks, that it may return.
    seeks: what it looks for, in one word, for saying that there was none. space: name of the
    space of its estimates, or None. window, hop: seconds it looks at for one answer, and between
    answers. weights: names of the weight cards it uses as configured.
    """

    role = "channel"
    name: str = ""
    needs: frozenset[str] = frozenset()
    gives: frozenset[str] = frozenset()
    seeks: str = "evidence"
    space: str | None = None
    window: float = 1.0
    hop: float = 1.0

    @property
    def weights(self) -> tuple[str, ...]:
        """Names of the weight files that `observe` will run."""
        return ()

    def lacks(self, recording: Recording) -> str | None:
        """Why this channel cannot observe `recording`; None where it can."""
        missing = sorted(set(self.needs) - set(recording.streams))
        return f"the recording has no {' and no '.join(missing)}" if missing else None

    def open(self) -> None:
        """Load weights. Called before `observe`; calling it twice does nothing more."""

    def close(self) -> None:
        """Free what `open` loaded."""

    def observe(self, recording: Recording) -> list[Observation]:
        """What this channel perceives, one observation a person; [] where there is nothing."""
        raise NotImplementedError

    def observe_many(self, recordings: Sequence[Recording]) -> list[list[Observation]]:
        """`observe` for several recordings; override where a batch is faster."""
        return [self.observe(recording) for recording in recordings]


class Fusion(Configurable):
    """Turns one person's observations into one estimate. Write `fuse`.

    Any subset of channels, in any order; with none it answers the prior with confidence zero.
    """

    role = "fusion"
    name: str = ""
    space: str = "ekman7"

    @property
    def weights(self) -> tuple[str, ...]:
        """Names of the weight files that `fuse` will run."""
        return ()

    def fuse(self, observations: Sequence[Observation], *, times: object) -> Estimate:
        """The estimate on the grid `times`, (T,) float64 seconds, evenly spaced."""
        raise NotImplementedError


@dataclass(frozen=True)
class Example:
    """One item of a corpus: a recording, what annotators said of it, and its groups.

    groups: what must not be shared between training and test, such as {"speaker": "07"}.
    """

    recording: Recording
    truth: Mapping[str, Estimate]
    person: str = ""
    groups: Mapping[str, str] = field(default_factory=dict)


class Corpus(Configurable):
    """A data set on the user's disk. Write `__iter__` and `split`.

    name: registry name. title, citation, licence, access: for people. layout: the files expected
    under `root`, in words. space: name of the space of its labels. protocols: names `split` knows.
    splits: its published parts, where it has such; the groups of an example then say `split`.
    group: the key of the groups that are independent of each other, over which intervals resample.
    unit: what one example is: a whole "recording", or a "face" already cut out of its picture.
    counts: how many examples each published part has, "all" where there are no parts; {} where
    nobody published it. A copy is held against them by `insula corpora check`.
    """

    role = "corpus"
    name: str = ""
    title: str = ""
    citation: str = ""
    licence: str = ""
    access: str = ""
    layout: str = ""
    space: str = ""
    protocols: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    group: str = ""
    unit: str = "recording"
    counts: Mapping[str, int] = {}

    def __init__(self, root: str | Path) -> None:
        self.root = root

    def __iter__(self) -> Iterator[Example]:
        raise NotImplementedError

    def part(self, split: str) -> Iterator[Example]:
        """The examples of one published part; override where it spares reading the others."""
        return (example for example in self if example.groups.get("split") == split)

    def split(self, protocol: str) -> Iterable[tuple[Sequence[int], Sequence[int]]]:
        """Pairs of (training, test) positions in iteration order, by a published protocol."""
        raise NotImplementedError
