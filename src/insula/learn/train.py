"""The training loop: a recipe in, a folder out that is a zoo entry.

    read the recipe -> build the task -> for each fold: seed, forward, loss, step, validate, keep
    -> pool the held-out predictions -> calibrate, report -> export -> card, log, curves

On Lightning Fabric, so the same lines run on one CPU, one GPU or many nodes. A run that was stopped
goes on after the last whole epoch, to the same weights.
"""

from __future__ import annotations

import functools
import json
import math
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, cast

import numpy as np
import torch
from lightning_fabric import Fabric, seed_everything
from torch import nn

from insula.errors import OutputError, UnknownName
from insula.learn.card import write_card
from insula.learn.checkpoint import Checkpoint, draws, set_draws, write_whole
from insula.learn.curves import draw_curves
from insula.learn.machines import average_gradients, make_fabric, mean_loss, part_of
from insula.learn.optimiser import Optimiser, best_of
from insula.learn.recipe import Recipe, read_recipe
from insula.learn.task import Batch, Fold, Indices, Predictions, Task
from insula.registry import load_object

Builder: TypeAlias = Callable[[Recipe, Path], Task]
Log: TypeAlias = Callable[[Mapping[str, object]], None]
"""Called after each epoch with fold, epoch, loss, the scores on what is held out, and seconds."""
Steps: TypeAlias = Callable[[str, int, float], None]
"""Called after each step with fold, epoch and which share of the epoch is done."""

BUILDERS = {
    "face": "insula.learn.face:build",
    "voice": "insula.learn.voice:build",
    "words": "insula.learn.words:build",
    "sounds": "insula.learn.sounds:build",
    "speakers": "insula.learn.speaker:build",
    "fusion": "insula.learn.fusion:build",
    "laboratory": "insula.learn.laboratory:build",
}


@dataclass(frozen=True)
class Learnt:
    """What a recipe taught. predictions: of the samples that each net never saw, fold by fold."""

    task: Task
    nets: list[nn.Module]
    predictions: Predictions
    kept: Checkpoint


def train(
    recipe: Path,
    *,
    data: Path,
    out: Path,
    settings: Mapping[str, object] | None = None,
    progress: Log | None = None,
    steps: Steps | None = None,
    restart: bool = False,
    accelerator: str = "auto",
    devices: int | Literal["auto"] = "auto",
    nodes: int = 1,
) -> Path:
    """Train what the recipe says and return `out`, a folder that channels take as a model.

    data: the folder of the corpora, one folder each. out: is made; holds afterwards the weights,
    card.toml, the resolved recipe.toml, log.jsonl and curves.png. Where it holds the checkpoint of
    a run that was stopped, that run goes on, unless `restart`. settings: replace values of the
    recipe, {"optimiser.epochs": 1}. progress: told of every epoch, also of those done before.
    steps: told of every step. accelerator, devices, nodes: "cpu" or "cuda", how many of a machine,
    and how many machines; each process runs the same script.
    """
    plan = read_recipe(recipe, settings)
    precision = plan.section("optimiser", Optimiser).precision
    fabric = make_fabric(precision, accelerator=accelerator, devices=devices, nodes=nodes)
    learnt = learn(
        plan, data=data, out=out, fabric=fabric, progress=progress, steps=steps, restart=restart
    )
    if fabric.is_global_zero:
        _ship(learnt, plan, out)
        learnt.kept.remove()
    fabric.barrier()
    return out


def learn(
    plan: Recipe,
    *,
    data: Path,
    out: Path,
    fabric: Fabric,
    progress: Log | None = None,
    steps: Steps | None = None,
    restart: bool = False,
) -> Learnt:
    """The part of `train` before anything ships: a net a fold, with out/checkpoint and a log."""
    if plan.channel not in BUILDERS:
        raise UnknownName("channel to train", plan.channel, BUILDERS)
    build = cast(Builder, load_object(BUILDERS[plan.channel], needed_by=plan.name))
    optimiser = plan.section("optimiser", Optimiser)
    kept, lines = Checkpoint(out / "checkpoint", plan), list[str]()
    if not restart:
        kept.check()
    fabric.launch()
    if fabric.is_global_zero:
        if restart:
            kept.remove()
        write_whole(out / "recipe.toml", plan.to_toml().encode())
        write_whole(out / "log.jsonl", b"")

    def log(line: Mapping[str, object]) -> None:
        lines.append(json.dumps(line) + "\n")
        write_whole(out / "log.jsonl", "".join(lines).encode())
        if progress is not None:
            progress(line)

    task = build(plan, data)
    nets, held_out = [], []
    for fold in task.folds:
        net, predictions = fit(
            task, fold, optimiser, seed=plan.seed, log=log, steps=steps, fabric=fabric, kept=kept
        )
        nets.append(net)
        held_out.append(predictions)
    pooled = {key: np.concatenate([each[key] for each in held_out]) for key in held_out[0]}
    return Learnt(task, nets, pooled, kept)


def fit(
    task: Task,
    fold: Fold,
    optimiser: Optimiser,
    *,
    seed: int,
    log: Log,
    steps: Steps | None = None,
    fabric: Fabric | None = None,
    kept: Checkpoint | None = None,
) -> tuple[nn.Module, Predictions]:
    """Train one net. Returns it with its predictions on the fold's held-out samples.

    kept: where it goes on from, and keeps itself after every epoch. Of several processes the first
    judges, tells and keeps; the others return no predictions.
    """
    fabric = fabric or make_fabric(optimiser.precision)
    fabric.launch()
    first = fabric.is_global_zero
    seed_everything(seed, verbose=False)
    rng = np.random.default_rng(seed)
    bare = task.make_net()
    net, steering = fabric.setup(bare, optimiser.make(bare))
    steps_an_epoch = math.ceil(len(fold.train) / optimiser.batch_size)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        steering, lambda step: optimiser.rate(step, optimiser.epochs * steps_an_epoch)
    )
    moving = {"net": bare, "steering": steering, "schedule": schedule}
    lines, best, predictions = [], {}, None
    if state := fabric.broadcast(kept.load(fold.name) if kept and first else {}):
        for name, each in moving.items():
            each.load_state_dict(state[name])
        set_draws(state["draws"], rng)
        lines, best = state["lines"], state["best"]
        for line in lines if first else ():
            log(line)

    def backward(batch: Batch, weight: float) -> float:
        loss = weight * task.loss(net, batch)
        fabric.backward(loss)
        return loss.item()

    while not optimiser.is_done([line[task.metric] for line in lines]):
        began, losses, epoch = time.perf_counter(), [], len(lines) + 1
        if not first:  # numbers of its own, and the same ones where a run goes on
            seed_everything(seed + epoch * fabric.world_size + fabric.global_rank, verbose=False)
        net.train()
        task.begin(bare, epoch, optimiser.epochs)
        for step, indices in enumerate(task.batches(fold.train, optimiser.batch_size, rng), 1):
            mine, weight = part_of(indices, fabric)
            changes = rng
            if fabric.world_size > 1:  # `rng` must stand alike in all, for the next batch
                changes = np.random.default_rng([seed, epoch, step, fabric.global_rank])
            batch = {name: fabric.to_device(x) for name, x in task.batch(mine, changes).items()}
            steering.zero_grad()
            losses.append(backward(batch, weight))
            task.adjust(bare, functools.partial(backward, batch, weight))
            average_gradients(bare, fabric)
            fabric.clip_gradients(net, steering, max_norm=optimiser.clip)
            steering.step()
            task.stepped(bare)
            schedule.step()
            if steps is not None and first:
                steps(fold.name, epoch, min(1.0, step / steps_an_epoch))
        line = {"fold": fold.name, "epoch": epoch, "loss": mean_loss(losses, fabric)}
        if first:
            predictions = _predict(task, bare, fold.held_out, fabric)
            line |= {name: float(value) for name, value in task.score(predictions).items()}
        line["seconds"] = round(time.perf_counter() - began, 2)
        lines.append(fabric.broadcast(line))
        if optimiser.keep == "best" and best_of([each[task.metric] for each in lines]) == epoch - 1:
            best = {name: value.cpu().clone() for name, value in bare.state_dict().items()}
        if first:
            if kept is not None:
                states = {name: each.state_dict() for name, each in moving.items()}
                kept.save(fold.name, states | {"draws": draws(rng), "lines": lines, "best": best})
            log(lines[-1])
    if best:
        bare.load_state_dict(best)
    if first and (best or predictions is None):
        predictions = _predict(task, bare, fold.held_out, fabric)
    return bare.eval().cpu(), predictions or {}


def _predict(task: Task, net: nn.Module, indices: Indices, fabric: Fabric) -> Predictions:
    net.eval()
    with torch.inference_mode(), fabric.autocast():
        return task.predict(net, indices)


def _ship(learnt: Learnt, plan: Recipe, out: Path) -> None:
    """Write weights, card and curves, all of them or none."""
    task = learnt.task
    numbers = task.calibrate(learnt.predictions)
    report = task.report(learnt.predictions, np.random.default_rng(plan.seed))
    try:
        with tempfile.TemporaryDirectory(prefix=".insula-", dir=out) as made:
            folder = Path(made)
            weights = folder / f"{plan.name}.onnx"
            task.export(learnt.nets, numbers, weights)
            write_card(folder / "card.toml", weights, plan, task, report, numbers)
            curves = folder / "curves.png"
            draw_curves(out / "log.jsonl", curves, metric=task.metric, title=plan.title)
            for path in folder.iterdir():
                os.replace(path, out / path.name)  # noqa: PTH105 - atomic on every system
    except OSError as error:
        raise OutputError(out, error.strerror or str(error)) from error
