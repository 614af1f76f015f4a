"""The voice task: eight emotions of RAVDESS and ASED, and arousal from BAVED's three levels.

    clips -> log-mel and pitch track -> changed copies -> `VoiceStatistics` -> bank
    bank -> small nets, and linear judges of RAVDESS and of ASED -> sum of their logits

Five times: each holds out a fifth of the speakers of every corpus, and all five ship as one
ensemble. A net has two heads. A clip teaches only the head that its corpus has labels for; one of
ASED chooses among the five emotions that ASED knows. Arousal is p(high) - p(low) of the three
levels, so it lies in [-1, 1] and is 0 where the net cannot tell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from insula.core.space import RAVDESS8
from insula.corpora import ased, baved, ravdess
from insula.corpora.labelled_audio import folds
from insula.learn.augment import SoundChanges
from insula.learn.calibration import cross_fitted, fit_temperature, softmax
from insula.learn.export import export_onnx
from insula.learn.metrics import accuracy, brier, ccc, ece, f1_macro, pcc, recalls, uar
from insula.learn.recipe import Recipe
from insula.learn.report import measured
from insula.learn.sound_bank import make_statistics, smooth_cross_entropy
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
from insula.learn.voice_bank import hear, make_voice_bank
from insula.learn.voice_linear import fit_linear
from insula.methods.unimodal.voice_judge import CorpusExperts
from insula.zoo.card import GroupResult, HeldOut

RAVDESS, ASED, BAVED = NAMES = ("ravdess", "ased", "baved")
READERS = (ravdess.read_clips, ased.read_clips, baved.read_clips)
LEVELS = np.array([-1.0, 0.0, 1.0])  # arousal of BAVED's levels low, neutral, high
KNOWN = np.array([RAVDESS8.labels.index(label) for label in ased.ASED5.labels])  # to ASED
FOLDS = 5
EXAMPLE = 50  # rows of the clips on which an exported graph is compared with its net
PROTOCOL = "five folds of whole speakers"


@dataclass(frozen=True)
class Shares:
    """The section [loss]."""

    emotion: float
    level: float
    smoothing: float
    """Share of a label's probability that is spread over all."""
    acted: int
    """How often a clip of RAVDESS is seen in an epoch; only they have all eight emotions."""
    neutral: int
    """How many times as often a neutral one; RAVDESS has half as many of them."""


@dataclass(frozen=True)
class Linear:
    """The section [linear]."""

    ridge: float
    """What a squared weight costs, in errors of one clip."""
    weight: float
    """Logits that a score of 1 is worth."""


class VoiceTask(Task):
    """The clips of RAVDESS, then of ASED, then of BAVED, as statistics in memory.

    label: (N,) the column of the answer; for ASED among its own five, for BAVED the level.
    """

    metric = "uar"
    inputs = {"log_mel": "float32 [N,T,64]", "pitch": "float32 [N,T,13]"}

    def __init__(self, recipe: Recipe, data: Path) -> None:
        self.recipe = recipe
        self.shares = recipe.section("loss", Shares)
        self.linear = recipe.section("linear", Linear)
        self.statistics = make_statistics(recipe)
        parts = [read(data / name) for read, name in zip(READERS, NAMES, strict=True)]
        clips = [clip for part in parts for clip in part]
        self.corpus = np.repeat(NAMES, [len(part) for part in parts])
        self.label = np.array([clip.label for clip in clips], np.int64)
        self.label[self.corpus == BAVED] += 1
        self.speaker = np.array([clip.groups["speaker"] for clip in clips])
        self.sex = np.array([clip.groups["sex"] for clip in clips])
        cuts = [folds(part, "speaker", FOLDS) for part in parts]
        self.held_out = [
            HeldOut(name, tuple(sorted({part[row].groups["speaker"] for row in test})))
            for name, part, cut in zip(NAMES, parts, cuts, strict=True)
            for _, test in cut
        ]
        starts = np.cumsum([0] + [len(part) for part in parts[:-1]])
        tests = [
            np.concatenate(
                [np.array(test) + start for (_, test), start in zip(fold, starts, strict=True)]
            )
            for fold in zip(*cuts, strict=True)
        ]
        every = np.arange(len(clips))
        self.folds = [
            Fold(f"fold {number}", self._repeated(np.setdiff1d(every, test)), test)
            for number, test in enumerate(tests, start=1)
        ]
        changes = recipe.section("augmentation", SoundChanges)
        rng = np.random.default_rng(recipe.seed)
        self.bank = make_voice_bank(self.statistics, clips, changes, rng)
        self.experts = [self._experts(np.unique(fold.train)) for fold in self.folds]
        self.unseen = np.empty((2, len(clips), len(RAVDESS8)), np.float32)
        """Logits of linear judges of clips that they never saw: all, then that of RAVDESS alone."""
        for fold, experts in zip(self.folds, self.experts, strict=True):
            with torch.inference_mode():
                mine = self.bank[0, fold.held_out]
                self.unseen[0, fold.held_out] = experts(mine).numpy()
                self.unseen[1, fold.held_out] = experts.experts[0](mine).numpy()
        heard = zip(*(hear(clip.audio()) for clip in clips[:2]), strict=True)
        self.heard = [torch.from_numpy(np.stack([part[:EXAMPLE] for part in two])) for two in heard]
        width = int(recipe.mapping("net")["members"]) * int(recipe.mapping("net")["hidden"])
        self.outputs = {
            "probabilities": "float32 [N,8]",
            "arousal": "float32 [N]",
            "embedding": f"float32 [N,{width}]",
            "fold_probabilities": f"float32 [N,{FOLDS},8]",
            "fold_arousal": f"float32 [N,{FOLDS}]",
        }

    def make_net(self) -> nn.Module:
        heads = {"emotion": len(RAVDESS8), "level": len(LEVELS)}
        return self.recipe.make_net(heads=heads, width=self.bank.shape[2])

    def batch(self, indices: Indices, rng: np.random.Generator) -> Batch:
        copy = rng.integers(0, len(self.bank), len(indices))
        of = {name: torch.from_numpy(self.corpus[indices] == name) for name in NAMES}
        label = torch.from_numpy(self.label[indices])
        return {"statistics": self.bank[copy, indices], "label": label, **of}

    def loss(self, net: nn.Module, batch: Batch) -> Tensor:
        """The mean over the batch, summed over the members of the net."""
        said, _ = net(batch["statistics"])  # [members, B, answers] each
        loss = torch.zeros(())
        for emotion, level in zip(said["emotion"], said["level"], strict=True):
            for name, logits, weight in (
                (RAVDESS, emotion, self.shares.emotion),
                (ASED, emotion[:, KNOWN], self.shares.emotion),
                (BAVED, level, self.shares.level),
            ):
                loss = loss + weight * smooth_cross_entropy(
                    logits[batch[name]],
                    batch["label"][batch[name]],
                    smoothing=self.shares.smoothing,
                    total=len(batch["label"]),
                )
        return loss

    def predict(self, net: nn.Module, indices: Indices) -> Predictions:
        device = next(net.parameters()).device
        said, _ = net(self.bank[0, indices].to(device))
        logits = {name: each.mean(dim=0).float().cpu().numpy() for name, each in said.items()}
        logits["emotion"] += self.unseen[0, indices]
        return {**logits, "indices": indices}

    def score(self, predictions: Predictions) -> Mapping[str, float]:
        acted, other, words = (self._part(predictions, name) for name in NAMES)
        return {
            "uar": uar(acted["label"], acted["emotion"].argmax(axis=1)),
            "ased_uar": uar(other["label"], other["emotion"].argmax(axis=1)),
            "level_uar": uar(words["label"], words["level"].argmax(axis=1)),
        }

    def calibrate(self, predictions: Predictions) -> Calibration:
        acted, words = (self._part(predictions, name) for name in (RAVDESS, BAVED))
        emotion, level = np.eye(len(RAVDESS8)), np.eye(len(LEVELS))
        return {
            "temperature": fit_temperature(acted["emotion"], emotion[acted["label"]]),
            "level_temperature": fit_temperature(words["level"], level[words["label"]]),
        }

    def report(self, predictions: Predictions, rng: np.random.Generator) -> Report:
        metrics: list[Metric] = []
        groups: list[GroupResult] = []
        for name, title, labels in (
            (RAVDESS, "RAVDESS", RAVDESS8.labels),
            (ASED, "ASED", ased.ASED5.labels),
        ):
            part = self._part(predictions, name)
            label, said = part["label"], part["emotion"].argmax(axis=1)
            metrics += self._emotion_metrics(part, title, rng)
            for key in (part["sex"], part["speaker"])[: 2 if name == RAVDESS else 1]:
                groups += [
                    GroupResult(title, g, "uar", uar(label[key == g], said[key == g]), int(n))
                    for g, n in zip(*np.unique(key, return_counts=True), strict=True)
                ]
            groups += [
                GroupResult(title, labels[c], "recall", value, int((label == c).sum()))
                for c, value in recalls(label, said).items()
            ]
        words = self._part(predictions, BAVED)
        metrics += [*self._arousal_metrics(words, rng), *self._transfer(rng)]
        return Report(metrics, groups)

    def _emotion_metrics(
        self, part: Predictions, title: str, rng: np.random.Generator
    ) -> list[Metric]:
        label, target = part["label"], np.eye(part["emotion"].shape[1])[part["label"]]
        chances = cross_fitted(part["emotion"], target, part["speaker"])
        said = chances.argmax(axis=1)
        measures = {
            "uar": lambda rows: uar(label[rows], said[rows]),
            "accuracy": lambda rows: accuracy(label[rows], said[rows]),
            "f1_macro": lambda rows: f1_macro(label[rows], said[rows]),
            "brier": lambda rows: brier(label[rows], chances[rows]),
            "ece": lambda rows: ece(said[rows] == label[rows], chances[rows].max(axis=1)),
        }
        return measured(measures, part["speaker"], rng, corpus=title, protocol=PROTOCOL)

    def _arousal_metrics(self, words: Predictions, rng: np.random.Generator) -> list[Metric]:
        truth = LEVELS[words["label"]]
        arousal = softmax(words["level"]) @ LEVELS
        level = words["level"].argmax(axis=1)
        measures = {
            "arousal_pearson": lambda rows: pcc(truth[rows], arousal[rows]),
            "arousal_ccc": lambda rows: ccc(truth[rows], arousal[rows]),
            "level_uar": lambda rows: uar(words["label"][rows], level[rows]),
        }
        protocol = f"{PROTOCOL}, levels low, neutral, high as -1, 0, 1"
        return measured(measures, words["speaker"], rng, corpus="BAVED", protocol=protocol)

    def _transfer(self, rng: np.random.Generator) -> list[Metric]:
        """What is learnt from RAVDESS alone is worth on ASED, another language and other rooms."""
        rows = np.flatnonzero(self.corpus == ASED)
        label, said = self.label[rows], self.unseen[1, rows][:, KNOWN].argmax(axis=1)
        measures = {"uar": lambda rows: uar(label[rows], said[rows])}
        protocol = "transfer: every clip, by the linear judge of RAVDESS alone"
        return measured(measures, self.speaker[rows], rng, corpus="ASED", protocol=protocol)

    def export(self, nets: Sequence[nn.Module], calibration: Calibration, path: Path) -> None:
        shipped = _Shipped(
            self.statistics,
            nets,
            self.experts,
            calibration["temperature"],
            calibration["level_temperature"],
        )
        example = {"log_mel": self.heard[0], "pitch": self.heard[1]}
        dynamic = {name: {0: "N", 1: "T"} for name in example}
        export_onnx(shipped, example, tuple(self.outputs), path, dynamic=dynamic, half=True)

    def _part(self, predictions: Predictions, corpus: str) -> Predictions:
        """The predictions on one corpus, with labels; on ASED among the emotions that it knows."""
        indices = predictions["indices"]
        rows = self.corpus[indices] == corpus
        mine = {key: value[rows] for key, value in predictions.items()}
        if corpus == ASED:
            mine["emotion"] = mine["emotion"][:, KNOWN]
        about = {"label": self.label, "speaker": self.speaker, "sex": self.sex}
        return mine | {key: value[indices[rows]] for key, value in about.items()}

    def _experts(self, indices: Indices) -> CorpusExperts:
        """Linear judges of RAVDESS, of ASED, and of which corpus it is, fitted to these clips."""
        corpus = np.stack([self.corpus[indices] == name for name in NAMES], axis=1)
        ridge = self.linear.ridge
        which = fit_linear(self.bank[:, indices], corpus, np.ones(len(indices)), ridge=ridge)
        experts = []
        for name, columns in ((RAVDESS, np.arange(len(RAVDESS8))), (ASED, KNOWN)):
            mine = indices[self.corpus[indices] == name]
            answers = np.eye(len(RAVDESS8))[columns[self.label[mine]]]
            weights = 1 / answers.sum(axis=0)[columns[self.label[mine]]]
            weights *= len(mine) / weights.sum()  # every emotion counts as much as another
            experts.append(fit_linear(self.bank[:, mine], answers, weights, ridge=ridge))
        return CorpusExperts(which, experts, weight=self.linear.weight)

    def _repeated(self, indices: Indices) -> Indices:
        """Samples to see in an epoch, some of them several times."""
        acted = self.corpus[indices] == RAVDESS
        neutral = acted & (self.label[indices] == RAVDESS8.labels.index("neutral"))
        times = np.where(acted, self.shares.acted, 1) * np.where(neutral, self.shares.neutral, 1)
        return np.repeat(indices, times)


class _Shipped(nn.Module):
    """Calibrated probabilities and arousal, mean of the folds; the embedding; what each says."""

    def __init__(
        self,
        statistics: nn.Module,
        nets: Sequence[nn.Module],
        experts: Sequence[nn.Module],
        temperature: float,
        level_temperature: float,
    ) -> None:
        super().__init__()
        self.statistics = statistics
        self.nets = nn.ModuleList(nets)
        self.experts = nn.ModuleList(experts)
        self.temperature = temperature
        self.level_temperature = level_temperature

    def forward(self, log_mel: Tensor, pitch: Tensor) -> tuple[Tensor, ...]:
        numbers = self.statistics(log_mel, pitch)
        said = [net(numbers) for net in self.nets]
        linear = torch.stack([expert(numbers) for expert in self.experts], dim=1)
        emotion = torch.stack([logits["emotion"].mean(dim=0) for logits, _ in said], dim=1)
        emotion = emotion + linear
        level = torch.stack([logits["level"].mean(dim=0) for logits, _ in said], dim=1)
        chances = functional.softmax(emotion / self.temperature, dim=2)  # [N, 5, 8]
        levels = functional.softmax(level / self.level_temperature, dim=2)
        arousal = levels[:, :, 2] - levels[:, :, 0]  # [N, 5]
        # Embeddings of several nets have no axes in common: the first net's stands for all.
        return chances.mean(dim=1), arousal.mean(dim=1), said[0][1], chances, arousal


def build(recipe: Recipe, data: Path) -> Task:
    """The voice task of a recipe; `data` holds the folders ravdess, ased and baved."""
    return VoiceTask(recipe, data)
