"""RAMAS: actors in scenes, filmed close, with emotions marked over time by several annotators.

Layout: `Data/Video_close/<recording>_Video.mov`, the recording being `<date>_<scene>_<index>`;
`Annotations_by_emotions/data_<Emotion>.csv` for the emotions of `EMOTIONS`, whose rows hold at
least `File`, the recording, and `Start` and `End`, seconds that one annotator marked;
`Docs/actors_descr.csv` with `Date`, `ID` and `Name`: who was which index on which day. What is not
published is our convention: `File` has no suffix; semicolons or commas separate the cells.

The truth at a moment is, for each emotion, how many annotators marked it (Start <= t < End) out of
five, so agreement of n of them is a value of n / 5. Moments that nobody marked have no truth, and
films that nobody marked are left out.

The same actors came on several days under other indices, so people are told apart by name.
`actor10` leaves out one actor at a time; the partners in the same scenes stay in the training.

Source: Perepelkina et al., "RAMAS: Russian multimodal corpus of dyadic interaction for affective
computing", SPECOM 2018.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from insula.core.records import Estimate
from insula.core.roles import Corpus, Example
from insula.core.space import Space
from insula.core.time import Span
from insula.core.track import Track
from insula.corpora.films import write_film
from insula.corpora.labelled_audio import check_protocol, open_clip
from insula.corpora.labelled_text import check_files, read_lines
from insula.errors import UnexpectedLayout

NAME = "RAMAS"
FILMS, SUFFIX = "Data/Video_close", "_Video.mov"
ACTORS = "Docs/actors_descr.csv"
ANNOTATORS = 5  # of a scene, at least
HOP = 0.1  # seconds between two moments of the truth
EMOTIONS = {  # in the files' names, in the order of the sheet
    "Angry": "anger",
    "Sad": "sadness",
    "Disgusted": "disgust",
    "Happy": "happiness",
    "Scared": "fear",
    "Surprised": "surprise",
    "Neutral": "neutral",
}
TABLES = {label: f"Annotations_by_emotions/data_{name}.csv" for name, label in EMOTIONS.items()}
RECORDING = re.compile(r"([^_]+)_(.+)_(\d+)")
ADVICE = "Get the corpus from its authors, Neurodata Lab, on request."
RAMAS7 = Space(
    "ramas7",
    tuple(EMOTIONS.values()),
    "independent",
    "Perepelkina et al. (2018), RAMAS, SPECOM: the share of annotators that marked an emotion",
)


@dataclass(frozen=True)
class Film:
    """One actor in one scene. marked: emotion -> what each annotator marked; one span a mark."""

    path: Path
    marked: Mapping[str, Sequence[Span]]
    groups: Mapping[str, str]


class RAMAS(Corpus):
    """Films in the order of their names, with emotions over time."""

    name = "ramas"
    title = "RAMAS, Russian scenes of two with emotions marked over time"
    citation = "Perepelkina et al. (2018), RAMAS: Russian multimodal corpus, SPECOM"
    licence = "research use, do not redistribute"
    access = "on request"
    layout = (
        f"{FILMS}/<date>_<scene>_<index>{SUFFIX}, Annotations_by_emotions/data_<Emotion>.csv "
        f"and {ACTORS}"
    )
    space = "ramas7"
    protocols = ("actor10",)
    group = "speaker"
    counts = {"all": 564}

    def __iter__(self) -> Iterator[Example]:
        for film in read_films(self.root):
            seen = open_clip(film.path)
            truth = _truth(seen.span, film.marked)
            yield Example(seen, {RAMAS7.name: truth}, film.groups["speaker"], film.groups)

    def split(self, protocol: str) -> list[tuple[Sequence[int], Sequence[int]]]:
        """One actor left out at a time, by name."""
        check_protocol(NAME, protocol, self.protocols)
        of = np.array([film.groups["speaker"] for film in read_films(self.root)])
        return [
            (np.flatnonzero(of != name).tolist(), np.flatnonzero(of == name).tolist())
            for name in sorted(set(of))
        ]

    @staticmethod
    def make_fixture(folder: str | Path, groups: int = 3, *, rng: np.random.Generator) -> None:
        """A tree of the same layout: `groups` made-up actors, filmed on two days.

        On the second day they have each other's indices. Each is marked with one emotion by all
        annotators, and by the first few of them in the second half.
        """
        actors, rows = ["Date;ID;Name"], dict.fromkeys(TABLES, "ID;File;Start;End\n")
        for day, date in enumerate(("10dec", "11dec")):
            for index in range(1, groups + 1):
                actor = groups + 1 - index if day else index
                actors.append(f"{date};{index};Actor {actor} ")
                name = f"{date}_D{11 + day}_{index}"
                write_film(Path(folder) / FILMS / f"{name}{SUFFIX}", rng, sound=False)
                label = list(TABLES)[actor % len(TABLES)]
                for annotator in range(ANNOTATORS):
                    end = 1.0 if annotator < actor % ANNOTATORS else 0.5
                    rows[label] += f"{annotator};{name};0.0;{end}\n"
        for file, text in [(ACTORS, "\n".join(actors)), *((TABLES[k], v) for k, v in rows.items())]:
            (Path(folder) / file).parent.mkdir(parents=True, exist_ok=True)
            (Path(folder) / file).write_text(text, encoding="utf-8")


def read_films(root: str | Path) -> list[Film]:
    """Every film that someone marked, in the order of names."""
    root = Path(root)
    check_files(NAME, root, (*TABLES.values(), ACTORS), advice=ADVICE)
    actors = {
        (row["Date"].strip(), row["ID"].strip()): row["Name"].strip()
        for row in _rows(root, ACTORS, ("Date", "ID", "Name"))
    }
    marked: dict[str, dict[str, list[Span]]] = {}
    for label, file in TABLES.items():
        for row in _rows(root, file, ("File", "Start", "End")):
            spans = marked.setdefault(row["File"].strip(), {}).setdefault(label, [])
            spans.append(_span(root / file, row))
    films = {name: f"{FILMS}/{name}{SUFFIX}" for name in sorted(marked)}
    check_files(NAME, root, films.values(), advice=ADVICE)
    paths = {name: root / film for name, film in films.items()}
    return [Film(path, marked[name], _groups(path, name, actors)) for name, path in paths.items()]


def _groups(path: Path, name: str, actors: Mapping[tuple[str, str], str]) -> dict[str, str]:
    """Who is in the film and in which scene; UnexpectedLayout where nobody knows."""
    found = RECORDING.fullmatch(name)
    if found is None:
        raise UnexpectedLayout(NAME, path, f"the name {name!r}", "<date>_<scene>_<index>")
    date, scene, index = found.groups()
    if (date, index) not in actors:
        expected = f"a recording whose date and index stand in {ACTORS}"
        raise UnexpectedLayout(NAME, path, f"the index {index} on {date}", expected)
    return {"speaker": actors[date, index], "date": date, "scene": f"{date}_{scene}"}


def _truth(span: Span, marked: Mapping[str, Sequence[Span]]) -> Estimate:
    """The share of annotators that marked each emotion, every `HOP` seconds."""
    times = span.grid(HOP)
    values = np.zeros((len(times), len(RAMAS7)))
    for label, marks in marked.items():
        for mark in marks:
            values[(mark.start <= times) & (times < mark.end), RAMAS7.index(label)] += 1
    shares = np.minimum(values / ANNOTATORS, 1)  # some scenes had more annotators
    seen = np.asarray(shares.any(axis=1))
    track = Track(times, shares, RAMAS7.labels, seen, HOP)
    return Estimate(RAMAS7, track, np.ones(len(times)), f"annotators of {NAME}", basis="annotators")


def _span(path: Path, row: Mapping[str, str]) -> Span:
    try:
        start, end = (float(row[key].replace(",", ".")) for key in ("Start", "End"))
        return Span(start, end)
    except ValueError:
        found = f"the interval {row['Start']!r} to {row['End']!r}"
        raise UnexpectedLayout(NAME, path, found, "seconds, Start before End") from None


def _rows(root: Path, file: str, columns: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a table that has at least these columns."""
    lines = read_lines(NAME, root, file, advice=ADVICE)
    delimiter = ";" if lines and ";" in lines[0] else ","
    table = csv.DictReader(lines, delimiter=delimiter, restval="")
    if not set(columns) <= set(table.fieldnames or ()):
        found = f"the columns {table.fieldnames}"
        raise UnexpectedLayout(NAME, root / file, found, f"columns {', '.join(columns)}")
    return list(table)
