"""RAVDESS: two sentences spoken by actors in eight emotions.

Layout: `Actor_NN/03-01-EE-II-SS-RR-AA.wav`: emotion EE (01 neutral, 02 calm, 03 happy, 04 sad,
05 angry, 06 fearful, 07 disgust, 08 surprised), intensity II (01 normal, 02 strong; neutral has
no strong), statement SS, repetition RR, actor AA (odd male, even female). Song (02 in second place)
is left out. Films with sound, `01-01-EE-II-SS-RR-AA.mp4`, are read where their sound alone (03) is
not there; films without sound (02) never. The folder of one actor is as good as that of all.

Every actor says the same two sentences, so a random split leaks: `actor5` makes five folds of
whole actors; `statement2` tests on the sentence not trained on, for adaptation to a person.

Source: Livingstone and Russo, "The Ryerson audio-visual database of emotional speech and song",
PLOS ONE 13, 2018. CC BY-NC-SA 4.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from insula.core.roles import Corpus, Example
from insula.core.space import RAVDESS8
from insula.corpora.labelled_audio import (
    SUFFIXES,
    Clip,
    check_protocol,
    examples,
    find_clips,
    folds,
    write_clip,
)
from insula.errors import UnexpectedLayout

NAME = "RAVDESS"
ADVICE = "Get the speech archive from zenodo.org/records/1188976."
FOLDS = 5
FILM = ".mp4"
PATTERN = re.compile(r"(0[1-3])-(0[12])-(0[1-8])-(0[12])-(0[12])-(0[12])-(\d\d)")


class RAVDESS(Corpus):
    """Clips in the order of actors, then of file names."""

    name = "ravdess"
    title = "RAVDESS, acted speech in eight emotions"
    citation = "Livingstone and Russo (2018), RAVDESS, PLOS ONE 13"
    licence = "CC BY-NC-SA 4.0"
    access = "free download from Zenodo, record 1188976"
    layout = "Actor_NN/03-01-EE-II-SS-RR-AA.wav (or .flac; or 01-01-....mp4)"
    space = "ravdess8"
    protocols = ("actor5", "statement2")
    group = "speaker"
    counts = {"all": 1440}  # 60 takes of speech of 24 actors

    def __iter__(self) -> Iterator[Example]:
        yield from examples(read_clips(self.root), RAVDESS8, corpus=NAME)

    def split(self, protocol: str) -> list[tuple[Sequence[int], Sequence[int]]]:
        """Folds of whole actors, or of whole statements."""
        check_protocol(NAME, protocol, self.protocols)
        group, count = ("speaker", FOLDS) if protocol == "actor5" else ("statement", 2)
        return list(folds(read_clips(self.root), group, count))

    @staticmethod
    def make_fixture(folder: str | Path, groups: int = 3, *, rng: np.random.Generator) -> None:
        """A tree of the same layout: eight made-up clips of each of `groups` actors."""
        for actor in range(1, groups + 1):
            for emotion in range(1, 9):
                strong = 1 if emotion == 1 else int(rng.integers(1, 3))
                name = f"03-01-{emotion:02}-{strong:02}-{1 + emotion % 2:02}-01-{actor:02}.flac"
                write_clip(Path(folder) / f"Actor_{actor:02}" / name, rng)


def read_clips(root: str | Path) -> list[Clip]:
    """Every take of speech; its label is a column of `RAVDESS8`."""
    pattern = "*" if Path(root).name.startswith("Actor_") else "Actor_*/*"
    takes: dict[str, Clip] = {}
    for path in find_clips(NAME, root, pattern, advice=ADVICE, suffixes=(*SUFFIXES, FILM)):
        found = PATTERN.fullmatch(path.stem)
        if found is None or path.parent.resolve().name != f"Actor_{found[7]}":
            expected = "Actor_NN/03-01-EE-II-SS-RR-NN"
            raise UnexpectedLayout(NAME, path, f"the name {path.stem!r}", expected)
        streams, vocal, emotion, intensity, statement, _, actor = found.groups()
        if vocal != "01" or streams == "02":  # song, film without sound
            continue
        groups = {
            "speaker": actor,
            "sex": "male" if int(actor) % 2 else "female",
            "statement": statement,
            "intensity": "normal" if intensity == "01" else "strong",
        }
        # In the order of names a film comes before its sound alone, which takes its place.
        takes[path.stem[3:]] = Clip(path, int(emotion) - 1, groups)
    return [takes[name] for name in sorted(takes, key=lambda name: (name[-2:], name))]
