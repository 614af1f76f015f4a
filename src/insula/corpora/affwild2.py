"""Aff-Wild2: people in videos of the web, each frame annotated for the three tasks of ABAW.

Layout: `TASK/{Train_Set,Validation_Set}/<name>.txt`, a header and then a line a frame, where TASK
is `EXPR_Recognition_Challenge`, `AU_Detection_Challenge` or `VA_Estimation_Challenge`;
`cropped_aligned/<name>/00001.jpg` and on (or `cropped/`, where that is not there), one face cut
out of each frame; `videos/<video>.mp4` or `.avi`, for the rate of the frames and for the sound.

Line i after the header and the picture numbered i are frame i, counted from 1, at second
(i - 1) / rate. Where no face was found there is no picture. There may be a line more than the video
has frames. Of two people in a video the names end in `_left` and `_right`: they share its sound,
and are one group. Frames marked invalid (-1; for valence and arousal -5) have no truth.

The header names the columns, for expressions the numbers from 0 on; another order is refused.

Protocol `abaw6`: the parts of the release. Labelled frames of it: expressions 585317 and 280532,
action units 1356861 and 445836, valence and arousal 1555919 and 338755.

Source: Kollias and Zafeiriou, "Aff-Wild2: extending the Aff-Wild database for affect recognition",
2018; Kollias et al., "The 6th affective behavior analysis in-the-wild competition", CVPR 2024.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from insula.core.records import Estimate, Recording
from insula.core.roles import Corpus, Example
from insula.core.space import Space, get_space
from insula.core.time import Span
from insula.core.track import Track
from insula.corpora.films import PictureFiles, write_film, write_picture
from insula.corpora.labelled_audio import UnreadableRecording, check_protocol
from insula.corpora.labelled_text import read_lines
from insula.errors import FilesMissing, UnexpectedLayout, UnknownName, UnreadableMedia
from insula.media.audio import AudioFile
from insula.media.container import Container, probe
from insula.media.recording import MediaRecording

NAME = "Aff-Wild2"
PARTS = {"train": "Train_Set", "valid": "Validation_Set"}
CROPS = ("cropped_aligned", "cropped")
FILMS = (".mp4", ".avi")
PEOPLE = ("_left", "_right")  # ends of names: two people in one video
ADVICE = "Get the videos, the crops and the annotations from the organisers of ABAW, on agreement."
SOURCE = "Kollias et al. (2024), The 6th ABAW competition, CVPR workshops"
ABAW8 = Space(
    "abaw8",
    ("neutral", "anger", "disgust", "fear", "happiness", "sadness", "surprise", "other"),
    "exclusive",
    SOURCE,
)
ACTION_UNITS12 = Space(
    "action_units12",
    tuple(f"AU{number}" for number in (1, 2, 4, 6, 7, 10, 12, 15, 23, 24, 25, 26)),
    "independent",
    SOURCE,
)


class AffWild2(Corpus):
    """One task: a clip is all that is seen of one person in one video. Write `opinions`.

    task: folder of its annotations. header: of a file of them, the names in the order of the space.
    cells: numbers in a line. numbers: all that may stand there, but for `marker`; () for any.
    """

    citation = "Kollias and Zafeiriou (2018), Aff-Wild2; Kollias et al. (2024), ABAW-6"
    licence = "academic research, by signed agreement; do not redistribute"
    access = "on request with a signed agreement, from the organisers of ABAW"
    protocols = ("abaw6",)
    splits = tuple(PARTS)
    group = "video"
    # No `counts`: frames are published, and an example is a clip.
    task: str = ""
    header: str = ""
    cells: int = 1
    numbers: tuple[float, ...] = ()
    marker: float = -1

    def opinions(self, table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Values (T, C) in the space and which frames are valid, (T,) bool; table: (T, cells)."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[Example]:
        for part in PARTS:
            yield from self.part(part)

    def part(self, split: str) -> Iterator[Example]:
        """The clips of "train" or "valid" by name; the other part need not be there."""
        space = get_space(self.space)
        for path in self._annotations(split):
            table = self._table(path)
            recording: Recording
            try:
                film, rate = _film(self.root, path.stem)
                recording = _recording(self.root, path.stem, film, rate, len(table))
            except UnreadableMedia as error:
                # Without its rate nobody knows when its frames were: no truth.
                recording, rate, table = UnreadableRecording(error), 1.0, table[:0]
            values, valid = self.opinions(table)
            track = Track(np.arange(len(table)) / rate, values, space.labels, valid, 1 / rate)
            sure = np.ones(len(track))
            truth = Estimate(space, track, sure, f"annotators of {NAME}", basis="annotators")
            groups = {"video": _video_of(path.stem), "split": split}
            yield Example(recording, {space.name: truth}, person=path.stem, groups=groups)

    def split(self, protocol: str) -> list[tuple[Sequence[int], Sequence[int]]]:
        """The parts of the release."""
        check_protocol(NAME, protocol, self.protocols)
        train, valid = (len(self._annotations(part)) for part in PARTS)
        return [(range(train), range(train, train + valid))]

    @classmethod
    def make_fixture(cls, folder: str | Path, groups: int = 3, *, rng: np.random.Generator) -> None:
        """In each part `groups` made-up videos of five frames, two people in the first of them.

        There are six lines of labels, the third invalid, and no picture of the second frame.
        """
        for part, inner in PARTS.items():
            for number in range(groups):
                video = f"{part}-{number}"
                write_film(Path(folder) / f"videos/{video}{FILMS[number % 2]}", rng, frames=5)
                for name in [video + end for end in PEOPLE] if number == 0 else [video]:
                    shape = (6, cls.cells)
                    lines = (
                        rng.choice(cls.numbers, shape) if cls.numbers else rng.uniform(-1, 1, shape)
                    )
                    lines[2, -1] = cls.marker
                    told = [",".join(f"{value:.3g}" for value in line) for line in lines]
                    path = Path(folder) / cls.task / inner / f"{name}.txt"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text("\n".join([cls.header, *told, ""]), encoding="utf-8")
                    for frame in (1, 3, 4, 5, 6):
                        write_picture(Path(folder) / CROPS[0] / name / f"{frame:05}.jpg", rng)

    def _annotations(self, split: str) -> list[Path]:
        if split not in PARTS:
            raise UnknownName(f"part of {NAME}", split, PARTS)
        found = sorted((Path(self.root) / self.task / PARTS[split]).glob("*.txt"))
        if not found:
            raise FilesMissing(NAME, self.root, [f"{self.task}/{PARTS[split]}/*.txt"], ADVICE)
        return found

    def _table(self, path: Path) -> np.ndarray:
        """The numbers below the header, (T, cells) float64, finite; at least one line."""
        file = str(path.relative_to(self.root))
        header, *lines = read_lines(NAME, self.root, file, advice=ADVICE) or [""]
        if header.replace(" ", "").lower() != self.header.lower():
            raise UnexpectedLayout(NAME, path, f"the header {header!r}", repr(self.header))
        expected = f"{self.cells} numbers a line, a line a frame"
        try:
            table = np.array([line.split(",") for line in lines], np.float64)
        except ValueError as error:
            raise UnexpectedLayout(NAME, path, f"other lines ({error})", expected) from error
        if table.ndim != 2 or table.shape[1] != self.cells or not np.isfinite(table).all():
            raise UnexpectedLayout(NAME, path, f"a table of {table.shape}", expected)
        strange = table[~np.isin(table, (*self.numbers, self.marker))] if self.numbers else []
        if len(strange):
            expected = f"one of {', '.join(map(str, (self.marker, *self.numbers)))}"
            raise UnexpectedLayout(NAME, path, f"the label {strange[0]:g}", expected)
        return table


class AffWild2Expressions(AffWild2):
    """One of seven expressions or another one, in each frame."""

    name = "affwild2_expr"
    title = "Aff-Wild2, an expression in each frame"
    layout = "EXPR_Recognition_Challenge/ with one of -1 to 7 a line, cropped_aligned/, videos/"
    space = "abaw8"
    task = "EXPR_Recognition_Challenge"
    header = "Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise,Other"
    numbers = tuple(range(len(ABAW8)))

    def opinions(self, table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """One-hot rows; -1 is invalid."""
        numbers = table[:, 0].astype(np.int64)
        return np.eye(len(ABAW8))[numbers], numbers != self.marker


class AffWild2ActionUnits(AffWild2):
    """Twelve action units, present or not in each frame."""

    name = "affwild2_au"
    title = "Aff-Wild2, twelve action units in each frame"
    layout = "AU_Detection_Challenge/ with twelve of -1, 0, 1 a line, cropped_aligned/, videos/"
    space = "action_units12"
    task = "AU_Detection_Challenge"
    header = "AU1,AU2,AU4,AU6,AU7,AU10,AU12,AU15,AU23,AU24,AU25,AU26"
    cells = len(ACTION_UNITS12)
    numbers = (0, 1)

    def opinions(self, table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As they are; a frame with any -1 is invalid, as the contest scores it."""
        return table, (table != self.marker).all(axis=1)


class AffWild2Affect(AffWild2):
    """Valence and arousal in each frame."""

    name = "affwild2_va"
    title = "Aff-Wild2, valence and arousal in each frame"
    layout = "VA_Estimation_Challenge/ with two of -1 to 1 or -5 a line, cropped_aligned/, videos/"
    space = "va"
    task = "VA_Estimation_Challenge"
    header = "valence,arousal"
    cells = 2
    marker = -5

    def opinions(self, table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As they are; what lies outside of [-1, 1] is invalid, as the contest scores it."""
        return table, (np.abs(table) <= 1).all(axis=1)


def _video_of(name: str) -> str:
    """The video that someone is seen in."""
    for end in PEOPLE:
        name = name.removesuffix(end)
    return name


def _film(root: str | Path, name: str) -> tuple[Container, float]:
    """The video file and its frames a second."""
    places = [Path(root) / "videos" / f"{_video_of(name)}{suffix}" for suffix in FILMS]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        wanted = " or ".join(place.name for place in places)
        raise FilesMissing(NAME, root, [f"videos/{wanted}"], ADVICE)
    film = probe(path)
    if film.video is None:
        raise UnreadableMedia(path, "it holds no pictures", "Fetch that file of the corpus again.")
    return film, film.video.rate


def _recording(root: str | Path, name: str, film: Container, rate: float, lines: int) -> Recording:
    """The crops of one person as frames, with the sound of the video."""
    folders = [Path(root) / crops / name for crops in CROPS]
    folder = next((each for each in folders if each.is_dir()), folders[0])
    pictures = sorted(folder.glob("*.jpg"))
    if not pictures:
        raise FilesMissing(NAME, root, [f"{folder.parent.name}/{name}/00001.jpg"], ADVICE)
    for picture in pictures:
        if not picture.stem.isdecimal() or int(picture.stem) < 1:
            raise UnexpectedLayout(NAME, picture, f"the name {picture.stem!r}", "00001 and on")
    numbers = np.array([int(picture.stem) for picture in pictures])
    span = Span(0, max(film.end, max(lines, numbers[-1]) / rate))
    streams = {"video": f"crops of one face, {round(rate, 2)} fps"}
    if film.audio is not None:
        streams["audio"] = film.audio.line
    frames = PictureFiles((numbers - 1) / rate, pictures)
    sound = None if film.audio is None else AudioFile(film)
    return MediaRecording(name, span, streams, video=frames, audio=sound)
