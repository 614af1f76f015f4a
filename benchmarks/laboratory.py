"""Every fusion of the laboratory on CMU-MOSI, and the best that one modality does alone.

    python benchmarks/laboratory.py [--data ../shared/data] [--seeds 3]

The same encoders, optimiser and number of epochs for all (recipes/mosi.toml), the released split.
Writes benchmarks/results/laboratory.json, a cell at a time: what is there already is not trained
again, so a run that was stopped goes on. Ten minutes on one core.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from material import DATA, RESULTS, ROOT, conditions
from torch import nn

from insula import registry
from insula.learn.laboratory import LaboratoryTask
from insula.learn.material import WHOLE
from insula.learn.recipe import read_recipe
from insula.learn.train import Optimiser, fit

RECIPE = ROOT / "recipes" / "mosi.toml"
ALONE = "joint-vectors"  # the net of one modality: its encoder and a classifier
SINGLE = ("text", "audio", "video")


def main() -> None:
    """Train what is missing, cell by cell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    path = RESULTS / "laboratory.json"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"] if path.is_file() else {}
    for name, settings in ways():
        for seed in range(arguments.seeds):
            key = f"{name}, seed {seed}"
            if key not in cells:
                cells[key] = trained(settings | {"seed": seed}, arguments.data)
                document = {"benchmark": "laboratory", **conditions(), "cells": cells}
                path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
            whole = cells[key]["test"][WHOLE]
            print(key, {metric: round(value, 3) for metric, value in whole.items()}, flush=True)


def ways() -> Iterator[tuple[str, Mapping[str, object]]]:
    """What is compared: a name, and the settings of the recipe that make it."""
    alone = registry.methods.get(ALONE).code
    for modality in SINGLE:
        yield f"{modality} alone", {"method": alone, "learning.modalities": [modality]}
    for name in registry.methods:
        method = registry.methods.get(name)
        kind = registry.load_object(method.code, needed_by=name)
        if "axes" in method.tasks and issubclass(kind, nn.Module):
            yield f"{method.id} {name}", {"method": method.code}


def trained(settings: Mapping[str, object], data: Path) -> Mapping[str, object]:
    """The metrics of the test part in every condition, the number of weights and the time."""
    plan = read_recipe(RECIPE, settings)
    task = LaboratoryTask(plan, data)
    optimiser = plan.section("optimiser", Optimiser)
    began = perf_counter()
    net, said = fit(task, task.folds[0], optimiser, seed=plan.seed, log=lambda line: None)
    seconds = perf_counter() - began
    rows = np.flatnonzero(said["judging"])
    names = [name.removeprefix("values ") for name in said if name.startswith("values ")]
    test = {name: task.measures(said, name, rows) for name in names}
    weights = sum(weight.numel() for weight in net.parameters())
    return {"test": test, "weights": weights, "seconds": round(seconds, 2)}


if __name__ == "__main__":
    main()
