"""XED: lines of film subtitles, each labelled with some of Plutchik's eight emotions.

Layout: `AnnotatedData/en-annotated.tsv`, English lines labelled by people, and
`Projections/<language>-projections.tsv`, the labels carried over to aligned lines of other
languages. A row holds the text and its numbers separated by commas, with a tab between; the
numbers count from one in the order of the space plutchik8. Neutral lines stand in a file of their
own that this loader does not read: a line here has always an emotion.

The release has no split; `wording-80-20` holds out 20 % by a checksum of the wording.

Source: Öhman et al., "XED: a multilingual dataset for sentiment analysis and emotion detection",
COLING 2020.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from insula.core.roles import Corpus, Example
from insula.core.space import PLUTCHIK8, Language, title
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

NAME = "XED"
ANNOTATED = "AnnotatedData/en-annotated.tsv"
PROJECTED = "Projections/{language}-projections.tsv"
ADVICE = "Get it from Helsinki-NLP/XED on GitHub."


class XED(Corpus):
    """Subtitle lines, language after language.

    languages: ISO 639-1 codes; "en" was labelled by people, any other is a projection.
    """

    name = "xed"
    title = "XED, subtitle lines with Plutchik's eight emotions"
    citation = "Öhman et al. (2020), XED, COLING"
    licence = "CC BY 4.0"
    access = "free download from Helsinki-NLP/XED on GitHub"
    layout = f"{ANNOTATED} and {PROJECTED}"
    space = "plutchik8"
    protocols = ("wording-80-20",)
    splits = ("train", HELD_OUT)
    group = "text"

    def __init__(self, root: str | Path, languages: Sequence[str] = ("en", "ru")) -> None:
        super().__init__(root)
        self.languages = languages

    def __iter__(self) -> Iterator[Example]:
        for language in self.languages:
            lines = read_language(self.root, language)
            splits = parts_by_wording(lines.texts)
            yield from examples(lines, language=language, corpus=NAME, splits=splits)

    def split(self, protocol: str) -> list[tuple[Sequence[int], Sequence[int]]]:
        """One split by a checksum of the wording: 80 % to learn from, 20 % held out."""
        check_protocol(NAME, protocol, self.protocols)
        texts = [text for each in self.languages for text in read_language(self.root, each).texts]
        held_out = np.array(parts_by_wording(texts)) == HELD_OUT
        return [(np.flatnonzero(~held_out).tolist(), np.flatnonzero(held_out).tolist())]

    @staticmethod
    def make_fixture(folder: str | Path, groups: int = 3, *, rng: np.random.Generator) -> None:
        """A tree of the same layout, English and Russian: `groups` made-up lines a label."""
        languages: tuple[Language, ...] = ("en", "ru")
        for language in languages:
            path = Path(folder) / _file(language)
            path.parent.mkdir(parents=True, exist_ok=True)
            rows = [
                f"{title(label, language)} ! {rng.integers(1000)} {group}\t{number + 1}\r\n"
                for group in range(groups)
                for number, label in enumerate(PLUTCHIK8.labels)
            ]
            path.write_text("".join(rows), encoding="utf-8", newline="")


def read_language(root: str | Path, language: str) -> LabelledTexts:
    """The lines of one language, in the order of the file."""
    file = _file(language)
    texts, rows = [], []
    for line in read_lines(NAME, root, file, advice=ADVICE):
        text, tab, listed = line.rpartition("\t")
        numbers = [number.strip() for number in listed.split(",")]
        if not tab or not all(n.isdecimal() and 1 <= int(n) <= len(PLUTCHIK8) for n in numbers):
            expected = f"a text, a tab, and numbers from 1 to {len(PLUTCHIK8)}"
            raise UnexpectedLayout(NAME, Path(root) / file, repr(line), expected)
        texts.append(text)
        rows.append(indicators((int(number) - 1 for number in numbers), len(PLUTCHIK8)))
    keys = tuple(f"{language}-{row}" for row in range(len(texts)))
    return LabelledTexts(tuple(texts), keys, "plutchik8", stack(rows, len(PLUTCHIK8)))


def _file(language: str) -> str:
    return ANNOTATED if language == "en" else PROJECTED.format(language=language)
