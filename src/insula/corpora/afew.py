"""AFEW: scenes of a few seconds out of films, one emotion each; the corpus of EmotiW.

Layout: `Train_AFEW/<Emotion>/<id>.avi` and `Val_AFEW/<Emotion>/<id>.avi`, where Emotion is a key of
`EMOTIONS`. (`AlignedFaces_LBPTOP_Points/` in a part has faces cut out by the organisers; it is
not read.) The labels of the test part are withheld, so the part that papers call test is often the
validation part.

Nobody promises that an id comes once, so the key of a scene has its folder in it.

Source: Dhall et al., "Collecting large, richly annotated facial-expression databases from movies",
IEEE Multimedia 19, 2012; Dhall, "EmotiW 2019", ICMI 2019.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from insula.core.roles import Corpus, Example
from insula.core.space import EKMAN7
from insula.corpora.films import write_film
from insula.corpora.labelled_audio import Clip, check_protocol, examples, find_clips
from insula.errors import FilesMissing, UnexpectedLayout, UnknownName

NAME = "AFEW"
PARTS = {"train": "Train_AFEW", "valid": "Val_AFEW"}
EMOTIONS = {  # folder -> label
    "Angry": "anger",
    "Disgust": "disgust",
    "Fear": "fear",
    "Happy": "happiness",
    "Neutral": "neutral",
    "Sad": "sadness",
    "Surprise": "surprise",
}
ADVICE = "Get it from the organisers of EmotiW, on agreement."


class AFEW(Corpus):
    """The scenes of the training part, then of the validation part, by emotion and id."""

    name = "afew"
    title = "AFEW, scenes of films in seven emotions"
    citation = "Dhall et al. (2012), AFEW, IEEE Multimedia 19"
    licence = "research use by signed agreement; scenes of films, do not redistribute"
    access = "on request with a signed agreement, from the organisers of EmotiW"
    layout = "{Train_AFEW,Val_AFEW}/EMOTION/ID.avi"
    space = "ekman7"
    protocols = ("official",)
    splits = tuple(PARTS)
    group = "clip"
    counts = {"train": 773, "valid": 383}

    def __iter__(self) -> Iterator[Example]:
        for part in PARTS:
            yield from self.part(part)

    def part(self, split: str) -> Iterator[Example]:
        """The scenes of "train" or "valid"; the other part need not be there."""
        yield from examples(read_clips(self.root, split), EKMAN7, corpus=NAME)

    def split(self, protocol: str) -> list[tuple[Sequence[int], Sequence[int]]]:
        """The parts of the release."""
        check_protocol(NAME, protocol, self.protocols)
        train, valid = (len(read_clips(self.root, part)) for part in PARTS)
        return [(range(train), range(train, train + valid))]

    @staticmethod
    def make_fixture(folder: str | Path, groups: int = 3, *, rng: np.random.Generator) -> None:
        """A tree of the same layout: in each part `groups` made-up scenes an emotion."""
        for part in PARTS.values():
            for emotion in EMOTIONS:
                for number in range(groups):
                    write_film(Path(folder) / part / emotion / f"{number:09}.avi", rng)


def read_clips(root: str | Path, part: str) -> list[Clip]:
    """Every scene of "train" or "valid"; its label is a column of `EKMAN7`."""
    if part not in PARTS:
        raise UnknownName(f"part of {NAME}", part, PARTS)
    paths = find_clips(NAME, root, f"{PARTS[part]}/*/*", advice=ADVICE, suffixes=(".avi",))
    found = {path.parent.name for path in paths}
    missing = [f"{PARTS[part]}/{emotion}" for emotion in EMOTIONS if emotion not in found]
    if missing:
        raise FilesMissing(NAME, root, missing, ADVICE)
    clips = []
    for path in paths:
        emotion = path.parent.name
        if emotion not in EMOTIONS:
            raise UnexpectedLayout(NAME, path, f"the emotion {emotion!r}", ", ".join(EMOTIONS))
        groups = {"clip": f"{part}/{emotion}/{path.stem}", "split": part}
        clips.append(Clip(path, EKMAN7.index(EMOTIONS[emotion]), groups))
    return clips
