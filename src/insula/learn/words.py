"""The words task: emotion, valence, arousal and dominance of a sentence, English and Russian.

    sentence -> n-grams -> net -> goemotions, summed by Ekman's groups · plutchik8 · vad

What each source teaches: GoEmotions its 28 labels and their groups; its Russian translation the
same, and to be judged as the English original is; XED Plutchik's eight emotions, and of the six
that Ekman shares which it is (it has no neutral lines, so it says nothing about neutral); EmoBank
valence, arousal and dominance.

A tenth of GoEmotions' training part fits temperature and thresholds, so that the held-out parts
only judge. Predictions are made with the table as it ships, rounded to eight bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from insula.channels.words.ngrams import BUCKETS
from insula.core.space import EKMAN7, GOEMOTIONS, PLUTCHIK8, bridge, get_space
from insula.learn.recipe import Recipe
from insula.learn.task import Batch, Calibration, Fold, Indices, Predictions, Report, Task
from insula.learn.texts import CAPACITY, HEADS, SOURCES, SPACES, read_sources
from insula.learn.words_export import export_words, with_rounded_table
from insula.learn.words_report import best_threshold, calibration, f1, judged, words_report

PREDICT_BATCH = 512  # sentences
SMALLEST = 1e-7  # probability, so that its logarithm is finite

Said: TypeAlias = Mapping[str, Tensor]
"""What a net says of a batch: logits a head, and the bag."""

GROUPS = torch.tensor(bridge(GOEMOTIONS, EKMAN7).matrix, dtype=torch.float32)  # [28, 7]
# Columns of plutchik8 whose emotion ekman7 has too, and the columns there.
_SHARED = np.argwhere(bridge(PLUTCHIK8, EKMAN7).matrix > 0)
PLUTCHIK_SHARED, EKMAN_SHARED = _SHARED[:, 0].tolist(), _SHARED[:, 1].tolist()


@dataclass(frozen=True)
class Changes:
    """The section [augmentation] of the recipe."""

    drop_ngrams: float
    """Share of the n-grams of a sentence that are left out."""


@dataclass(frozen=True)
class Balance:
    """The section [balance]: how often a sentence of each source is seen in an epoch."""

    goemotions: int
    ru_goemotions: int
    xed_en: int
    xed_ru: int
    emobank: int


@dataclass(frozen=True)
class Shares:
    """The section [loss]: weights of its parts."""

    goemotions: float
    ekman7: float
    plutchik8: float
    plutchik_as_ekman: float
    vad: float
    translation: float
    """A Russian comment should be judged as its English original is (Kullback-Leibler)."""
    translation_bag: float
    """And its bag should lie where the bag of the original lies (squared distance)."""


class WordsTask(Task):
    """Four corpora of sentences in memory."""

    metric = "f1_macro"
    inputs = {"ids": "int64 [N,L]", "weights": "float32 [N,L]"}
    outputs = {
        "probabilities": "float32 [N,7]",
        "goemotions": "float32 [N,28]",
        "vad": "float32 [N,3]",
    }

    def __init__(self, recipe: Recipe, data: Path) -> None:
        self.recipe = recipe
        self.changes = recipe.section("augmentation", Changes)
        self.shares = recipe.section("loss", Shares)
        self.sentences = read_sources(data)
        repeats = asdict(recipe.section("balance", Balance))
        trains = [np.repeat(self.sentences.where("train", s), repeats[s]) for s in SOURCES]
        judges = [self.sentences.where("tune"), self.sentences.where("held_out")]
        self.everything = np.concatenate(trains)
        self.folds = (Fold("all", self.everything, np.concatenate(judges)),)

    def make_net(self) -> nn.Module:
        heads = {space: len(get_space(space)) for space in HEADS}
        return self.recipe.make_net(buckets=BUCKETS, heads=heads)

    def batch(self, indices: Indices, rng: np.random.Generator) -> Batch:
        """Also the English originals of the Russian rows; `mate_rows` says which rows these are."""
        sentences = self.sentences
        ids, weights = sentences.bags.pad(indices, capacity=CAPACITY)
        keep = rng.random(ids.shape, dtype=np.float32) >= self.changes.drop_ngrams
        weights = weights * keep / np.float32(np.sqrt(1 - self.changes.drop_ngrams))
        mate_rows = np.flatnonzero(sentences.mate[indices] >= 0)
        mates = sentences.mate[indices[mate_rows]]
        mate_ids, mate_weights = sentences.mates.pad(mates, capacity=CAPACITY)
        arrays = {"ids": ids, "weights": weights, "mate_rows": mate_rows}
        arrays |= {"mate_ids": mate_ids, "mate_weights": mate_weights}
        for space in SPACES:
            arrays[space] = sentences.truth[space][indices]
            arrays[f"knows_{space}"] = sentences.knows[space][indices]
        return {name: torch.from_numpy(array) for name, array in arrays.items()}

    def loss(self, net: nn.Module, batch: Batch) -> Tensor:
        shares = self.shares
        original = _original(net, batch)
        said = net(batch["ids"], batch["weights"])
        total = (
            shares.goemotions * _fine_loss(said, batch)
            + shares.ekman7 * _group_loss(said, batch)
            + shares.plutchik8 * _plutchik_loss(said, batch)
            + shares.plutchik_as_ekman * _shared_emotions_loss(said, batch)
            + shares.vad * _vad_loss(said, batch)
            + shares.translation * _translation_loss(said, original, batch)
            + shares.translation_bag * _translation_bag_loss(said, original, batch)
        )
        return total / len(batch["ids"])

    def predict(self, net: nn.Module, indices: Indices) -> Predictions:
        shipped = with_rounded_table(net)
        device = next(shipped.parameters()).device
        said: dict[str, list[np.ndarray]] = {head: [] for head in HEADS}
        for start in range(0, len(indices), PREDICT_BATCH):
            bags = self.sentences.bags.pad(indices[start : start + PREDICT_BATCH])
            answers = shipped(*(torch.from_numpy(array).to(device) for array in bags))
            for head in HEADS:
                said[head].append(answers[head].float().cpu().numpy())
        return {head: np.concatenate(said[head]) for head in HEADS} | {"indices": indices}

    def score(self, predictions: Predictions) -> Mapping[str, float]:
        """Mean F1 over labels on the part that tunes, so that no epoch is chosen on what judges."""
        tune = judged(self.sentences, predictions, "tune", "goemotions")
        said = tune.chances["ekman7"] >= best_threshold(tune, "ekman7")
        return {"f1_macro": float(f1(said, tune.truth["ekman7"]).mean())}

    def calibrate(self, predictions: Predictions) -> Calibration:
        return calibration(self.sentences, predictions)

    def report(self, predictions: Predictions, rng: np.random.Generator) -> Report:
        return words_report(self.sentences, predictions, self.calibrate(predictions), rng)

    def export(self, net: nn.Module, calibration: Calibration, path: Path) -> None:
        export_words(net, calibration["temperature"], path)


def build(recipe: Recipe, data: Path) -> Task:
    """The words task of a recipe; `data` holds text/{goemotions,ru_goemotions,xed,emobank}."""
    return WordsTask(recipe, data)


def _fine_loss(said: Said, batch: Batch) -> Tensor:
    """Cross-entropy of the 28 labels, shared evenly among those that apply; summed."""
    chances = functional.log_softmax(said["goemotions"], dim=1)
    return -(_evenly(batch["goemotions"]) * chances).sum()


def _group_loss(said: Said, batch: Batch) -> Tensor:
    """The same of Ekman's seven."""
    return -(_evenly(batch["ekman7"]) * _ekman_logarithms(said)).sum()


def _plutchik_loss(said: Said, batch: Batch) -> Tensor:
    """Binary cross-entropy of the lines of XED; summed over lines and labels."""
    known = batch["knows_plutchik8"]
    return functional.binary_cross_entropy_with_logits(
        said["plutchik8"][known], batch["plutchik8"][known], reduction="sum"
    )


def _shared_emotions_loss(said: Said, batch: Batch) -> Tensor:
    """Cross-entropy of the lines of XED among the six emotions that Plutchik and Ekman share."""
    among_six = _ekman_logarithms(said)[:, EKMAN_SHARED].log_softmax(dim=1)
    return -(_evenly(batch["plutchik8"][:, PLUTCHIK_SHARED]) * among_six).sum()


def _vad_loss(said: Said, batch: Batch) -> Tensor:
    """Squared error of the sentences of EmoBank; summed over sentences and axes."""
    known = batch["knows_vad"]
    return (said["vad"][known] - batch["vad"][known]).square().sum()


def _translation_loss(said: Said, original: Said | None, batch: Batch) -> Tensor:
    """Divergence of a translation's 28 probabilities from its original's; summed."""
    if original is None:
        return said["goemotions"].new_zeros(())
    translated = functional.log_softmax(said["goemotions"][batch["mate_rows"]], dim=1)
    target = functional.softmax(original["goemotions"], dim=1)
    return functional.kl_div(translated, target, reduction="sum")


def _translation_bag_loss(said: Said, original: Said | None, batch: Batch) -> Tensor:
    """Squared distance of a translation's bag from its original's; summed."""
    if original is None:
        return said["bag"].new_zeros(())
    return (said["bag"][batch["mate_rows"]] - original["bag"]).square().sum()


def _original(net: nn.Module, batch: Batch) -> Said | None:
    """What the net says of the English originals: a fixed target, so nothing is dropped."""
    if not len(batch["mate_rows"]):
        return None
    net.eval()
    with torch.no_grad():
        said = net(batch["mate_ids"], batch["mate_weights"])
    net.train()
    return said


def _evenly(labels: Tensor) -> Tensor:
    """Rows that sum to one, spread over their labels; rows without a label stay zero."""
    return labels / labels.sum(dim=1, keepdim=True).clamp(min=1)


def _ekman_logarithms(said: Said) -> Tensor:
    """Logarithms of Ekman's seven probabilities, (B, 7)."""
    chances = functional.softmax(said["goemotions"], dim=1)
    return (chances @ GROUPS.to(chances) + SMALLEST).log()
