"""The speaker task: voices of one person close together, of two people far apart.

    piece of 1.5 s -> net -> embedding -> which of the training speakers (margin softmax)
                                       -> what the teacher says of it, heard clean (cosine)
                          -> overlap of each frame, in pieces mixed of two voices

About a hundred speakers are few to learn from, so a teacher that knows thousands helps; both
losses see every piece through rooms, noise and other voices. The last fifth of the speakers of
each corpus is held out and judges; nothing is chosen on it.

Margin softmax: Deng et al., "ArcFace", CVPR 2019, equation 3.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from insula.learn.export import export_onnx
from insula.learn.recipe import Recipe
from insula.learn.report import measured
from insula.learn.speaker_bank import ROWS, make_bank
from insula.learn.speaker_changes import VoiceChanges, change_voices, mix_voices
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
from insula.learn.verification import auc, enrolled, equal_error_rate, pairs
from insula.learn.voice_teacher import VoiceTeacher
from insula.media.spectral import HOP
from insula.methods.unimodal.speaker_tdnn import SpeakerTDNN
from insula.zoo.card import GroupResult, Learned

HELD_OUT = 5  # one of so many speakers of each corpus, the last ones by number
PREDICT_BATCH = 256  # pieces
CLIPS = 40  # of a held-out speaker that judge: some have hundreds
ENROLMENT = 5  # clips of a speaker that a new clip is compared with


@dataclass(frozen=True)
class Pieces:
    """The section [pieces]."""

    seconds: float
    """Length of what the net hears, at most 1.6."""
    speeds: tuple[float, ...]
    """Each makes other speakers of those there are; the first is 1."""


@dataclass(frozen=True)
class SpeakerLosses:
    """The section [loss]: weights of its three parts, and the margin softmax."""

    speakers: float
    teacher: float
    """0 needs no teacher installed."""
    overlap: float
    margin: float
    """Radians by which a voice must be nearer to its speaker; it rises over the first third."""
    scale: float
    """Of the cosines."""
    smoothing: float


class Learner(nn.Module):
    """The net with what only training needs: a direction a speaker, and the teacher's answer."""

    def __init__(self, voice: nn.Module, *, width: int, speakers: int, teacher: int) -> None:
        super().__init__()
        self.voice = voice
        self.speakers = nn.Parameter(functional.normalize(torch.randn(speakers, width), dim=1))
        self.teacher = nn.Linear(width, teacher) if teacher else None

    def forward(self, log_mel: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """Embeddings, overlap, cosine to each speaker [B, K], and the teacher's answer."""
        embedding, overlap = self.voice(log_mel)
        cosines = embedding @ functional.normalize(self.speakers, dim=1).T
        taught = None if self.teacher is None else self.teacher(embedding)
        return embedding, overlap, cosines, taught


class SpeakerTask(Task):
    """The pieces of all clips at all speeds, in memory."""

    metric = "auc"
    inputs = {"log_mel": "float32 [N,T,64]"}

    def __init__(self, recipe: Recipe, data: Path) -> None:
        self.recipe = recipe
        self.pieces = recipe.section("pieces", Pieces)
        self.changes = recipe.section("augmentation", VoiceChanges)
        self.losses = recipe.section("loss", SpeakerLosses)
        self.rows = round(self.pieces.seconds / HOP)
        teacher = VoiceTeacher() if self.losses.teacher else None
        self.bank = make_bank(recipe.corpora, data, self.pieces.speeds, teacher)
        held_out = self._held_out()
        train = np.flatnonzero(~held_out)
        self.folds = (Fold("all", train, self._judging(held_out)),)
        names = np.array([f"{c} {s} {v}" for c, s, v in zip(*self._who(), strict=True)])
        _, numbers = np.unique(names[train], return_inverse=True)
        self.speaker = np.full(len(held_out), -1)
        self.speaker[train] = numbers
        taught = self.bank.teacher - self.bank.teacher[train].mean(axis=0)
        self.taught = functional.normalize(torch.from_numpy(taught), dim=1)
        epochs = int(str(recipe.mapping("optimiser")["epochs"]))
        self.all_in_all = self.to_come = epochs * len(train)  # pieces
        self.width = int(str(recipe.mapping("net")["width"]))
        self.outputs = {"embedding": f"float32 [N,{self.width}]", "overlap": "float32 [N,T/2]"}
        self.learned = tuple(
            Learned(corpus, groups=tuple(np.unique(self.bank.speaker[train][of]).tolist()))
            for corpus in recipe.corpora
            if (of := self.bank.corpus[train] == corpus).any()
        )

    def make_net(self) -> nn.Module:
        return Learner(
            self.recipe.make_net(),
            width=self.width,
            speakers=int(self.speaker.max()) + 1,
            teacher=self.taught.shape[1],
        )

    def begin(self, net: nn.Module, epoch: int, epochs: int) -> None:
        """Pieces to come are counted from the epoch, so that a run that was stopped goes on."""
        self.to_come = (epochs - epoch + 1) * len(self.folds[0].train)

    def batch(self, indices: Indices, rng: np.random.Generator) -> Batch:
        train = self.folds[0].train
        heard = self._cut(indices, rng)
        mixed = round(self.changes.mixed * len(indices))
        both = torch.zeros(len(indices), self.rows, dtype=torch.bool)
        if mixed:
            others = self._cut(rng.choice(train, mixed), rng)
            heard[:mixed], both[:mixed] = mix_voices(heard[:mixed], others, self.changes, rng)
        behind = self._cut(rng.choice(train, len(indices)), rng)
        self.to_come -= len(indices)
        return {
            "log_mel": change_voices(heard, behind, self.changes, rng),
            "both": both[:, ::2].float(),
            "alone": torch.arange(len(indices)) >= mixed,
            "speaker": torch.from_numpy(self.speaker[indices]),
            "taught": self.taught[torch.from_numpy(indices)],
        }

    def loss(self, net: nn.Module, batch: Batch) -> Tensor:
        _, overlap, cosines, taught = net(batch["log_mel"])
        alone, losses = batch["alone"], self.losses
        passed = 1 - self.to_come / self.all_in_all
        logits = losses.scale * _with_margin(
            cosines[alone], batch["speaker"][alone], losses.margin * min(1.0, 3 * passed)
        )
        total = losses.speakers * functional.cross_entropy(
            logits, batch["speaker"][alone], label_smoothing=losses.smoothing
        )
        total += losses.overlap * functional.binary_cross_entropy_with_logits(
            overlap, batch["both"]
        )
        if taught is not None:
            alike = functional.cosine_similarity(taught[alone].float(), batch["taught"][alone])
            total += losses.teacher * (1 - alike).mean()
        return total

    def predict(self, net: nn.Module, indices: Indices) -> Predictions:
        """Embeddings of the pieces, and the overlap of pairs of them that are mixed."""
        rng = np.random.default_rng(self.recipe.seed)  # the same mixtures after every epoch
        embeddings, overlap, both = [], [], []
        device = next(net.parameters()).device
        for start in range(0, len(indices), PREDICT_BATCH):
            chosen = indices[start : start + PREDICT_BATCH]
            heard = self._cut(chosen)
            mixed, true = mix_voices(heard, self._cut(rng.permutation(chosen)), self.changes, rng)
            embeddings.append(net(heard.to(device))[0].float().cpu().numpy())
            overlap.append(net(mixed.to(device))[1].float().sigmoid().cpu().numpy())
            both.append(true[:, ::2].numpy())
        return {
            "embedding": np.concatenate(embeddings),
            "overlap": np.concatenate(overlap),
            "both": np.concatenate(both),
            **{
                name: getattr(self.bank, name)[indices]
                for name in ("corpus", "speaker", "sex", "clip")
            },
        }

    def score(self, predictions: Predictions) -> Mapping[str, float]:
        """Of pairs of pieces, the mean over the corpora; of the frames of mixtures."""
        everyone = [_pairs(mine, np.arange(len(mine["clip"]))) for mine in _parts(predictions)]
        return {
            "auc": float(np.mean([auc(*each) for each in everyone])),
            "equal_error_rate": float(np.mean([equal_error_rate(*each) for each in everyone])),
            "overlap_auc": auc(predictions["overlap"].ravel(), predictions["both"].ravel()),
        }

    def report(self, predictions: Predictions, rng: np.random.Generator) -> Report:
        metrics, groups = [], []
        for mine in _parts(predictions):
            metrics += self._verified(mine, rng)
            for sex in np.unique(mine["sex"]):
                some = _pairs(mine, np.flatnonzero(mine["sex"] == sex))
                rate, corpus = equal_error_rate(*some), str(mine["corpus"][0])
                groups.append(GroupResult(corpus, str(sex), "equal_error_rate", rate, len(some[0])))
        overlap, both = predictions["overlap"], predictions["both"]
        metrics += measured(
            {"overlap_auc": lambda rows: auc(overlap[rows].ravel(), both[rows].ravel())},
            predictions["speaker"],
            rng,
            corpus="mixtures of the three",
            protocol="frames of 20 ms of two held-out voices, one at most 8 dB louder",
        )
        return Report(metrics, groups)

    def _verified(self, mine: Predictions, rng: np.random.Generator) -> list[Metric]:
        """Pieces against pieces, and pieces against a few clips of each speaker."""
        corpus, heard = str(mine["corpus"][0]), f"{self.pieces.seconds:g} s of a held-out speaker"
        measures = {
            "equal_error_rate": lambda rows: equal_error_rate(*_pairs(mine, rows)),
            "auc": lambda rows: auc(*_pairs(mine, rows)),
        }
        protocol = f"{heard} against as much of another clip"
        metrics = measured(measures, mine["speaker"], rng, corpus=corpus, protocol=protocol)
        rest, scores, same = enrolled(mine["embedding"], mine["speaker"], ENROLMENT, rng)
        if len(rest):
            metrics += measured(
                {
                    "equal_error_rate_enrolled": lambda rows: equal_error_rate(
                        scores[rows].ravel(), same[rows].ravel()
                    )
                },
                mine["speaker"][rest],
                rng,
                corpus=corpus,
                protocol=f"{heard} against the mean of {ENROLMENT} clips of everyone held out",
            )
        return metrics

    def export(self, nets: Sequence[nn.Module], calibration: Calibration, path: Path) -> None:
        (net,) = nets
        export_onnx(
            _Shipped(net.voice),
            {"log_mel": self._cut(self.folds[0].train[:3])},
            tuple(self.outputs),
            path,
            dynamic={"log_mel": {0: "N", 1: "T"}},
            half=True,
        )

    def _who(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.bank.corpus, self.bank.speaker, self.bank.speed

    def _held_out(self) -> np.ndarray:
        """Whether each piece is of one of the last speakers of its corpus, (N,) bool."""
        held_out = np.zeros(len(self.bank.speaker), bool)
        for corpus in self.recipe.corpora:
            mine = self.bank.corpus == corpus
            speakers = sorted(np.unique(self.bank.speaker[mine]), key=int)
            last = speakers[-max(2, len(speakers) // HELD_OUT) :]
            held_out |= mine & np.isin(self.bank.speaker, last)
        return held_out

    def _judging(self, held_out: np.ndarray) -> Indices:
        """The first pieces of at most CLIPS clips of each held-out speaker, as they were said."""
        first = held_out & (self.bank.speed == 0) & (self.bank.row == 0)
        who = np.char.add(self.bank.corpus, self.bank.speaker)
        mine = [np.flatnonzero(first & (who == each)) for each in np.unique(who[first])]
        some = [each[np.unique(np.linspace(0, len(each) - 1, CLIPS).astype(int))] for each in mine]
        return np.concatenate(some)

    def _cut(self, indices: Indices, rng: np.random.Generator | None = None) -> Tensor:
        """The pieces, cut to their length at random places or at the beginning: [B, T, 64]."""
        heard = []
        for number in indices:
            first = 0 if rng is None else int(rng.integers(ROWS - self.rows + 1))
            heard.append(self.bank.piece(number)[first : first + self.rows])
        return torch.from_numpy(np.stack(heard))


class _Shipped(nn.Module):
    """The net as it runs: overlap as a probability.

    The last norm is put into the layer before it, as the exporter would do after the weights were
    rounded.
    """

    def __init__(self, voice: SpeakerTDNN) -> None:
        super().__init__()
        self.voice = copy.deepcopy(voice)
        last, centre = self.voice.embedding, self.voice.centre
        spread = (centre.running_var + centre.eps).sqrt()
        last.weight.data /= spread[:, None]
        last.bias.data = (last.bias.data - centre.running_mean) / spread
        self.voice.centre = nn.Identity()

    def forward(self, log_mel: Tensor) -> tuple[Tensor, Tensor]:
        embedding, overlap = self.voice(log_mel)
        return embedding, overlap.sigmoid()


def _with_margin(cosines: Tensor, speaker: Tensor, margin: float) -> Tensor:
    """The cosine to the own speaker as if the angle were larger by `margin` radians."""
    own = functional.one_hot(speaker, cosines.shape[1]).bool()
    angle = cosines.clamp(-1 + 1e-6, 1 - 1e-6).acos()
    return torch.where(own, (angle + margin).cos(), cosines)


def _parts(predictions: Predictions) -> list[Predictions]:
    """The predictions of each corpus."""
    return [
        {name: values[predictions["corpus"] == corpus] for name, values in predictions.items()}
        for corpus in np.unique(predictions["corpus"])
    ]


def _pairs(mine: Predictions, rows: Indices) -> tuple[np.ndarray, np.ndarray]:
    """Scores of all pairs of these pieces, of different clips, and whether one speaker's."""
    return pairs(mine["embedding"][rows], mine["speaker"][rows], mine["clip"][rows])


def build(recipe: Recipe, data: Path) -> Task:
    """The task of a recipe whose channel is "speakers"."""
    return SpeakerTask(recipe, data)
