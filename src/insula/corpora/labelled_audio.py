"""What the audio corpora have in common: finding clips, their labels as examples, folds, fixtures.

The releases are WAV; a copy in FLAC, Opus or Vorbis under the same names is as good. A clip that
cannot be read ends nothing: its recording says so when somebody listens to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Protocol

import av
import numpy as np

from insula.core.records import Estimate, Recording
from insula.core.roles import Corpus, Example
from insula.core.space import Space, get_space
from insula.core.time import Span
from insula.core.track import Array, Track
from insula.errors import ConfigError, FilesMissing, UnreadableMedia
from insula.media import recording
from insula.media.audio import SAMPLE_RATE

SPEAKER_FOLDS = 5
SUFFIXES = (".wav", ".flac", ".opus", ".ogg")
CODECS = {".wav": "pcm_s16le", ".flac": "flac", ".opus": "libopus", ".ogg": "libopus"}
SAMPLE_FORMATS = {".wav": "s16", ".flac": "s16", ".opus": "flt", ".ogg": "flt"}


@dataclass(frozen=True)
class Clip:
    """One file and what its name says.

    label: a column of the corpus's space; for an axis its value. groups: as in `Example`.
    """

    path: Path
    label: float
    groups: Mapping[str, str]

    def audio(self) -> Array:
        """All of it: mono float32 at 16 kHz, (N,)."""
        return recording.open(self.path).audio()


class _Silence:
    """A source of sound and frames that only says why there are none."""

    def __init__(self, error: UnreadableMedia) -> None:
        self._error = error

    def samples(self, first: int, last: int) -> NoReturn:
        """Raises `UnreadableMedia`."""
        raise UnreadableMedia(self._error.path, self._error.reason, self._error.advice)

    def shots(self, span: Span) -> NoReturn:
        """Raises `UnreadableMedia`."""
        self.samples(0, 0)


class UnreadableRecording(recording.MediaRecording):
    """A file of a corpus that cannot be opened: whoever reads it is told why; the others go on.

    It has a second, since channels do not read what has no length. error: what opening it raised.
    """

    def __init__(self, error: UnreadableMedia) -> None:
        self.error, source, path = error, _Silence(error), Path(error.path)
        kinds = ("audio",) if path.suffix.lower() in SUFFIXES else ("audio", "video")
        streams = dict.fromkeys(kinds, "cannot be read")
        super().__init__(path.name, Span(0, 1), streams, audio=source, video=source)

    def crop(self, span: Span) -> Recording:
        """No part of it can be read either."""
        return self


class SpeakerCorpus(Corpus):
    """Clips of many speakers, judged in folds of whole speakers. Write `clips`."""

    protocols = ("speaker5",)
    group = "speaker"

    def clips(self) -> list[Clip]:
        """Every clip under `root`, in a fixed order."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[Example]:
        yield from examples(self.clips(), get_space(self.space), corpus=self.name.upper())

    def split(self, protocol: str) -> list[tuple[Sequence[int], Sequence[int]]]:
        """Folds of whole speakers."""
        check_protocol(self.name.upper(), protocol, self.protocols)
        return list(folds(self.clips(), self.group, SPEAKER_FOLDS))


def find_clips(
    corpus: str,
    root: str | Path,
    pattern: str,
    *,
    advice: str,
    suffixes: Sequence[str] = SUFFIXES,
) -> list[Path]:
    """Audio files under `root` that match `pattern`, in the order of their names."""
    found = [path for path in Path(root).glob(pattern) if path.suffix.lower() in suffixes]
    if not found:
        raise FilesMissing(corpus, root, [f"{pattern} ({', '.join(suffixes)})"], advice)
    return sorted(found)


def open_clip(path: Path, opened: Callable[[Path], Recording] = recording.open) -> Recording:
    """The recording in a file of a corpus, an `UnreadableRecording` where there is none."""
    try:
        return opened(path)
    except UnreadableMedia as error:
        return UnreadableRecording(error)


def examples(clips: Sequence[Clip], space: Space, *, corpus: str) -> Iterator[Example]:
    """Each clip as a recording, with its label as an estimate of the whole of it."""
    for clip in clips:
        heard = open_clip(clip.path)
        exclusive = space.kind == "exclusive"
        values = np.eye(len(space))[int(clip.label)] if exclusive else np.array([clip.label])
        middle, length = heard.span.middle, heard.span.duration
        track = Track([middle], values[None], space.labels, width=length)
        truth = Estimate(space, track, np.ones(1), f"names of {corpus}", basis="annotators")
        person = clip.groups.get("speaker", "")
        yield Example(heard, {space.name: truth}, person=person, groups=clip.groups)


class Grouped(Protocol):
    """Anything that says which groups it belongs to, as in `Example`."""

    @property
    def groups(self) -> Mapping[str, str]:
        """Key -> name."""


def folds(clips: Sequence[Grouped], group: str, count: int) -> list[tuple[list[int], list[int]]]:
    """(training, test) positions: `count` folds of whole groups, of sizes as equal as can be.

    The largest group first, each goes to the fold that has least; ties by name.
    """
    sizes = Counter(clip.groups[group] for clip in clips)
    filled, fold_of = [0] * count, {}
    for name in sorted(sizes, key=lambda name: (-sizes[name], len(name), name)):
        fold_of[name] = filled.index(min(filled))
        filled[fold_of[name]] += sizes[name]
    of = [fold_of[clip.groups[group]] for clip in clips]
    every = range(len(clips))
    return [
        ([i for i in every if of[i] != fold], [i for i in every if of[i] == fold])
        for fold in range(count)
    ]


def check_protocol(corpus: str, protocol: str, known: Sequence[str]) -> None:
    """ConfigError where the corpus knows no such protocol."""
    if protocol not in known:
        raise ConfigError(
            f"{corpus} knows no protocol {protocol!r}. Choose one of: {', '.join(known)}"
        )


def part_ranges(sizes: Mapping[str, int]) -> dict[str, range]:
    """Positions of the examples of each part, where the parts come one after the other.

    >>> part_ranges({"train": 3, "test": 2})
    {'train': range(0, 3), 'test': range(3, 5)}
    """
    ranges, start = {}, 0
    for part, size in sizes.items():
        ranges[part] = range(start, start + size)
        start += size
    return ranges


def write_clip(path: Path, rng: np.random.Generator, *, seconds: float = 1.0) -> None:
    """A made-up clip in the format of its suffix: three gliding tones in a little noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    pitch = rng.uniform(100, 400) * (1 + 0.2 * np.sin(2 * np.pi * rng.uniform(1, 5) * time))
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
    tones = sum(np.sin(k * phase) * rng.uniform(0.2, 1) for k in (1, 2, 5))
    audio = (0.1 * tones + 0.005 * rng.standard_normal(len(time))).astype(np.float32)
    suffix = path.suffix
    kind = SAMPLE_FORMATS[suffix]
    samples = (audio * 32767).astype(np.int16) if kind == "s16" else audio
    with av.open(str(path), "w") as container:
        stream = container.add_stream(CODECS[suffix], rate=SAMPLE_RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format=kind, layout="mono")
        frame.sample_rate = SAMPLE_RATE
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
