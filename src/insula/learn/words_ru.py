"""The Russian words task: emotion, valence, arousal and dominance of a sentence.

    Russian comments, Russian subtitles, English comments word by word in Russian
    -> n-grams -> net -> goemotions, summed by Ekman's groups · plutchik8 · vad

There are few labelled Russian sentences here, so the English ones help in two ways. The English
net, which never saw these comments or their labels, says what it thinks of the English original
of each Russian comment: its 28 probabilities and its valence, arousal and dominance. And the
comments of GoEmotions' training part are turned into Russian words by a lexicon learnt from the
translated comments that train. Neither touches the comments that judge.

Valence, arousal and dominance have no Russian ratings here: they are the English net's, unjudged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from insula.channels.words.ngrams import BUCKETS, bag
from insula.channels.words.reading import read
from insula.core.space import get_space
from insula.learn.recipe import Recipe
from insula.learn.task import Batch, Calibration, Fold, Indices, Predictions, Report, Task
from insula.learn.texts import HEADS, read_russian
from insula.learn.words_export import export_words, with_rounded_table
from insula.learn.words_losses import (
    LabelShares,
    teacher_loss,
)
from insula.learn.words_report import calibration, russian_report, tuned_f1
from insula.zoo.card import Learned

CAPACITY = 512  # n-grams kept of one sentence in training; 99 % of sentences have fewer
PREDICT_BATCH = 512  # sentences
SOURCES = ("ru_goemotions", "xed_ru", "translated")
LEXICON_SEED = 0  # of the choice among the translations of a word


@dataclass(frozen=True)
class Start:
    """The section [start]: who helps."""

    teacher: str
    """The English net, by the name of its weights."""
    rows: int
    """N-grams kept: those that most of the sentences of an epoch have."""


@dataclass(frozen=True)
class Changes:
    """The section [augmentation] of the recipe."""

    drop_ngrams: float
    """Share of the n-grams of a sentence that are left out."""


@dataclass(frozen=True)
class Balance:
    """The section [balance]: how often a sentence of each source is seen in an epoch."""

    ru_goemotions: int
    xed_ru: int
    translated: int


@dataclass(frozen=True)
class Shares(LabelShares):
    """The section [loss]: weights of its parts."""

    teacher: float
    """Of the divergence from the teacher's 28 probabilities."""


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

    def frequent(self, often: np.ndarray, count: int) -> np.ndarray:
        """The row of each n-gram, (BUCKETS,) int64: 1 for the most frequent to `count`, else 0.

        often: (N,), how often each text counts.
        """
        counts = np.bincount(
            self.ids, np.repeat(often, np.diff(self.starts)).astype(float), BUCKETS
        )
        order = np.argsort(-counts, kind="stable")[:count]
        order = order[counts[order] > 0]
        rows = np.zeros(BUCKETS, np.int64)
        rows[order] = np.arange(1, len(order) + 1)
        return rows


class RussianTask(Task):
    """Three kinds of Russian sentences in memory."""

    metric = "f1_macro"
    inputs = {"ids": "int64 [N,L]", "weights": "float32 [N,L]"}
    outputs = {
        "probabilities": "float32 [N,7]",
        "goemotions": "float32 [N,28]",
        "vad": "float32 [N,3]",
    }
    learned = (
        Learned("ru_goemotions", "train"),
        Learned("xed", "train"),
        Learned("goemotions", "train"),
    )

    def __init__(self, recipe: Recipe, data: Path) -> None:
        self.recipe = recipe
        self.changes = recipe.section("augmentation", Changes)
        self.shares = recipe.section("loss", Shares)
        self.start = recipe.section("start", Start)
        self.sentences = read_russian(data, np.random.default_rng(LEXICON_SEED))
        self.bags = Bags(self.sentences.texts)
        repeats = asdict(recipe.section("balance", Balance))
        train = [np.repeat(self.sentences.where("train", s), repeats[s]) for s in SOURCES]
        often = np.bincount(np.concatenate(train), minlength=len(self.sentences))
        self.rows = torch.from_numpy(self.bags.frequent(often, self.start.rows))
        self._ask_teacher()
        judges = [self.sentences.where("tune"), self.sentences.where("held_out")]
        self.folds = (Fold("all", np.concatenate(train), np.concatenate(judges)),)

    def _ask_teacher(self) -> None:
        """Fill `teacher`, (N, 28), and the axes of the comments that train; `asked` says which."""
        rows = self.sentences.where("train", "ru_goemotions")
        said = read(self.start.teacher, [self.sentences.original[i] for i in rows])
        self.asked = np.zeros(len(self.sentences), bool)
        self.asked[rows] = True
        self.teacher = np.zeros((len(self.asked), said["goemotions"].shape[1]), np.float32)
        self.teacher[rows] = said["goemotions"]
        self.axes = np.zeros((len(self.asked), said["vad"].shape[1]), np.float32)
        self.axes[rows] = said["vad"]
        self.spread = torch.from_numpy(said["vad"].var(axis=0))

    def make_net(self) -> nn.Module:
        heads = {space: len(get_space(space)) for space in HEADS}
        return self.recipe.make_net(rows=self.rows, heads=heads)

    def batch(self, indices: Indices, rng: np.random.Generator) -> Batch:
        ids, weights = self.bags.pad(indices, capacity=CAPACITY)
        keep = rng.random(ids.shape, dtype=np.float32) >= self.changes.drop_ngrams
        weights = weights * keep / np.float32(np.sqrt(1 - self.changes.drop_ngrams))
        arrays = {"ids": ids, "weights": weights} | self.sentences.labels(indices)
        asked = self.asked[indices]
        arrays |= {"asked": asked, "teacher": self.teacher[indices]}
        arrays |= {"vad": self.axes[indices], "knows_vad": asked}
        return {name: torch.from_numpy(array) for name, array in arrays.items()}

    def loss(self, net: nn.Module, batch: Batch) -> Tensor:
        said = net(batch["ids"], batch["weights"])
        labels = self.shares.loss(said, batch, self.spread)
        total = labels + self.shares.teacher * teacher_loss(said, batch)
        return total / len(batch["ids"])

    def predict(self, net: nn.Module, indices: Indices) -> Predictions:
        shipped = with_rounded_table(net)
        device = next(shipped.parameters()).device
        said: dict[str, list[np.ndarray]] = {head: [] for head in HEADS}
        for start in range(0, len(indices), PREDICT_BATCH):
            bags = self.bags.pad(indices[start : start + PREDICT_BATCH])
            answers = shipped(*(torch.from_numpy(array).to(device) for array in bags))
            for head in HEADS:
                said[head].append(answers[head].float().cpu().numpy())
        return {head: np.concatenate(said[head]) for head in HEADS} | {"indices": indices}

    def score(self, predictions: Predictions) -> Mapping[str, float]:
        return {"f1_macro": tuned_f1(self.sentences, predictions, "ru_goemotions")}

    def calibrate(self, predictions: Predictions) -> Calibration:
        return calibration(self.sentences, predictions, "ru_goemotions")

    def report(self, predictions: Predictions, rng: np.random.Generator) -> Report:
        return russian_report(self.sentences, predictions, self.calibrate(predictions), rng)

    def export(self, nets: Sequence[nn.Module], calibration: Calibration, path: Path) -> None:
        (net,) = nets
        export_words(net, calibration["temperature"], path)
