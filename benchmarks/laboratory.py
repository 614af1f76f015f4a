"""Every fusion and training method of the laboratory, as docs/benchmarks.md shows them.

    python benchmarks/laboratory.py [--data ../shared/data] [--out runs/bench]

`insula bench` on CMU-MOSI, on label-paired opinions of real channels, and on made-up tasks; what is
in OUT already is not trained again. An hour on one core. Writes benchmarks/results/laboratory.json.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

import torch
from material import DATA, RESULTS, ROOT, conditions

from insula.learn.bench import bench

# Recipe -> groups of ways; () for all. What training methods do for made-up tasks is their tests'.
RECIPES = {"mosi": (), "paired": (), "synthetic": ("alone", "fusion")}
SEEDS = 3


def main() -> None:
    """Train what is missing, then write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "bench")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for name, groups in RECIPES.items():
        path = bench(
            [ROOT / "recipes" / f"{name}.toml"],
            data=arguments.data,
            out=arguments.out,
            seeds=SEEDS,
            only=groups,
            progress=lambda done, count, way: print(f"{done}/{count} {way}", flush=True),
        )
    found = json.loads(path.read_text(encoding="utf-8"))
    document = {"benchmark": "laboratory", **conditions(), "seeds": SEEDS, **found}
    target = RESULTS / "laboratory.json"
    target.write_text(text(document), encoding="utf-8")


def text(document: Mapping[str, object]) -> str:
    """The document as JSON, a line a cell."""
    cells = document["cells"]
    assert isinstance(cells, Mapping)
    lines = [f"  {json.dumps(key)}: {json.dumps(cell)}" for key, cell in cells.items()]
    rest = json.dumps({**document, "cells": None}, indent=1)
    return rest.replace('"cells": null', '"cells": {\n' + ",\n".join(lines) + "\n }") + "\n"


if __name__ == "__main__":
    main()
