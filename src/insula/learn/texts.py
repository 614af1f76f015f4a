"""The sentences that the words task learns from: four corpora in one table.

Each sentence belongs to a source (a corpus in one language) and to a part: "train"; "tune", which
fits temperature and threshold; "held_out", which only judges. What a source does not label stays
zero and `knows` is False there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from insula.channels.words.ngrams import bag
from insula.core.space import bridge, get_space
from insula.corpora.emobank import EmoBank, read_sentences
from insula.corpora.goemotions import read_part
from insula.corpora.labelled_text import LabelledTexts, tenth
from insula.corpora.ru_goemotions import RuGoEmotions, read_translations
from insula.corpora.xed import XED, read_language

HEADS = ("goemotions", "plutchik8", "vad")  # spaces that a head of the net answers in
SPACES = ("goemotions", "ekman7", "plutchik8", "vad")  # spaces with a truth
SOURCES = ("goemotions", "ru_goemotions", "xed_en", "xed_ru", "emobank")
TUNE_TENTH = 0  # of the training part of GoEmotions
CAPACITY = 512  # n-grams kept of one sentence in training; 99 % of sentences have fewer

Part = Literal["train", "tune", "held_out"]


class Bags:
    """The n-grams of many texts, end to end."""

    def __init__(self, texts: Sequence[str]) -> None:
        bags = [bag(text) for text in texts]
        self.starts = np.cumsum([0, *(len(ids) for ids, _ in bags)])
        self.ids = np.concatenate([np.zeros(0, np.int64), *(ids for ids, _ in bags)])
        self.weights = np.concatenate([np.zeros(0, np.float32), *(each for _, each in bags)])

    def pad(
        self, rows: np.ndarray, *, capacity: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The texts numbered `rows`: ids and weights, (B, L); L is `capacity` at most."""
        lengths = self.starts[rows + 1] - self.starts[rows]
        longest = max(1, int(lengths.max(initial=1)))
        columns = np.arange(min(longest, capacity or longest))
        inside = columns < lengths[:, None]
        places = np.where(inside, self.starts[rows][:, None] + columns, 0)
        return self.ids[places] * inside, self.weights[places] * inside


@dataclass(frozen=True, eq=False)
class Sentences:
    """N sentences of all sources, in the order of `SOURCES`.

    source, part: (N,) names. truth: space -> (N, C). knows: space -> (N,) bool. mate: (N,) int64,
    the number of the same sentence in English among `mates`, or -1. clean: (N,) bool, False for
    an English sentence whose translation stands in the training part.
    """

    bags: Bags
    mates: Bags
    source: np.ndarray
    part: np.ndarray
    truth: dict[str, np.ndarray]
    knows: dict[str, np.ndarray]
    mate: np.ndarray
    clean: np.ndarray

    def where(self, part: Part, source: str | None = None) -> np.ndarray:
        """Numbers of the sentences of a part, of one source or of all."""
        chosen = self.part == part
        if source is not None:
            chosen &= self.source == source
        return np.flatnonzero(chosen)


def read_sources(data: Path) -> Sentences:
    """Read the corpora under `data`/text, and encode every sentence."""
    root = data / "text"
    train, dev = (read_part(root / "goemotions", part) for part in ("train", "dev"))
    russian, english = read_translations(root / "ru_goemotions")
    xed = {language: read_language(root / "xed", language) for language in ("en", "ru")}
    rated, _ = read_sentences(root / "emobank")
    labelled = [train, dev, russian, xed["en"], xed["ru"], rated]
    source = np.repeat([SOURCES[0], *SOURCES], [len(each) for each in labelled])
    part = np.concatenate(
        [
            np.where([tenth(text) == TUNE_TENTH for text in train.texts], "tune", "train"),
            np.full(len(dev), "held_out"),
            _parts(len(russian), RuGoEmotions(root / "ru_goemotions").split("wording-80-20")),
            *(
                _parts(len(xed[each]), XED(root / "xed", languages=(each,)).split("wording-80-20"))
                for each in ("en", "ru")
            ),
            _parts(len(rated), EmoBank(root / "emobank").split("train-dev")),
        ]
    )
    texts = [text for each in labelled for text in each.texts]
    _drop_known_wordings(texts, part)
    mate = np.full(len(texts), -1)
    mate[source == "ru_goemotions"] = np.arange(len(russian))
    learnt = {english[i] for i in mate[(part == "train") & (mate >= 0)]}
    clean = np.array([text not in learnt for text in texts])
    truth, knows = _truths(labelled)
    return Sentences(Bags(texts), Bags(english), source, part, truth, knows, mate, clean)


def _parts(count: int, split: Sequence[tuple[Sequence[int], Sequence[int]]]) -> np.ndarray:
    """The parts of the `count` sentences of a corpus by its one split; the rest is "unused"."""
    train, held_out = split[0]
    parts = np.full(count, "unused", dtype="<U8")
    parts[train] = "train"
    parts[held_out] = "held_out"
    return parts


def _drop_known_wordings(texts: Sequence[str], part: np.ndarray) -> None:
    """Take out of the training part what stands word for word in a part that judges."""
    judged = {text for text, each in zip(texts, part, strict=True) if each != "train"}
    known = np.array([text in judged for text in texts])
    part[(part == "train") & known] = "unused"


def _truths(
    labelled: Sequence[LabelledTexts],
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    truth, knows = {}, {}
    for space in SPACES:
        tables = [_values(each, space) for each in labelled]
        truth[space] = np.concatenate(tables)
        knows[space] = np.concatenate(
            [np.full(len(each), _origin(space) == each.space) for each in labelled]
        )
    return truth, knows


def _origin(space: str) -> str:
    """The space that the labels were given in: Ekman's emotions are GoEmotions' groups."""
    return "goemotions" if space == "ekman7" else space


def _values(labelled: LabelledTexts, space: str) -> np.ndarray:
    if labelled.space != _origin(space):
        return np.zeros((len(labelled), len(get_space(space))), np.float32)
    if space == "ekman7":
        groups = bridge("goemotions", "ekman7").matrix
        return (labelled.values @ groups > 0).astype(np.float32)
    return labelled.values
