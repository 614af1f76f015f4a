"""The fusion task: the overall regression over channel scores.

Learns from pairs of one half of each channel's held-out samples, channels dropped and disturbed at
random; judged on pairs of the other half. All numbers are of synthetic pairing (`learn.pairing`).
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
from insula.learn.calibration import fit_temperature, softmax
from insula.learn.export import export_onnx
from insula.learn.metrics import accuracy, ece, uar
from insula.learn.pairing import (
    CHANNELS,
    Opinions,
    People,
    contradict,
    drop,
    face_opinions,
    noise,
    pair,
    voice_opinions,
    words_opinions,
)
from insula.learn.recipe import Recipe
from insula.learn.report import measured
from insula.learn.task import Batch, Calibration, Fold, Indices, Predictions, Report, Task

CORPUS = "FER+ Valid, RAVDESS, GoEmotions dev; synthetic pairing"


@dataclass(frozen=True)
class Pairing:
    """The section [pairing]."""

    frequencies: tuple[float, ...]
    """How frequent each label of ekman7 is among the people; they add up to 1."""
    train: int
    """Synthetic people to learn from."""
    judge: int
    """Synthetic people to judge by, in each condition."""
    absent: float
    """Chance that a channel is absent."""
    disturbed: float
    """Chance that one channel of a person to learn from is noise, and the same of contradiction."""
    voice: str
    """Recipe, beside this one, of the voice net whose held-out answers are used."""


class FusionTask(Task):
    """Synthetic people to learn from, then those of every condition to judge by."""

    metric = "accuracy"

    def __init__(self, recipe: Recipe, data: Path) -> None:
        self.recipe = recipe
        self.pairing = recipe.section("pairing", Pairing)
        rng = np.random.default_rng(recipe.seed)
        self.opinions = (
            face_opinions(data, rng),
            voice_opinions(data, recipe.folder / self.pairing.voice),
            words_opinions(data, rng),
        )
        learnt = self._to_learn(rng)
        self.conditions = conditions(self.opinions, self.pairing, rng)
        people = [learnt, *self.conditions.values()]
        self.scores = np.concatenate([each.scores for each in people]).astype(np.float32)
        self.present = np.concatenate([each.present for each in people]).astype(np.float32)
        self.label = np.concatenate([each.label for each in people])
        self.everything = np.arange(len(learnt.label))
        held_out = np.arange(len(learnt.label), len(self.label))
        self.folds = (Fold("all", self.everything, held_out),)
        width = len(CHANNELS) * len(EKMAN7)
        self.inputs = {
            "scores": f"float32 [N,{width}]",
            "present": f"float32 [N,{len(CHANNELS)}]",
        }
        self.outputs = {"probabilities": f"float32 [N,{len(EKMAN7)}]"}

    def make_net(self) -> nn.Module:
        return self.recipe.make_net(channels=len(CHANNELS), classes=len(EKMAN7))

    def batch(self, indices: Indices, rng: np.random.Generator) -> Batch:
        return {
            "scores": torch.from_numpy(self.scores[indices]).flatten(1),
            "present": torch.from_numpy(self.present[indices]),
            "label": torch.from_numpy(self.label[indices]),
        }

    def loss(self, net: nn.Module, batch: Batch) -> Tensor:
        return functional.cross_entropy(net(batch["scores"], batch["present"]), batch["label"])

    def predict(self, net: nn.Module, indices: Indices) -> Predictions:
        batch = self.batch(indices, np.random.default_rng(0))
        device = next(net.parameters()).device
        logits = net(batch["scores"].to(device), batch["present"].to(device))
        return {"logits": logits.float().cpu().numpy(), "label": self.label[indices]}

    def score(self, predictions: Predictions) -> Mapping[str, float]:
        return {"accuracy": accuracy(predictions["label"], predictions["logits"].argmax(axis=1))}

    def calibrate(self, predictions: Predictions) -> Calibration:
        """On people with channels absent at random: what the pipeline meets."""
        return {"temperature": self._temperature(predictions, self._rows("some absent"))}

    def report(self, predictions: Predictions, rng: np.random.Generator) -> Report:
        metrics = []
        for name in self.conditions:
            rows = self._rows(name)
            label, logits = predictions["label"][rows], predictions["logits"][rows]
            said, sure = logits.argmax(axis=1), self._sureness(predictions, logits)
            measures = {
                "accuracy": lambda at, label=label, said=said: accuracy(label[at], said[at]),
                "uar": lambda at, label=label, said=said: uar(label[at], said[at]),
                "ece": lambda at, label=label, said=said, sure=sure: ece(
                    said[at] == label[at], sure[at]
                ),
            }
            protocol = f"{name}; {self.recipe.protocol}"
            metrics += measured(measures, rows, rng, corpus=CORPUS, protocol=protocol)
        return Report(metrics)

    def export(self, net: nn.Module, calibration: Calibration, path: Path) -> None:
        batch = self.batch(self.everything[:3], np.random.default_rng(0))
        export_onnx(
            _Shipped(net, calibration["temperature"]),
            {"scores": batch["scores"], "present": batch["present"]},
            tuple(self.outputs),
            path,
            dynamic={"scores": {0: "N"}, "present": {0: "N"}},
        )

    @staticmethod
    def _temperature(predictions: Predictions, rows: np.ndarray) -> float:
        targets = np.eye(len(EKMAN7))[predictions["label"][rows]]
        return fit_temperature(predictions["logits"][rows], targets)

    def _sureness(self, predictions: Predictions, logits: np.ndarray) -> np.ndarray:
        """Calibrated probability of the top label; every second person by the others'."""
        fitted_on, sure = self._rows("some absent"), np.empty(len(logits))
        for mine in (0, 1):
            temperature = self._temperature(predictions, fitted_on[1 - mine :: 2])
            sure[mine::2] = softmax(logits[mine::2] / temperature).max(axis=1)
        return sure

    def _rows(self, condition: str) -> np.ndarray:
        """Rows of the held-out predictions that belong to a condition."""
        start = 0
        for name, people in self.conditions.items():
            if name == condition:
                return np.arange(start, start + len(people.label))
            start += len(people.label)
        raise KeyError(condition)

    def _to_learn(self, rng: np.random.Generator) -> People:
        """People of the first half; some channels noise, some contradicting, some absent."""
        people = pair(
            self.opinions, self.pairing.frequencies, self.pairing.train, half=False, rng=rng
        )
        scores = people.scores.copy()
        for column in range(len(CHANNELS)):
            share = self.pairing.disturbed / len(CHANNELS)
            chance = rng.random(len(scores))
            noisy = noise(people, column, rng).scores
            other = contradict(people, column, self.opinions, half=False, rng=rng).scores
            scores[chance < share, column] = noisy[chance < share, column]
            swapped = (chance >= share) & (chance < 2 * share)
            scores[swapped, column] = other[swapped, column]
        return drop(People(scores, people.present, people.label), self.pairing.absent, rng)


class _Shipped(nn.Module):
    """Calibrated probabilities."""

    def __init__(self, net: nn.Module, temperature: float) -> None:
        super().__init__()
        self.net = net
        self.temperature = temperature

    def forward(self, scores: Tensor, present: Tensor) -> Tensor:
        return functional.softmax(self.net(scores, present) / self.temperature, dim=1)


def build(recipe: Recipe, data: Path) -> Task:
    """The fusion task of a recipe; `data` holds the corpora of face, voice and words."""
    return FusionTask(recipe, data)


def conditions(
    opinions: Sequence[Opinions], pairing: Pairing, rng: np.random.Generator
) -> dict[str, People]:
    """People of the second half, in each condition that a fusion is judged in."""
    whole = pair(opinions, pairing.frequencies, pairing.judge, half=True, rng=rng)
    made = {"all present": whole, "some absent": drop(whole, pairing.absent, rng)}
    for column, name in enumerate(CHANNELS):
        made[f"{name} is noise"] = noise(whole, column, rng)
    for column, name in enumerate(CHANNELS):
        made[f"{name} contradicts"] = contradict(whole, column, opinions, half=True, rng=rng)
    for column, name in enumerate(CHANNELS):
        present = whole.present.copy()
        present[:, column] = False
        made[f"without {name}"] = People(whole.scores * present[..., None], present, whole.label)
    return made
