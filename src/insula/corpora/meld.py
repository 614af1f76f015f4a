"""MELD: utterances of a television series in dialogues, each with an emotion and a sentiment.

Layout: `train_sent_emo.csv`, `dev_sent_emo.csv` and `test_sent_emo.csv`, any of which may be
absent, in the folder itself or, as in the authors' repository, in `data/MELD`; with the columns
`COLUMNS`. This reads what is said; the clips `dia{D}_utt{U}.mp4` lie in archives of their own.

Split: by the files. Dialogues count from 0 in every file anew, so a dialogue is named with its
part. The same six actors speak in all parts: no split here is apart by speaker.

Quotation marks and dashes of some copies are Windows-1252, whole files or, as control characters,
in the middle of UTF-8; both are read as meant.

Source: Poria et al., "MELD: a multimodal multi-party dataset for emotion recognition in
conversations", ACL 2019.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from insula.core.roles import Corpus, Example
from insula.core.space import EKMAN7
from insula.corpora.labelled_audio import check_protocol, part_ranges
from insula.corpora.labelled_text import LabelledTexts, examples, find_file, read_lines, stack
from insula.errors import FilesMissing, UnexpectedLayout, UnknownName

NAME = "MELD"
FOLDERS = ("", "data/MELD/")  # given itself, or the authors' repository
FILES = {part: f"{part}_sent_emo.csv" for part in ("train", "dev", "test")}
PROTOCOLS = {"official": "test", "train-dev": "dev"}  # all learn from train
COLUMNS = (
    *("Sr No.", "Utterance", "Speaker", "Emotion", "Sentiment", "Dialogue_ID", "Utterance_ID"),
    *("Season", "Episode", "StartTime", "EndTime"),
)
# In the order in which the authors number them; the same words as in the column Emotion.
EMOTIONS = {
    "neutral": "neutral",
    "surprise": "surprise",
    "fear": "fear",
    "sadness": "sadness",
    "joy": "happiness",
    "disgust": "disgust",
    "anger": "anger",
}
SENTIMENTS = {"negative": -1.0, "neutral": 0.0, "positive": 1.0}
ADVICE = "Get the folder data/MELD from declare-lab/MELD on GitHub."
# Bytes of Windows-1252 that somebody took for Latin-1: control characters that no text holds.
MENDED = {code: bytes([code]).decode("cp1252", "ignore") for code in range(0x80, 0xA0)}


@dataclass(frozen=True)
class Utterance:
    """One row. emotion: a key of `EMOTIONS`. sentiment: -1, 0 or 1. number: in its dialogue."""

    text: str
    speaker: str
    emotion: str
    sentiment: float
    dialogue: int
    number: int


class MELD(Corpus):
    """Utterances of the training, development and test part; dialogue by dialogue, in order."""

    name = "meld"
    title = "MELD, utterances of a television series in dialogues"
    citation = "Poria et al. (2019), MELD: a multimodal multi-party dataset, ACL"
    licence = "GPL-3 (repository); the dialogue is the series': research use"
    access = "free download from declare-lab/MELD on GitHub, folder data/MELD"
    layout = "{train,dev,test}_sent_emo.csv, in the folder or in its folder data/MELD"
    space = "ekman7"
    protocols = tuple(PROTOCOLS)
    splits = tuple(FILES)
    group = "dialogue"
    counts = {"train": 9989, "dev": 1109, "test": 2610}

    def __iter__(self) -> Iterator[Example]:
        there = [part for part in FILES if _place(self.root, part)]
        if not there:
            raise FilesMissing(NAME, self.root, FILES.values(), ADVICE)
        for part in there:
            yield from self.part(part)

    def part(self, split: str) -> Iterator[Example]:
        """The utterances of "train", "dev" or "test"; the other parts need not be there."""
        said = read_part(self.root, split)
        labels = [EKMAN7.index(EMOTIONS[each.emotion]) for each in said]
        keys = tuple(f"{split}-{each.dialogue}-{each.number}" for each in said)
        texts = tuple(each.text for each in said)
        emotions = LabelledTexts(texts, keys, "ekman7", np.eye(len(EKMAN7), dtype="f4")[labels])
        values = stack([np.array([each.sentiment]) for each in said], 1)
        sentiments = LabelledTexts(texts, keys, "sentiment", values)
        parts = [split] * len(said)
        rows = zip(
            said,
            examples(emotions, language="en", corpus=NAME, splits=parts),
            examples(sentiments, language="en", corpus=NAME, splits=parts),
            strict=True,
        )
        for each, example, judged in rows:
            groups = {
                **example.groups,
                "dialogue": f"{split}-{each.dialogue}",
                "speaker": each.speaker,
            }
            truth = {**example.truth, **judged.truth}
            yield Example(example.recording, truth, person=each.speaker, groups=groups)

    def split(self, protocol: str) -> list[tuple[Sequence[int], Sequence[int]]]:
        """Learn from train; "official" tests on test, "train-dev" on dev."""
        check_protocol(NAME, protocol, self.protocols)
        tested = PROTOCOLS[protocol]
        parts = [p for p in FILES if p in ("train", tested) or _place(self.root, p)]
        ranges = part_ranges({part: len(read_part(self.root, part)) for part in parts})
        return [(ranges["train"], ranges[tested])]

    @staticmethod
    def make_fixture(folder: str | Path, groups: int = 3, *, rng: np.random.Generator) -> None:
        """Files of the same layout: `groups` made-up dialogues, an utterance an emotion in each."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        for file in FILES.values():
            with (Path(folder) / file).open("w", encoding="utf-8", newline="") as stream:
                writer = csv.writer(stream)
                writer.writerow(COLUMNS)
                for row in range(groups * len(EMOTIONS)):
                    dialogue, number = divmod(row, len(EMOTIONS))
                    emotion = tuple(EMOTIONS)[number]
                    text = f"I’m here, number {rng.integers(1000)}, and it’s {emotion}!"
                    sentiment = tuple(SENTIMENTS)[rng.integers(3)]
                    known = [text, "Ann" if number % 2 else "Bob", emotion, sentiment]
                    times = ["00:20:57,256", "00:21:00,049"]
                    writer.writerow([row + 1, *known, dialogue, number, 4, 7, *times])


def read_part(root: str | Path, part: str) -> tuple[Utterance, ...]:
    """The utterances of "train", "dev" or "test", by dialogue and number."""
    if part not in FILES:
        raise UnknownName(f"part of {NAME}", part, FILES)
    file = _place(root, part) or FILES[part]
    lines = read_lines(NAME, root, file, advice=ADVICE)
    rows = csv.DictReader(line.translate(MENDED) + "\n" for line in lines)
    if not set(COLUMNS) <= set(rows.fieldnames or ()):
        found, expected = f"columns {rows.fieldnames}", f"columns {', '.join(COLUMNS)}"
        raise UnexpectedLayout(NAME, Path(root) / file, found, expected)
    said = []
    for row in rows:
        utterance = _utterance(row)
        if utterance is None:
            expected = (
                f"an emotion of {', '.join(EMOTIONS)}; a sentiment of {', '.join(SENTIMENTS)}; "
                f"numbers of dialogue and utterance"
            )
            raise UnexpectedLayout(NAME, Path(root) / file, repr(list(row.values())), expected)
        said.append(utterance)
    return tuple(sorted(said, key=lambda each: (each.dialogue, each.number)))


def _place(root: str | Path, part: str) -> str | None:
    """Where the file of a part lies under `root`."""
    return find_file(root, (folder + FILES[part] for folder in FOLDERS))


def _utterance(row: dict[str, str]) -> Utterance | None:
    """A row in types; None where it does not hold what it should."""
    dialogue, number = row["Dialogue_ID"] or "", row["Utterance_ID"] or ""
    known = row["Emotion"] in EMOTIONS and row["Sentiment"] in SENTIMENTS
    if not (known and dialogue.isdecimal() and number.isdecimal()):
        return None
    sentiment = SENTIMENTS[row["Sentiment"]]
    spoken = (row["Utterance"], row["Speaker"], row["Emotion"], sentiment)
    return Utterance(*spoken, int(dialogue), int(number))
