"""Which fusion is best on held-out evidence, when all is well and when a channel is not.

    python benchmarks/fusion.py [--data ../shared/data] [--recipe recipes/fusion.toml]

Writes benchmarks/results/fusion.json: every rule, the pool that ships, a regression trained on the
same people, and each channel alone, in every condition; whether the claims made of the pool hold;
and what share of answers is right if only those above some confidence are given. All people are
synthetic: face, voice and words of each come from three people who share a label
(`insula.learn.pairing`), so the numbers compare fusions and say little about real clips.
"""

from __future__ import annotations

import argparse
import copy
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from material import DATA, RESULTS, ROOT, conditions

from insula.core.roles import Fusion
from insula.fusion.learned import RobustPool
from insula.learn.calibration import softmax
from insula.learn.fusion import FusionTask, Mixture, befallen
from insula.learn.fusion_comparison import (
    Answers,
    all_conditions,
    alone,
    by_itself,
    fused,
    judged,
    resampled_sources,
    resampled_weights,
    rules,
    single_faults,
    some_absent,
    with_interval,
)
from insula.learn.metrics import aurc, mean_tally
from insula.learn.pairing import CHANNELS, People, Treatments
from insula.learn.recipe import read_recipe
from insula.learn.train import Optimiser, fit

SHIPPED = "pool"
MODEL = "fusion-pool"
MOST_LOST = 0.01  # below the best single channel, when one is noise
MOST_OFF = 0.04  # expected calibration error
LEAST_CONFIDENCES = (0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)

Ask = Callable[[People], Answers]
Way = tuple[Ask, Ask]
"""Who answers for people of the first half, having learnt from the second, and the other way."""


def ways(task: FusionTask) -> dict[str, Way]:
    """Every way to fuse, and each channel alone."""
    first, second = (rules(task.opinions, half) for half in (True, False))
    made: dict[str, Way] = {
        name: (partial(fused, first[name]), partial(fused, second[name])) for name in first
    }
    made["regression"] = _regression(task)
    # Net 0 of the ensemble learnt from the first half, net 1 from the second.
    nets: list[Fusion] = [RobustPool(f"{MODEL}#{net}") for net in (1, 0)]
    made[SHIPPED] = (partial(fused, nets[0]), partial(fused, nets[1]))
    for column, name in enumerate(CHANNELS):
        made[by_itself(name)] = (partial(alone, column), partial(alone, column))
    return made


def _regression(task: FusionTask) -> Way:
    """A score regression, trained as the pool was."""
    task = copy.copy(task)
    method = "insula.methods.late.score_regression:ScoreRegression"
    sections = {**task.recipe.sections, "net": {"logarithms": True}}
    task.recipe = replace(task.recipe, method=method, sections=sections)
    optimiser = task.recipe.section("optimiser", Optimiser)

    def ask(net: torch.nn.Module, people: People) -> Answers:
        with torch.inference_mode():
            logits = net(
                torch.from_numpy(people.scores.astype(np.float32)),
                torch.from_numpy(people.trust.astype(np.float32)),
            )
        scores = softmax(logits.numpy())
        return Answers(scores, scores.max(axis=1))

    first, second = (
        fit(task, fold, optimiser, seed=task.recipe.seed, log=lambda line: None)[0]
        for fold in task.folds
    )
    return partial(ask, second), partial(ask, first)


def answers(way: Way, people: People, half: np.ndarray) -> Answers:
    """What a way says of everyone, each half by whoever learnt from the other."""
    first, second = (ask(people) for ask in way)
    return Answers(
        np.where(half[:, None], second.scores, first.scores),
        np.where(half, second.confidence, first.confidence),
    )


def claims(results: Mapping[str, Mapping[str, object]]) -> dict[str, object]:
    """What is said of the pool, condition by condition, and whether it holds in all of them."""
    single, anyone = set(single_faults()), [name for name in results if name.startswith("any ")]
    noisy = [c for c in single if c.endswith("is noise") or " with " in c]
    beaten = [c for c in single if c == "all present" or c.startswith("without ")]
    contrary = [c for c in single if c.endswith("contradicts")]

    def claim(names: Sequence[str], key: str, holds: Callable[[float], bool]) -> dict[str, object]:
        rows = {}
        for name in (name for name in results if name in names):
            numbers = results[name]["ways"][SHIPPED]  # type: ignore[index]
            rows[name] = {
                "value": numbers[key],
                "low": numbers[f"{key}_low"],
                "high": numbers[f"{key}_high"],
                "best single channel": results[name]["best single channel"],
                "holds": bool(holds(numbers[key])),
            }
        return {"holds": all(row["holds"] for row in rows.values()), "conditions": rows}

    return {
        "beats_best_single": claim(beaten, "lead", lambda lead: lead > 0),
        "beats_best_single_contradicted": claim(
            [*contrary, *anyone], "lead", lambda lead: lead > 0
        ),
        "noise_loss_points": claim(noisy, "lead", lambda lead: -lead <= MOST_LOST),
        "ece": claim([*single, *anyone, "some absent"], "ece", lambda ece: ece <= MOST_OFF),
    }


def abstention(
    way: Way, task: FusionTask, drawn: Sequence[np.ndarray], rng: np.random.Generator
) -> dict[str, object]:
    """Risk and coverage: what is left, and how much of it is right, above each confidence."""
    cast = task.to_judge
    count = len(cast.label)
    mixture = befallen(cast, task.recipe.section("mixture", Mixture), rng)
    everyone = ["as it is"] * len(CHANNELS)
    absent = some_absent(count, rng)
    groups: dict[str, tuple[People, Treatments | None]] = {
        "all present": (cast.people(everyone), everyone),
        "some absent": (cast.people(absent), absent),
        "whatever may befall, as in training": (mixture, None),
    }
    found: dict[str, object] = {}
    for name, (people, treatments) in groups.items():
        each = answers(way, people, cast.half)
        right = each.right(cast.label)
        weights = resampled_weights(cast, treatments or everyone, drawn)
        rows = []
        for least in LEAST_CONFIDENCES:
            given = each.confidence >= least
            if not given.any():
                break
            value, low, high = with_interval(mean_tally(right[given]), weights[:, given])
            rows.append(
                {
                    "min_confidence": least,
                    "coverage": round(float(given.mean()), 4),
                    "right": value,
                    "low": low,
                    "high": high,
                }
            )
        found[name] = {"aurc": round(aurc(right, each.confidence), 4), "above": rows}
    return found


def main() -> None:
    """Build the people as the recipe says, fuse them in every way, write the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--recipe", type=Path, default=ROOT / "recipes/fusion.toml")
    arguments = parser.parse_args()
    task = FusionTask(read_recipe(arguments.recipe), arguments.data)
    document = {
        "benchmark": "fusion",
        **conditions(),
        **compared(task),
    }
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(document, indent=1) + "\n"
    (RESULTS / "fusion.json").write_text(text, encoding="utf-8")
    _tell(document)


def compared(task: FusionTask) -> dict[str, object]:
    """Everything but where and when it was measured."""
    rng = np.random.default_rng(0)
    cast, asked = task.to_judge, ways(task)
    drawn = resampled_sources(cast, rng)
    results = {}
    for name, treatments in all_conditions(cast, rng).items():
        people = cast.people(treatments)
        said = {way: answers(ask, people, cast.half) for way, ask in asked.items()}
        weights = resampled_weights(cast, treatments, drawn)
        results[name] = judged(said, cast.label, weights)
    sizes = [len(np.unique(each.source)) for each in task.opinions]
    return {
        "synthetic pairing": True,
        "corpora": "FER+ Valid, RAVDESS (nets that never heard the actor), GoEmotions dev",
        "originals": dict(zip(CHANNELS, sizes, strict=True)),
        "frequencies of ekman7": task.frequencies,
        "interval": "95 %, originals (pictures, actors, comments) of each channel resampled",
        "lead": "accuracy above that of the best single channel of the condition",
        "claims": claims(results),
        "abstention": abstention(asked[SHIPPED], task, drawn, rng),
        "best single channel": {
            name: each["best single channel"] for name, each in results.items()
        },
        "results": {name: each["ways"] for name, each in results.items()},
    }


def _tell(document: Mapping[str, object]) -> None:
    best: Mapping[str, str] = document["best single channel"]  # type: ignore[assignment]
    for condition, results in document["results"].items():  # type: ignore[attr-defined]
        shown = [SHIPPED, best[condition], "regression", "product", "mean", "vote"]
        line = "  ".join(f"{name} {results[name]['accuracy']:.3f}" for name in shown)
        print(f"{condition:>46}: ECE {results[SHIPPED]['ece']:.3f}  {line}")
    for name, claim in document["claims"].items():  # type: ignore[attr-defined]
        broken = [c for c, row in claim["conditions"].items() if not row["holds"]]
        print(f"{name}: {'holds' if claim['holds'] else f'broken by {broken}'}")


if __name__ == "__main__":
    main()
