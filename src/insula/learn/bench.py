"""The benchmark of the laboratory: every fusion, every training method, on corpora, over seeds.

    recipes, one a corpus -> ways: a modality alone, a fusion, a training method on one fusion
    -> each learning rate of the grid, judged on the development part -> the best of them, by seed
    -> cells: numbers on the test part in every condition -> compared with the best modality alone

All ways have the same encoders, the same grid and the same epochs. A cell that is in OUT is not
trained again, so a run that was stopped goes on. What a way says of each test sample is kept beside
it, since two ways are compared sample by sample.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, pstdev
from typing import TypeAlias, TypedDict

import numpy as np
from torch import nn

from insula.learn.checkpoint import SWEEP, check_same, write_whole
from insula.learn.laboratory import LaboratoryTask
from insula.learn.material import WHOLE
from insula.learn.optimiser import Optimiser
from insula.learn.recipe import Recipe, read_recipe
from insula.learn.resampling import difference
from insula.learn.task import Predictions
from insula.learn.train import fit
from insula.learn.verdicts import METRIC, metric_of
from insula.methods.batch import Kind
from insula.methods.description import Method
from insula.registry import load_object
from insula.registry import methods as known

ALONE = "joint-vectors"  # the net of one modality, and the net that training methods are tried on
PLAIN = f"{ALONE}, plain"  # that net without any training method
RATE = "optimiser.learning_rate"
RATES = (1e-3, 3e-3)  # learning rates that every way may choose from
TASK: Mapping[Kind, str] = {
    "single": "classes",
    "multi": "labels",
    "distribution": "labels",
    "axes": "axes",
}


class Cell(TypedDict):
    """One training: of what, and how good it is.

    development: the metric by which epoch and rate were chosen. test: condition -> metric -> value.
    weights: how many. rate: the learning rate. seconds: of processor time of one training.
    """

    corpus: str
    way: str
    id: str
    group: str
    seed: int
    kind: Kind
    development: float
    test: Mapping[str, Mapping[str, float]]
    weights: int
    rate: float
    seconds: float


class Difference(TypedDict):
    """Mean over seeds of the metric of one way less that of another, with its 95 % interval."""

    difference: float
    low: float
    high: float


Progress: TypeAlias = Callable[[int, int, str], None]
"""Told how many of how many ways of a corpus are done, and which is next."""


@dataclass(frozen=True)
class Way:
    """One line of the table. id: of `methods.md`, "" for a modality alone."""

    name: str
    id: str
    group: str
    """"alone", "fusion" or "training"."""
    settings: Mapping[str, object] = field(default_factory=dict)


def bench(
    recipes: Sequence[Path],
    *,
    data: Path,
    out: Path,
    seeds: int = 3,
    only: Sequence[str] = (),
    progress: Progress | None = None,
) -> Path:
    """Fill OUT/bench.json and return its path.

    recipes: of the laboratory; each of their corpora is a table. only: names of ways, ids or
    groups; all where none is named. Writes after every cell.
    """
    plans = [(recipe, corpus) for recipe in recipes for corpus in read_recipe(recipe).corpora]
    kept = Kept(out)
    for recipe, corpus in plans:
        kept.check(corpus, read_recipe(recipe))
        chosen = ways(LaboratoryTask(read_recipe(recipe, {"corpora": [corpus]}), data))
        chosen = [way for way in chosen if not only or {way.name, way.id, way.group} & set(only)]
        for number, way in enumerate(chosen):
            if progress is not None:
                progress(number, len(chosen), f"{corpus}: {way.name}")
            _fill(kept, recipe, corpus, way, data, seeds)
        if progress is not None:
            progress(len(chosen), len(chosen), f"{corpus}: compared")
        kept.compare(corpus)
    return kept.path


def ways(task: LaboratoryTask) -> list[Way]:
    """What is compared on a material: each modality alone, every fusion, every training method."""
    alone = _entry(ALONE).code
    found = [
        Way(f"{name} alone", "", "alone", {"method": alone, "learning.modalities": [name]})
        for name in task.samples.modalities
    ]
    wanted = "dialogue" if task.in_dialogues else TASK[task.kind]
    for name in known:
        entry = _entry(name)
        if wanted not in entry.tasks:
            continue
        if entry.id.startswith("F"):
            found.append(Way(name, entry.id, "fusion", {"method": entry.code}))
        elif entry.stage == "training" and task.fits(name):
            settings = {"method": alone, "training": {name: {}}}
            found.append(Way(name, entry.id, "training", settings))
    found.append(Way(PLAIN, "", "training", {"method": alone, "training": {}}))
    if task.in_dialogues:  # no other net than those for dialogues can answer here
        found = [way for way in found if way.group == "fusion"]
    return found


class Kept:
    """The cells in OUT/bench.json, and what each way says in OUT/said/KEY.npz."""

    def __init__(self, out: Path) -> None:
        self.out, self.path = out, out / "bench.json"
        found = json.loads(self.path.read_text(encoding="utf-8")) if self.path.is_file() else {}
        self.cells: dict[str, Cell] = found.get("cells", {})
        self.compared: dict[str, dict[str, dict[str, object]]] = found.get("compared", {})

    def check(self, corpus: str, plan: Recipe) -> None:
        """ConfigError where the cells of a corpus are of another recipe."""
        kept = self.out / "recipes" / corpus / "recipe.toml"
        if kept.is_file():
            check_same(kept, plan, but=SWEEP, advice="name another folder: --out DIR")
        else:
            write_whole(kept, plan.to_toml().encode())

    def add(self, key: str, cell: Cell, said: Mapping[str, np.ndarray]) -> None:
        """Keep a cell and what it is made from."""
        stream = io.BytesIO()
        np.savez_compressed(stream, **said)  # type: ignore[arg-type]
        write_whole(self._said(key), stream.getvalue())
        self.cells[key] = cell
        self._write()

    def compare(self, corpus: str) -> None:
        """Each way with its reference, by the same test samples resampled.

        Fusions with the modality that is best alone on the development part; training methods with
        the same net without any.
        """
        cells = {key: cell for key, cell in self.cells.items() if cell["corpus"] == corpus}
        alone = [cell for cell in cells.values() if cell["group"] == "alone"]
        references = {"training": PLAIN}
        if alone:
            references["fusion"] = max(alone, key=lambda cell: cell["development"])["way"]
        known = {cell["way"]: cell["group"] for cell in cells.values()}
        self.compared[corpus] = {
            way: {"with": references[group], **self._difference(cells, way, references[group])}
            for way, group in known.items()
            if group in references and way != references[group] and references[group] in known
        }
        self._write()

    def _difference(self, cells: Mapping[str, Cell], way: str, reference: str) -> Difference:
        """Mean over seeds of the metric of `way` less that of `reference`, with its interval."""
        pairs = []
        for key, cell in cells.items():
            other = key.replace(f" | {way} | ", f" | {reference} | ")
            if cell["way"] == way and other in cells:
                one, two, kind = self._load(key), self._load(other), cell["kind"]
                pairs.append((one["said"], two["said"]))
        truth, rng = one["truth"], np.random.default_rng(0)
        value = difference(
            lambda said, rows: metric_of(kind, truth[rows], said[rows]), pairs, one["groups"], rng
        )
        return {"difference": value.value, "low": value.low, "high": value.high}

    def _write(self) -> None:
        document = {"cells": self.cells, "compared": self.compared}
        write_whole(self.path, (json.dumps(document, indent=1) + "\n").encode())

    def _load(self, key: str) -> Mapping[str, np.ndarray]:
        with np.load(self._said(key)) as file:
            return dict(file)

    def _said(self, key: str) -> Path:
        return self.out / "said" / f"{key.replace(' | ', '_').replace(' ', '-')}.npz"


def _fill(kept: Kept, recipe: Path, corpus: str, way: Way, data: Path, seeds: int) -> None:
    """Train what is missing of one way: each rate with the first seed, the best with the others."""
    settings = {**way.settings, "corpora": [corpus], "seed": 0}
    learns = _learns(read_recipe(recipe, settings))
    # What is fitted in one go knows neither rates nor seeds.
    rates, seeds = (RATES, seeds) if learns else (RATES[:1], 1)
    keys = [f"{corpus} | {way.name} | seed {seed}" for seed in range(seeds)]
    if keys[0] not in kept.cells:
        tried = [_cell(recipe, way, {**settings, RATE: rate}, data) for rate in rates]
        cell, said = max(tried, key=lambda each: each[0]["development"])
        cell["seconds"] = mean(each["seconds"] for each, _ in tried)
        kept.add(keys[0], cell, said)
    rate = kept.cells[keys[0]]["rate"]
    for seed, key in enumerate(keys):
        if key not in kept.cells:
            kept.add(key, *_cell(recipe, way, {**settings, RATE: rate, "seed": seed}, data))


def _cell(
    recipe: Path, way: Way, settings: Mapping[str, object], data: Path
) -> tuple[Cell, Mapping[str, np.ndarray]]:
    """Train once; the numbers, and what is said of the test part."""
    plan = read_recipe(recipe, settings)
    task, optimiser = LaboratoryTask(plan, data), plan.section("optimiser", Optimiser)
    began, weights = time.process_time(), 0
    if _learns(plan):
        net, said = fit(task, task.folds[0], optimiser, seed=plan.seed, log=lambda line: None)
        weights = sum(weight.numel() for weight in net.net.parameters())  # type: ignore[union-attr]
    else:
        said = task.fitted()
    seconds = round(time.process_time() - began, 2)
    cell: Cell = {
        "corpus": plan.corpora[0],
        "way": way.name,
        "id": way.id,
        "group": way.group,
        "seed": plan.seed,
        "kind": task.kind,
        "development": task.score(said)[task.metric],
        "test": _on_test(task, said),
        "weights": weights,
        "rate": optimiser.learning_rate,
        "seconds": seconds,
    }
    judged = np.flatnonzero(said["judging"])
    truth, values = task.labelled(said, WHOLE, judged)
    groups = said["groups"][judged]
    if task.in_dialogues:
        groups = np.repeat(groups, said["valid"][judged].sum(axis=1))
    return cell, {"said": values.astype(np.float32), "truth": truth, "groups": groups}


def _on_test(task: LaboratoryTask, said: Predictions) -> Mapping[str, Mapping[str, float]]:
    rows = np.flatnonzero(said["judging"])
    names = [name.removeprefix("values ") for name in said if name.startswith("values ")]
    return {
        name: {key: round(value, 4) for key, value in task.measures(said, name, rows).items()}
        for name in names
    }


def _learns(plan: Recipe) -> bool:
    """Whether the method of a recipe is a net, rather than fitted in one go."""
    kind = load_object(plan.method, needed_by=plan.name)
    return isinstance(kind, type) and issubclass(kind, nn.Module)


def _entry(name: str) -> Method:
    entry = known.get(name)
    assert isinstance(entry, Method)
    return entry


def rows(path: Path) -> list[dict[str, object]]:
    """The table of a bench.json, for people: a row a corpus and way, in the order of the cells."""
    kept = Kept(path.parent)
    grouped: dict[tuple[str, str], list[Cell]] = {}
    for cell in kept.cells.values():
        grouped.setdefault((str(cell["corpus"]), str(cell["way"])), []).append(cell)
    table = []
    for (corpus, way), cells in grouped.items():
        metric = METRIC[cells[0]["kind"]]
        reached = [cell["test"][WHOLE][metric] for cell in cells]
        apart = kept.compared.get(corpus, {}).get(way)
        table.append(
            {
                "corpus": corpus,
                "id": cells[0]["id"],
                "method": way,
                "metric": metric,
                "value": f"{mean(reached):.3f} ± {pstdev(reached):.3f}",
                "difference": apart
                and f"{apart['difference']:+.3f} ({apart['low']:+.3f} to {apart['high']:+.3f})",
                "weights": cells[0]["weights"],
                "seconds": round(mean(cell["seconds"] for cell in cells), 1),
            }
        )
    return table
