"""The face task: eight expressions from 48 x 48 grey faces that ten raters looked at.

    face -> net -> logits -> at one temperature: votes, the share of raters each expression gets
                          -> rare expressions raised, at another temperature: probabilities of
                             being what most raters see

The net starts as one that tells people apart, and learns what their faces express.

A net that has learnt shares of votes seldom puts a rare expression first. Its logits are therefore
lowered by a part of the logarithm of how frequent each expression is: "post-hoc logit adjustment",
Menon et al., "Long-tail learning via logit adjustment", ICLR 2021, equation 9.

Every twentieth face of the training part is kept from learning: on these the calibration is
fitted. The held-out part of the corpus judges the net of the last epoch, and nothing is chosen or
fitted on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from insula.core.space import EKMAN8
from insula.corpora.ferplus import read_faces
from insula.learn.augment import FaceChanges, change_faces
from insula.learn.calibration import fit_temperature, softmax
from insula.learn.export import export_onnx
from insula.learn.faceres import read_faceres
from insula.learn.metrics import accuracy, divergence, ece, f1_macro, recalls, uar
from insula.learn.recipe import Recipe
from insula.learn.report import measured
from insula.learn.task import (
    Batch,
    Calibration,
    Fold,
    Indices,
    Predictions,
    Report,
    Task,
)
from insula.zoo.card import GroupResult, Learned

CLASSES = len(EKMAN8)
PREDICT_BATCH = 512  # faces
START = 512  # faces by which the norms of a net that starts are set
CALIBRATION_EVERY = 20  # of the training faces
RAISES = np.linspace(0, 1, 41)  # shares of the prior by which rare expressions may be raised


@dataclass(frozen=True)
class FaceLearning:
    """The section [learning] of a recipe."""

    targets: Literal["votes", "majority"]
    """The shares of votes, or all to the expression that most raters see."""
    spared: float
    """Accuracy that may be given for the recall of rare expressions when calibrating."""


class FaceTask(Task):
    """FER+ in memory: the training part, then the held-out part."""

    metric = "accuracy"
    inputs = {"faces": "float32 [N,1,48,48]"}
    learned = (Learned("ferplus", "train"),)

    def __init__(self, recipe: Recipe, data: Path) -> None:
        self.recipe = recipe
        self.changes = recipe.section("augmentation", FaceChanges)
        self.learning = recipe.section("learning", FaceLearning)
        train, valid = (read_faces(data / "ferplus", part) for part in ("train", "valid"))
        self.images = torch.from_numpy(np.concatenate([train.images, valid.images]))
        votes = np.concatenate([train.votes, valid.votes])
        self.shares = votes / votes.sum(axis=1, keepdims=True)  # (N, 8)
        self.label = np.concatenate([train.label, valid.label])
        everyone, count = np.arange(len(self.label)), len(train.label)
        self.judging = everyone >= count
        kept = (everyone % CALIBRATION_EVERY == 0) | self.judging
        self.folds = (Fold("all", everyone[~kept], everyone[kept]),)
        frequency = np.bincount(self.label[~kept], minlength=CLASSES) + 1
        self.prior = np.log(frequency / frequency.sum()).astype(np.float32)
        width = recipe.make_net(classes=CLASSES).head.in_features
        self.outputs = {
            "probabilities": f"float32 [N,{CLASSES}]",
            "votes": f"float32 [N,{CLASSES}]",
            "embedding": f"float32 [N,{width}]",
        }

    def make_net(self) -> nn.Module:
        net = self.recipe.make_net(classes=CLASSES)
        net.start(read_faceres(), self._faces(self.folds[0].train[:START]))
        return net

    def batch(self, indices: Indices, rng: np.random.Generator) -> Batch:
        faces = change_faces(self._faces(indices), self.changes, rng)
        targets = self.shares[indices]
        if self.learning.targets == "majority":
            targets = np.eye(CLASSES, dtype=np.float32)[self.label[indices]]
        return {"faces": faces, "targets": torch.from_numpy(targets)}

    def loss(self, net: nn.Module, batch: Batch) -> Tensor:
        logits, _ = net(batch["faces"])
        return functional.cross_entropy(logits, batch["targets"])

    def predict(self, net: nn.Module, indices: Indices) -> Predictions:
        logits = []
        for start in range(0, len(indices), PREDICT_BATCH):
            faces = self._faces(indices[start : start + PREDICT_BATCH])
            said, _ = both_ways(net, faces.to(next(net.parameters()).device))
            logits.append(said.float().cpu().numpy())
        return {
            "logits": np.concatenate(logits),
            "shares": self.shares[indices],
            "label": self.label[indices],
            "judging": self.judging[indices],
        }

    def score(self, predictions: Predictions) -> Mapping[str, float]:
        judged = _rows(predictions, predictions["judging"])
        said = judged["logits"].argmax(axis=1)
        return {"accuracy": accuracy(judged["label"], said), "uar": uar(judged["label"], said)}

    def calibrate(self, predictions: Predictions) -> Calibration:
        kept = _rows(predictions, ~predictions["judging"])
        raised = self._most_raised(kept["logits"], kept["label"])
        logits = kept["logits"] - raised * self.prior
        return {
            "raised": raised,
            "temperature": fit_temperature(logits, np.eye(CLASSES)[kept["label"]]),
            "votes_temperature": fit_temperature(kept["logits"], kept["shares"]),
        }

    def report(self, predictions: Predictions, rng: np.random.Generator) -> Report:
        numbers = self.calibrate(predictions)
        judged = _rows(predictions, predictions["judging"])
        label = judged["label"]
        logits = judged["logits"] - numbers["raised"] * self.prior
        chances = softmax(logits / numbers["temperature"])
        votes = softmax(judged["logits"] / numbers["votes_temperature"])
        said, sure = chances.argmax(axis=1), chances.max(axis=1)
        apart = divergence(judged["shares"], votes)
        measures = {
            "accuracy": lambda rows: accuracy(label[rows], said[rows]),
            "uar": lambda rows: uar(label[rows], said[rows]),
            "f1_macro": lambda rows: f1_macro(label[rows], said[rows]),
            "ece": lambda rows: ece(said[rows] == label[rows], sure[rows]),
            "kl_votes": lambda rows: float(apart[rows].mean()),
        }
        corpus, protocol = "FER+ Valid", self.recipe.protocol
        pictures = np.arange(len(label))
        metrics = measured(measures, pictures, rng, corpus=corpus, protocol=protocol)
        counts = np.bincount(label, minlength=CLASSES)
        by_class = recalls(label, said)
        groups = [
            GroupResult(corpus, EKMAN8.labels[c], "recall", value, int(counts[c]))
            for c, value in by_class.items()
        ]
        return Report(metrics, groups)

    def export(self, nets: Sequence[nn.Module], calibration: Calibration, path: Path) -> None:
        (net,) = nets
        export_onnx(
            _Shipped(net, calibration, torch.from_numpy(self.prior)),
            {"faces": self._faces(self.folds[0].train[:3])},
            tuple(self.outputs),
            path,
            dynamic={"faces": {0: "N"}},
            half=True,
        )

    def _most_raised(self, logits: np.ndarray, label: np.ndarray) -> float:
        """The largest share of the prior that costs no more accuracy than may be spared."""
        reached = [
            accuracy(label, (logits - share * self.prior).argmax(axis=1)) for share in RAISES
        ]
        enough = np.array(reached) >= max(reached) - self.learning.spared
        return float(RAISES[enough].max())

    def _faces(self, indices: Indices) -> Tensor:
        return self.images[torch.from_numpy(indices)].unsqueeze(1).float() / 255


def both_ways(net: nn.Module, faces: Tensor) -> tuple[Tensor, Tensor]:
    """The mean of what the net says of a face and of its mirror image, logits and embedding.

    An expression is the same in the mirror.
    """
    said, mirrored = net(faces), net(faces.flip(3))
    return (said[0] + mirrored[0]) / 2, (said[1] + mirrored[1]) / 2


def _rows(predictions: Predictions, chosen: np.ndarray) -> Predictions:
    return {name: values[chosen] for name, values in predictions.items()}


class _Shipped(nn.Module):
    """Calibrated probabilities, votes and the embedding; the same for a face and its mirror image.

    prior: (C,), the logarithm of how frequent each expression is.
    """

    prior: Tensor

    def __init__(self, net: nn.Module, calibration: Calibration, prior: Tensor) -> None:
        super().__init__()
        self.net = net
        self.calibration = calibration
        self.register_buffer("prior", prior)

    def forward(self, faces: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        logits, embedding = both_ways(self.net, faces)
        raised = logits - self.calibration["raised"] * self.prior
        probabilities = functional.softmax(raised / self.calibration["temperature"], dim=1)
        votes = functional.softmax(logits / self.calibration["votes_temperature"], dim=1)
        return probabilities, votes, embedding


def build(recipe: Recipe, data: Path) -> Task:
    """The face task of a recipe; `data` holds the folder ferplus."""
    return FaceTask(recipe, data)
