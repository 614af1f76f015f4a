"""FER+: faces of FER2013, each labelled by ten raters.

Layout: `FER2013Train`, `FER2013Valid` and `FER2013Test`, each a folder or a `.zip`, any of which
may be absent; in each, 48 x 48 grey PNG files beside a `label.csv` without a header, whose rows
hold the file's name, the box of the face in it "(left, top, right, bottom)" and ten vote counts in
the order of `VOTES`. Where a part has no `label.csv`, the votes come from the `fer2013new.csv` of
the FER+ release beside the parts: usage, name and the same ten counts, under a header.

The truth of a face is the distribution of its votes over the eight expressions. A face whose most
frequent vote is "unknown" or "not a face" has no truth and is left out; of two equally frequent
votes the one that stands first in `VOTES` wins, as in the authors' own script.

Sources: Barsoum et al., "Training deep networks for facial expression recognition with
crowd-sourced label distribution", ICMI 2016; pictures by Goodfellow et al., ICML 2013 workshops.
The pictures were taken from the web: research use, do not redistribute. The votes are MIT.
Nobody knows who is in which picture, so each picture is its own group.
"""

from __future__ import annotations

import csv
import functools
import io
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from insula.core.records import Estimate
from insula.core.roles import Corpus, Example
from insula.core.space import EKMAN8
from insula.core.track import Track
from insula.corpora.labelled_audio import check_protocol
from insula.errors import FilesMissing, UnexpectedLayout, UnknownName
from insula.media.recording import from_arrays

NAME = "FER+"
SIDE = 48  # pixels
VOTES = (
    *("neutral", "happiness", "surprise", "sadness", "anger"),
    *("disgust", "fear", "contempt", "unknown", "not-a-face"),
)
PARTS = {"train": "FER2013Train.zip", "valid": "FER2013Valid.zip", "test": "FER2013Test.zip"}
RELEASE = "fer2013new.csv"
USAGES = {"train": "Training", "valid": "PublicTest", "test": "PrivateTest"}
ADVICE = "Get it from the FER+ release, or leave this corpus out."
# Added to the share of the vote that wins a tie, so that the largest share is the label.
NUDGE = 1e-4


class FERPlus(Corpus):
    """The faces of the training part, then of the validation part, then of the test part."""

    name = "ferplus"
    title = "FER+, faces labelled by ten raters"
    citation = "Barsoum et al. (2016), Crowd-sourced label distribution, ICMI"
    licence = "votes MIT; pictures research use, do not redistribute"
    access = "pictures from the FER2013 challenge, votes from microsoft/FERPlus on GitHub"
    layout = f"{', '.join(PARTS.values())} or folders, pictures beside label.csv in each"
    space = "ekman8"
    protocols = ("official",)
    splits = tuple(PARTS)
    group = "picture"
    unit = "face"
    # Rows of its label.csv; under 1 % of them show no expression and are left out here.
    counts = {"train": 28_558, "valid": 3579, "test": 3573}

    def __iter__(self) -> Iterator[Example]:
        there = [part for part in PARTS if _place(self.root, part)]
        if not there:
            raise FilesMissing(NAME, self.root, PARTS.values(), ADVICE)
        for part in there:
            yield from self.part(part)

    def part(self, split: str) -> Iterator[Example]:
        """The faces of "train", "valid" or "test"; the other parts need not be there."""
        faces = read_faces(self.root, split)
        for row, name in enumerate(faces.names):
            yield _example(split, name, faces.images[row], faces.votes[row], faces.label[row])

    def split(self, protocol: str) -> list[tuple[Sequence[int], Sequence[int]]]:
        """The parts of the release: train, and valid (the public test part of FER2013)."""
        check_protocol(NAME, protocol, self.protocols)
        train, valid = (len(read_faces(self.root, part).names) for part in ("train", "valid"))
        return [(range(train), range(train, train + valid))]

    @staticmethod
    def make_fixture(folder: str | Path, groups: int = 3, *, rng: np.random.Generator) -> None:
        """Archives of the same layout: `groups` made-up faces an expression, and one unknown."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        for part in ("train", "valid"):
            rows = []
            with zipfile.ZipFile(Path(folder) / PARTS[part], "w") as archive:
                for number in range(groups * len(EKMAN8) + 1):
                    name = f"{part}{number:07}.png"
                    votes = rng.multinomial(4, np.full(len(VOTES), 1 / len(VOTES)))
                    votes[number % len(EKMAN8) if number else VOTES.index("unknown")] += 6
                    rows.append(f'{name},"(0, 0, {SIDE}, {SIDE})",{",".join(map(str, votes))}\n')
                    image = rng.integers(0, 256, (SIDE, SIDE), dtype=np.uint8)
                    archive.writestr(name, cv2.imencode(".png", image)[1].tobytes())
                archive.writestr("label.csv", "".join(rows))


def _example(split: str, name: str, image: np.ndarray, votes: np.ndarray, label: int) -> Example:
    colour = np.repeat(image[None, :, :, None], 3, axis=3)
    picture = from_arrays(name, frames=colour, frame_times=np.zeros(1))
    shares = votes / votes.sum()
    shares[label] += NUDGE
    shares /= shares.sum()
    middle, length = picture.span.middle, picture.span.duration
    track = Track([middle], shares[None], EKMAN8.labels, width=length)
    truth = Estimate(EKMAN8, track, np.ones(1), f"raters of {NAME}", basis="annotators")
    groups = {"picture": name, "split": split}
    return Example(picture, {EKMAN8.name: truth}, person=name, groups=groups)


@dataclass(frozen=True, eq=False)
class Faces:
    """One part of the corpus in memory.

    images: (N, 48, 48) uint8 grey.
    votes: (N, 8) float32, how many raters chose each expression, in the order of `EKMAN8`.
    label: (N,) int64, the most frequent vote, an index into `EKMAN8`.
    """

    names: tuple[str, ...]
    images: np.ndarray
    votes: np.ndarray
    label: np.ndarray


def read_faces(root: str | Path, part: str) -> Faces:
    """Every labelled face of the part "train", "valid" or "test"."""
    path = _place(root, part)
    if path is None:
        raise FilesMissing(NAME, root, [PARTS[part]], ADVICE)
    names, votes, images = [], [], []
    with _opened(path) as files:
        for name, counts in _rows(files, path, part):
            if counts.argmax() >= len(EKMAN8):  # unknown, or not a face
                continue
            names.append(name)
            votes.append(counts)
            images.append(_picture(files, name, path))
    order = [VOTES.index(label) for label in EKMAN8.labels]
    by_expression = np.array(votes, dtype=np.float32).reshape(-1, len(VOTES))[:, order]
    majority = np.array([order.index(int(row.argmax())) for row in votes], dtype=np.int64)
    stacked = np.array(images, dtype=np.uint8).reshape(-1, SIDE, SIDE)
    return Faces(tuple(names), stacked, by_expression, majority)


def _place(root: str | Path, part: str) -> Path | None:
    """The archive or the folder of a part; None where neither is there."""
    if part not in PARTS:
        raise UnknownName(f"part of {NAME}", part, PARTS)
    archive = Path(root) / PARTS[part]
    folder = archive.with_suffix("")
    return archive if archive.is_file() else folder if folder.is_dir() else None


@contextmanager
def _opened(path: Path) -> Iterator[dict[str, Callable[[], bytes]]]:
    """File name -> a function that reads it, for an archive and a folder alike."""
    if path.is_dir():
        yield {file.name: file.read_bytes for file in path.rglob("*") if file.is_file()}
        return
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise UnexpectedLayout(NAME, path, "no readable zip archive", "a zip archive") from error
    with archive:
        yield {
            PurePosixPath(name).name: functools.partial(archive.read, name)
            for name in archive.namelist()
        }


def _rows(
    files: Mapping[str, Callable[[], bytes]], path: Path, part: str
) -> list[tuple[str, np.ndarray]]:
    """Name and votes of each picture, from the part's own label.csv or from the release."""
    release = path.with_name(RELEASE)
    if "label.csv" in files:
        where, table = path / "label.csv", files["label.csv"]()
    elif release.is_file():
        where, table = release, release.read_bytes()
    else:
        expected = f"a label.csv beside the pictures, or {RELEASE} beside {path.name}"
        raise UnexpectedLayout(NAME, path, "no label.csv", expected)
    rows = []
    for row in csv.reader(io.StringIO(table.decode("utf-8-sig"))):
        if where == release:
            if row[:1] != [USAGES[part]] or not row[1]:  # the header, other parts, no picture
                continue
            row = [row[1], row[0], *row[2:]]
        if len(row) != 2 + len(VOTES) or not all(cell.isdigit() for cell in row[2:]):
            expected = "a name, a box and ten vote counts a row"
            raise UnexpectedLayout(NAME, where, repr(",".join(row)), expected)
        rows.append((row[0], np.array(row[2:], dtype=np.int64)))
    return rows


def _picture(files: Mapping[str, Callable[[], bytes]], name: str, path: Path) -> np.ndarray:
    if name not in files:
        raise FilesMissing(NAME, path, [name], "Its row stands in label.csv; fetch the file again.")
    encoded = np.frombuffer(files[name](), dtype=np.uint8)
    image = cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE) if len(encoded) else None
    if image is None or image.shape != (SIDE, SIDE):
        found = "no picture" if image is None else f"a picture of shape {image.shape}"
        raise UnexpectedLayout(NAME, path / name, found, f"a {SIDE} x {SIDE} picture")
    return image
