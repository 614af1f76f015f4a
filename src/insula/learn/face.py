"""The face task: eight expressions from 48 x 48 grey faces, with the raters' votes as targets.

The held-out part judges only the net of the last epoch, so no choice is made on it; the one number
fitted on it, the temperature, is judged on the half that it was not fitted on.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from insula.core.space import EKMAN8
from insula.corpora.ferplus import read_faces
from insula.learn.augment import FaceChanges, change_faces
from insula.learn.calibration import cross_fitted, fit_temperature
from insula.learn.export import export_onnx
from insula.learn.metrics import accuracy, ece, f1_macro, recalls, uar
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
from insula.zoo.card import GroupResult

PREDICT_BATCH = 512  # faces


class FaceTask(Task):
    """FER+ in memory: the training part, then the held-out part."""

    metric = "accuracy"
    inputs = {"faces": "float32 [N,1,48,48]"}
    outputs = {"probabilities": "float32 [N,8]", "embedding": "float32 [N,128]"}

    def __init__(self, recipe: Recipe, data: Path) -> None:
        self.recipe = recipe
        self.changes = recipe.section("augmentation", FaceChanges)
        train, valid = (read_faces(data / "ferplus", part) for part in ("train", "valid"))
        self.images = torch.from_numpy(np.concatenate([train.images, valid.images]))
        votes = np.concatenate([train.votes, valid.votes])
        self.targets = votes / votes.sum(axis=1, keepdims=True)  # (N, 8)
        self.label = np.concatenate([train.label, valid.label])
        count = len(train.images)
        held_out = np.arange(count, count + len(valid.images))
        self.folds = (Fold("all", np.arange(count), held_out),)
        self.everything = np.arange(count)

    def make_net(self) -> nn.Module:
        return self.recipe.make_net(classes=self.targets.shape[1])

    def batch(self, indices: Indices, rng: np.random.Generator) -> Batch:
        faces = change_faces(self._faces(indices), self.changes, rng)
        return {"faces": faces, "targets": torch.from_numpy(self.targets[indices])}

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
            "targets": self.targets[indices],
            "label": self.label[indices],
        }

    def score(self, predictions: Predictions) -> Mapping[str, float]:
        hits = predictions["logits"].argmax(axis=1) == predictions["label"]
        return {"accuracy": float(hits.mean())}

    def calibrate(self, predictions: Predictions) -> Calibration:
        return {"temperature": fit_temperature(predictions["logits"], predictions["targets"])}

    def report(self, predictions: Predictions, rng: np.random.Generator) -> Report:
        label, targets = predictions["label"], predictions["targets"]
        pictures = np.arange(len(label))
        chances = cross_fitted(predictions["logits"], targets, pictures)
        said, sure = chances.argmax(axis=1), chances.max(axis=1)
        agreeing = targets[pictures, said]
        measures = {
            "accuracy": lambda rows: accuracy(label[rows], said[rows]),
            "uar": lambda rows: uar(label[rows], said[rows]),
            "f1_macro": lambda rows: f1_macro(label[rows], said[rows]),
            "ece": lambda rows: ece(said[rows] == label[rows], sure[rows]),
            "ece_votes": lambda rows: ece(agreeing[rows], sure[rows]),
        }
        corpus, protocol = "FER+ Valid", self.recipe.protocol
        metrics = measured(measures, pictures, rng, corpus=corpus, protocol=protocol)
        counts = np.bincount(label, minlength=len(EKMAN8))
        by_class = recalls(label, said)
        groups = [
            GroupResult(corpus, EKMAN8.labels[c], "recall", value, int(counts[c]))
            for c, value in by_class.items()
        ]
        return Report(metrics, groups)

    def export(self, net: nn.Module, calibration: Calibration, path: Path) -> None:
        export_onnx(
            _Shipped(net, calibration["temperature"]),
            {"faces": self._faces(self.everything[:3])},
            ("probabilities", "embedding"),
            path,
            dynamic={"faces": {0: "N"}},
            half=True,
        )

    def _faces(self, indices: Indices) -> Tensor:
        return self.images[torch.from_numpy(indices)].unsqueeze(1).float() / 255


def both_ways(net: nn.Module, faces: Tensor) -> tuple[Tensor, Tensor]:
    """The mean of what the net says of a face and of its mirror image, logits and embedding.

    An expression is the same in the mirror; measured on FER+ Valid, 0.5 points of accuracy.
    """
    said, mirrored = net(faces), net(faces.flip(3))
    return (said[0] + mirrored[0]) / 2, (said[1] + mirrored[1]) / 2


class _Shipped(nn.Module):
    """Probabilities, calibrated, and the embedding; the same for a face and its mirror image."""

    def __init__(self, net: nn.Module, temperature: float) -> None:
        super().__init__()
        self.net = net
        self.temperature = temperature

    def forward(self, faces: Tensor) -> tuple[Tensor, Tensor]:
        logits, embedding = both_ways(self.net, faces)
        return functional.softmax(logits / self.temperature, dim=1), embedding


def build(recipe: Recipe, data: Path) -> Task:
    """The face task of a recipe; `data` holds the folder ferplus."""
    return FaceTask(recipe, data)
