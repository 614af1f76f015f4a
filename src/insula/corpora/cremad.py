"""CREMA-D: twelve sentences spoken by 91 actors in six emotions.

Layout: `AudioWAV/<actor>_<sentence>_<EMO>_<level>.wav`: actor 1001 to 1091, sentence a code of
three letters, emotion NEU, HAP, SAD, FEA, DIS or ANG, level LO, MD, HI or XX (not said; one clip of
the release says X). Beside it, where wanted, `train.csv` and `test.csv` with rows `clip,EMO` and no
header, as the authors of OGM-GE published them. The films are not read.

These lists put clips of the same actors, even of the same sentence, on both sides: protocol `lists`
compares with published numbers only. `speaker5` makes five folds of whole actors.

Sources: Cao et al., "CREMA-D: crowd-sourced emotional multimodal actors dataset", IEEE TAC 5, 2014.
Lists: Peng et al., "Balanced multimodal learning via on-the-fly gradient modulation", CVPR 2022.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from insula.core.roles import Corpus, Example
from insula.core.space import Space
from insula.corpora.labelled_audio import (
    SPEAKER_FOLDS,
    Clip,
    check_protocol,
    examples,
    find_clips,
    folds,
    write_clip,
)
from insula.corpora.labelled_text import check_files, read_lines
from insula.errors import FilesMissing, UnexpectedLayout

NAME = "CREMA-D"
FOLDER = "AudioWAV"
PARTS = ("train", "test")
EMOTIONS = {  # in the order of the published lists
    "NEU": "neutral",
    "HAP": "happiness",
    "SAD": "sadness",
    "FEA": "fear",
    "DIS": "disgust",
    "ANG": "anger",
}
LEVELS = {"LO": "low", "MD": "medium", "HI": "high", "XX": "not said", "X": "not said"}
PATTERN = re.compile(rf"(1\d{{3}})_([A-Z]{{3}})_({'|'.join(EMOTIONS)})_({'|'.join(LEVELS)})")
SENTENCES = ("IEO", "TIE", "IOM")  # of made-up clips
ADVICE = "Get AudioWAV from CheyneyComputerScience/CREMA-D on GitHub."
LISTS = "Get train.csv and test.csv from GeWu-Lab/OGM-GE_CVPR2022 on GitHub, or use speaker5."
CREMAD6 = Space(
    "cremad6",
    tuple(EMOTIONS.values()),
    "exclusive",
    "Cao et al. (2014), CREMA-D, IEEE TAC 5; order of the lists of Peng et al. (2022)",
)


class CREMAD(Corpus):
    """Clips in the order of actors, then of sentences."""

    name = "cremad"
    title = "CREMA-D, acted sentences in six emotions"
    citation = "Cao et al. (2014), CREMA-D, IEEE Transactions on Affective Computing 5"
    licence = "Open Database License"
    access = "free download from GitHub"
    layout = f"{FOLDER}/<actor>_<sentence>_<EMO>_<level>.wav; train.csv and test.csv for the lists"
    space = "cremad6"
    protocols = ("speaker5", "lists")
    splits = PARTS
    group = "speaker"
    counts = {"train": 6698, "test": 744}

    def __iter__(self) -> Iterator[Example]:
        clips = read_clips(self.root)
        if all((Path(self.root) / f"{part}.csv").is_file() for part in PARTS):
            of = read_lists(self.root)
            clips = [
                replace(clip, groups={**clip.groups, "split": of[clip.path.stem]})
                if clip.path.stem in of
                else clip
                for clip in clips
            ]
        yield from examples(clips, CREMAD6, corpus=NAME)

    def part(self, split: str) -> Iterator[Example]:
        """The clips of the list "train" or "test", which must be there."""
        read_lists(self.root)
        yield from super().part(split)

    def split(self, protocol: str) -> list[tuple[Sequence[int], Sequence[int]]]:
        """Folds of whole actors, or the published lists, which share actors."""
        check_protocol(NAME, protocol, self.protocols)
        clips = read_clips(self.root)
        if protocol == "speaker5":
            return list(folds(clips, "speaker", SPEAKER_FOLDS))
        of = read_lists(self.root)
        there = {clip.path.stem for clip in clips}
        missing = [f"{FOLDER}/{name}.wav" for name in of if name not in there]
        if missing:
            raise FilesMissing(NAME, self.root, missing, ADVICE)
        parts = np.array([of.get(clip.path.stem, "") for clip in clips])
        train, test = (np.flatnonzero(parts == part).tolist() for part in PARTS)
        return [(train, test)]

    @staticmethod
    def make_fixture(folder: str | Path, groups: int = 3, *, rng: np.random.Generator) -> None:
        """A tree of the same layout: a made-up clip of each emotion of `groups` actors, in lists.

        One emotion of each actor is in the test list, as each actor is in both of the real ones.
        """
        rows: dict[str, list[str]] = {part: [] for part in PARTS}
        for actor in range(groups):
            for number, emotion in enumerate(EMOTIONS):
                sentence, level = SENTENCES[number % 3], "HI" if number % 3 == 0 else "XX"
                name = f"{1001 + actor}_{sentence}_{emotion}_{level}"
                write_clip(Path(folder) / FOLDER / f"{name}.wav", rng, seconds=0.2)
                rows["test" if number == actor % len(EMOTIONS) else "train"].append(name)
        for part, names in rows.items():
            lines = [f"{name},{name.split('_')[2]}\n" for name in names]
            (Path(folder) / f"{part}.csv").write_text("".join(lines), encoding="utf-8")


def read_clips(root: str | Path) -> list[Clip]:
    """Every clip; its label is a column of `CREMAD6`."""
    clips = []
    for path in find_clips(NAME, root, f"{FOLDER}/*", advice=ADVICE):
        found = PATTERN.fullmatch(path.stem)
        if found is None:
            expected = f"<actor>_<sentence>_<{'|'.join(EMOTIONS)}>_<{'|'.join(LEVELS)}>"
            raise UnexpectedLayout(NAME, path, f"the name {path.stem!r}", expected)
        actor, sentence, emotion, level = found.groups()
        groups = {
            "speaker": actor,
            "sentence": sentence,
            "level": LEVELS[level],
            "clip": path.stem,
        }
        clips.append(Clip(path, CREMAD6.index(EMOTIONS[emotion]), groups))
    return clips


def read_lists(root: str | Path) -> Mapping[str, str]:
    """Name of a clip -> the list it is in, "train" or "test"."""
    check_files(NAME, root, [f"{part}.csv" for part in PARTS], advice=LISTS)
    of: dict[str, str] = {}
    for part in PARTS:
        file = f"{part}.csv"
        for row in csv.reader(read_lines(NAME, root, file, advice=LISTS)):
            found = PATTERN.fullmatch(row[0]) if len(row) == 2 else None
            if found is None or found[3] != row[1] or of.get(row[0], part) != part:
                expected = "a clip, in this list only, and its emotion in each row"
                raise UnexpectedLayout(NAME, Path(root) / file, repr(",".join(row)), expected)
            of[row[0]] = part
    return of
