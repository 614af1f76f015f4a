"""Hume-Vidmimic2: people who mimic what they see, with how intensely six emotions were felt.

Layout: `train_split.csv` and `valid_split.csv`, a header and then rows of an id of five digits and
six intensities from 0 to 1 in the order of `EMOTIONS`; the clips, `raw/<id>.mp4`. (`audio/` and
`face_images/` hold what was cut out of them, and are not read: some clips have no sound, in some no
face was found.) The labels of the test part are withheld, so some call the validation part test.

Source: Kollias et al., "The 6th affective behavior analysis in-the-wild competition", CVPR 2024
(emotional mimicry intensity). Who is in a clip is not released, so each clip is its own group.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from insula.core.roles import Corpus, Example
from insula.core.space import Space
from insula.corpora.films import write_film
from insula.corpora.labelled_audio import check_protocol, open_clip
from insula.corpora.labelled_text import read_lines, stack
from insula.corpora.spoken import of_whole
from insula.errors import FilesMissing, UnexpectedLayout, UnknownName

NAME = "Hume-Vidmimic2"
PARTS = {"train": "train_split.csv", "valid": "valid_split.csv"}
EMOTIONS = ("Admiration", "Amusement", "Determination", "Empathic Pain", "Excitement", "Joy")
ID = re.compile(r"\d{5}")
ADVICE = "Get it from Hume AI or the organisers of ABAW, on agreement."
# How intensely each was felt, for itself: judged by correlation, so axes and not labels.
MIMICRY6 = Space(
    "mimicry6",
    tuple(emotion.lower() for emotion in EMOTIONS),
    "axes",
    "Kollias et al. (2024), The 6th ABAW competition, CVPR workshops: Hume-Vidmimic2",
)


class Vidmimic2(Corpus):
    """The clips of the training part, then of the validation part, in the order of its file."""

    name = "vidmimic2"
    title = "Hume-Vidmimic2, intensities of six emotions in mimicry"
    citation = "Kollias et al. (2024), The 6th ABAW competition, CVPR workshops"
    licence = "academic research, by signed agreement; do not redistribute"
    access = "on request with a signed agreement, from Hume AI and the organisers of ABAW"
    layout = "{train,valid}_split.csv and raw/ID.mp4"
    space = "mimicry6"
    protocols = ("official",)
    splits = tuple(PARTS)
    group = "clip"
    counts = {"train": 8072, "valid": 4588}

    def __iter__(self) -> Iterator[Example]:
        for part in PARTS:
            yield from self.part(part)

    def part(self, split: str) -> Iterator[Example]:
        """The clips of "train" or "valid"; the other part need not be there."""
        for key, values in zip(*read_intensities(self.root, split), strict=True):
            path = Path(self.root) / "raw" / f"{key}.mp4"
            if not path.is_file():
                raise FilesMissing(NAME, self.root, [f"raw/{key}.mp4"], f"It is rated. {ADVICE}")
            clip = open_clip(path)
            truth = of_whole(clip, MIMICRY6, values, corpus=NAME)
            groups = {"clip": key, "split": split}
            yield Example(clip, {MIMICRY6.name: truth}, person=key, groups=groups)

    def split(self, protocol: str) -> list[tuple[Sequence[int], Sequence[int]]]:
        """The parts of the release."""
        check_protocol(NAME, protocol, self.protocols)
        train, valid = (len(read_intensities(self.root, part)[0]) for part in PARTS)
        return [(range(train), range(train, train + valid))]

    @staticmethod
    def make_fixture(folder: str | Path, groups: int = 3, *, rng: np.random.Generator) -> None:
        """A tree of the same layout: in each part `groups` made-up clips, one without sound."""
        for number, file in enumerate(PARTS.values()):
            rows = [["Filename", *EMOTIONS]]
            for key in range(number * groups, (number + 1) * groups):
                told = [f"{value:.4f}" for value in rng.uniform(0, 1, len(EMOTIONS))]
                rows.append([f"{key:05}", *told])
                sound = key > 0
                write_film(Path(folder) / "raw" / f"{key:05}.mp4", rng, sound=sound)
            text = "\n".join(",".join(row) for row in rows)
            (Path(folder) / file).write_text(f"{text}\n", encoding="utf-8")


def read_intensities(root: str | Path, part: str) -> tuple[list[str], np.ndarray]:
    """Ids and intensities of "train" or "valid", (N, 6) float32 in [0, 1]."""
    if part not in PARTS:
        raise UnknownName(f"part of {NAME}", part, PARTS)
    path = Path(root) / PARTS[part]
    header, *rows = csv.reader(read_lines(NAME, root, PARTS[part], advice=ADVICE) or [""])
    if [_letters(cell) for cell in header[1:]] != [_letters(emotion) for emotion in EMOTIONS]:
        expected = f"an id and {', '.join(EMOTIONS)}"
        raise UnexpectedLayout(NAME, path, f"the header {','.join(header)!r}", expected)
    keys, values = [], []
    for row in rows:
        try:
            intensities = np.array(row[1:], np.float32)
        except ValueError:
            intensities = np.zeros(0)
        inside = ((intensities >= 0) & (intensities <= 1)).all()
        if not row or not ID.fullmatch(row[0]) or len(intensities) != len(EMOTIONS) or not inside:
            expected = "an id of five digits and six numbers from 0 to 1 a row"
            raise UnexpectedLayout(NAME, path, repr(",".join(row)), expected)
        keys.append(row[0])
        values.append(intensities)
    return keys, stack(values, len(EMOTIONS))


def _letters(name: str) -> str:
    """A name without what files write between its words."""
    return re.sub("[^a-z]", "", name.lower())
