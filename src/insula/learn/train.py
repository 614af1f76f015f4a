"""The training loop: a recipe in, a folder out that is a zoo entry.

    read the recipe -> build the task -> for each fold: seed, then every epoch learn, judge, keep
    -> pool the held-out predictions -> calibrate, report -> export -> card, log, curves

On Lightning Fabric, so the same lines run on one CPU, one GPU or many nodes. A run that was stopped
goes on after the last whole epoch, to the same weights.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, cast

import numpy as np
from lightning_fabric import Fabric
from torch import nn

from insula.errors import UnknownName
from insula.learn.checkpoint import Checkpoint, write_whole
from insula.learn.machines import make_fabric
from insula.learn.optimiser import Optimiser, best_of
from insula.learn.recipe import Recipe, read_recipe
from insula.learn.run import Line, Run, Steps
from insula.learn.shipping import ship
from insula.learn.task import Fold, Predictions, Task
from insula.registry import load_object

Builder: TypeAlias = Callable[[Recipe, Path], Task]
Log: TypeAlias = Callable[[Mapping[str, object]], None]
"""Called after each epoch with its line of the log."""

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
    """What came of a recipe: a net a fold, and what each says of the samples that it never saw."""

    task: Task
    nets: list[nn.Module]
    predictions: Predictions
    kept: Checkpoint
    """No longer needed once all this has been made use of."""


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
        ship(learnt.task, learnt.nets, learnt.predictions, plan, out)
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
        write_whole(out / "log.jsonl", b"")  # an error now, rather than after an epoch

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

    kept: where it goes on from, and is kept after every epoch. Of several processes the first
    judges, tells and keeps; the others return no predictions.
    """
    fabric = fabric or make_fabric(optimiser.precision)
    fabric.launch()
    run, first = Run(task, fold, optimiser, seed=seed, fabric=fabric), fabric.is_global_zero
    if state := fabric.broadcast(kept.load(fold.name) if kept and first else {}):
        run.restore(state)
    for line in run.lines if first else ():
        log(line)
    while not optimiser.is_done(run.scores()):
        began, epoch = time.perf_counter(), len(run.lines) + 1
        line: Line = {"fold": fold.name, "epoch": epoch, "loss": run.epoch(steps)}
        if first:
            line |= run.judge()
        line["seconds"] = round(time.perf_counter() - began, 2)
        run.lines.append(fabric.broadcast(line))
        if optimiser.keep == "best" and best_of(run.scores()) == epoch - 1:
            run.best = {name: value.cpu().clone() for name, value in run.bare.state_dict().items()}
        if first:
            if kept is not None:
                kept.save(fold.name, run.state())
            log(run.lines[-1])
    if run.best:
        run.bare.load_state_dict(run.best)
    predictions = run.predict() if first else {}
    return run.bare.eval().cpu(), predictions
