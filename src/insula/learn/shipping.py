"""From trained nets to the files of a zoo entry: all of them, or none."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import nn

from insula.errors import OutputError
from insula.learn.card import write_card
from insula.learn.curves import draw_curves
from insula.learn.recipe import Recipe
from insula.learn.task import Predictions, Task


def ship(
    task: Task, nets: Sequence[nn.Module], predictions: Predictions, plan: Recipe, out: Path
) -> None:
    """Write weights, card, curves and recipe into `out`, which holds the log. Raises OutputError.

    They are written beside their place first, so a full disk leaves nothing half-written.
    """
    numbers = task.calibrate(predictions)
    report = task.report(predictions, np.random.default_rng(plan.seed))
    try:
        with tempfile.TemporaryDirectory(prefix=".insula-", dir=out) as made:
            folder = Path(made)
            weights = folder / f"{plan.name}.onnx"
            task.export(nets, numbers, weights)
            write_card(folder / "card.toml", weights, plan, task, report, numbers)
            curves = folder / "curves.png"
            draw_curves(out / "log.jsonl", curves, metric=task.metric, title=plan.title)
            (folder / "recipe.toml").write_text(plan.to_toml(), encoding="utf-8")
            for path in folder.iterdir():
                os.replace(path, out / path.name)  # noqa: PTH105 - atomic on every system
    except OSError as error:
        raise OutputError(out, error.strerror or str(error)) from error
