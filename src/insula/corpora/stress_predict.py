"""Stress-Predict: a wristband during three tasks that stress and the rests between them.

Layout: `Raw_data/SNN/{BVP,EDA,TEMP,HR,IBI}.csv`, or the same packed as `.csv.gz`, as the Empatica
E4 writes them: the second of the start on the first line, samples a second on the next, then one
value a line; in IBI the start, then the second and the length of each beat. And
`Processed_data/Improved_All_Combined_hr_rsp_binary.csv`, a row a second of each participant with
its time and Label: 1 during a task, 0 otherwise. Nobody labelled participant 1, who is left out.

A recording holds the signals of one person: bvp (in the units of the wristband), eda (siemens),
temperature (of the skin, degrees Celsius), hr (beats a second), ibi (seconds from beat to beat).
Second 0 is the start of the wristband; hr begins ten seconds later.

The files `tags_SNN.csv`, of which two are on another clock, are not read.

The release has no split; `subject5` makes five folds of whole subjects. People differ more than
stress and rest do: a number from seconds split at random is worth nothing.

Source: Iqbal et al., "Stress monitoring using wearable sensors: a pilot study and Stress-Predict
dataset", Sensors 22, 2022. MIT.
"""

from __future__ import annotations

import csv
import functools
import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from insula.core.records import Estimate
from insula.core.roles import Corpus, Example
from insula.core.space import Space
from insula.core.time import Span
from insula.core.track import Track
from insula.corpora.labelled_audio import check_protocol, folds
from insula.corpora.labelled_signals import PEOPLE_FOLDS, SignalRecording
from insula.corpora.labelled_text import read_lines
from insula.errors import FilesMissing, UnexpectedLayout

NAME = "Stress-Predict"
LABELS = "Processed_data/Improved_All_Combined_hr_rsp_binary.csv"
COLUMNS = ("Participant", "Time(sec)", "Label")
FILES = {"bvp": "BVP", "eda": "EDA", "temperature": "TEMP", "hr": "HR", "ibi": "IBI"}
# What one unit of a file is in SI units: microsiemens, beats a minute.
UNITS = {"eda": 1e-6, "hr": 1 / 60}
CLOCK = "temperature"  # says when the wristband started, and is soon read
SUFFIXES = (".csv", ".csv.gz")
ADVICE = "Get the release from italha-d/Stress-Predict-Dataset on GitHub."
STRESS = Space(
    "stress",
    ("stress",),
    "independent",
    "Iqbal et al. (2022), Stress-Predict, Sensors 22: 1 during a task that stresses",
)


@dataclass(frozen=True)
class Subject:
    """One person. folder: of the raw signals. labels: second of Unix time -> 0 or 1."""

    number: int
    folder: Path
    labels: dict[int, int]

    @property
    def groups(self) -> dict[str, str]:
        """As in `Example`."""
        return {"subject": f"S{self.number:02}"}


class StressPredict(Corpus):
    """A recording a subject, in the order of their numbers."""

    name = "stress_predict"
    title = "Stress-Predict, signals of a wristband under tasks that stress"
    citation = "Iqbal et al. (2022), Stress-Predict, Sensors 22"
    licence = "MIT"
    access = "free download from italha-d/Stress-Predict-Dataset on GitHub"
    layout = f"Raw_data/SNN/{{BVP,EDA,TEMP,HR,IBI}}.csv (or .csv.gz) and {LABELS}"
    space = "stress"
    protocols = ("subject5",)
    group = "subject"
    counts = {"all": 34}  # of 35 people; of the first there are no labels

    def __iter__(self) -> Iterator[Example]:
        for subject in read_subjects(self.root):
            yield _example(subject)

    def split(self, protocol: str) -> list[tuple[Sequence[int], Sequence[int]]]:
        """Folds of whole subjects."""
        check_protocol(NAME, protocol, self.protocols)
        return list(folds(read_subjects(self.root), self.group, PEOPLE_FOLDS))

    @staticmethod
    def make_fixture(folder: str | Path, groups: int = 3, *, rng: np.random.Generator) -> None:
        """A tree of the same layout: `groups` made-up subjects of 40 seconds, and one unlabelled.

        Their skin conducts better under stress.
        """
        length, start = 40, 1_644_226_061
        rows: list[list[object]] = [["Participant", "HR", "respr", "Time(sec)", "Label"]]
        for number in range(1, groups + 2):
            place = Path(folder) / "Raw_data" / f"S{number:02}"
            place.mkdir(parents=True)
            stress = np.zeros(length, int)
            stress[20 : 30 + int(rng.integers(5))] = 1
            for file, rate, late in (("BVP", 64, 0), ("EDA", 4, 0), ("TEMP", 4, 0), ("HR", 1, 10)):
                level = np.repeat(stress, rate)[late * rate :] if file == "EDA" else 30.0
                values = level + rng.uniform(0, 0.5, (length - late) * rate)
                lines = [start + late, rate, *values.round(3)]
                (place / f"{file}.csv").write_text("\n".join(map(str, lines)) + "\n")
            beats = [f"{20 + 0.8 * beat:.3f},0.8" for beat in range(10)]
            (place / "IBI.csv").write_text("\n".join([f"{start}, IBI", *beats]) + "\n")
            if number > 1:
                seconds = range(9, length)
                rows += [[number, 80.0, 12.5, start + at, stress[at]] for at in seconds]
        table = Path(folder) / LABELS
        table.parent.mkdir(parents=True)
        with table.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows(rows)


def read_subjects(root: str | Path) -> list[Subject]:
    """Everybody with labels whose raw signals are there."""
    path = Path(root) / LABELS
    rows = csv.DictReader(line + "\n" for line in read_lines(NAME, root, LABELS, advice=ADVICE))
    if not set(COLUMNS) <= set(rows.fieldnames or ()):
        found, expected = f"columns {rows.fieldnames}", f"columns {', '.join(COLUMNS)}"
        raise UnexpectedLayout(NAME, path, found, expected)
    labels: dict[int, dict[int, int]] = {}
    for row in rows:
        cells = [row[column] or "" for column in COLUMNS]
        if not all(cell.isdecimal() for cell in cells) or cells[2] not in ("0", "1"):
            expected = "numbers, and 0 or 1 as Label"
            raise UnexpectedLayout(NAME, path, repr(list(row.values())), expected)
        number, second, label = map(int, cells)
        labels.setdefault(number, {})[second] = label
    folders = {number: Path(root) / "Raw_data" / f"S{number:02}" for number in sorted(labels)}
    there = [Subject(n, folder, labels[n]) for n, folder in folders.items() if folder.is_dir()]
    missing = [] if there else [f"Raw_data/{folder.name}" for folder in folders.values()]
    for subject in there:
        lacking = set(FILES) - set(find_signals(subject.folder))
        missing += [f"Raw_data/{subject.folder.name}/{FILES[name]}.csv" for name in sorted(lacking)]
    if missing:
        raise FilesMissing(NAME, root, missing, ADVICE)
    return there


def find_signals(folder: Path) -> dict[str, Path]:
    """The file of each signal of a subject, of those that are there."""
    places = ((name, folder / (FILES[name] + end)) for name in FILES for end in SUFFIXES)
    return {name: place for name, place in places if place.is_file()}


def read_signal(path: Path, name: str) -> tuple[float, Track]:
    """Second of Unix time at which a signal starts, and its values from there on, in SI units.

    Of beats: each at its moment, with the seconds since the one before.
    """
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        head, *lines = data.decode().split()
        if name == "ibi":
            cells = [line.split(",") for line in lines[1:]]  # the first is the word IBI
            table = np.array(cells, np.float64).reshape(-1, 2)
            return float(head.rstrip(",")), Track(table[:, 0], table[:, 1:], (name,))
        rate, values = float(lines[0]), np.array(lines[1:], np.float64)
        times = np.arange(len(values)) / rate
        scaled = values[:, None] * UNITS.get(name, 1.0)
        return float(head), Track(times, scaled, (name,), width=1 / rate)
    except (OSError, EOFError, ValueError, IndexError, ZeroDivisionError) as error:
        expected = "a start, a rate and values; of beats a start, then moments and lengths"
        raise UnexpectedLayout(NAME, path, f"what cannot be read ({error})", expected) from None


def _example(subject: Subject) -> Example:
    places = find_signals(subject.folder)
    origin, clock = read_signal(places[CLOCK], CLOCK)

    def placed(name: str) -> Track:
        start, track = read_signal(places[name], name)
        return track.shifted(start - origin)

    key = subject.groups["subject"]
    span = Span(0.0, len(clock) * clock.width)
    signals = {name: functools.partial(placed, name) for name in places}
    seconds = np.array(sorted(subject.labels))
    values = np.array([[subject.labels[second]] for second in seconds])
    track = Track(seconds - origin + 0.5, values, STRESS.labels, width=1.0)
    truth = Estimate(STRESS, track, np.ones(len(track)), f"tasks of {NAME}", basis="annotators")
    recording = SignalRecording(key, span, signals)
    return Example(recording, {STRESS.name: truth}, person=key, groups=subject.groups)
