"""What the text corpora have in common: reading their files, and sentences with labels.

A sentence is its own group: nobody knows who wrote it. What must not be shared between training
and test is its wording, so where a corpus has no published split, `tenth` splits by wording.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from insula.core.records import Estimate
from insula.core.roles import Example
from insula.core.space import Space, get_space
from insula.core.time import Mark, Span
from insula.core.track import Track
from insula.errors import FilesMissing, UnexpectedLayout
from insula.media.recording import from_arrays

HELD_OUT = "held-out"
HELD_OUT_TENTHS = (0, 1)
SECOND = Span(0, 1)  # when a written sentence is said: it has no time of its own


@dataclass(frozen=True, eq=False)
class LabelledTexts:
    """Sentences and what annotators said of them.

    texts: N of them. keys: what identifies each in the corpus. space: name of the space of the
    labels. values: (N, C) float32 in the columns of that space: 0 or 1 for labels, else axes.
    """

    texts: tuple[str, ...]
    keys: tuple[str, ...]
    space: str
    values: np.ndarray

    def __len__(self) -> int:
        return len(self.texts)


def find_file(root: str | Path, places: Iterable[str]) -> str | None:
    """The first of these files, paths under `root`, that is there."""
    return next((place for place in places if (Path(root) / place).is_file()), None)


def check_files(corpus: str, root: str | Path, files: Iterable[str], *, advice: str) -> None:
    """FilesMissing, with all that lack, unless each of these paths under `root` is a file."""
    missing = [file for file in files if not (Path(root) / file).is_file()]
    if missing:
        raise FilesMissing(corpus, root, missing, advice)


def read_lines(corpus: str, root: str | Path, file: str, *, advice: str) -> list[str]:
    """The lines of a file of a corpus, without their ends: UTF-8, else Windows-1252.

    Only line feeds end a line: the texts hold other signs that Python would split at.
    """
    path = Path(root) / file
    if not path.is_file():
        raise FilesMissing(corpus, root, [file], advice)
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = raw.decode("cp1252")
        except UnicodeDecodeError as error:
            raise UnexpectedLayout(
                corpus,
                path,
                f"the byte {raw[error.start]:#04x} at {error.start}",
                "text in UTF-8 or Windows-1252",
            ) from error
    lines = [line.rstrip("\r") for line in text.split("\n")]
    return lines[:-1] if lines and not lines[-1] else lines


def indicators(numbers: Iterable[int], count: int) -> np.ndarray:
    """One where a number is listed: (count,) float32."""
    row = np.zeros(count, np.float32)
    row[list(numbers)] = 1.0
    return row


def stack(rows: list[np.ndarray], columns: int) -> np.ndarray:
    """Rows to a table, (N, columns) float32, also where there is none."""
    return np.array(rows, np.float32).reshape(-1, columns)


def tenth(text: str) -> int:
    """Which tenth a text falls into, 0 to 9: by a checksum of its wording, so always the same.

    >>> tenth("hello"), tenth("hello!")
    (2, 6)
    """
    return zlib.crc32(text.encode()) * 10 >> 32


def parts_by_wording(texts: Iterable[str]) -> list[str]:
    """The split of a corpus without a published one: `HELD_OUT` for 20 % of the wordings."""
    return [HELD_OUT if tenth(text) in HELD_OUT_TENTHS else "train" for text in texts]


def examples(
    labelled: LabelledTexts, *, language: str, corpus: str, splits: Sequence[str]
) -> Iterator[Example]:
    """Each sentence as a recording of one second, with its labels as an estimate.

    splits: the part that each belongs to.
    """
    space = get_space(labelled.space)
    rows = zip(labelled.texts, labelled.keys, labelled.values, splits, strict=True)
    for text, key, values, split in rows:
        sentence = Mark(SECOND, "sentence", text, language=language)
        recording = from_arrays(key, text=[sentence])
        groups = {"text": key, "language": language, "split": split}
        yield Example(recording, {space.name: _truth(space, values, corpus)}, groups=groups)


def _truth(space: Space, values: np.ndarray, corpus: str) -> Estimate:
    track = Track(np.array([SECOND.middle]), values[None], space.labels, width=SECOND.duration)
    return Estimate(space, track, np.ones(1), f"annotators of {corpus}", basis="annotators")
