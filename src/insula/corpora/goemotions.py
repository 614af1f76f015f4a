"""GoEmotions: English comments from Reddit, each labelled with some of 27 emotions or neutral.

Layout: `train.tsv`, `dev.tsv` and `test.tsv`, any of which may be absent, in the folder itself or
in its folder `original` or `data`; rows hold the text, the numbers of its labels separated by
commas, and the comment's id, separated by tabs. `labels.txt` or, as released, `emotions.txt`
beside them lists the labels, one a line, in the order of their numbers; where neither is there that
order is taken as published. The authors' own grouping into Ekman's emotions is the bridge
goemotions -> ekman7.

Names of people were replaced by "[NAME]" and of religions by "[RELIGION]".

Source: Demszky et al., "GoEmotions: a dataset of fine-grained emotions", ACL 2020.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from insula.core.roles import Corpus, Example
from insula.core.space import GOEMOTIONS
from insula.corpora.labelled_audio import part_ranges
from insula.corpora.labelled_text import (
    LabelledTexts,
    examples,
    find_file,
    indicators,
    read_lines,
    stack,
)
from insula.errors import ConfigError, FilesMissing, UnexpectedLayout

NAME = "GoEmotions"
FOLDERS = ("original/", "data/", "")  # of our copy, of the release, or given itself
PARTS = ("train", "dev", "test")
LABELS = ("labels.txt", "emotions.txt")
ADVICE = "Get the folder data of GoEmotions from its authors, google-research on GitHub."


class GoEmotions(Corpus):
    """Comments of the training part, then of the development part, then of the test part."""

    name = "goemotions"
    title = "GoEmotions, English comments with 27 emotions and neutral"
    citation = "Demszky et al. (2020), GoEmotions: a dataset of fine-grained emotions, ACL"
    licence = "CC BY 4.0 (texts and labels), Apache-2.0 (code)"
    access = "free download from google-research on GitHub, folder goemotions/data"
    layout = "{train,dev,test}.tsv, in the folder or in its folder original or data"
    space = "goemotions"
    protocols = ("train-dev",)
    splits = PARTS
    group = "text"
    counts = {"train": 43_410, "dev": 5426, "test": 5427}

    def __iter__(self) -> Iterator[Example]:
        for part in self._parts():
            yield from self.part(part)

    def part(self, split: str) -> Iterator[Example]:
        """The comments of "train", "dev" or "test"; the other parts need not be there."""
        comments = read_part(self.root, split)
        splits = [split] * len(comments)
        return examples(comments, language="en", corpus=NAME, splits=splits)

    def split(self, protocol: str) -> list[tuple[Sequence[int], Sequence[int]]]:
        """The published split: "train-dev", or "train-test", where these parts are there."""
        ranges = part_ranges({part: len(read_part(self.root, part)) for part in self._parts()})
        train = ranges.pop("train", range(0))
        tested = {f"train-{part}": rows for part, rows in ranges.items()}
        if protocol not in tested or not train:
            raise ConfigError(
                f"{NAME} in {str(self.root)!r} cannot be split by {protocol!r}. "
                f"Choose one of: {', '.join(tested)}"
            )
        return [(train, tested[protocol])]

    def _parts(self) -> tuple[str, ...]:
        there = tuple(part for part in PARTS if _place(self.root, f"{part}.tsv"))
        if not there:
            raise FilesMissing(NAME, self.root, [f"{part}.tsv" for part in PARTS], ADVICE)
        return there

    @staticmethod
    def make_fixture(folder: str | Path, groups: int = 3, *, rng: np.random.Generator) -> None:
        """A tree of the same layout: `groups` made-up comments a label in each part."""
        target = Path(folder) / FOLDERS[0]
        target.mkdir(parents=True, exist_ok=True)
        labels = GOEMOTIONS.labels
        (target / "labels.txt").write_text("\n".join(labels), encoding="utf-8")
        for part in PARTS[:2]:
            rows = [
                f"I feel {label} number {rng.integers(1000)}!\t{number}\t{part}{number}x{group}\n"
                for group in range(groups)
                for number, label in enumerate(labels)
            ]
            (target / f"{part}.tsv").write_text("".join(rows), encoding="utf-8")


def read_part(root: str | Path, part: str) -> LabelledTexts:
    """The comments of "train", "dev" or "test", in the order of the file."""
    _check_labels(root)
    file = _place(root, f"{part}.tsv") or f"{part}.tsv"
    texts, keys, rows = [], [], []
    for line in read_lines(NAME, root, file, advice=ADVICE):
        cells = line.split("\t")
        numbers = cells[1].split(",") if len(cells) == 3 else []
        count = len(GOEMOTIONS.labels)
        if not numbers or not all(n.isdecimal() and int(n) < count for n in numbers):
            expected = f"a text, numbers of labels below {count}, and an id, separated by tabs"
            raise UnexpectedLayout(NAME, Path(root) / file, repr(line), expected)
        texts.append(cells[0])
        keys.append(cells[2])
        rows.append(indicators(map(int, numbers), count))
    return LabelledTexts(tuple(texts), tuple(keys), "goemotions", stack(rows, len(GOEMOTIONS)))


def _place(root: str | Path, *names: str) -> str | None:
    """Where one of these files lies under `root`."""
    return find_file(root, (folder + name for name in names for folder in FOLDERS))


def _check_labels(root: str | Path) -> None:
    file = _place(root, *LABELS)
    if file is None:
        return
    found = tuple(read_lines(NAME, root, file, advice=ADVICE))
    if found != GOEMOTIONS.labels:
        expected = f"the {len(GOEMOTIONS)} labels in the order of the release"
        raise UnexpectedLayout(NAME, Path(root) / file, ", ".join(found), expected)
