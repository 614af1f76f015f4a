"""The voice task: eight emotions of RAVDESS, and arousal from BAVED's three levels.

One net with two heads. A clip teaches only the head that its corpus has labels for. Arousal is
p(high) - p(low) of the three levels, so it lies in [-1, 1] and is 0 where the net cannot tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from insula.core.space import RAVDESS8
from insula.corpora import baved, ravdess
from insula.corpora.labelled_audio import folds
from insula.learn.augment import SoundChanges, change_sound
from insula.learn.calibration import cross_fitted, fit_temperature, softmax
from insula.learn.export import export_onnx
from insula.learn.metrics import accuracy, brier, ccc, ece, f1_macro, pcc, recalls, uar
from insula.learn.recipe import Recipe
from insula.learn.report import measured
from insula.learn.sound_bank import (
    Heard,
    make_bank,
    make_statistics,
    smooth_cross_entropy,
    spectrogram,
)
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
from insula.zoo.card import GroupResult

LEVELS = np.array([-1.0, 0.0, 1.0])  # arousal of BAVED's levels low, neutral, high
FOLDS = 5


@dataclass(frozen=True)
class Shares:
    """The section [loss]."""

    emotion: float
    level: float
    smoothing: float
    """Share of a label's probability that is spread over all."""
    neutral: int
    """How often a neutral clip is seen in an epoch; RAVDESS has half as many of them."""


class VoiceTask(Task):
    """The clips of RAVDESS, then those of BAVED, as statistics in memory."""

    metric = "uar"
    inputs = {"log_mel": "float32 [N,T,64]"}
    outputs = {
        "probabilities": "float32 [N,8]",
        "arousal": "float32 [N]",
        "embedding": "float32 [N,128]",
    }

    def __init__(self, recipe: Recipe, data: Path) -> None:
        self.recipe = recipe
        self.changes = recipe.section("augmentation", SoundChanges)
        self.shares = recipe.section("loss", Shares)
        self.statistics = make_statistics(recipe)
        acted = ravdess.read_clips(data / "ravdess")
        words = baved.read_clips(data / "baved")
        clips = [*acted, *words]
        self.acted = np.arange(len(clips)) < len(acted)
        self.label = np.array([c.label for c in acted] + [c.label + 1 for c in words], np.int64)
        corpus = ["RAVDESS"] * len(acted) + ["BAVED"] * len(words)
        self.speaker = np.array(
            [f"{name} {clip.groups['speaker']}" for name, clip in zip(corpus, clips, strict=True)]
        )
        self.sex = np.array([clip.groups["sex"] for clip in clips])
        self.intensity = np.array([clip.groups.get("intensity", "") for clip in clips])
        heard = [spectrogram(clip.audio()) for clip in clips]
        rng = np.random.default_rng(recipe.seed)

        def changed(number: int, _: int) -> np.ndarray:
            return change_sound(heard[number], self.changes, rng)

        self.bank = make_bank(self.statistics, heard, changed, self.changes.copies)
        self.example = torch.from_numpy(np.stack([clip[:50] for clip in heard[:2]]))
        self.everything = self._balanced(np.arange(len(clips)))
        of_words = [np.array(test) + len(acted) for _, test in folds(words, "speaker", FOLDS)]
        tests = [
            np.concatenate([np.array(test), more])
            for (_, test), more in zip(folds(acted, "speaker", FOLDS), of_words, strict=True)
        ]
        self.folds = [
            Fold(
                f"fold {number}",
                self._balanced(np.setdiff1d(np.arange(len(clips)), test)),
                test.astype(np.int64),
            )
            for number, test in enumerate(tests, start=1)
        ]

    def make_net(self) -> nn.Module:
        heads = {"emotion": len(RAVDESS8), "level": len(LEVELS)}
        return self.recipe.make_net(heads=heads, width=self.bank.shape[2])

    def batch(self, indices: Indices, rng: np.random.Generator) -> Batch:
        copy = rng.integers(0, len(self.bank), len(indices))
        return {
            "statistics": self.bank[copy, indices],
            "label": torch.from_numpy(self.label[indices]),
            "acted": torch.from_numpy(self.acted[indices]),
        }

    def loss(self, net: nn.Module, batch: Batch) -> Tensor:
        said, _ = net(batch["statistics"])
        total, label, acted = len(batch["label"]), batch["label"], batch["acted"]
        smoothing = self.shares.smoothing
        emotion = smooth_cross_entropy(
            said["emotion"][acted], label[acted], smoothing=smoothing, total=total
        )
        level = smooth_cross_entropy(
            said["level"][~acted], label[~acted], smoothing=smoothing, total=total
        )
        return self.shares.emotion * emotion + self.shares.level * level

    def predict(self, net: nn.Module, indices: Indices) -> Predictions:
        device = next(net.parameters()).device
        said, _ = net(self.bank[0, indices].to(device))
        return {
            "emotion": said["emotion"].float().cpu().numpy(),
            "level": said["level"].float().cpu().numpy(),
            "indices": indices,
        }

    def score(self, predictions: Predictions) -> Mapping[str, float]:
        acted, words = self._parts(predictions)
        return {
            "uar": uar(acted["label"], acted["emotion"].argmax(axis=1)),
            "level_uar": uar(words["label"], words["level"].argmax(axis=1)),
        }

    def calibrate(self, predictions: Predictions) -> Calibration:
        acted, words = self._parts(predictions)
        emotion, level = np.eye(len(RAVDESS8)), np.eye(len(LEVELS))
        return {
            "temperature": fit_temperature(acted["emotion"], emotion[acted["label"]]),
            "level_temperature": fit_temperature(words["level"], level[words["label"]]),
        }

    def report(self, predictions: Predictions, rng: np.random.Generator) -> Report:
        acted, words = self._parts(predictions)
        label, speaker = acted["label"], self.speaker[acted["indices"]]
        chances = cross_fitted(acted["emotion"], np.eye(len(RAVDESS8))[label], speaker)
        said = chances.argmax(axis=1)
        measures = {
            "uar": lambda rows: uar(label[rows], said[rows]),
            "accuracy": lambda rows: accuracy(label[rows], said[rows]),
            "f1_macro": lambda rows: f1_macro(label[rows], said[rows]),
            "brier": lambda rows: brier(label[rows], chances[rows]),
            "ece": lambda rows: ece(said[rows] == label[rows], chances[rows].max(axis=1)),
        }
        protocol = self.recipe.protocol
        metrics = measured(measures, speaker, rng, corpus="RAVDESS", protocol=protocol)
        metrics += self._arousal_metrics(words, rng)
        sex = self.sex[acted["indices"]]
        groups = [
            GroupResult("RAVDESS", g, "uar", uar(label[sex == g], said[sex == g]), int(n))
            for g, n in zip(*np.unique(sex, return_counts=True), strict=True)
        ]
        groups += [
            GroupResult("RAVDESS", RAVDESS8.labels[c], "recall", value, int((label == c).sum()))
            for c, value in recalls(label, said).items()
        ]
        return Report(metrics, groups)

    def _arousal_metrics(self, words: Predictions, rng: np.random.Generator) -> list[Metric]:
        truth = LEVELS[words["label"]]
        arousal = softmax(words["level"]) @ LEVELS
        level = words["level"].argmax(axis=1)
        measures = {
            "arousal_pearson": lambda rows: pcc(truth[rows], arousal[rows]),
            "arousal_ccc": lambda rows: ccc(truth[rows], arousal[rows]),
            "level_uar": lambda rows: uar(words["label"][rows], level[rows]),
        }
        speaker = self.speaker[words["indices"]]
        protocol = "five folds of whole speakers, levels low, neutral, high as -1, 0, 1"
        return measured(measures, speaker, rng, corpus="BAVED", protocol=protocol)

    def export(self, net: nn.Module, calibration: Calibration, path: Path) -> None:
        shipped = _Shipped(
            Heard(self.statistics, net),
            calibration["temperature"],
            calibration["level_temperature"],
        )
        export_onnx(
            shipped,
            {"log_mel": self.example},
            tuple(self.outputs),
            path,
            dynamic={"log_mel": {0: "N", 1: "T"}},
        )

    def _parts(self, predictions: Predictions) -> tuple[Predictions, Predictions]:
        """The predictions on RAVDESS and on BAVED, with labels."""
        indices = predictions["indices"]
        full = {**predictions, "label": self.label[indices]}
        acted = self.acted[indices]
        return (
            {key: value[acted] for key, value in full.items()},
            {key: value[~acted] for key, value in full.items()},
        )

    def _balanced(self, indices: Indices) -> Indices:
        neutral = self.acted[indices] & (self.label[indices] == RAVDESS8.index("neutral"))
        return np.repeat(indices, np.where(neutral, self.shares.neutral, 1))


class _Shipped(nn.Module):
    """Calibrated probabilities, arousal and the embedding."""

    def __init__(self, net: nn.Module, temperature: float, level_temperature: float) -> None:
        super().__init__()
        self.net = net
        self.temperature = temperature
        self.level_temperature = level_temperature

    def forward(self, log_mel: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        said, embedding = self.net(log_mel)
        level = functional.softmax(said["level"] / self.level_temperature, dim=1)
        arousal = level[:, 2] - level[:, 0]
        return functional.softmax(said["emotion"] / self.temperature, dim=1), arousal, embedding


def build(recipe: Recipe, data: Path) -> Task:
    """The voice task of a recipe; `data` holds the folders ravdess and baved."""
    return VoiceTask(recipe, data)
