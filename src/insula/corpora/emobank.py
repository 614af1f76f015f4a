"""EmoBank: English sentences of six genres, rated for valence, arousal and dominance.

Layout: `emobank.csv`, in the folder or in its folder `corpus`, with the columns id, split, V, A, D,
text; ratings from 1 to 5 with 3 in the middle, the mean over the raters. Here they become -1 to 1:
(rating - 3) / 2.

Split: the column of that name, published with the corpus (train, dev, test).

Source: Buechel and Hahn, "EmoBank: studying the impact of annotation perspective and
representation format on dimensional emotion analysis", EACL 2017.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from insula.core.roles import Corpus, Example
from insula.corpora.labelled_text import (
    LabelledTexts,
    examples,
    find_file,
    read_lines,
    stack,
)
from insula.errors import ConfigError, UnexpectedLayout

NAME = "EmoBank"
FILE = "emobank.csv"
RELEASED = f"corpus/{FILE}"  # where the repository of the authors has it
COLUMNS = ["id", "split", "V", "A", "D", "text"]
PARTS = ("train", "dev", "test")
LOWEST, MIDDLE, HIGHEST = 1.0, 3.0, 5.0
ADVICE = "Get it from JULIELab/EmoBank on GitHub, file corpus/emobank.csv."


class EmoBank(Corpus):
    """Sentences in the order of the file."""

    name = "emobank"
    title = "EmoBank, English sentences with valence, arousal and dominance"
    citation = "Buechel and Hahn (2017), EmoBank, EACL"
    licence = "CC BY-SA 4.0"
    access = "free download from JULIELab/EmoBank on GitHub"
    layout = f"{FILE}, or {RELEASED}"
    space = "vad"
    protocols = ("train-dev",)
    splits = PARTS
    group = "text"
    counts = {"train": 8062, "dev": 1000, "test": 1000}

    def __iter__(self) -> Iterator[Example]:
        sentences, parts = read_sentences(self.root)
        yield from examples(sentences, language="en", corpus=NAME, splits=parts)

    def split(self, protocol: str) -> list[tuple[Sequence[int], Sequence[int]]]:
        """The published split: "train-dev", or "train-test" where the test part is there too."""
        parts = np.array(read_sentences(self.root)[1])
        known = [f"train-{part}" for part in PARTS[1:] if part in parts]
        if protocol not in known:
            raise ConfigError(
                f"{NAME} in {str(self.root)!r} cannot be split by {protocol!r}. "
                f"Choose one of: {', '.join(known)}"
            )
        test = parts == protocol.removeprefix("train-")
        return [(np.flatnonzero(parts == "train").tolist(), np.flatnonzero(test).tolist())]

    @staticmethod
    def make_fixture(folder: str | Path, groups: int = 3, *, rng: np.random.Generator) -> None:
        """A file of the same layout: `groups` made-up sentences in each of train and dev."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        with (Path(folder) / FILE).open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(COLUMNS)
            for part in PARTS[:2]:
                for group in range(groups):
                    ratings = rng.uniform(LOWEST, HIGHEST, 3).round(2)
                    text = f'She said: "{ratings[0]}, {"good" if ratings[0] > MIDDLE else "bad"}."'
                    writer.writerow([f"{part}_{group}", part, *ratings, text])


def read_sentences(root: str | Path) -> tuple[LabelledTexts, tuple[str, ...]]:
    """All sentences with values in [-1, 1], and the part each belongs to."""
    file = find_file(root, (FILE, RELEASED)) or FILE
    lines = read_lines(NAME, root, file, advice=ADVICE)
    rows = csv.reader(line + "\n" for line in lines)
    header = next(rows, [])
    if header != COLUMNS:
        raise UnexpectedLayout(NAME, Path(root) / file, f"columns {header}", f"columns {COLUMNS}")
    texts, keys, parts, values = [], [], [], []
    for row in rows:
        ratings = _ratings(row)
        if ratings is None:
            expected = f"{', '.join(COLUMNS)} in each row, with ratings from 1 to 5"
            raise UnexpectedLayout(NAME, Path(root) / file, repr(row), expected)
        texts.append(row[5])
        keys.append(row[0])
        parts.append(row[1])
        values.append((ratings - MIDDLE) / (HIGHEST - MIDDLE))
    return LabelledTexts(tuple(texts), tuple(keys), "vad", stack(values, 3)), tuple(parts)


def _ratings(row: list[str]) -> np.ndarray | None:
    """V, A, D of a row; None where they are not three ratings."""
    if len(row) != len(COLUMNS):
        return None
    try:
        ratings = np.array([float(cell) for cell in row[2:5]])
    except ValueError:
        return None
    return ratings if ((ratings >= LOWEST) & (ratings <= HIGHEST)).all() else None
