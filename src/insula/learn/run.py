"""One net on its way: the steps of an epoch, and everything that moves in them.

    samples -> a batch, of which each process takes its part -> loss -> gradients -> step

Over epochs `learn.train` decides; what a checkpoint keeps is `Run.state`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeAlias, cast

import numpy as np
import torch
from lightning_fabric import Fabric, seed_everything
from torch import Tensor

from insula.errors import ConfigError
from insula.learn.checkpoint import State
from insula.learn.machines import average_gradients, mean_loss, part_of
from insula.learn.optimiser import Optimiser
from insula.learn.task import Batch, Fold, Predictions, Task

Line: TypeAlias = "dict[str, str | int | float]"
"""Of the log: fold, epoch, loss, the scores on what is held out, and seconds."""
Steps: TypeAlias = Callable[[str, int, float], None]
"""Called after each step with fold, epoch and which share of the epoch is done."""


class Run:
    """A net on its way, with everything that moves as it learns."""

    def __init__(
        self, task: Task, fold: Fold, optimiser: Optimiser, *, seed: int, fabric: Fabric
    ) -> None:
        for samples, what in ((fold.train, "to learn from"), (fold.held_out, "to judge by")):
            if not len(samples):
                raise ConfigError(
                    f"Fold {fold.name!r} has no samples {what}; it needs some. Look whether the "
                    f"copy of the corpus is whole (insula corpora check), or choose another split."
                )
        seed_everything(seed, verbose=False)
        self.task, self.fold, self.optimiser = task, fold, optimiser
        self.seed, self.fabric = seed, fabric
        self.rng = np.random.default_rng(seed)
        self.bare = task.make_net()
        self.net, self.steering = fabric.setup(self.bare, optimiser.make(self.bare))
        self.steps_an_epoch = math.ceil(len(fold.train) / optimiser.batch_size)
        in_all = optimiser.epochs * self.steps_an_epoch
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.steering, lambda step: optimiser.rate(step, in_all)
        )
        self.lines: list[Line] = []
        """Of the log, one an epoch that is done."""
        self.best: dict[str, Tensor] = {}
        """The weights of the best epoch, where they are to ship."""

    def epoch(self, tell: Steps | None) -> float:
        """Learn from every sample once; returns the mean loss."""
        fabric, task, losses = self.fabric, self.task, []
        epoch, rank, ranks = len(self.lines) + 1, fabric.global_rank, fabric.world_size
        if rank:  # numbers of its own, and the same ones where a run goes on
            seed_everything(self.seed + epoch * ranks + rank, verbose=False)
        self.net.train()
        task.begin(self.bare, epoch, self.optimiser.epochs)
        batches = task.batches(self.fold.train, self.optimiser.batch_size, self.rng)
        for step, indices in enumerate(batches, 1):
            mine, weight = part_of(indices, fabric)
            # Of several processes each changes its samples by a generator of its own: the one of
            # the batches must stand alike in all.
            rng = self.rng if ranks == 1 else np.random.default_rng([self.seed, epoch, step, rank])
            batch = {name: fabric.to_device(x) for name, x in task.batch(mine, rng).items()}
            self.steering.zero_grad()
            losses.append(self._backward(batch, weight))
            task.adjust(self.bare, partial(self._backward, batch, weight))
            average_gradients(self.bare, fabric)
            fabric.clip_gradients(self.net, self.steering, max_norm=self.optimiser.clip)
            self.steering.step()
            task.stepped(self.bare)
            self.schedule.step()
            if tell is not None and not rank:
                tell(self.fold.name, epoch, min(1.0, step / self.steps_an_epoch))
        return mean_loss(losses, fabric)

    def _backward(self, batch: Batch, weight: float) -> float:
        loss = weight * self.task.loss(self.net, batch)
        self.fabric.backward(loss)
        return loss.item()

    def judge(self) -> dict[str, float]:
        """How good the net is by now, on samples that it does not learn from."""
        self.bare.eval()
        with torch.inference_mode(), self.fabric.autocast():
            scores = self.task.judge(self.bare, self.fold.held_out)
        return {name: float(value) for name, value in scores.items()}

    def predict(self) -> Predictions:
        """What the net says of the held-out samples."""
        self.bare.eval()
        with torch.inference_mode(), self.fabric.autocast():
            return self.task.predict(self.bare, self.fold.held_out)

    def scores(self) -> list[float]:
        """The task's metric after each epoch."""
        return [float(line[self.task.metric]) for line in self.lines]

    def state(self) -> State:
        """All that `restore` needs to go on to the same result."""
        return {
            "net": self.bare.state_dict(),
            "steering": self.steering.state_dict(),
            "schedule": self.schedule.state_dict(),
            "draws": draws(self.rng),
            "lines": self.lines,
            "best": self.best,
        }

    def restore(self, state: State) -> None:
        """Go on from a `state`; raises ConfigError where it is not one of such a net."""
        try:
            self.bare.load_state_dict(state["net"])
            self.steering.load_state_dict(state["steering"])
            self.schedule.load_state_dict(state["schedule"])
            set_draws(state["draws"], self.rng)
            self.lines, self.best = state["lines"], state["best"]
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            raise ConfigError(
                f"The checkpoint of fold {self.fold.name!r} does not fit the net: "
                f"{' '.join(str(error).split())}. It must come from this recipe, these data and "
                f"this version. Put them back to go on, or begin anew: add --restart."
            ) from error


def draws(rng: np.random.Generator) -> State:
    """Where the sources of random numbers stand."""
    return {
        "numpy": rng.bit_generator.state,
        "python": random.getstate(),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state() if torch.cuda.is_available() else None,
    }


def set_draws(found: Mapping[str, object], rng: np.random.Generator) -> None:
    """Have all sources of random numbers go on from there."""
    rng.bit_generator.state = found["numpy"]  # type: ignore[assignment]
    random.setstate(cast(tuple[object, ...], found["python"]))
    torch.set_rng_state(cast(Tensor, found["torch"]))
    if found["cuda"] is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(cast(Tensor, found["cuda"]))
