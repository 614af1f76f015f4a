"""The sentences that the words tasks learn from: the corpora of one language in one table.

Each sentence belongs to a source (a corpus in one language) and to a part: "train"; "tune", which
fits temperature and thresholds; "held_out", which only judges. What a source does not label stays
zero and `knows` is False there.

The Russian comments translate the development part of GoEmotions. So the English net learns from
the training part alone, and the English comments that judge it meet no net that saw their labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from insula.core.space import bridge, get_space
from insula.corpora.emobank import EmoBank, read_sentences
from insula.corpora.goemotions import read_part
from insula.corpora.labelled_text import LabelledTexts, tenth
from insula.corpora.ru_goemotions import RuGoEmotions, read_translations
from insula.corpora.xed import XED, read_language
from insula.learn.ru_lexicon import learn_lexicon

HEADS = ("goemotions", "plutchik8", "vad")  # spaces that a head of the nets answers in
SPACES = ("goemotions", "ekman7", "plutchik8", "vad")  # spaces with a truth
TUNE_TENTH = 0  # of the training part of GoEmotions
RUSSIAN_TUNE_TENTH = 2  # of the Russian comments, whose tenths 0 and 1 are held out

Part = Literal["train", "tune", "held_out"]


@dataclass(frozen=True, eq=False)
class Sentences:
    """N sentences of all sources of a language.

    source, part: (N,) names. truth: space -> (N, C). knows: space -> (N,) bool. original: the
    English wording of each, "" where nobody knows it.
    """

    texts: tuple[str, ...]
    source: np.ndarray
    part: np.ndarray
    truth: dict[str, np.ndarray]
    knows: dict[str, np.ndarray]
    original: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.texts)

    def labels(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        """Truth of these sentences, space -> (B, C), and "knows_" + space -> (B,) bool."""
        truth = {space: self.truth[space][indices] for space in SPACES}
        return truth | {f"knows_{space}": self.knows[space][indices] for space in SPACES}

    def where(self, part: Part, source: str | None = None) -> np.ndarray:
        """Numbers of the sentences of a part, of one source or of all."""
        chosen = self.part == part
        if source is not None:
            chosen &= self.source == source
        return np.flatnonzero(chosen)


def read_english(data: Path) -> Sentences:
    """GoEmotions train and dev, XED's English lines, EmoBank, under `data`/text."""
    root = data / "text"
    train, dev = (read_part(root / "goemotions", part) for part in ("train", "dev"))
    xed = read_language(root / "xed", "en")
    rated, _ = read_sentences(root / "emobank")
    part = [
        np.where([tenth(text) == TUNE_TENTH for text in train.texts], "tune", "train"),
        np.full(len(dev), "held_out"),
        _parts(len(xed), XED(root / "xed", languages=("en",)).split("wording-80-20")),
        _parts(len(rated), EmoBank(root / "emobank").split("train-dev")),
    ]
    labelled = {"goemotions": [train, dev], "xed_en": [xed], "emobank": [rated]}
    return _table(labelled, np.concatenate(part))


def read_russian(data: Path, rng: np.random.Generator) -> Sentences:
    """The Russian comments, XED's Russian lines, and GoEmotions train word by word in Russian.

    The lexicon for the last is learnt from the comments that train; an English comment whose
    translation judges or tunes is left out.
    """
    root = data / "text"
    comments, english = read_translations(root / "ru_goemotions")
    xed = read_language(root / "xed", "ru")
    part = _parts(len(comments), RuGoEmotions(root / "ru_goemotions").split("wording-80-20"))
    part[[tenth(text) == RUSSIAN_TUNE_TENTH for text in english]] = "tune"
    learnt = np.flatnonzero(part == "train")
    lexicon = learn_lexicon([english[i] for i in learnt], [comments.texts[i] for i in learnt])
    source = read_part(root / "goemotions", "train")
    judged = {english[i] for i in np.flatnonzero(part != "train")}
    words = tuple(lexicon.translate(text, rng) for text in source.texts)
    parts = [
        part,
        _parts(len(xed), XED(root / "xed", languages=("ru",)).split("wording-80-20")),
        np.where([text in judged for text in source.texts], "unused", "train"),
    ]
    labelled = {
        "ru_goemotions": [comments],
        "xed_ru": [xed],
        "translated": [replace(source, texts=words)],
    }
    original = (*english, *[""] * len(xed), *source.texts)
    return _table(labelled, np.concatenate(parts), original)


def _table(
    labelled: dict[str, list[LabelledTexts]], part: np.ndarray, original: tuple[str, ...] = ()
) -> Sentences:
    files = [each for some in labelled.values() for each in some]
    texts = tuple(text for each in files for text in each.texts)
    sizes = [sum(len(each) for each in some) for some in labelled.values()]
    _drop_known_wordings(texts, part)
    truth, knows = {}, {}
    for space in SPACES:
        truth[space] = np.concatenate([_values(each, space) for each in files])
        known = [np.full(len(each), _origin(space) == each.space) for each in files]
        knows[space] = np.concatenate(known)
    source = np.repeat(list(labelled), sizes)
    return Sentences(texts, source, part, truth, knows, original or ("",) * len(texts))


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
