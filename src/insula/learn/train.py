"""The training loop: a recipe in, a folder out that is a zoo entry.

    read the recipe -> build the task -> for each fold: seed, forward, loss, step, validate, keep
    -> pool the held-out predictions -> calibrate, report -> export -> card, log, curves

On Lightning Fabric, so the same lines run on one CPU, one GPU or many nodes.
"""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, cast

import numpy as np
import torch
from lightning_fabric import Fabric, seed_everything
from torch import nn

from insula.errors import ConfigError, OutputError, UnknownName
from insula.learn.card import write_card
from insula.learn.curves import draw_curves
from insula.learn.recipe import Recipe, read_recipe
from insula.learn.task import Fold, Indices, Predictions, Task
from insula.registry import load_object

Builder: TypeAlias = Callable[[Recipe, Path], Task]
Log: TypeAlias = Callable[[Mapping[str, object]], None]
"""Called after each epoch with fold, epoch, loss, the scores on what is held out, and seconds."""

BUILDERS = {
    "face": "insula.learn.face:build",
    "voice": "insula.learn.voice:build",
    "words": "insula.learn.words:build",
    "sounds": "insula.learn.sounds:build",
    "speakers": "insula.learn.speaker:build",
    "fusion": "insula.learn.fusion:build",
    "laboratory": "insula.learn.laboratory:build",
}


def train(
    recipe: Path,
    *,
    data: Path,
    out: Path,
    settings: Mapping[str, object] | None = None,
    progress: Log | None = None,
) -> Path:
    """Train what the recipe says and return `out`, a folder that channels take as a model.

    data: the folder of the corpora, one folder each. out: is made; holds afterwards the weights,
    card.toml, the resolved recipe.toml, log.jsonl and curves.png. settings: replace values of the
    recipe, {"optimiser.epochs": 1}. progress: told of every epoch.
    """
    plan = read_recipe(recipe, settings)
    if plan.channel not in BUILDERS:
        raise UnknownName("channel to train", plan.channel, BUILDERS)
    build = cast(Builder, load_object(BUILDERS[plan.channel], needed_by=plan.name))
    optimiser = plan.section("optimiser", Optimiser)
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "recipe.toml").write_text(plan.to_toml(), encoding="utf-8")
    except OSError as error:
        raise OutputError(out, error.strerror or str(error)) from error
    task = build(plan, data)
    with (out / "log.jsonl").open("w", encoding="utf-8") as file:

        def log(line: Mapping[str, object]) -> None:
            file.write(json.dumps(line) + "\n")
            file.flush()
            if progress is not None:
                progress(line)

        nets, predictions = _run(task, optimiser, seed=plan.seed, log=log)
    numbers = task.calibrate(predictions)
    report = task.report(predictions, np.random.default_rng(plan.seed))
    weights = out / f"{plan.name}.onnx"
    task.export(nets, numbers, weights)
    write_card(out / "card.toml", weights, plan, task, report, numbers)
    draw_curves(out / "log.jsonl", out / "curves.png", metric=task.metric, title=plan.title)
    return out


def _run(
    task: Task, optimiser: Optimiser, *, seed: int, log: Log
) -> tuple[list[nn.Module], Predictions]:
    """A net a fold, and what each says of the samples that it never saw, fold after fold."""
    nets, held_out = [], []
    for fold in task.folds:
        net, predictions = fit(task, fold, optimiser, seed=seed, log=log)
        nets.append(net)
        held_out.append(predictions)
    return nets, {key: np.concatenate([each[key] for each in held_out]) for key in held_out[0]}


@dataclass(frozen=True)
class Optimiser:
    """The section [optimiser] of a recipe."""

    kind: Literal["sgd", "adamw"]
    learning_rate: float
    """At its peak."""
    weight_decay: float
    epochs: int
    batch_size: int
    """Samples a step, over all machines."""
    warm_up: float
    """Share of all steps in which the learning rate rises; then a cosine falls to zero."""
    clip: float
    """Largest norm of the gradient."""
    keep: Literal["last", "best"]
    """Whose epoch's weights ship: the last, or the best on the held-out samples."""
    precision: Literal["32-true", "bf16-mixed"]

    def make(self, net: nn.Module) -> torch.optim.Optimizer:
        """The optimiser over the net's weights; biases and norms do not decay."""
        decayed = [weight for weight in net.parameters() if weight.ndim > 1]
        free = [weight for weight in net.parameters() if weight.ndim <= 1]
        groups = [
            {"params": decayed, "weight_decay": self.weight_decay},
            {"params": free, "weight_decay": 0.0},
        ]
        if self.kind == "sgd":
            return torch.optim.SGD(groups, self.learning_rate, momentum=0.9, nesterov=True)
        if self.kind == "adamw":
            return torch.optim.AdamW(groups, self.learning_rate, fused=True)
        raise ConfigError(
            f"No optimiser is called {self.kind!r}. Set optimiser.kind to 'sgd' or 'adamw'."
        )

    def rate(self, step: int, steps: int) -> float:
        """Share of the peak learning rate at a step."""
        rise = max(1.0, self.warm_up * steps)
        if step < rise:
            return (step + 1) / (rise + 1)
        return 0.5 + 0.5 * math.cos(math.pi * (step - rise) / max(1.0, steps - rise))


def fit(
    task: Task, fold: Fold, optimiser: Optimiser, *, seed: int, log: Log
) -> tuple[nn.Module, Predictions]:
    """Train one net. Returns it with its predictions on the fold's held-out samples."""
    fabric = Fabric(accelerator="auto", devices="auto", precision=optimiser.precision)
    fabric.launch()
    seed_everything(seed, verbose=False)
    rng = np.random.default_rng(seed)
    bare = task.make_net()
    net, steering = fabric.setup(bare, optimiser.make(bare))
    steps_an_epoch = math.ceil(len(fold.train) / optimiser.batch_size)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        steering, lambda step: optimiser.rate(step, optimiser.epochs * steps_an_epoch)
    )
    best, best_score = None, -math.inf
    for epoch in range(1, optimiser.epochs + 1):
        began, losses = time.perf_counter(), []
        net.train()
        for indices in task.batches(fold.train, optimiser.batch_size, rng):
            mine = indices[fabric.global_rank :: fabric.world_size]
            batch = {name: fabric.to_device(x) for name, x in task.batch(mine, rng).items()}
            loss = task.loss(net, batch)
            steering.zero_grad()
            fabric.backward(loss)
            fabric.clip_gradients(net, steering, max_norm=optimiser.clip)
            steering.step()
            schedule.step()
            losses.append(loss.item())
        line = {"fold": fold.name, "epoch": epoch, "loss": float(np.mean(losses))}
        with fabric.autocast():
            predictions = _predict(task, bare, fold.held_out)
        line |= task.score(predictions)
        if optimiser.keep == "best" and line[task.metric] > best_score:
            best_score, best = line[task.metric], (copy.deepcopy(bare), predictions)
        line["seconds"] = round(time.perf_counter() - began, 2)
        log(line)
    trained, predictions = best or (bare, predictions)
    return trained.eval().cpu(), predictions


def _predict(task: Task, net: nn.Module, indices: Indices) -> Predictions:
    net.eval()
    with torch.inference_mode():
        return task.predict(net, indices)
