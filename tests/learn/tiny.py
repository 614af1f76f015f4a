"""A task that trains in milliseconds, for tests of what is around it.

As a script it trains in a process of its own: python tiny.py OUT [PROCESSES] [KILL_AFTER_LINES]
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper
from torch import Tensor, nn

from insula.learn import train as training
from insula.learn.machines import make_fabric
from insula.learn.recipe import Recipe, read_recipe
from insula.learn.report import measured
from insula.learn.task import Batch, Calibration, Fold, Indices, Predictions, Report, Task

RECIPE = """
name = "tiny"
title = "A line through noise"
channel = "tiny"
method = "tiny:Line"
corpora = []
protocol = "made up"
seed = 0
[net]
hidden = 6
dropout = 0.3
[data]
noise = 0.3
[optimiser]
kind = "adamw"
learning_rate = 1e-2
weight_decay = 0.01
epochs = 4
batch_size = 8
warm_up = 0.1
clip = 1.0
keep = "best"
patience = 0
precision = "32-true"
[sweep]
optimiser.learning_rate = { low = 1e-4, high = 1e-1, log = true }
net.hidden = [4, 8]
[card]
preprocessing = "None."
space = "sentiment"
labels = []
channels = []
trained_on = ["numbers"]
licence_code = "Apache-2.0"
licence_weights = "Apache-2.0"
licence_data = "none"
made_by = "tests"
intended_use = "Tests."
limits = "Knows nothing."
"""
CALM = {"net.dropout": 0.0, "data.noise": 0.0}
"""Without chance, so that one process and several learn the same."""


class Line(nn.Module):
    def __init__(self, *, hidden: int, dropout: float) -> None:
        super().__init__()
        if hidden == 0:
            raise ValueError("no line without a point")
        self.first, self.drop = nn.Linear(3, hidden), nn.Dropout(dropout)
        self.last = nn.Linear(hidden, 1)
        self.unused = nn.Linear(3, 3)  # as the encoder of a modality that no sample has

    def forward(self, features: Tensor) -> Tensor:
        return self.last(self.drop(torch.tanh(self.first(features))))


class TinyTask(Task):
    metric = "likeness"
    inputs = {"features": "float32 [N,3]"}
    outputs = {"values": "float32 [N,3]"}

    def __init__(self, recipe: Recipe) -> None:
        rng = np.random.default_rng(0)
        self.recipe, self.noise = recipe, float(str(recipe.mapping("data")["noise"]))
        self.features = rng.normal(size=(42, 3)).astype(np.float32)
        self.labels = self.features.sum(axis=1, keepdims=True)
        # Of 33 and 35 samples in batches of 8 the last has one, too few for two processes, or
        # three, which they cannot share evenly.
        parts = {"one": (np.arange(33), np.arange(33, 42)), "two": (np.arange(7, 42), np.arange(7))}
        self.folds = [Fold(name, *each) for name, each in parts.items()]

    def make_net(self) -> nn.Module:
        return self.recipe.make_net()

    def batch(self, indices: Indices, rng: np.random.Generator) -> Batch:
        features = self.features[indices]
        if self.noise:
            features = features + self.noise * rng.normal(size=features.shape).astype(np.float32)
        return {
            "features": torch.from_numpy(features),
            "labels": torch.from_numpy(self.labels[indices]),
        }

    def loss(self, net: nn.Module, batch: Batch) -> Tensor:
        return (net(batch["features"]) - batch["labels"]).square().mean()

    def predict(self, net: nn.Module, indices: Indices) -> Predictions:
        said = net(torch.from_numpy(self.features[indices])).numpy()
        return {"values": said, "labels": self.labels[indices], "who": indices.astype(str)}

    def score(self, predictions: Predictions) -> Mapping[str, float]:
        error = np.square(predictions["values"] - predictions["labels"]).mean()
        return {"likeness": -error}

    def report(self, predictions: Predictions, rng: np.random.Generator) -> Report:
        measures = {"spread": lambda rows: float(predictions["values"][rows].std())}
        return Report(measured(measures, np.arange(16), rng, corpus="none", protocol="all"))

    def export(self, nets: Sequence[nn.Module], calibration: Calibration, path: Path) -> None:
        """A graph of one step: writing the net's own would take seconds."""
        step = helper.make_node("Identity", ["features"], ["values"])
        ends = [
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 3])]
            for name in ("features", "values")
        ]
        graph = helper.make_graph([step], "tiny", *ends)
        versions = {"opset_imports": [helper.make_opsetid("", 18)], "ir_version": 10}
        onnx.save(helper.make_model(graph, **versions), path)


def build(recipe: Recipe, data: Path) -> Task:
    return TinyTask(recipe)


def weights(learnt: training.Learnt) -> list[Tensor]:
    """Of all nets, in order."""
    return [weight for net in learnt.nets for weight in net.state_dict().values()]


def main(out: str, processes: str = "1", kill_after: str = "0") -> None:
    torch.set_num_threads(1)
    training.BUILDERS["tiny"] = "tiny:build"
    folder, told = Path(out), []

    def progress(line: Mapping[str, object]) -> None:
        told.append(line)
        if len(told) == int(kill_after):
            os.kill(os.getpid(), signal.SIGKILL)

    recipe = folder.parent / "tiny.toml"
    plan = read_recipe(recipe, CALM if int(processes) > 1 else {})
    fabric = make_fabric("32-true", accelerator="cpu", devices=int(processes))
    learnt = training.learn(plan, data=folder, out=folder, fabric=fabric, progress=progress)
    rank = fabric.global_rank
    torch.save({"weights": weights(learnt), "told": len(told)}, f"{out}-rank-{rank}.pt")


if __name__ == "__main__":
    main(*sys.argv[1:])
