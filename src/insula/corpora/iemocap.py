"""IEMOCAP: ten actors in five sessions of two, improvised and scripted, turn by turn.

Layout: `IEMOCAP_full_release`, or the folder around it, with `Session1` to `Session5`; in each
`dialog/EmoEvaluation/<dialogue>.txt` with a line `[start - end]<TAB>turn<TAB>label<TAB>[valence,
activation, dominance]` for each turn, `dialog/transcriptions/<dialogue>.txt` with lines `turn
[start-end]: words`, and `sentences/wav/<dialogue>/<turn>.wav`. The films of dialogues show both
speakers in one picture and are not read.

A turn is called `Ses01F_impro01_M003`: the letter behind the session says who wore the markers,
the letter before the number who speaks, so this one is spoken by the man of session 1, "01M".

Turns that most raters could not agree on (xxx) have no category and are left out. Ratings from 1
to 5 become -1 to 1: (rating - 3) / 2. They come as a second truth, in valence, arousal, dominance.

Protocols: `session5` tests on session 5; `loso5` leaves out one session at a time, `loso10` one
speaker, whose partner in the same dialogues stays in the training.

Source: Busso et al., "IEMOCAP: interactive emotional dyadic motion capture database", Language
Resources and Evaluation 42, 2008.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from insula.core.roles import Corpus, Example
from insula.core.space import VAD, Space, get_space
from insula.corpora.labelled_audio import check_protocol, write_clip
from insula.corpora.labelled_text import read_lines
from insula.corpora.spoken import of_whole, open_spoken
from insula.errors import FilesMissing, UnexpectedLayout

NAME = "IEMOCAP"
RELEASE = "IEMOCAP_full_release"
SESSIONS = (1, 2, 3, 4, 5)
TESTED = "5"  # the session that session5 tests on
MIDDLE, HIGHEST = 3.0, 5.0  # of the ratings
# Single raters went beyond the scale, and some of the means with them, by less than this.
SLIP = 1.0
ADVICE = "Get the full release from sail.usc.edu/iemocap, on request."
# [6.2901 - 8.2357]<TAB>Ses01F_impro01_F000<TAB>neu<TAB>[2.5000, 2.5000, 2.5000]
LINE = re.compile(r"\[[\d.]+ - [\d.]+\]\t(\w+)\t([a-z]{3})\t\[([\d.]+), ([\d.]+), ([\d.]+)\]")
TURN = re.compile(r"(Ses0([1-5])[FM]_\w+)_([FM])\d+")
SAID = re.compile(r"(Ses\w+) \[[\d.]+-[\d.]+\]: ?(.*)")
DISAGREED = "xxx"
LABELS = {  # of the release, in the order of its sheet
    "ang": "anger",
    "hap": "happiness",
    "exc": "excitement",
    "sad": "sadness",
    "neu": "neutral",
    "fru": "frustration",
    "fea": "fear",
    "sur": "surprise",
    "dis": "disgust",
    "oth": "other",
}
SOURCE = "Busso et al. (2008), IEMOCAP, Language Resources and Evaluation 42"
IEMOCAP10 = Space("iemocap10", tuple(LABELS.values()), "exclusive", SOURCE)
IEMOCAP4 = Space(
    "iemocap4",
    ("happiness", "sadness", "neutral", "anger"),
    "exclusive",
    f"{SOURCE}; the four classes in common use, excitement counted as happiness",
)
IEMOCAP6 = Space(
    "iemocap6",
    (*IEMOCAP4.labels, "excitement", "frustration"),
    "exclusive",
    f"{SOURCE}; the six classes in common use",
)


@dataclass(frozen=True)
class Turn:
    """What one speaker says at a time.

    label: of the release, "xxx" where the raters disagreed. ratings: (3,) valence, arousal and
    dominance in [-1, 1]. text: "" where there is no transcript of it.
    """

    key: str
    path: Path
    label: str
    ratings: np.ndarray
    text: str
    groups: Mapping[str, str]


class IEMOCAP(Corpus):
    """Turns with one of the ten categories, in the order of sessions, dialogues and time."""

    name = "iemocap"
    title = "IEMOCAP, acted dialogues, ten categories and three axes"
    citation = SOURCE
    licence = "licence agreement with USC; research use, do not redistribute"
    access = "on request with a signed agreement"
    layout = (
        "Session{1..5}/dialog/{EmoEvaluation,transcriptions}/<dialogue>.txt and "
        "Session{1..5}/sentences/wav/<dialogue>/<turn>.wav"
    )
    space = "iemocap10"
    protocols = ("session5", "loso5", "loso10")
    group = "speaker"
    counts: Mapping[str, int] = {}  # the sheet counts the turns without a category too
    merged: Mapping[str, str] = {}  # labels that count as another one

    def __iter__(self) -> Iterator[Example]:
        space = get_space(self.space)
        for turn in self._turns():
            heard = open_spoken(turn.path, turn.text, language="en")
            one = np.eye(len(space))[space.index(self._label(turn))]
            truth = {
                space.name: of_whole(heard, space, one, corpus=NAME),
                VAD.name: of_whole(heard, VAD, turn.ratings, corpus=NAME),
            }
            yield Example(heard, truth, person=turn.groups["speaker"], groups=turn.groups)

    def split(self, protocol: str) -> list[tuple[Sequence[int], Sequence[int]]]:
        """Session 5 against the others, or one session or one speaker at a time."""
        check_protocol(NAME, protocol, self.protocols)
        key = "speaker" if protocol == "loso10" else "session"
        of = np.array([turn.groups[key] for turn in self._turns()])
        tested = [TESTED] if protocol == "session5" else sorted(set(of))
        return [
            (np.flatnonzero(of != name).tolist(), np.flatnonzero(of == name).tolist())
            for name in tested
        ]

    def _turns(self) -> list[Turn]:
        """The turns whose category belongs to the space."""
        labels = get_space(self.space).labels
        return [turn for turn in read_turns(self.root) if self._label(turn) in labels]

    def _label(self, turn: Turn) -> str:
        label = LABELS.get(turn.label, "")
        return self.merged.get(label, label)

    @staticmethod
    def make_fixture(folder: str | Path, groups: int = 3, *, rng: np.random.Generator) -> None:
        """A tree of the same layout: in each session `groups` made-up turns of each speaker.

        The first turn of a speaker has one of the four classes; one turn of each session has none.
        """
        common = [key for key, label in LABELS.items() if label in IEMOCAP4.labels]
        for session in SESSIONS:
            dialogue, turns = f"Ses0{session}{'FM'[session % 2]}_impro01", []
            for number in range(2 * groups):
                among = common if number < 2 else list(LABELS)
                label = among[(session + number) % len(among)]
                turns.append((f"{dialogue}_{'FM'[number % 2]}{number // 2:03}", label))
            turns.append((f"{dialogue}_F{groups:03}", DISAGREED))
            _write_dialogue(Path(folder) / RELEASE / f"Session{session}", dialogue, turns, rng)


class IEMOCAPFour(IEMOCAP):
    """The turns of four classes, with excitement as happiness."""

    name = "iemocap4"
    title = "IEMOCAP, its four classes in common use"
    space = "iemocap4"
    counts = {"all": 5531}
    merged = {"excitement": "happiness"}


class IEMOCAPSix(IEMOCAP):
    """The turns of six classes."""

    name = "iemocap6"
    title = "IEMOCAP, its six classes in common use"
    space = "iemocap6"
    counts = {"all": 7433}


def read_turns(root: str | Path) -> list[Turn]:
    """Every turn, those without a category too; root: the release or the folder around it."""
    inside = Path(root) / RELEASE
    release = inside if inside.is_dir() else Path(root)
    folders = [release / f"Session{session}/dialog/EmoEvaluation" for session in SESSIONS]
    # Not *.txt: copies that passed through a Mac hold ._Ses01F_impro01.txt, which is no text.
    files = {folder: sorted(folder.glob("Ses*.txt")) for folder in folders}
    empty = [f"{folder.relative_to(release)}/Ses*.txt" for folder in folders if not files[folder]]
    if empty:
        raise FilesMissing(NAME, root, empty, ADVICE)
    turns = [turn for folder in folders for path in files[folder] for turn in _dialogue(path)]
    missing = [str(turn.path.relative_to(release)) for turn in turns if not turn.path.is_file()]
    if missing:
        raise FilesMissing(NAME, root, missing, ADVICE)
    return turns


def _dialogue(path: Path) -> list[Turn]:
    """The turns of one file of labels, in the order of the file."""
    session = path.parents[2]
    words = _words(session / "dialog/transcriptions" / path.name)
    turns = []
    for line in read_lines(NAME, path.parent, path.name, advice=ADVICE):
        if not line.startswith("["):  # the header, single raters, empty lines
            continue
        found = LINE.fullmatch(line.rstrip())
        named = TURN.fullmatch(found[1]) if found else None
        known = found is not None and (found[2] in LABELS or found[2] == DISAGREED)
        if found is None or named is None or named[1] != path.stem or not known:
            expected = (
                f"[start - end], a turn of {path.stem}, one of {', '.join(LABELS)}, {DISAGREED}, "
                "and [valence, activation, dominance], separated by tabs"
            )
            raise UnexpectedLayout(NAME, path, repr(line), expected)
        sound = session / "sentences/wav" / path.stem / f"{found[1]}.wav"
        groups = {
            "speaker": f"0{named[2]}{named[3]}",
            "session": named[2],
            "dialogue": path.stem,
        }
        ratings = (np.array(found.groups()[2:], np.float64) - MIDDLE) / (HIGHEST - MIDDLE)
        if np.abs(ratings).max() > 1 + SLIP / (HIGHEST - MIDDLE):
            raise UnexpectedLayout(NAME, path, repr(line), "ratings from 1 to 5")
        ratings = ratings.clip(VAD.low, VAD.high)
        turns.append(Turn(found[1], sound, found[2], ratings, words.get(found[1], ""), groups))
    if not turns:
        raise UnexpectedLayout(NAME, path, "no line of a turn", "a line [start - end] for each")
    return turns


def _words(path: Path) -> dict[str, str]:
    """Turn -> what is said in it; other lines of the transcripts are remarks."""
    lines = read_lines(NAME, path.parent, path.name, advice=ADVICE)
    found = (SAID.fullmatch(line.rstrip()) for line in lines)
    return {each[1]: each[2] for each in found if each is not None}


def _write_dialogue(
    session: Path, dialogue: str, turns: Sequence[tuple[str, str]], rng: np.random.Generator
) -> None:
    """Files of one made-up dialogue; turns: name and label."""
    labels = ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n"]
    words = []
    for number, (turn, label) in enumerate(turns):
        ratings = rng.integers(2, 11, 3) / 2
        axes = ", ".join(f"{rating:.4f}" for rating in ratings)
        labels.append(f"[{number}.0000 - {number}.2000]\t{turn}\t{label}\t[{axes}]\n")
        labels.append(f"C-E2:\t{LABELS.get(label, 'Other')};\t()\n")
        words.append(f"{turn} [{number:03}.0000-{number:03}.2000]: This is {label}.\n")
        write_clip(session / "sentences/wav" / dialogue / f"{turn}.wav", rng, seconds=0.1)
    words.append("F: A remark without a turn.\n")
    for place, lines in (("EmoEvaluation", labels), ("transcriptions", words)):
        (session / "dialog" / place).mkdir(parents=True, exist_ok=True)
        (session / "dialog" / place / f"{dialogue}.txt").write_text("".join(lines), "utf-8")
