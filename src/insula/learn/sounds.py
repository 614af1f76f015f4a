"""The sounds task: the ten classes of ESC-10 and speech, each present or not for itself.

So that a talking head does not become a dog, speech is a class of its own, is mixed under the
other sounds, and noise alone teaches that nothing may be there at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from insula.corpora import ased, baved, esc10, ravdess
from insula.corpora.labelled_audio import Clip, folds
from insula.learn.augment import SoundChanges, change_sound
from insula.learn.calibration import fit_platt, sigmoid
from insula.learn.metrics import accuracy, ece, f1_macro, recalls, uar
from insula.learn.recipe import Recipe
from insula.learn.report import measured
from insula.learn.sound_bank import make_bank, make_statistics, without_pauses
from insula.learn.sounds_export import export_sounds
from insula.learn.task import (
    Batch,
    Calibration,
    Fold,
    Indices,
    Predictions,
    Report,
    Task,
)
from insula.media.spectral import log_mel
from insula.zoo.card import GroupResult, HeldOut

LABELS = (*esc10.CLASSES, "speech")
SPEECH = LABELS.index("speech")
SPOKEN = {"ravdess": ravdess.read_clips, "baved": baved.read_clips, "ased": ased.read_clips}
THRESHOLDS = np.arange(0.5, 0.951, 0.05)  # tried for the ten sounds
FALSE_EVENTS = 0.02  # share of clips of speech in which any other sound may be claimed
ROWS = 100  # rows of a spectrogram a second
FLOOR = -18.4  # log-mel of digital silence


@dataclass(frozen=True)
class Mixing:
    """The section [mixing]: what is laid together, and what is added."""

    spoken: int
    """Clips of speech from each of RAVDESS, BAVED and ASED, evenly over the speakers."""
    noise: int
    """Clips of noise of random colour, in which nothing is present."""
    together: float
    """Chance that a changed copy of a sound has speech under it, or the reverse."""
    louder: float
    """By how much at most one of both is louder, in natural-log units of power."""
    longest: float
    """Seconds of the longest piece; longer clips are cut around a random loud place."""
    between: float
    """Both parameters of the beta distribution of the shares in which two sounds are mixed."""
    choice: float
    """Weight of the cross-entropy between the ten sounds beside that of each for itself."""
    quiet: float
    """Weight of the clips in which none of the ten sounds is, against false events."""


class SoundsTask(Task):
    """Clips of ESC-10, of speech, of noise, as statistics in memory."""

    metric = "accuracy"
    inputs = {"log_mel": "float32 [N,T,64]"}

    def __init__(self, recipe: Recipe, data: Path) -> None:
        self.recipe = recipe
        self.changes = recipe.section("augmentation", SoundChanges)
        self.mixing = recipe.section("mixing", Mixing)
        rng = np.random.default_rng(recipe.seed)
        sounds = esc10.read_clips(data / "esc10")
        spoken = {
            name: _evenly(read(data / name), self.mixing.spoken) for name, read in SPOKEN.items()
        }
        names = sorted({clip.groups["fold"] for clip in sounds})
        self.held_out = [HeldOut("esc10", (name,), "fold") for name in names]
        label = [int(clip.label) for clip in sounds]
        fold = [names.index(clip.groups["fold"]) for clip in sounds]
        for corpus, clips in spoken.items():
            label += [SPEECH] * len(clips)
            fold += self._spread(corpus, clips, len(names))
        noise = range(self.mixing.noise)
        self.label = np.array(label + [-1] * len(noise))  # of noise: none
        self.fold = np.array(fold + [number % len(names) for number in noise])
        clips = [*sounds, *(clip for each in spoken.values() for clip in each)]
        whole = [log_mel(clip.audio()) for clip in clips] + [_noise(rng) for _ in noise]
        self.statistics = make_statistics(recipe)
        self._make_bank(whole, rng)
        self.example = torch.from_numpy(np.stack([clip[:20] for clip in whole[-2:]]))
        self.outputs = {
            "probabilities": f"float32 [N,{len(LABELS)}]",
            "fold_probabilities": f"float32 [N,{len(names)},{len(LABELS)}]",
        }
        self.folds = [
            Fold(
                f"fold {name}",
                np.flatnonzero(self.fold != number),
                np.flatnonzero(self.fold == number),
            )
            for number, name in enumerate(names)
        ]

    def make_net(self) -> nn.Module:
        return self.recipe.make_net(answers=len(LABELS), width=self.bank.shape[2])

    def batch(self, indices: Indices, rng: np.random.Generator) -> Batch:
        """A copy of each clip, and for each sound another, of which a share is mixed in."""
        copy = rng.integers(0, len(self.bank), len(indices))
        targets = torch.from_numpy(self.targets[copy, indices])
        partner, sounds = np.arange(len(indices)), np.flatnonzero(self._is_sound(indices))
        partner[sounds] = rng.permutation(sounds)
        between = (self.mixing.between, self.mixing.between)
        share = torch.from_numpy(rng.beta(*between, (len(indices), 1)).astype(np.float32))
        weight = np.where(self._is_sound(indices), 1, self.mixing.quiet).astype(np.float32)
        return {
            "statistics": self.bank[copy, indices],
            "weight": torch.from_numpy(weight).unsqueeze(1),
            "partner": torch.from_numpy(partner),
            "share": share,
            "targets": share * targets + (1 - share) * targets[partner],
        }

    def loss(self, net: nn.Module, batch: Batch) -> Tensor:
        """Each class for itself; beside it, where there is a sound, which of the ten it is."""
        logits = net(batch["statistics"], batch["partner"], batch["share"])
        targets = batch["targets"]
        alone = functional.binary_cross_entropy_with_logits(
            logits, targets, weight=batch["weight"], reduction="sum"
        )
        sounds = targets[:, :SPEECH]
        heard = sounds.sum(dim=1, keepdim=True)
        which = sounds / heard.clamp(min=1e-6)  # no sound, no loss
        choice = -(which * logits[:, :SPEECH].log_softmax(dim=1)).sum()
        present = (heard > 0).sum().clamp(min=1)
        return alone / len(targets) + self.mixing.choice * choice / present

    def predict(self, net: nn.Module, indices: Indices) -> Predictions:
        device = next(net.parameters()).device
        said = net(self.bank[0, indices].to(device))
        return {"logits": said.float().cpu().numpy(), "indices": indices}

    def score(self, predictions: Predictions) -> Mapping[str, float]:
        of_sounds = self._is_sound(predictions["indices"])
        said = predictions["logits"][of_sounds, :SPEECH].argmax(axis=1)
        return {"accuracy": accuracy(self.label[predictions["indices"]][of_sounds], said)}

    def calibrate(self, predictions: Predictions) -> Calibration:
        """How sure each fold's net is, by what the *others* say of their own held-out clips.

        So the net that judges a fold was calibrated without it, in the file as in the report.
        """
        numbers: dict[str, float] = {}
        indices = predictions["indices"]
        label, logits = self.label[indices], predictions["logits"]
        sounds = self._is_sound(indices)
        top = logits[:, :SPEECH].max(axis=1)
        right = logits[:, :SPEECH].argmax(axis=1) == label
        for fold in range(len(self.folds)):
            others = self.fold[indices] != fold
            mine = others & sounds
            pairs = {
                "sounds": fit_platt(top[mine], right[mine]),
                "speech": fit_platt(logits[others, SPEECH], label[others] == SPEECH),
            }
            for name, (scale, shift) in pairs.items():
                numbers |= {f"{name}_scale_{fold}": scale, f"{name}_shift_{fold}": shift}
        chances = self._calibrated(predictions, numbers)
        claimed = chances[label == SPEECH, :SPEECH].max(axis=1)
        quiet = [each for each in THRESHOLDS if (claimed >= each).mean() <= FALSE_EVENTS]
        numbers["threshold"] = float(min(quiet, default=THRESHOLDS[-1]))
        return numbers

    def report(self, predictions: Predictions, rng: np.random.Generator) -> Report:
        indices = predictions["indices"]
        label = self.label[indices]
        numbers = self.calibrate(predictions)
        chances, threshold = self._calibrated(predictions, numbers), numbers["threshold"]
        of_sounds = np.flatnonzero(self._is_sound(indices))
        truth, answers = label[of_sounds], chances[of_sounds, :SPEECH]
        said, confidence = answers.argmax(axis=1), answers.max(axis=1)
        sure = confidence >= threshold
        measures = {
            "accuracy": lambda rows: accuracy(truth[rows], said[rows]),
            "f1_macro": lambda rows: f1_macro(truth[rows], said[rows]),
            "ece": lambda rows: ece(said[rows] == truth[rows], confidence[rows]),
            "claimed": lambda rows: float(((said == truth) & sure)[rows].mean()),
        }
        metrics = measured(measures, of_sounds, rng, corpus="ESC-10", protocol=self.recipe.protocol)
        names = "RAVDESS, BAVED and ASED"
        is_speech = label == SPEECH
        speaks = chances[:, SPEECH] >= 0.5
        presence = {
            "speech_uar": lambda rows: uar(is_speech[rows].astype(int), speaks[rows].astype(int))
        }
        protocol = "clips of speech against sounds and noise, same folds, threshold 0.5"
        corpus = f"speech of {names}, ESC-10"
        metrics += measured(presence, indices, rng, corpus=corpus, protocol=protocol)
        other = (chances[is_speech, :SPEECH] >= threshold).any(axis=1)
        alarms = {"false_event_rate": lambda rows: float(other[rows].mean())}
        protocol = "clips of speech with any other sound at the threshold, which was set on them"
        talk = np.flatnonzero(is_speech)
        metrics += measured(alarms, talk, rng, corpus=names, protocol=protocol)
        groups = [
            GroupResult("ESC-10", LABELS[c], "recall", value, int((truth == c).sum()))
            for c, value in recalls(truth, said).items()
        ]
        return Report(metrics, groups)

    def export(self, nets: Sequence[nn.Module], calibration: Calibration, path: Path) -> None:
        sureness = [self._sureness(fold, calibration) for fold in range(len(nets))]
        export_sounds(self.statistics, nets, sureness, self.example, path)

    def _is_sound(self, indices: Indices) -> np.ndarray:
        """Which of the samples are of the ten classes: (B,) bool."""
        label = self.label[indices]
        return (label >= 0) & (label != SPEECH)

    def _calibrated(self, predictions: Predictions, numbers: Calibration) -> np.ndarray:
        """What the file says of samples, each by the net that never saw its fold: (N, 11)."""
        fold = self.fold[predictions["indices"]]
        sureness = np.stack([self._sureness(k, numbers) for k in range(len(self.folds))])[fold]
        return sigmoid(predictions["logits"] * sureness[:, 0] + sureness[:, 1])

    def _sureness(self, fold: int, numbers: Calibration) -> np.ndarray:
        """Scale and shift of each logit of a fold's net: (2, 11)."""
        kinds = ["sounds"] * SPEECH + ["speech"]
        rows = [[numbers[f"{kind}_{each}_{fold}"] for kind in kinds] for each in ("scale", "shift")]
        return np.array(rows, np.float32)

    def _spread(self, corpus: str, clips: Sequence[Clip], count: int) -> list[int]:
        """The fold of every clip of speech: whole speakers; noted for the card."""
        fold = np.empty(len(clips), np.int64)
        for number, (_, test) in enumerate(folds(clips, "speaker", count)):
            fold[test] = number
            names = sorted({clips[i].groups["speaker"] for i in test})
            self.held_out = [*self.held_out, HeldOut(corpus, tuple(names), "speaker")]
        return [int(number) for number in fold]

    def _make_bank(self, whole: list[np.ndarray], rng: np.random.Generator) -> None:
        """The bank, and what is present in each copy: targets (copies + 1, N, 11)."""
        copies = self.changes.copies
        self.targets = np.zeros((copies + 1, len(whole), len(LABELS)), np.float32)
        present = np.flatnonzero(self.label >= 0)
        self.targets[:, present, self.label[present]] = 1
        heard = [without_pauses(clip) for clip in whole]
        partners = [self._partners(number) for number in range(len(heard))]

        def changed(number: int, copy: int) -> np.ndarray:
            piece = self._piece(heard[number], rng)
            if len(partners[number]) and rng.random() < self.mixing.together:
                partner = int(rng.choice(partners[number]))
                piece = _together(piece, heard[partner], self.mixing.louder, rng)
                self.targets[copy, number, self.label[partner]] = 1
            return change_sound(piece, self.changes, rng)

        self.bank = make_bank(self.statistics, whole, changed, copies)

    def _partners(self, number: int) -> Indices:
        """What may be laid over a clip: speech over sounds, sounds over speech, of its own fold.

        So nothing that is held out is heard in training.
        """
        label, everything = self.label[number], np.arange(len(self.label))
        other = self._is_sound(everything) if label == SPEECH else self.label == SPEECH
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


def build(recipe: Recipe, data: Path) -> Task:
    """The sounds task of a recipe; `data` holds the folders esc10, ravdess, baved and ased."""
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
