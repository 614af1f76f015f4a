"""The fusion task: a pool of the channels' opinions that knows whom to doubt.

Learns from pairs of one half of each channel's held-out samples, channels left out, spoilt, drowned
in noise or contradicting at random, and is judged on pairs of the other half, in one condition
after the other; then the other way round. Both nets ship, as one ensemble. All numbers are of
synthetic pairing (`learn.pairing`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from insula.core.space import EKMAN7
from insula.learn.calibration import softmax
from insula.learn.export import export_onnx
from insula.learn.fusion_comparison import (
    resampled_sources,
    resampled_weights,
    single_faults,
    with_interval,
)
from insula.learn.metrics import accuracy, ece_tally, label_tallies
from insula.learn.pairing import (
    ABSENT,
    AS_IT_IS,
    CHANNELS,
    CONTRADICTS,
    NOISE,
    SPOILT,
    Cast,
    People,
    cast,
    face_opinions,
    voice_opinions,
    words_opinions,
)
from insula.learn.recipe import Recipe
from insula.learn.task import (
    Batch,
    Calibration,
    Fold,
    Indices,
    Metric,
    Predictions,
    Report,
    Task,
)
from insula.zoo.card import Learned

CORPUS = "FER+ Valid, RAVDESS, GoEmotions dev; synthetic pairing"


@dataclass(frozen=True)
class Pairing:
    """The section [pairing]."""

    face: str
    """Weights whose held-out opinions are paired; so `voice` and `words`."""
    voice: str
    words: str
    most: tuple[int, int, int]
    """Samples of a label in each half, at most, of each channel: more cost time, change little."""
    frequencies: tuple[float, ...]
    """How frequent each label of ekman7 is among the people; they add up to 1."""
    learn: int
    """Synthetic people to learn from."""
    judge: int
    """Synthetic people to judge by, the same in each condition."""


@dataclass(frozen=True)
class Mixture:
    """The section [mixture]: how likely what befalls those to learn from."""

    absent: float
    """Of each channel."""
    spoilt: float
    """Of each channel that is there: one of the faults of `pairing.SPOILT`."""
    noise: float
    """Of one channel of a person."""
    contradicts: float
    """Of one channel of a person, where all are there: of two alone, nobody contradicts more."""


class FusionTask(Task):
    """Synthetic people to learn from, then those of every condition to judge by."""

    metric = "accuracy"
    inputs = {"scores": "float32 [N,3,7]", "trust": "float32 [N,3]"}
    outputs = {"probabilities": "float32 [N,7]", "fold_probabilities": "float32 [N,2,7]"}

    def __init__(self, recipe: Recipe, data: Path) -> None:
        self.recipe = recipe
        pairing = recipe.section("pairing", Pairing)
        *own, rng = np.random.default_rng(recipe.seed).spawn(len(CHANNELS) + 1)
        self.frequencies = pairing.frequencies
        self.opinions = (
            face_opinions(data, pairing.face, pairing.most[0], own[0]),
            voice_opinions(data, pairing.voice, pairing.most[1], own[1]),
            words_opinions(data, pairing.words, pairing.most[2], own[2]),
        )
        actors = tuple(f"{actor:02}" for actor in np.unique(self.opinions[1].source))
        self.learned = (
            Learned("ferplus", "valid"),
            Learned("ravdess", groups=actors),
            Learned("goemotions", "dev"),
        )
        to_learn = cast(self.opinions, self.frequencies, pairing.learn, rng)
        self.to_judge = cast(self.opinions, self.frequencies, pairing.judge, rng)
        people = [befallen(to_learn, recipe.section("mixture", Mixture), rng)]
        people += [self.to_judge.people(each) for each in single_faults().values()]
        self.scores = np.concatenate([each.scores for each in people]).astype(np.float32)
        self.trust = np.concatenate([each.trust for each in people]).astype(np.float32)
        self.label = np.concatenate([each.label for each in people])
        self.first = pairing.learn  # of those to judge by
        half = np.concatenate([to_learn.half, *[self.to_judge.half] * (len(people) - 1)])
        learns = (np.arange(len(half)) < self.first) & self.trust.any(axis=1)
        judges = np.arange(len(half)) >= self.first
        self.folds = tuple(
            Fold(f"half {k}", np.flatnonzero(learns & mine), np.flatnonzero(judges & ~mine))
            for k, mine in enumerate((~half, half), start=1)
        )

    def make_net(self) -> nn.Module:
        return self.recipe.make_net(channels=len(CHANNELS), classes=len(EKMAN7))

    def batch(self, indices: Indices, rng: np.random.Generator) -> Batch:
        return {
            "scores": torch.from_numpy(self.scores[indices]),
            "trust": torch.from_numpy(self.trust[indices]),
            "label": torch.from_numpy(self.label[indices]),
        }

    def loss(self, net: nn.Module, batch: Batch) -> Tensor:
        return functional.cross_entropy(net(batch["scores"], batch["trust"]), batch["label"])

    def predict(self, net: nn.Module, indices: Indices) -> Predictions:
        batch = self.batch(indices, np.random.default_rng(0))
        device = next(net.parameters()).device
        logits = net(batch["scores"].to(device), batch["trust"].to(device))
        label = self.label[indices]
        return {"logits": logits.float().cpu().numpy(), "label": label, "indices": indices}

    def score(self, predictions: Predictions) -> Mapping[str, float]:
        """The mean over all conditions."""
        return {"accuracy": accuracy(predictions["label"], predictions["logits"].argmax(axis=1))}

    def report(self, predictions: Predictions, rng: np.random.Generator) -> Report:
        drawn = resampled_sources(self.to_judge, rng)
        label, metrics = self.to_judge.label, []
        for (name, treatments), chances in zip(
            single_faults().items(), self.by_condition(predictions), strict=True
        ):
            weights = resampled_weights(self.to_judge, treatments, drawn)
            said = chances.argmax(axis=1)
            tallies = {
                "accuracy": label_tallies(label, said, len(EKMAN7))["accuracy"],
                "ece": ece_tally(said == label, chances.max(axis=1)),
            }
            protocol = f"{name}; {self.recipe.protocol}"
            metrics += [
                Metric(key, *with_interval(tally, weights), CORPUS, protocol, len(label))
                for key, tally in tallies.items()
            ]
        return Report(metrics)

    def by_condition(self, predictions: Predictions) -> np.ndarray:
        """Held-out probabilities of all people to judge by: (conditions, N, 7)."""
        order = np.argsort(predictions["indices"])
        shape = (-1, len(self.to_judge.label), len(EKMAN7))
        return softmax(predictions["logits"][order]).reshape(shape)

    def export(self, nets: Sequence[nn.Module], calibration: Calibration, path: Path) -> None:
        batch = self.batch(self.folds[0].train[:3], np.random.default_rng(0))
        export_onnx(
            _Shipped(nets),
            {"scores": batch["scores"], "trust": batch["trust"]},
            tuple(self.outputs),
            path,
            dynamic={"scores": {0: "N"}, "trust": {0: "N"}},
        )


class _Shipped(nn.Module):
    """The mean of the nets' probabilities, and each net's own."""

    def __init__(self, nets: Sequence[nn.Module]) -> None:
        super().__init__()
        self.nets = nn.ModuleList(nets)

    def forward(self, scores: Tensor, trust: Tensor) -> tuple[Tensor, Tensor]:
        each = [functional.softmax(net(scores, trust), dim=1) for net in self.nets]
        stacked = torch.stack(each, dim=1)  # [N, K, C]
        return stacked.mean(dim=1), stacked


def befallen(people: Cast, mixture: Mixture, rng: np.random.Generator) -> People:
    """The people after something has befallen their channels, or nothing, at random."""
    count = len(people.label)
    each = np.full((count, len(CHANNELS)), AS_IT_IS, dtype=object)
    for column, faults in enumerate(SPOILT.values()):
        spoilt = rng.random(count) < mixture.spoilt
        each[spoilt, column] = rng.choice(np.array(faults, dtype=object), spoilt.sum())
    each[rng.random(each.shape) < mixture.absent] = ABSENT
    one, chance = rng.integers(0, len(CHANNELS), count), rng.random(count)
    there = each[np.arange(count), one] != ABSENT
    noisy = np.flatnonzero(there & (chance < mixture.noise))
    each[noisy, one[noisy]] = NOISE
    complete = (each != ABSENT).all(axis=1)
    at_odds = (chance >= mixture.noise) & (chance < mixture.noise + mixture.contradicts)
    contrary = np.flatnonzero(complete & at_odds)
    each[contrary, one[contrary]] = CONTRADICTS
    return people.people(list(each.T))


def build(recipe: Recipe, data: Path) -> Task:
    """The fusion task of a recipe; `data` holds the corpora of face, voice and words."""
    return FusionTask(recipe, data)
