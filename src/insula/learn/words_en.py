"""The English words task: emotion, valence, arousal, dominance and an embedding of a sentence.

    sentence, some misheard -> pieces -> encoder -> goemotions, summed by Ekman's groups · plutchik8
                                                 · vad · embedding

What each source teaches: GoEmotions its 28 labels and their groups; XED Plutchik's eight emotions,
and of the six that Ekman shares which it is (it has no neutral lines, so it says nothing about
neutral); EmoBank valence, arousal and dominance. The encoder starts as MiniLM, and what MiniLM says
of some of the sentences keeps the embedding what it was, so that it can be compared with the
description of any emotion.

Nothing here has seen the development part of GoEmotions, nor its translation.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from insula.channels.words.pieces import Pieces, padded
from insula.channels.words.zero_shot import DESCRIPTIONS, shares
from insula.core.space import EKMAN6, get_space
from insula.learn.encoder_export import export_encoder
from insula.learn.minilm import SHAPE, choose_vocabulary, embed, initialise, read_minilm
from insula.learn.misheard import mishear
from insula.learn.recipe import Recipe
from insula.learn.task import Batch, Calibration, Fold, Indices, Predictions, Report, Task
from insula.learn.texts import HEADS, read_english
from insula.learn.words_losses import (
    LabelShares,
    embedding_loss,
)
from insula.learn.words_report import (
    MISHEARD,
    calibration,
    english_report,
    misheard,
    tuned_f1,
)
from insula.methods.unimodal.sentence_encoder import SentenceEncoder, round_weights
from insula.zoo.card import Learned

PREDICT_BATCH = 128  # sentences
POOL = 32  # batches whose sentences are sorted by length together
HEARD = 2000  # comments that judge which are also judged misheard
HEARD_SEED = 0  # of which, and of the errors
EMBED_SEED = 0  # of the choice of sentences that MiniLM embeds


@dataclass(frozen=True)
class Start:
    """The section [start]: what is taken of MiniLM."""

    vocabulary: int
    """Pieces kept: the most frequent of the training sentences."""
    embedded: float
    """Share of the training sentences whose embedding MiniLM gives."""


@dataclass(frozen=True)
class Changes:
    """The section [augmentation]."""

    misheard: float
    """Share of the sentences that are misheard."""
    error_rate: float
    """Of words in these at most; every rate up to it is as likely."""


@dataclass(frozen=True)
class Balance:
    """The section [balance]: how often a sentence is seen in an epoch, where not once."""

    emobank: int
    rare: int
    """A comment with a rare label."""
    rare_below: int
    """Training comments of a label that is rare."""


@dataclass(frozen=True)
class Shares(LabelShares):
    """The section [loss]: weights of its parts."""

    embedding: float
    """Of one minus the cosine with MiniLM's embedding."""


class EnglishTask(Task):
    """Three corpora of sentences in memory."""

    metric = "f1_macro"
    inputs = {"ids": "int64 [N,L]"}
    outputs = {
        "probabilities": "float32 [N,7]",
        "goemotions": "float32 [N,28]",
        "vad": "float32 [N,3]",
        "embedding": "float32 [N,384]",
    }
    learned = (
        Learned("goemotions", "train"),
        Learned("xed", "train"),
        Learned("emobank", "train"),
    )

    def __init__(self, recipe: Recipe, data: Path) -> None:
        self.recipe = recipe
        self.changes = recipe.section("augmentation", Changes)
        self.shares = recipe.section("loss", Shares)
        self.start = recipe.section("start", Start)
        self.sentences = read_english(data)
        train = self.sentences.where("train")
        self.model = read_minilm()
        texts = self.sentences.texts
        self.vocabulary = choose_vocabulary(
            self.model, [texts[i] for i in train], self.start.vocabulary
        )
        self.pieces = Pieces(self.vocabulary)
        self.rows = self.pieces.cut(texts)
        self.lengths = np.array([len(row) for row in self.rows])
        self._ask_minilm(train)
        ratings = self.sentences.truth["vad"][self.sentences.where("train", "emobank")]
        self.spread = torch.from_numpy(ratings.var(axis=0))
        judges = [self.sentences.where("tune"), self.sentences.where("held_out")]
        often = self._often(recipe.section("balance", Balance))
        self.folds = (Fold("all", np.repeat(train, often[train]), np.concatenate(judges)),)

    def _often(self, balance: Balance) -> np.ndarray:
        """How often each sentence is seen in an epoch: (N,) int."""
        labels = self.sentences.truth["goemotions"]
        rare = labels[self.sentences.where("train")].sum(axis=0) < balance.rare_below
        often = np.where((labels[:, rare] > 0).any(axis=1), balance.rare, 1)
        often[self.sentences.source == "emobank"] = balance.emobank
        return often

    def _ask_minilm(self, train: Indices) -> None:
        """Fill `original`, (N, 384), for a share of the training sentences; `asked` says which."""
        rng = np.random.default_rng(EMBED_SEED)
        chosen = rng.permutation(train)[: round(len(train) * self.start.embedded)]
        found = embed(self.model, [self.sentences.texts[i] for i in chosen])
        self.asked = np.zeros(len(self.sentences.texts), bool)
        self.asked[chosen] = True
        self.original = np.zeros((len(self.asked), found.shape[1]), np.float32)
        self.original[chosen] = found

    def make_net(self) -> nn.Module:
        heads = {space: len(get_space(space)) for space in HEADS}
        net = self.recipe.make_net(pieces=len(self.vocabulary), heads=heads)
        assert isinstance(net, SentenceEncoder)
        initialise(net, self.model, self.vocabulary)
        return net

    def batches(self, indices: Indices, size: int, rng: np.random.Generator) -> Iterator[Indices]:
        """Shuffled, but sentences of a batch are of like length: padding would cost half the work.

        Of every `POOL` batches the sentences are sorted by length, and the batches shuffled.
        """
        order = rng.permutation(indices)
        for start in range(0, len(order), POOL * size):
            pool = order[start : start + POOL * size]
            pool = pool[np.argsort(self.lengths[pool], kind="stable")]
            for first in rng.permutation(np.arange(0, len(pool), size)):
                yield pool[first : first + size]

    def batch(self, indices: Indices, rng: np.random.Generator) -> Batch:
        rows = [self.rows[i] for i in indices]
        worse = np.flatnonzero(rng.random(len(indices)) < self.changes.misheard)
        rates = rng.random(len(worse)) * self.changes.error_rate
        heard = [
            mishear(self.sentences.texts[indices[row]], error_rate=rate, rng=rng)
            for row, rate in zip(worse, rates, strict=True)
        ]
        for row, pieces in zip(worse, self.pieces.cut(heard), strict=True):
            rows[row] = pieces
        arrays = {"ids": padded(rows)} | self.sentences.labels(indices)
        arrays |= {"original": self.original[indices], "asked": self.asked[indices]}
        return {name: torch.from_numpy(array) for name, array in arrays.items()}

    def loss(self, net: nn.Module, batch: Batch) -> Tensor:
        said = net(batch["ids"])
        labels = self.shares.loss(said, batch, self.spread)
        total = labels + self.shares.embedding * embedding_loss(said, batch)
        return total / len(batch["ids"])

    def predict(self, net: nn.Module, indices: Indices) -> Predictions:
        """Also of the comments that judge, misheard; and the shares of six emotions asked for."""
        texts = [self.sentences.texts[i] for i in indices]
        said = self.answers(net, texts)
        lines = [line.format(name) for name in EKMAN6.labels for line in DESCRIPTIONS]
        described = self.answers(net, lines)["embedding"].reshape(
            len(EKMAN6), len(DESCRIPTIONS), -1
        )
        said["asked"] = shares(said.pop("embedding"), described)
        return said | self._misheard(net, indices) | {"indices": indices}

    def _misheard(self, net: nn.Module, indices: Indices) -> dict[str, np.ndarray]:
        """What the net says of some of the comments that judge, misheard: zero for all others."""
        judges = np.flatnonzero(np.isin(indices, self.sentences.where("held_out", "goemotions")))
        some = np.random.default_rng(HEARD_SEED).permutation(judges)[:HEARD]
        found = {}
        for rate in MISHEARD:
            rng = np.random.default_rng(HEARD_SEED)
            texts = [self.sentences.texts[indices[row]] for row in some]
            heard = [mishear(text, error_rate=rate / 100, rng=rng) for text in texts]
            table = np.zeros((len(indices), len(get_space("goemotions"))), np.float32)
            table[some] = self.answers(net, heard)["goemotions"]
            found[misheard(rate)] = table
        return found

    def answers(self, net: nn.Module, texts: Sequence[str]) -> dict[str, np.ndarray]:
        """What the net as it ships says of texts: a table (N, outputs) a head."""
        device = next(net.parameters()).device
        rows = self.pieces.cut(texts)
        order = sorted(range(len(rows)), key=lambda row: len(rows[row]))
        widths = {head: len(get_space(head)) for head in HEADS} | {"embedding": SHAPE["width"]}
        said = {name: np.zeros((len(rows), width), np.float32) for name, width in widths.items()}
        shipped = copy.deepcopy(net)
        round_weights(shipped)
        for start in range(0, len(order), PREDICT_BATCH):
            batch = order[start : start + PREDICT_BATCH]
            ids = torch.from_numpy(padded([rows[row] for row in batch])).to(device)
            answers = shipped(ids)
            for name, table in said.items():
                table[batch] = answers[name].float().cpu().numpy()
        return said

    def score(self, predictions: Predictions) -> Mapping[str, float]:
        return {"f1_macro": tuned_f1(self.sentences, predictions, "goemotions")}

    def calibrate(self, predictions: Predictions) -> Calibration:
        return calibration(self.sentences, predictions, "goemotions")

    def report(self, predictions: Predictions, rng: np.random.Generator) -> Report:
        return english_report(self.sentences, predictions, self.calibrate(predictions), rng)

    def export(self, nets: Sequence[nn.Module], calibration: Calibration, path: Path) -> None:
        (net,) = nets
        export_encoder(net, self.vocabulary, calibration["temperature"], path)
