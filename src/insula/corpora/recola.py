"""RECOLA: people who solve a task together over video, rated for valence and arousal over time.

Layout: `Video_recordings_MP4/P<id>.mp4`; `Ratings_affective_behaviour_CCC_centred/{arousal,
valence}/P<id>.csv`, 7501 rows, one every 40 ms from 0 on: the second, then a value of each rater
or the mean of them, from -1 to 1. Semicolons or commas, with or without a header: both are read,
for nobody has published which it is. The row of second 0 is dropped; by our convention each of the
others stands for the 40 ms up to its time. The truth is the mean of the raters. Recordings are cut
to the five minutes that were rated.

Split: `avec16` is the challenge of 2016 with 9 recordings for training and 9 for development; those
of its test have no public ratings. Which recording is in which part stands in no file of the
release, so it is read from a file of our own, `avec16.csv` beside the folders, which whoever has
the challenge's data writes: rows `P<id>,train` or `P<id>,dev`.

Raters press some seconds after what they saw: shift the truth in time, or let a model learn the
delay. The signals (ECG, EDA) are not read; their layout is not known here.

Source: Ringeval et al., "Introducing the RECOLA multimodal corpus of remote collaborative and
affective interactions", EmoSPACE, FG 2013. Parts: Valstar et al., "AVEC 2016", ACM MM workshops.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from insula.core.records import Estimate
from insula.core.roles import Corpus, Example
from insula.core.space import VA
from insula.core.time import Span
from insula.core.track import Track
from insula.corpora.films import write_film
from insula.corpora.labelled_audio import check_protocol, open_clip
from insula.corpora.labelled_text import read_lines
from insula.errors import FilesMissing, UnexpectedLayout

NAME = "RECOLA"
FILMS, RATINGS = "Video_recordings_MP4", "Ratings_affective_behaviour_CCC_centred"
PARTITION = "avec16.csv"
PARTS = ("train", "dev")
STEP = 0.04  # seconds between two ratings
ROWS = 7501  # of a file, the first of them dropped
RATED = Span(0, (ROWS - 1) * STEP)
RATERS = 6
ADVICE = "Get the corpus from diuf.unifr.ch/main/diva/recola, on request."
WANTED = f"Get the parts of AVEC 2016 from its organisers and list them in {PARTITION}."


@dataclass(frozen=True)
class Session:
    """One person's five minutes. groups: the part too, where the list tells it."""

    name: str
    film: Path
    groups: Mapping[str, str]


class RECOLA(Corpus):
    """Recordings in the order of their names, with valence and arousal every 40 ms."""

    name = "recola"
    title = "RECOLA, French talk by video with valence and arousal over time"
    citation = "Ringeval et al. (2013), Introducing the RECOLA multimodal corpus, EmoSPACE"
    licence = "end user licence agreement; research use, do not redistribute"
    access = "on request with a signed agreement"
    layout = (
        f"{FILMS}/P<id>.mp4, {RATINGS}/{{arousal,valence}}/P<id>.csv; {PARTITION} for its parts"
    )
    space = "va"
    protocols = ("avec16",)
    splits = PARTS
    group = "speaker"
    counts = {"train": 9, "dev": 9}

    def __iter__(self) -> Iterator[Example]:
        for session in read_sessions(self.root):
            seen = open_clip(session.film).crop(RATED)
            track = read_ratings(self.root, session.name).crop(seen.span)
            truth = Estimate(
                VA, track, np.ones(len(track)), f"raters of {NAME}", basis="annotators"
            )
            yield Example(seen, {VA.name: truth}, session.groups["speaker"], session.groups)

    def part(self, split: str) -> Iterator[Example]:
        """The recordings of "train" or "dev", by the list, which must be there."""
        read_partition(self.root)
        yield from super().part(split)

    def split(self, protocol: str) -> list[tuple[Sequence[int], Sequence[int]]]:
        """Training against development part of the challenge of 2016."""
        check_protocol(NAME, protocol, self.protocols)
        of, sessions = read_partition(self.root), read_sessions(self.root)
        lost = sorted(set(of) - {session.name for session in sessions})
        if lost:
            raise FilesMissing(NAME, self.root, [f"{FILMS}/{name}.mp4" for name in lost], ADVICE)
        parts = np.array([of.get(session.name, "") for session in sessions])
        train, dev = (np.flatnonzero(parts == part).tolist() for part in PARTS)
        return [(train, dev)]

    @staticmethod
    def make_fixture(folder: str | Path, groups: int = 3, *, rng: np.random.Generator) -> None:
        """A tree of the same layout: `groups` made-up people, each a second to see.

        The first is in no part, the others are in train and dev in turn.
        """
        root, rows = Path(folder), []
        seconds = np.arange(ROWS) * STEP
        for number in range(groups):
            name = f"P{16 + number}"
            write_film(root / FILMS / f"{name}.mp4", rng)
            for axis in VA.labels:
                values = rng.uniform(-1, 1, (ROWS, RATERS)).round(2)
                lines = ["time;" + ";".join(f"rater {rater}" for rater in range(RATERS))]
                lines += [
                    f"{second:.2f};" + ";".join(map(str, row))
                    for second, row in zip(seconds.tolist(), values.tolist(), strict=True)
                ]
                path = root / RATINGS / axis / f"{name}.csv"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("\n".join(lines), encoding="utf-8")
            if number:
                rows.append(f"{name},{PARTS[(number - 1) % 2]}\n")
        (root / PARTITION).write_text("".join(rows), encoding="utf-8")


def read_sessions(root: str | Path) -> list[Session]:
    """Every rated recording, in the order of names."""
    root = Path(root)
    names = sorted({path.stem for axis in VA.labels for path in (root / RATINGS / axis).glob("P*")})
    needed = [f"{RATINGS}/{axis}/{name}.csv" for name in names for axis in VA.labels]
    needed += [f"{FILMS}/{name}.mp4" for name in names]
    missing = [file for file in needed if not (root / file).is_file()]
    if missing or not names:
        lacking = missing or [f"{RATINGS}/{axis}/P*.csv" for axis in VA.labels]
        raise FilesMissing(NAME, root, lacking, ADVICE)
    of = read_partition(root) if (root / PARTITION).is_file() else {}
    return [
        Session(
            name,
            root / FILMS / f"{name}.mp4",
            {"speaker": name} | ({"split": of[name]} if name in of else {}),
        )
        for name in names
    ]


def read_ratings(root: str | Path, name: str) -> Track:
    """Valence and arousal of one recording every 40 ms: the mean of the raters, in [-1, 1]."""
    tables = [_table(Path(root), f"{RATINGS}/{axis}/{name}.csv") for axis in VA.labels]
    times = (np.arange(1, ROWS) - 0.5) * STEP  # the middle of the 40 ms up to a rating
    # Centring moved the ratings of some raters beyond the ends of the scale.
    values = np.stack([table[1:, 1:].mean(axis=1) for table in tables], axis=1).clip(-1, 1)
    return Track(times, values, VA.labels, width=STEP)


def read_partition(root: str | Path) -> Mapping[str, str]:
    """Recording -> "train" or "dev"; FilesMissing where nobody wrote the list."""
    if not (Path(root) / PARTITION).is_file():
        raise FilesMissing(NAME, root, [PARTITION], WANTED)
    of: dict[str, str] = {}
    for row in csv.reader(read_lines(NAME, root, PARTITION, advice=WANTED)):
        if len(row) != 2 or row[1] not in PARTS or row[0] in of:
            expected = "a recording, once, and train or dev in each row"
            raise UnexpectedLayout(NAME, Path(root) / PARTITION, repr(",".join(row)), expected)
        of[row[0]] = row[1]
    return of


def _table(root: Path, file: str) -> np.ndarray:
    """Seconds and the values of the raters, (7501, 1 + raters) float64, finite."""
    lines = read_lines(NAME, root, file, advice=ADVICE)
    delimiter = ";" if lines and ";" in lines[0] else ","
    if lines and not _is_number(lines[0].partition(delimiter)[0]):
        lines = lines[1:]  # a header
    if len(lines) != ROWS:
        raise _wrong(root / file, f"{len(lines)} rows")
    try:
        table = np.loadtxt(lines, delimiter=delimiter, ndmin=2, comments=None)
    except ValueError:
        raise _wrong(root / file, "what is no number, or rows of different lengths") from None
    if table.shape[1] < 2 or not np.isfinite(table).all():
        raise _wrong(root / file, f"a table of {table.shape}, or no numbers in it")
    off = np.abs(table[:, 0] - np.arange(ROWS) * STEP)
    if off.max() > STEP / 2:
        raise _wrong(root / file, f"the second {table[off.argmax(), 0]} in row {off.argmax()}")
    return table


def _wrong(path: Path, found: str) -> UnexpectedLayout:
    expected = f"{ROWS} rows, one every {STEP} s from 0 on, of a second and finite ratings"
    return UnexpectedLayout(NAME, path, found, expected)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
