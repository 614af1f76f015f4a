"""ESC-10: ten environmental sounds.

Layout: `NNN - Class/<fold>-<source>-<take>.ogg`, NNN counting from 001 in the order of `CLASSES`;
the first digit of a name is the fold, 1 to 5. Clips cut from one source are in one fold, so the
published protocol `folds` leaves one fold out at a time. A copy may lack folds.

Source: Piczak, "ESC: dataset for environmental sound classification", ACM Multimedia 2015. CC BY.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from insula.core.roles import Corpus, Example
from insula.core.space import Space
from insula.corpora.labelled_audio import (
    Clip,
    check_protocol,
    examples,
    find_clips,
    folds,
    write_clip,
)
from insula.errors import UnexpectedLayout

NAME = "ESC-10"
ADVICE = "Get it from karolpiczak/ESC-10 on GitHub."
FOLDERS = (
    *("001 - Dog bark", "002 - Rain", "003 - Sea waves", "004 - Baby cry", "005 - Clock tick"),
    *("006 - Person sneeze", "007 - Helicopter", "008 - Chainsaw", "009 - Rooster"),
    "010 - Fire crackling",
)
CLASSES = tuple(folder[6:].lower() for folder in FOLDERS)
PATTERN = re.compile(r"([1-5])-(\d+)-([A-Z]\d*)")
SOUNDS10 = Space("esc10", CLASSES, "exclusive", "Piczak (2015), ESC, ACM Multimedia")


class ESC10(Corpus):
    """Clips in the order of classes, then of file names."""

    name = "esc10"
    title = "ESC-10, ten environmental sounds"
    citation = "Piczak (2015), ESC: dataset for environmental sound classification, ACM MM"
    licence = "CC BY 3.0"
    access = "free download from karolpiczak/ESC-10 on GitHub"
    layout = "NNN - Class/<fold>-<source>-<take>.ogg"
    space = "esc10"
    protocols = ("folds",)

    def __iter__(self) -> Iterator[Example]:
        yield from examples(read_clips(self.root), SOUNDS10, corpus=NAME)

    def split(self, protocol: str) -> list[tuple[Sequence[int], Sequence[int]]]:
        """One fold of the release left out at a time, of the folds that are there."""
        check_protocol(NAME, protocol, self.protocols)
        clips = read_clips(self.root)
        return list(folds(clips, "fold", len({clip.groups["fold"] for clip in clips})))

    @staticmethod
    def make_fixture(folder: str | Path, groups: int = 3, *, rng: np.random.Generator) -> None:
        """A tree of the same layout: a made-up clip of each class in each of `groups` folds."""
        for fold in range(1, groups + 1):
            for name in FOLDERS:
                write_clip(Path(folder) / name / f"{fold}-{rng.integers(10_000)}-A.ogg", rng)


def read_clips(root: str | Path) -> list[Clip]:
    """Every clip; its label is a place in `CLASSES`."""
    clips = []
    for path in find_clips(NAME, root, "[0-9]*/*", advice=ADVICE):
        found = PATTERN.fullmatch(path.stem)
        if found is None or path.parent.name not in FOLDERS:
            expected = f"<fold>-<source>-<take> in one of: {', '.join(FOLDERS)}"
            raise UnexpectedLayout(NAME, path, f"{path.parent.name}/{path.stem}", expected)
        groups = {"fold": found[1], "source": found[2]}
        clips.append(Clip(path, FOLDERS.index(path.parent.name), groups))
    return clips
