"""ESC-10: ten environmental sounds.

Two releases hold the same clips, and either is read, from its folder or from the one around it:

* ESC-10: `NNN - Class/<fold>-<source>-<take>.ogg`, NNN counting from 001 in the order of `CLASSES`;
  the first digit of a name is the fold, 1 to 5;
* ESC-50: `meta/esc50.csv` beside `audio/*.wav`; its rows with `esc10` True.

Clips cut from one source are in one fold, so the published protocol `folds` leaves one fold out at
a time. A copy may lack folds.

Source: Piczak, "ESC: dataset for environmental sound classification", ACM Multimedia 2015. CC BY.
"""

from __future__ import annotations

import csv
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
from insula.errors import FilesMissing, UnexpectedLayout

NAME = "ESC-10"
ADVICE = "Get it from karolpiczak/ESC-10 or karolpiczak/ESC-50 on GitHub."
FOLDERS = (
    *("001 - Dog bark", "002 - Rain", "003 - Sea waves", "004 - Baby cry", "005 - Clock tick"),
    *("006 - Person sneeze", "007 - Helicopter", "008 - Chainsaw", "009 - Rooster"),
    "010 - Fire crackling",
)
CLASSES = tuple(folder[6:].lower() for folder in FOLDERS)
IN_ESC50 = (  # the names of the same classes there
    *("dog", "rain", "sea_waves", "crying_baby", "clock_tick", "sneezing", "helicopter"),
    *("chainsaw", "rooster", "crackling_fire"),
)
TABLE = "meta/esc50.csv"
COLUMNS = ("filename", "fold", "category", "esc10", "src_file")
PATTERN = re.compile(r"([1-5])-(\d+)-([A-Z]\d*)")
SOUNDS10 = Space("esc10", CLASSES, "exclusive", "Piczak (2015), ESC, ACM Multimedia")


class ESC10(Corpus):
    """Clips in the order of classes, then of file names; of ESC-50 in the order of its table."""

    name = "esc10"
    title = "ESC-10, ten environmental sounds"
    citation = "Piczak (2015), ESC: dataset for environmental sound classification, ACM MM"
    licence = "CC BY 3.0"
    access = "free download from karolpiczak/ESC-10 or karolpiczak/ESC-50 on GitHub"
    layout = f"NNN - Class/<fold>-<source>-<take>.ogg, or {TABLE} beside audio/*.wav"
    space = "esc10"
    protocols = ("folds",)
    group = "source"
    counts = {"all": 400}  # 40 clips of ten classes

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
    """Every clip; its label is a place in `CLASSES`. root: of either release, or around it."""
    inside = sorted(path for path in Path(root).glob("*") if path.is_dir())
    for folder in (Path(root), *inside):
        if (folder / TABLE).is_file():
            return _of_table(folder)
        if any(folder.glob("[0-9][0-9][0-9] - *")):
            return _of_folders(folder)
    raise FilesMissing(NAME, root, ["NNN - Class", TABLE], ADVICE)


def _of_folders(root: Path) -> list[Clip]:
    clips = []
    for path in find_clips(NAME, root, "[0-9]*/*", advice=ADVICE):
        found = PATTERN.fullmatch(path.stem)
        if found is None or path.parent.name not in FOLDERS:
            expected = f"<fold>-<source>-<take> in one of: {', '.join(FOLDERS)}"
            raise UnexpectedLayout(NAME, path, f"{path.parent.name}/{path.stem}", expected)
        groups = {"fold": found[1], "source": found[2]}
        clips.append(Clip(path, FOLDERS.index(path.parent.name), groups))
    return clips


def _of_table(root: Path) -> list[Clip]:
    """The rows of ESC-50's table that belong to ESC-10 and whose files are there."""
    table = root / TABLE
    with table.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        if not set(COLUMNS) <= set(rows.fieldnames or ()):
            found = f"the columns {rows.fieldnames}"
            raise UnexpectedLayout(NAME, table, found, f"columns {', '.join(COLUMNS)}")
        wanted = [row for row in rows if row["esc10"] == "True"]
    clips = []
    for row in wanted:
        if row["category"] not in IN_ESC50:
            expected = f"one of: {', '.join(IN_ESC50)}"
            raise UnexpectedLayout(NAME, table, f"the category {row['category']!r}", expected)
        path = root / "audio" / row["filename"]
        if path.is_file():  # a copy may lack folds
            groups = {"fold": row["fold"], "source": row["src_file"]}
            clips.append(Clip(path, IN_ESC50.index(row["category"]), groups))
    if not clips:
        raise FilesMissing(NAME, root / "audio", ["the files of the table's rows"], ADVICE)
    return clips
