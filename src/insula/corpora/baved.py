"""BAVED: Arabic words, each said at three levels of emotion.

Layout: `<word>/<speaker>-<sex>-<age>-<word>-<level>-<id>.wav`: word 0 to 6, level 0 low (tired),
1 neutral, 2 high (with strong feeling, whether of joy or of anger). The level is taken as arousal,
-1, 0 and 1; of valence it says nothing. A few clips of the release lie in another word's folder.

The release has no split; `speaker5` makes five folds of whole speakers.

Source: Aouf, "Basic Arabic vocal emotions dataset (BAVED)", 2019, 40uf411 on GitHub. No licence is
stated: research use, do not redistribute.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from insula.core.space import Space
from insula.corpora.labelled_audio import Clip, SpeakerCorpus, find_clips, write_clip
from insula.errors import UnexpectedLayout

NAME = "BAVED"
ADVICE = "Get the release from 40uf411/Basic-Arabic-Vocal-Emotions-Dataset on GitHub."
PATTERN = re.compile(r"(\d+)-([mf])-(\d+)-([0-6])-([0-2])-(\d+)")
AROUSAL = Space(
    "arousal",
    ("arousal",),
    "axes",
    "the second axis of Russell (1980), A circumplex model of affect, JPSP 39",
    low=-1.0,
)


class BAVED(SpeakerCorpus):
    """Clips in the order of words, then of file names."""

    name = "baved"
    title = "BAVED, Arabic words at three levels of emotion"
    citation = "Aouf (2019), Basic Arabic vocal emotions dataset"
    licence = "none stated; research use, do not redistribute"
    access = "free download from GitHub"
    layout = "<word>/<speaker>-<sex>-<age>-<word>-<level>-<id>.wav (or .opus)"
    space = "arousal"
    counts = {"all": 1935}  # as its repository says

    def clips(self) -> list[Clip]:
        """Every clip, as `read_clips` gives it."""
        return read_clips(self.root)

    @staticmethod
    def make_fixture(folder: str | Path, groups: int = 3, *, rng: np.random.Generator) -> None:
        """A tree of the same layout: three made-up clips of each of `groups` speakers."""
        for speaker in range(groups):
            for level in range(3):
                sex, age, word = "fm"[speaker % 2], 20 + speaker, int(rng.integers(7))
                name = f"{speaker}-{sex}-{age}-{word}-{level}-{3 * speaker + level}.opus"
                write_clip(Path(folder) / str(word) / name, rng)


def read_clips(root: str | Path) -> list[Clip]:
    """Every clip; its label is arousal: -1, 0 or 1."""
    clips = []
    for path in find_clips(NAME, root, "[0-6]/*", advice=ADVICE):
        found = PATTERN.fullmatch(path.stem)
        if found is None:
            expected = "<word>/<speaker>-<m or f>-<age>-<word>-<level 0 to 2>-<id>"
            raise UnexpectedLayout(NAME, path, f"the name {path.stem!r}", expected)
        speaker, sex, _, _, level, _ = found.groups()
        groups = {"speaker": speaker, "sex": {"m": "male", "f": "female"}[sex]}
        clips.append(Clip(path, int(level) - 1.0, groups))
    return clips
