"""The sounds task: the ten classes of ESC-10 and speech, each present or not for itself.

So that a talking head does not become a dog, speech is a class of its own, is mixed under the
other sounds, and noise alone teaches that nothing may be there at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from insula.corpora import baved, esc10, ravdess
from insula.corpora.labelled_audio import Clip, folds
from insula.learn.augment import SoundChanges, change_sound
from insula.learn.calibration import cross_fitted, fit_temperature, sigmoid
from insula.learn.export import export_onnx
from insula.learn.metrics import accuracy, ece, f1_macro, recalls, uar
from insula.learn.recipe import Recipe
from insula.learn.report import measured
from insula.learn.sound_bank import Heard, make_bank, make_statistics, spectrogram
from insula.learn.task import (
    Batch,
    Calibration,
    Fold,
    Indices,
    Predictions,
    Report,
    Task,
)
from insula.zoo.card import GroupResult

LABELS = (*esc10.CLASSES, "speech")
SPEECH = LABELS.index("speech")
THRESHOLD = 0.5  # from which a class counts as present in the metrics
ROWS = 100  # rows of a spectrogram a second
FLOOR = -18.4  # log-mel of digital silence


@dataclass(frozen=True)
class Mixing:
    """The section [mixing]: what is laid together, and what is added."""

    ravdess: int
    """Clips of speech from RAVDESS, evenly over the actors."""
    baved: int
    """Clips of speech from BAVED."""
    noise: int
    """Clips of noise of random colour, in which nothing is present."""
    together: float
    """Chance that a changed copy of a sound has speech under it, or the reverse."""
    louder: float
    """By how much at most one of both is louder, in natural-log units of power."""
    longest: float
    """Seconds of the longest piece; longer clips are cut around a random loud place."""


class SoundsTask(Task):
    """Clips of ESC-10, of speech, of noise, as statistics in memory."""

    metric = "accuracy"
    inputs = {"log_mel": "float32 [N,T,64]"}
    outputs = {"probabilities": "float32 [N,11]"}

    def __init__(self, recipe: Recipe, data: Path) -> None:
        self.recipe = recipe
        self.changes = recipe.section("augmentation", SoundChanges)
        self.mixing = recipe.section("mixing", Mixing)
        rng = np.random.default_rng(recipe.seed)
        sounds = esc10.read_clips(data / "esc10")
        spoken = _evenly(ravdess.read_clips(data / "ravdess"), self.mixing.ravdess)
        spoken += _evenly(baved.read_clips(data / "baved"), self.mixing.baved)
        heard = [spectrogram(clip.audio()) for clip in [*sounds, *spoken]]
        heard += [_noise(rng) for _ in range(self.mixing.noise)]
        count = len(heard)
        self.label = np.full(count, -1)  # of noise: none
        self.label[: len(sounds)] = [int(clip.label) for clip in sounds]
        self.label[len(sounds) : len(sounds) + len(spoken)] = SPEECH
        self.fold = self._folds(sounds, spoken)
        self.statistics = make_statistics(recipe)
        self._make_bank(heard, rng)
        self.example = torch.from_numpy(np.stack([clip[:20] for clip in heard[-2:]]))
        self.everything = np.arange(count)
        self.folds = [
            Fold(f"fold {number + 1}", np.flatnonzero(self.fold != number), self._of(number))
            for number in range(self.fold.max() + 1)
        ]

    def make_net(self) -> nn.Module:
        return self.recipe.make_net(heads={"sound": len(LABELS)}, width=self.bank.shape[2])

    def batch(self, indices: Indices, rng: np.random.Generator) -> Batch:
        copy = rng.integers(0, len(self.bank), len(indices))
        targets = torch.from_numpy(self.targets[copy, indices])
        return {"statistics": self.bank[copy, indices], "targets": targets}

    def loss(self, net: nn.Module, batch: Batch) -> Tensor:
        said, _ = net(batch["statistics"])
        loss = functional.binary_cross_entropy_with_logits(
            said["sound"], batch["targets"], reduction="sum"
        )
        return loss / len(batch["targets"])

    def predict(self, net: nn.Module, indices: Indices) -> Predictions:
        device = next(net.parameters()).device
        said, _ = net(self.bank[0, indices].to(device))
        return {"logits": said["sound"].float().cpu().numpy(), "indices": indices}

    def score(self, predictions: Predictions) -> Mapping[str, float]:
        label = self.label[predictions["indices"]]
        sound = (label >= 0) & (label != SPEECH)
        said = predictions["logits"][sound, :SPEECH].argmax(axis=1)
        return {"accuracy": accuracy(label[sound], said)}

    def calibrate(self, predictions: Predictions) -> Calibration:
        targets = self.targets[0, predictions["indices"]]
        return {
            "temperature": fit_temperature(predictions["logits"], targets, activation=sigmoid),
            "threshold": THRESHOLD,
        }

    def report(self, predictions: Predictions, rng: np.random.Generator) -> Report:
        indices = predictions["indices"]
        label, targets = self.label[indices], self.targets[0, indices]
        chances = cross_fitted(predictions["logits"], targets, indices, activation=sigmoid)
        of_sounds = np.flatnonzero((label >= 0) & (label != SPEECH))
        truth, answers = label[of_sounds], chances[of_sounds]
        said = answers[:, :SPEECH].argmax(axis=1)
        confidence = answers[np.arange(len(said)), said]
        measures = {
            "accuracy": lambda rows: accuracy(truth[rows], said[rows]),
            "f1_macro": lambda rows: f1_macro(truth[rows], said[rows]),
            "ece": lambda rows: ece(said[rows] == truth[rows], confidence[rows]),
        }
        protocol = self.recipe.protocol
        metrics = measured(measures, of_sounds, rng, corpus="ESC-10", protocol=protocol)
        is_speech, speaks = label == SPEECH, chances[:, SPEECH] >= THRESHOLD
        other = (chances[:, :SPEECH] >= THRESHOLD).any(axis=1)
        talk = np.flatnonzero(is_speech)
        presence = {
            "speech_uar": lambda rows: uar(is_speech[rows].astype(int), speaks[rows].astype(int))
        }
        protocol = "clips of speech against sounds and noise, same folds, threshold 0.5"
        metrics += measured(
            presence, indices, rng, corpus="speech of RAVDESS and BAVED, ESC-10", protocol=protocol
        )
        alarms = {"false_event_rate": lambda rows: float(other[talk][rows].mean())}
        protocol = "clips of speech with any other sound at 0.5 or above, same folds"
        metrics += measured(alarms, talk, rng, corpus="RAVDESS and BAVED", protocol=protocol)
        groups = [
            GroupResult("ESC-10", LABELS[c], "recall", value, int((truth == c).sum()))
            for c, value in recalls(truth, said).items()
        ]
        return Report(metrics, groups)

    def export(self, net: nn.Module, calibration: Calibration, path: Path) -> None:
        shipped = _Shipped(Heard(self.statistics, net), calibration["temperature"])
        dynamic = {"log_mel": {0: "N", 1: "T"}}
        export_onnx(shipped, {"log_mel": self.example}, tuple(self.outputs), path, dynamic=dynamic)

    def _folds(self, sounds: list[Clip], spoken: list[Clip]) -> np.ndarray:
        """The fold of every clip: of the release, of whole actors, and noise in turn."""
        names = sorted({clip.groups["fold"] for clip in sounds})
        fold = np.empty(len(self.label), np.int64)
        fold[: len(sounds)] = [names.index(clip.groups["fold"]) for clip in sounds]
        for number, (_, test) in enumerate(folds(spoken, "speaker", len(names))):
            fold[len(sounds) + np.array(test, np.int64)] = number
        start = len(sounds) + len(spoken)
        fold[start:] = np.arange(len(fold) - start) % len(names)
        return fold

    def _of(self, number: int) -> Indices:
        return np.flatnonzero(self.fold == number)

    def _make_bank(self, heard: list[np.ndarray], rng: np.random.Generator) -> None:
        """The bank, and what is present in each copy: targets (copies + 1, N, 11)."""
        copies = self.changes.copies
        self.targets = np.zeros((copies + 1, len(heard), len(LABELS)), np.float32)
        present = np.flatnonzero(self.label >= 0)
        self.targets[:, present, self.label[present]] = 1
        partners = [self._partners(number) for number in range(len(heard))]

        def changed(number: int, copy: int) -> np.ndarray:
            piece = self._piece(heard[number], rng)
            if len(partners[number]) and rng.random() < self.mixing.together:
                partner = int(rng.choice(partners[number]))
                piece = _together(piece, heard[partner], self.mixing.louder, rng)
                self.targets[copy, number, self.label[partner]] = 1
            return change_sound(piece, self.changes, rng)

        self.bank = make_bank(self.statistics, heard, changed, copies)

    def _partners(self, number: int) -> Indices:
        """What may be laid over a clip: speech over sounds, sounds over speech, of its own fold.

        So nothing that is held out is heard in training.
        """
        label, sound = self.label[number], (self.label >= 0) & (self.label != SPEECH)
        other = sound if label == SPEECH else self.label == SPEECH
        return np.flatnonzero((self.fold == self.fold[number]) & other & (label >= 0))

    def _piece(self, clip: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """At most `longest` seconds that hold a loud place of the clip."""
        longest = round(self.mixing.longest * ROWS)
        if len(clip) <= longest:
            return clip
        energy = np.exp(clip).sum(axis=1)
        centre = rng.choice(len(clip), p=energy / energy.sum())
        start = int(np.clip(centre - rng.integers(longest), 0, len(clip) - longest))
        return clip[start : start + longest]


class _Shipped(nn.Module):
    """Calibrated probabilities, each for itself."""

    def __init__(self, net: nn.Module, temperature: float) -> None:
        super().__init__()
        self.net = net
        self.temperature = temperature

    def forward(self, log_mel: Tensor) -> Tensor:
        said, _ = self.net(log_mel)
        return torch.sigmoid(said["sound"] / self.temperature)


def build(recipe: Recipe, data: Path) -> Task:
    """The sounds task of a recipe; `data` holds the folders esc10, ravdess and baved."""
    return SoundsTask(recipe, data)


def _evenly(clips: list[Clip], count: int) -> list[Clip]:
    """About `count` clips, evenly spaced in the list."""
    return clips[:: max(1, len(clips) // max(1, count))][:count]


def _noise(rng: np.random.Generator) -> np.ndarray:
    """Two to five seconds of steady noise of random colour and level: log-mel (T, 64)."""
    rows = int(rng.integers(2 * ROWS, 5 * ROWS))
    across = np.linspace(-1, 1, 64)
    level = rng.uniform(-16, -4) + rng.uniform(-4, 1) * across
    level = level + rng.uniform(0, 1) * np.cos(2 * np.pi * across * rng.uniform(0.3, 2))
    # The log of a mean of a few squared normal numbers; more of them in the wider, upper bands.
    spread = np.linspace(0.9, 0.3, 64)
    grain = rng.standard_normal((rows, 64)) * spread
    return np.maximum(level + grain, FLOOR).astype(np.float32)


def _together(
    piece: np.ndarray, partner: np.ndarray, louder: float, rng: np.random.Generator
) -> np.ndarray:
    """Both at once, (T, 64): powers add. The partner is repeated or cut to the same length."""
    start = int(rng.integers(len(partner)))
    other = partner[(start + np.arange(len(piece))) % len(partner)]
    gap = np.log(np.exp(piece).mean() / np.exp(other).mean())
    other = other + gap + rng.uniform(-louder, louder)
    return np.logaddexp(piece, other).astype(np.float32)
