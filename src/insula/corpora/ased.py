"""ASED: Amharic sentences acted in five emotions.

Layout: `0N<Emotion>/<eN>-<sentence>-<repetition>-<gender>-<speaker>.wav`: a letter and a number of
the emotion (n1 neutral, f2 fearful, h3 happy, s4 sad, a5 angry), sentence 01 to 27, repetition 01
or 02, gender 01 female or 02 male, speaker.

The release has no split; `speaker5` makes five folds of whole speakers.

Source: Retta et al., "A new Amharic speech emotion dataset and classification benchmark", ACM
TALLIP 22, 2023. No licence is stated: research use, do not redistribute.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from insula.core.space import Space
from insula.corpora.labelled_audio import Clip, SpeakerCorpus, find_clips, write_clip
from insula.errors import UnexpectedLayout

NAME = "ASED"
ADVICE = "Get the release from Ethio2021/ASED_V1 on GitHub."
FOLDERS = ("01Neutral", "02Fearful", "03Happy", "04Sad", "05Angry")
LETTERS = "nfhsa"
PATTERN = re.compile(r"([nfhsa])([1-5])-(\d+)-(\d+)-(0[12])-(\d+)")
ASED5 = Space(
    "ased5",
    ("neutral", "fear", "happiness", "sadness", "anger"),
    "exclusive",
    "Retta et al. (2023), A new Amharic speech emotion dataset, ACM TALLIP 22",
)


class ASED(SpeakerCorpus):
    """Clips in the order of emotions, then of file names."""

    name = "ased"
    title = "ASED, acted Amharic speech in five emotions"
    citation = "Retta et al. (2023), A new Amharic speech emotion dataset, ACM TALLIP 22"
    licence = "none stated; research use, do not redistribute"
    access = "free download from GitHub"
    layout = "0N<Emotion>/<eN>-<sentence>-<repetition>-<gender>-<speaker>.wav (or .opus)"
    space = "ased5"
    counts = {"all": 2474}  # Retta et al. (2023), abstract

    def clips(self) -> list[Clip]:
        """Every clip, as `read_clips` gives it."""
        return read_clips(self.root)

    @staticmethod
    def make_fixture(folder: str | Path, groups: int = 3, *, rng: np.random.Generator) -> None:
        """A tree of the same layout: a made-up clip of each emotion of `groups` speakers."""
        for speaker in range(1, groups + 1):
            for label, (letter, place) in enumerate(zip(LETTERS, FOLDERS, strict=True), start=1):
                sentence, gender = int(rng.integers(1, 28)), 1 + speaker % 2
                name = f"{letter}{label}-{sentence:02}-01-{gender:02}-{speaker:02}.opus"
                write_clip(Path(folder) / place / name, rng)


def read_clips(root: str | Path) -> list[Clip]:
    """Every clip; its label is a column of `ASED5`."""
    clips = []
    for path in find_clips(NAME, root, "0[1-5]*/*", advice=ADVICE):
        found = PATTERN.fullmatch(path.stem)
        if found is None or LETTERS.index(found[1]) != int(found[2]) - 1:
            expected = "0N<Emotion>/<eN>-<sentence>-<repetition>-<01 or 02>-<speaker>"
            raise UnexpectedLayout(NAME, path, f"the name {path.stem!r}", expected)
        _, number, sentence, _, gender, speaker = found.groups()
        groups = {
            "speaker": speaker,
            "sex": {"01": "female", "02": "male"}[gender],
            "sentence": sentence,
        }
        clips.append(Clip(path, int(number) - 1, groups))
    return clips
