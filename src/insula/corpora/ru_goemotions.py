"""ru_go_emotions: the comments of GoEmotions in Russian, by machine translation.

Layout: `ru-go-emotions-simplified-validation.csv` and, where it was fetched, the same of the test
part, which is the split "test"; with the columns ru_text, text, labels, id. Labels look like
"[ 4 27]", numbers in the order of GoEmotions.

The validation part translates exactly the development part of GoEmotions (the same ids). So a net
that has learnt from all of it has met the labels of those comments, in Russian; `tenth` of the
English text keeps a comment and its translation on the same side of a split.

Source: machine translation of Demszky et al. (2020) published as ru_go_emotions under MIT.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from insula.core.roles import Corpus, Example
from insula.core.space import GOEMOTIONS, title
from insula.corpora.labelled_audio import check_protocol
from insula.corpora.labelled_text import (
    HELD_OUT,
    LabelledTexts,
    examples,
    indicators,
    parts_by_wording,
    read_lines,
    stack,
)
from insula.errors import UnexpectedLayout

NAME = "ru_go_emotions"
FILE = "ru-go-emotions-simplified-validation.csv"
TEST, TEST_FILE = "test", "ru-go-emotions-simplified-test.csv"
COLUMNS = ["ru_text", "text", "labels", "id"]
ADVICE = "Get the validation part of ru_go_emotions, simplified, as CSV."


class RuGoEmotions(Corpus):
    """Russian comments in the order of the file."""

    name = "ru_goemotions"
    title = "GoEmotions in Russian, machine translated, validation part"
    citation = "Demszky et al. (2020), GoEmotions, ACL; Russian machine translation"
    licence = "MIT"
    access = "free download from its publisher on the Hugging Face hub, ru_go_emotions"
    layout = f"{FILE}; {TEST_FILE} where it is wanted"
    space = "goemotions"
    protocols = ("wording-80-20",)
    splits = ("train", HELD_OUT, TEST)
    group = "text"

    def __iter__(self) -> Iterator[Example]:
        there = [file for file in (FILE, TEST_FILE) if (Path(self.root) / file).is_file()]
        for file in there or [FILE]:
            comments, english = read_translations(self.root, file)
            splits = [TEST] * len(english) if file == TEST_FILE else parts_by_wording(english)
            yield from examples(comments, language="ru", corpus=NAME, splits=splits)

    def split(self, protocol: str) -> list[tuple[Sequence[int], Sequence[int]]]:
        """One split by a checksum of the English wording: 80 % to learn from, 20 % held out."""
        check_protocol(NAME, protocol, self.protocols)
        _, english = read_translations(self.root)
        held_out = np.array(parts_by_wording(english)) == HELD_OUT
        return [(np.flatnonzero(~held_out).tolist(), np.flatnonzero(held_out).tolist())]

    @staticmethod
    def make_fixture(folder: str | Path, groups: int = 3, *, rng: np.random.Generator) -> None:
        """A file of the same layout: `groups` made-up comments a label."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        with (Path(folder) / FILE).open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(COLUMNS)
            for group in range(groups):
                for number, label in enumerate(GOEMOTIONS.labels):
                    draw = rng.integers(1000)
                    russian = f"Я чувствую {title(label, 'ru')} номер {draw}!"
                    english = f"I feel {label} number {draw}!"
                    writer.writerow([russian, english, f"[{number}]", f"r{number}x{group}"])


def read_translations(root: str | Path, file: str = FILE) -> tuple[LabelledTexts, tuple[str, ...]]:
    """The Russian comments with their labels, and the English text of each."""
    lines = read_lines(NAME, root, file, advice=ADVICE)
    rows = csv.reader(line + "\n" for line in lines)
    header = next(rows, [])
    if header != COLUMNS:
        raise UnexpectedLayout(NAME, Path(root) / file, f"columns {header}", f"columns {COLUMNS}")
    russian, english, keys, values = [], [], [], []
    for row in rows:
        numbers = row[2].strip("[]").split() if len(row) == len(COLUMNS) else []
        if not numbers or not all(n.isdecimal() and int(n) < len(GOEMOTIONS) for n in numbers):
            expected = f"{', '.join(COLUMNS)} in each row, with labels such as '[ 4 27]'"
            raise UnexpectedLayout(NAME, Path(root) / file, repr(row), expected)
        russian.append(row[0])
        english.append(row[1])
        keys.append(row[3])
        values.append(indicators(map(int, numbers), len(GOEMOTIONS)))
    table = stack(values, len(GOEMOTIONS))
    return LabelledTexts(tuple(russian), tuple(keys), "goemotions", table), tuple(english)
