"""Which fusion is best on held-out evidence, when all is well and when a channel is not.

    python benchmarks/fusion.py [--data ../shared/data] [--recipe recipes/fusion.toml]

Writes benchmarks/results/fusion.json. All people are synthetic: face, voice and words of each come
from three people who share a label (`insula.learn.pairing`), so the numbers compare fusions with
each other and say little about real clips.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from material import DATA, RESULTS, ROOT, conditions

from insula.learn.fusion import FusionTask
from insula.learn.fusion_comparison import by_rule, compare, one_channel, rules
from insula.learn.pairing import CHANNELS, People
from insula.learn.recipe import read_recipe
from insula.zoo.session import Model


def regression(people: People) -> np.ndarray:
    """The bundled weights."""
    present = people.present.astype(np.float32)
    scores = people.scores.astype(np.float32).reshape(len(present), -1)
    return Model.shared("fusion-regression").run(scores=scores, present=present)["probabilities"]


def main() -> None:
    """Build the people as the recipe says, fuse them in every way, write the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--recipe", type=Path, default=ROOT / "recipes/fusion.toml")
    arguments = parser.parse_args()
    task = FusionTask(read_recipe(arguments.recipe), arguments.data)
    ways = {name: by_rule(rule) for name, rule in rules(task.opinions).items()}
    ways["regression"] = regression
    ways |= {f"{name} alone": one_channel(column) for column, name in enumerate(CHANNELS)}
    document = {
        "benchmark": "fusion",
        **conditions(),
        "synthetic pairing": True,
        "corpora": "FER+ Valid, RAVDESS (out of fold), GoEmotions dev; the half not learnt from",
        "frequencies of ekman7": task.pairing.frequencies,
        "interval": "95 %, over synthetic people; drawn from few originals, so really wider",
        "results": compare(ways, task.conditions, np.random.default_rng(0)),
    }
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(document, indent=1) + "\n"
    (RESULTS / "fusion.json").write_text(text, encoding="utf-8")
    for condition, results in document["results"].items():  # type: ignore[attr-defined]
        line = "  ".join(f"{name} {each['accuracy']:.3f}" for name, each in results.items())
        print(f"{condition:>18}: {line}")


if __name__ == "__main__":
    main()
