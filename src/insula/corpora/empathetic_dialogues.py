"""EmpatheticDialogues: someone tells of a situation and a feeling, someone else listens.

Layout: `train.csv`, `valid.csv` and `test.csv` with the columns `COLUMNS`; cells are separated by
commas without any quotes, a comma inside a text is written `_comma_`, and further cells may follow.
`context` is the feeling that the speaker was given, one of 32; `prompt` the situation, in the
speaker's words. The odd utterances are the speaker's, the even ones the listener's.

An example is a conversation, as long as the speaker has turns, one a second, and holds what the
speaker says: the feeling is the speaker's. `read_part` gives the prompt and the listener too.

Split: the files, as published.

Source: Rashkin et al., "Towards empathetic open-domain conversation models: a new benchmark and
dataset", ACL 2019.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from insula.core.roles import Corpus, Example
from insula.core.space import Space
from insula.core.time import Mark, Span
from insula.corpora.labelled_audio import check_protocol, part_ranges
from insula.corpora.labelled_text import check_files, read_lines
from insula.corpora.spoken import of_whole
from insula.errors import UnexpectedLayout, UnknownName
from insula.media.recording import from_arrays

NAME = "EmpatheticDialogues"
PARTS = ("train", "valid", "test")
COLUMNS = (
    *("conv_id", "utterance_idx", "context", "prompt"),
    *("speaker_idx", "utterance", "selfeval", "tags"),
)
NEEDED = COLUMNS.index("utterance") + 1  # cells of a row; the others may be left off
COMMA = "_comma_"
ADVICE = "Get empatheticdialogues.tar.gz from facebookresearch/EmpatheticDialogues on GitHub."
EMOTIONS = {  # the words of the release, in the order of the alphabet; it has no other
    "afraid": "fear",
    "angry": "anger",
    "annoyed": "annoyance",
    "anticipating": "anticipation",
    "anxious": "anxiety",
    "apprehensive": "apprehension",
    "ashamed": "shame",
    "caring": "caring",
    "confident": "confidence",
    "content": "contentment",
    "devastated": "devastation",
    "disappointed": "disappointment",
    "disgusted": "disgust",
    "embarrassed": "embarrassment",
    "excited": "excitement",
    "faithful": "faithfulness",
    "furious": "fury",
    "grateful": "gratitude",
    "guilty": "guilt",
    "hopeful": "hope",
    "impressed": "admiration",
    "jealous": "jealousy",
    "joyful": "joy",
    "lonely": "loneliness",
    "nostalgic": "nostalgia",
    "prepared": "preparedness",
    "proud": "pride",
    "sad": "sadness",
    "sentimental": "sentimentality",
    "surprised": "surprise",
    "terrified": "terror",
    "trusting": "trust",
}
EMPATHETIC32 = Space(
    "empathetic32",
    tuple(EMOTIONS.values()),
    "exclusive",
    "Rashkin et al. (2019), Towards empathetic open-domain conversation models, ACL; as nouns",
)


@dataclass(frozen=True)
class Conversation:
    """label: a column of `EMPATHETIC32`. turns: in order, of speaker and listener in turn."""

    key: str
    label: int
    prompt: str
    turns: tuple[tuple[int, str], ...]

    @property
    def speaker(self) -> tuple[str, ...]:
        """What the one says whose feeling it is: the turns with odd numbers."""
        return tuple(text for number, text in self.turns if number % 2)


class EmpatheticDialogues(Corpus):
    """Conversations of the training part, then of the validation part, then of the test part."""

    name = "empathetic_dialogues"
    title = "EmpatheticDialogues, English conversations about 32 feelings"
    citation = "Rashkin et al. (2019), Towards empathetic open-domain conversation models, ACL"
    licence = "CC BY-NC 4.0"
    access = "free download from facebookresearch/EmpatheticDialogues on GitHub"
    layout = f"train.csv, valid.csv and test.csv with the columns {', '.join(COLUMNS)}"
    space = "empathetic32"
    protocols = ("train-valid", "train-test")
    splits = PARTS
    group = "dialogue"
    counts = {"train": 19533, "valid": 2770, "test": 2547}

    def __iter__(self) -> Iterator[Example]:
        _check_files(self.root, PARTS)
        for part in PARTS:
            yield from self.part(part)

    def part(self, split: str) -> Iterator[Example]:
        """The conversations of "train", "valid" or "test"; the other parts need not be there."""
        for conversation in read_part(self.root, split):
            yield _example(conversation, split)

    def split(self, protocol: str) -> list[tuple[Sequence[int], Sequence[int]]]:
        """The published split: the training part against "train-valid" or "train-test"."""
        check_protocol(NAME, protocol, self.protocols)
        _check_files(self.root, PARTS)
        ranges = part_ranges({part: len(read_part(self.root, part)) for part in PARTS})
        return [(ranges["train"], ranges[protocol.removeprefix("train-")])]

    @staticmethod
    def make_fixture(folder: str | Path, groups: int = 3, *, rng: np.random.Generator) -> None:
        """Files of the same layout: in each part `groups` made-up conversations of each feeling."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        number = 0
        for part in PARTS:
            lines = [",".join(COLUMNS)]
            for _ in range(groups):
                for word in EMOTIONS:
                    number += 1
                    said = (f"I feel {word}{COMMA} really.", "Oh?", f"Yes{COMMA} {word}.")
                    prompt = f"A situation of {rng.integers(1000)} feelings{COMMA} all {word}."
                    for turn, text in enumerate(said, start=1):
                        cells = (f"hit:{number}_conv:{number}", turn, word, prompt, turn % 2, text)
                        lines.append(",".join([*map(str, cells), "5|5|5_2|2|5", ""]))
            (Path(folder) / f"{part}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_part(root: str | Path, part: str) -> list[Conversation]:
    """The conversations of "train", "valid" or "test", in the order of the file."""
    if part not in PARTS:
        raise UnknownName(f"part of {NAME}", part, PARTS)
    _check_files(root, (part,))
    path = Path(root) / f"{part}.csv"
    header, *lines = read_lines(NAME, root, path.name, advice=ADVICE) or [""]
    if tuple(header.split(",")[: len(COLUMNS)]) != COLUMNS:
        raise UnexpectedLayout(NAME, path, f"the columns {header!r}", ",".join(COLUMNS))
    rows: dict[str, list[list[str]]] = {}
    for line in lines:
        # Quotation marks belong to the texts here, so the csv module would read on past a line.
        cells = line.split(",")
        if len(cells) < NEEDED or not cells[1].isdecimal() or cells[2] not in EMOTIONS:
            expected = f"{', '.join(COLUMNS)} in each row, with one of the 32 feelings as context"
            raise UnexpectedLayout(NAME, path, repr(line), expected)
        rows.setdefault(cells[0], []).append(cells)
    return [_conversation(path, key, turns) for key, turns in rows.items()]


def _conversation(path: Path, key: str, rows: Sequence[Sequence[str]]) -> Conversation:
    """The turns of one conversation in order; all of them under one feeling."""
    feelings = {cells[2] for cells in rows}
    if len(feelings) > 1:
        found = f"{' and '.join(sorted(feelings))} as context of {key!r}"
        raise UnexpectedLayout(NAME, path, found, "one feeling a conversation")
    turns = sorted((int(cells[1]), _text(cells[5])) for cells in rows)
    label = EMPATHETIC32.index(EMOTIONS[feelings.pop()])
    return Conversation(key, label, _text(rows[0][3]), tuple(turns))


def _text(cell: str) -> str:
    return cell.replace(COMMA, ",").strip()


def _example(conversation: Conversation, part: str) -> Example:
    sentences = [
        Mark(Span(second, second + 1), "sentence", text, language="en")
        for second, text in enumerate(conversation.speaker)
    ]
    span = Span(0, max(1, len(sentences)))
    said = from_arrays(conversation.key, text=sentences, span=span)
    one = np.eye(len(EMPATHETIC32))[conversation.label]
    truth = {EMPATHETIC32.name: of_whole(said, EMPATHETIC32, one, corpus=NAME)}
    groups = {"dialogue": conversation.key, "language": "en", "split": part}
    return Example(said, truth, groups=groups)


def _check_files(root: str | Path, parts: Sequence[str]) -> None:
    check_files(NAME, root, [f"{part}.csv" for part in parts], advice=ADVICE)
