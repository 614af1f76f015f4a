"""CEAP-360VR: people in virtual reality who say, moment by moment, how eight films make them feel.

Layout: `3_AnnotationData/Transformed/PN_Annotation_TransData.json`, for each of eight films the
moments and the ratings of valence and arousal, 1 to 9, about nine a second; and
`4_BehaviorData/EM_Fixation/PN_Behavior_FixationData.json`, the fixations of the eyes: first and
last frame of the film, pitch and yaw in degrees. Here ratings become -1 to 1: (rating - 5) / 4.

A recording holds one person's gaze during one film: a row a frame, pitch and yaw in radians; rows
outside fixations are not valid. Frames become seconds by `FRAME_RATES`: one film has fewer.

The release has no split; `person5` makes five folds of whole people.

Source: Xue et al., "CEAP-360VR: a continuous physiological and behavioral emotion annotation
dataset for 360° VR videos", IEEE Transactions on Multimedia 25, 2023. CC BY-NC 4.0.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from insula.core.records import Estimate
from insula.core.roles import Corpus, Example
from insula.core.space import VA
from insula.core.time import Span
from insula.core.track import Track
from insula.corpora.labelled_audio import check_protocol, folds
from insula.corpora.labelled_signals import PEOPLE_FOLDS, SignalRecording
from insula.errors import FilesMissing, UnexpectedLayout

NAME = "CEAP-360VR"
RATINGS = "3_AnnotationData/Transformed/{person}_Annotation_TransData.json"
FIXATIONS = "4_BehaviorData/EM_Fixation/{person}_Behavior_FixationData.json"
LOWEST, MIDDLE, HIGHEST = 1.0, 5.0, 9.0
# Frames a second, from 1_Stimuli/VideoInfo.json of the release.
FRAME_RATES = {"V1": 25.0} | {f"V{number}": 30.0 for number in range(2, 9)}
LONGEST = 120.0  # seconds; a fixation beyond it is damage, the films last one minute
GAZE = ("pitch", "yaw")
ADVICE = "Get the release from cwi-dis/CEAP-360VR-Dataset on GitHub."
Rows = Sequence[Mapping[str, float]]


@dataclass(frozen=True, eq=False)
class Viewing:
    """One person's ratings during one film.

    times: (N,) increasing seconds of the film. values: (N, 2) float32, the columns of VA.
    """

    person: str
    film: str
    times: np.ndarray
    values: np.ndarray

    @property
    def groups(self) -> dict[str, str]:
        """As in `Example`."""
        return {"person": self.person, "film": self.film}


class CEAP360VR(Corpus):
    """A recording a person and film: person by person, then in the order of the films."""

    name = "ceap360vr"
    title = "CEAP-360VR, continuous valence and arousal, and gaze, in virtual reality"
    citation = "Xue et al. (2023), CEAP-360VR, IEEE Transactions on Multimedia 25"
    licence = "CC BY-NC 4.0"
    access = "free download from cwi-dis/CEAP-360VR-Dataset on GitHub"
    layout = f"{RATINGS} and {FIXATIONS}".format(person="PN")
    space = "va"
    protocols = ("person5",)
    group = "person"
    counts = {"all": 256}  # 32 people, 8 films each

    def __iter__(self) -> Iterator[Example]:
        for person in find_people(self.root):
            gaze = Path(self.root) / FIXATIONS.format(person=person)
            for viewing in read_viewings(self.root, person):
                yield _example(viewing, gaze)

    def split(self, protocol: str) -> list[tuple[Sequence[int], Sequence[int]]]:
        """Folds of whole people."""
        check_protocol(NAME, protocol, self.protocols)
        viewings = [
            v for person in find_people(self.root) for v in read_viewings(self.root, person)
        ]
        return list(folds(viewings, self.group, PEOPLE_FOLDS))

    @staticmethod
    def make_fixture(folder: str | Path, groups: int = 3, *, rng: np.random.Generator) -> None:
        """Files of the same layout: the ratings and gaze of `groups` people, two films of 6 s."""
        for number in range(1, groups + 1):
            rated, fixed = [], []
            for film in ("V1", "V2"):
                ratings = [
                    {
                        "TimeStamp": round(0.1 + 0.117 * row, 3),
                        "Valence": round(rng.uniform(LOWEST, HIGHEST), 3),
                        "Arousal": round(rng.uniform(LOWEST, HIGHEST), 3),
                    }
                    for row in range(50)
                ]
                fixations = [
                    {"StartFrame": start, "EndFrame": start + 9, "Pitch": -9.5, "Yaw": 90.0}
                    for start in (0, 50, 100)
                ]
                rated.append({"VideoID": film, "TimeStamp_Valence_Arousal": ratings})
                fixed.append({"VideoID": film, "Fixation": fixations})
            person = {"ParticipantID": f"P{number}"}
            annotation = [{**person, "Video_Annotation_TransData": rated}]
            behaviour = [{**person, "Video_Behavior_FixationData": fixed}]
            for place, content in (
                (RATINGS, {"ContinuousAnnotation_TransData": annotation}),
                (FIXATIONS, {"Behavior_FixationData": behaviour}),
            ):
                path = Path(folder) / place.format(person=f"P{number}")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps(content), encoding="utf-8")


def find_people(root: str | Path) -> list[str]:
    """ "P1", "P2" and so on, by number: everybody with ratings."""
    pattern = RATINGS.format(person="P*")
    names = [path.name.partition("_")[0] for path in Path(root).glob(pattern)]
    people = [name for name in names if re.fullmatch(r"P\d+", name)]
    people.sort(key=lambda name: int(name[1:]))
    gaze = [FIXATIONS.format(person=person) for person in people]
    missing = [file for file in gaze if not (Path(root) / file).is_file()]
    if missing or not people:
        raise FilesMissing(NAME, root, missing or [pattern], ADVICE)
    return people


def read_viewings(root: str | Path, person: str) -> list[Viewing]:
    """A person's ratings of each film."""
    path = Path(root) / RATINGS.format(person=person)
    keys = ("ContinuousAnnotation_TransData", "Video_Annotation_TransData")
    viewings = []
    for film, rows in _films(path, *keys, "TimeStamp_Valence_Arousal"):
        table = _table(path, rows, ("TimeStamp", "Valence", "Arousal"))
        times, ratings = table[:, 0], table[:, 1:]
        inside = ((ratings >= LOWEST) & (ratings <= HIGHEST)).all()
        if not len(times) or not inside or (np.diff(times) <= 0).any():
            expected = f"ratings from {LOWEST:.0f} to {HIGHEST:.0f} at increasing moments"
            raise UnexpectedLayout(NAME, path, f"other ratings of {film}", expected)
        values = ((ratings - MIDDLE) / (HIGHEST - MIDDLE)).astype(np.float32)
        viewings.append(Viewing(person, film, times, values))
    return viewings


def read_gaze(path: Path, film: str) -> Track:
    """Where the eyes rested, a row a frame of the film; pitch and yaw in radians."""
    rows = dict(_films(path, "Behavior_FixationData", "Video_Behavior_FixationData", "Fixation"))
    if film not in rows:
        raise UnexpectedLayout(NAME, path, f"the films {', '.join(rows)}", f"the film {film} too")
    table = _table(path, rows[film], ("StartFrame", "EndFrame", "Pitch", "Yaw"))
    rate = FRAME_RATES[film]
    first, last = table[:, 0].astype(int), table[:, 1].astype(int)
    if (first < 0).any() or (last < first).any() or (last > LONGEST * rate).any():
        expected = "a first frame, and a last one that does not lie before it"
        raise UnexpectedLayout(NAME, path, f"other frames of {film}", expected)
    frames = int(last.max(initial=-1)) + 1
    values, valid = np.zeros((frames, 2), np.float32), np.zeros(frames, bool)
    for start, end, angles in zip(first, last + 1, np.radians(table[:, 2:]), strict=True):
        values[start:end], valid[start:end] = angles, True
    return Track((np.arange(frames) + 0.5) / rate, values, GAZE, valid, 1 / rate)


def _films(path: Path, outer: str, inner: str, rows: str) -> list[tuple[str, Rows]]:
    """Film and rows of each entry of a file."""
    try:
        [person] = json.loads(path.read_text(encoding="utf-8"))[outer]
        films = [(film["VideoID"], film[rows]) for film in person[inner]]
    except (ValueError, KeyError, TypeError) as error:
        found = f"what cannot be read ({type(error).__name__}: {error})"
        raise UnexpectedLayout(NAME, path, found, f"JSON with {outer}, {inner}, {rows}") from None
    unknown = [film for film, _ in films if film not in FRAME_RATES]
    if unknown:
        expected = f"one of: {', '.join(FRAME_RATES)}"
        raise UnexpectedLayout(NAME, path, f"the film {unknown[0]!r}", expected)
    return films


def _table(path: Path, rows: Rows, columns: Sequence[str]) -> np.ndarray:
    """Rows of named numbers, (N, columns) float64, finite."""
    expected = f"numbers called {', '.join(columns)}"
    try:
        table = np.array([[row[name] for name in columns] for row in rows], np.float64)
    except (ValueError, KeyError, TypeError) as error:
        found = f"a row without them ({type(error).__name__}: {error})"
        raise UnexpectedLayout(NAME, path, found, expected) from None
    if not np.isfinite(table).all():
        raise UnexpectedLayout(NAME, path, "a number that is not finite", expected)
    return table.reshape(-1, len(columns))


def _example(viewing: Viewing, gaze: Path) -> Example:
    width = float(np.median(np.diff(viewing.times))) if len(viewing.times) > 1 else 0.0
    track = Track(viewing.times, viewing.values, VA.labels, width=width)
    truth = Estimate(VA, track, np.ones(len(track)), f"viewers of {NAME}", basis="annotators")
    span = Span(0.0, float(viewing.times[-1]) + width / 2)
    signals = {"gaze": functools.partial(read_gaze, gaze, viewing.film)}
    recording = SignalRecording(f"{viewing.person}-{viewing.film}", span, signals)
    return Example(recording, {VA.name: truth}, person=viewing.person, groups=viewing.groups)
