"""FER+: faces of FER2013, each labelled by ten raters.

Layout: `FER2013Train.zip` and `FER2013Valid.zip`; in each, 48 x 48 grey PNG files beside a
`label.csv` without a header, whose rows hold the file's name, the box of the face in it
"(left, top, right, bottom)" and ten vote counts in the order of `VOTES`.

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
import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from insula.core.records import Estimate
from insula.core.roles import Corpus, Example
from insula.core.space import EKMAN8
from insula.core.track import Track
from insula.errors import ConfigError, FilesMissing, UnexpectedLayout
from insula.media.recording import from_arrays

NAME = "FER+"
SIDE = 48  # pixels
VOTES = (
    *("neutral", "happiness", "surprise", "sadness", "anger"),
    *("disgust", "fear", "contempt", "unknown", "not-a-face"),
)
PARTS = {"train": "FER2013Train.zip", "valid": "FER2013Valid.zip"}


class FERPlus(Corpus):
    """The faces of the training part, then those of the validation part."""

    name = "ferplus"
    title = "FER+, faces labelled by ten raters"
    citation = "Barsoum et al. (2016), Crowd-sourced label distribution, ICMI"
    licence = "votes MIT; pictures research use, do not redistribute"
    access = "pictures from the FER2013 challenge, votes from microsoft/FERPlus on GitHub"
    layout = f"{' and '.join(PARTS.values())}, pictures beside label.csv in each"
    space = "ekman8"
    protocols = ("official",)

    def __iter__(self) -> Iterator[Example]:
        for part in PARTS:
            faces = read_faces(self.root, part)
            for name, image, votes in zip(faces.names, faces.images, faces.votes, strict=True):
                yield _example(name, image, votes)

    def split(self, protocol: str) -> list[tuple[Sequence[int], Sequence[int]]]:
        """The parts of the release: train, and valid (the public test part of FER2013)."""
        if protocol not in self.protocols:
            raise ConfigError(
                f"{NAME} knows no protocol {protocol!r}. Choose one of: {', '.join(self.protocols)}"
            )
        train, valid = (len(read_faces(self.root, part).names) for part in PARTS)
        return [(range(train), range(train, train + valid))]

    @staticmethod
    def make_fixture(folder: str | Path, groups: int = 3, *, rng: np.random.Generator) -> None:
        """Archives of the same layout: `groups` made-up faces an expression, and one unknown."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        for part, file in PARTS.items():
            rows = []
            with zipfile.ZipFile(Path(folder) / file, "w") as archive:
                for number in range(groups * len(EKMAN8) + 1):
                    name = f"{part}{number:07}.png"
                    votes = rng.multinomial(4, np.full(len(VOTES), 1 / len(VOTES)))
                    votes[number % len(EKMAN8) if number else VOTES.index("unknown")] += 6
                    rows.append(f'{name},"(0, 0, {SIDE}, {SIDE})",{",".join(map(str, votes))}\n')
                    image = rng.integers(0, 256, (SIDE, SIDE), dtype=np.uint8)
                    archive.writestr(name, cv2.imencode(".png", image)[1].tobytes())
                archive.writestr("label.csv", "".join(rows))


def _example(name: str, image: np.ndarray, votes: np.ndarray) -> Example:
    colour = np.repeat(image[None, :, :, None], 3, axis=3)
    picture = from_arrays(name, frames=colour, frame_times=np.zeros(1))
    shares = votes / votes.sum()
    middle, length = picture.span.middle, picture.span.duration
    track = Track([middle], shares[None], EKMAN8.labels, width=length)
    truth = Estimate(EKMAN8, track, np.ones(1), f"raters of {NAME}", basis="annotators")
    return Example(picture, {EKMAN8.name: truth}, person=name, groups={"picture": name})


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


def read_faces(root: Path, part: str) -> Faces:
    """Every labelled face of the part "train" or "valid"."""
    path = Path(root) / PARTS[part]
    if not path.is_file():
        advice = "Get it from the FER+ release, or leave this corpus out."
        raise FilesMissing(NAME, root, [PARTS[part]], advice)
    names, votes, images = [], [], []
    try:
        with zipfile.ZipFile(path) as archive:
            for name, counts in _rows(archive, path):
                if counts.argmax() >= len(EKMAN8):  # unknown, or not a face
                    continue
                names.append(name)
                votes.append(counts)
                images.append(_picture(archive, name, path))
    except zipfile.BadZipFile as error:
        raise UnexpectedLayout(NAME, path, "no readable zip archive", "a zip archive") from error
    order = [VOTES.index(label) for label in EKMAN8.labels]
    by_expression = np.array(votes, dtype=np.float32).reshape(-1, len(VOTES))[:, order]
    majority = np.array([order.index(int(row.argmax())) for row in votes], dtype=np.int64)
    stacked = np.array(images, dtype=np.uint8).reshape(-1, SIDE, SIDE)
    return Faces(tuple(names), stacked, by_expression, majority)


def _rows(archive: zipfile.ZipFile, path: Path) -> list[tuple[str, np.ndarray]]:
    if "label.csv" not in archive.namelist():
        raise UnexpectedLayout(NAME, path, "no label.csv", "a label.csv beside the pictures")
    rows = []
    with archive.open("label.csv") as stream:
        for row in csv.reader(io.TextIOWrapper(stream, encoding="utf-8")):
            if len(row) != 2 + len(VOTES) or not all(cell.isdigit() for cell in row[2:]):
                expected = "a name, a box and ten vote counts a row"
                raise UnexpectedLayout(NAME, path / "label.csv", repr(",".join(row)), expected)
            rows.append((row[0], np.array(row[2:], dtype=np.int64)))
    return rows


def _picture(archive: zipfile.ZipFile, name: str, path: Path) -> np.ndarray:
    if name not in archive.NameToInfo:
        raise FilesMissing(NAME, path, [name], "Its row stands in label.csv; fetch the file again.")
    encoded = np.frombuffer(archive.read(name), dtype=np.uint8)
    image = cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE) if len(encoded) else None
    if image is None or image.shape != (SIDE, SIDE):
        found = "no picture" if image is None else f"a picture of shape {image.shape}"
        raise UnexpectedLayout(NAME, path / name, found, f"a {SIDE} x {SIDE} picture")
    return image
