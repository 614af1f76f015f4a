"""Writes the card of what was trained, as `insula.zoo.card` reads it."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from insula.core.space import get_space
from insula.learn.recipe import Recipe, toml_value
from insula.learn.task import Calibration, Report, Task

DIGITS = 4  # decimals of a metric
OF_SPACE = "_threshold"  # end of the name of a number that `calibrate` fitted for one space


@dataclass(frozen=True)
class CardText:
    """The section [card] of a recipe: what no program can know."""

    preprocessing: str
    space: str
    """A space of insula, whose labels are the columns of the answer; or a name for `labels`."""
    labels: tuple[str, ...]
    """The columns where `space` is not one of insula's; else empty."""
    channels: tuple[str, ...]
    """For a fusion, the channels that it reads, in order; else empty."""
    trained_on: tuple[str, ...]
    licence_code: str
    licence_weights: str
    licence_data: str
    made_by: str
    intended_use: str
    limits: str


def write_card(
    path: Path, weights: Path, recipe: Recipe, task: Task, report: Report, numbers: Calibration
) -> None:
    """Write the card of the file `weights` to `path`."""
    text = recipe.section("card", CardText)
    today = datetime.date.today()
    head: dict[str, object] = {
        "name": recipe.name,
        "title": recipe.title,
        "tier": "bundled",
        "file": weights.name,
        "size": weights.stat().st_size,
        "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "format": "onnx",
        "channel": recipe.channel,
        "preprocessing": text.preprocessing,
        "space": text.space,
        # An embedding answers in no space.
        "labels": text.labels or (get_space(text.space).labels if text.space else ()),
        "trained_on": text.trained_on,
        "recipe": f"recipes/{recipe.path.name}",
        "made_by": text.made_by,
        "date": today,
        "verified_here": True,
        "intended_use": text.intended_use,
        "limits": text.limits,
    }
    if text.channels:
        head["channels"] = text.channels
    if "threshold" in numbers:
        head["threshold"] = round(numbers["threshold"], DIGITS)
    thresholds = {
        name.removesuffix(OF_SPACE): np.round(value, DIGITS).tolist()
        for name, value in numbers.items()
        if name.endswith(OF_SPACE)
    }
    licence = {
        "code": text.licence_code,
        "weights": text.licence_weights,
        "data": text.licence_data,
    }
    lines = _table("", head) + _table("[inputs]", task.inputs) + _table("[outputs]", task.outputs)
    lines += _table("[licence]", licence)
    if thresholds:
        lines += _table("[thresholds]", thresholds)
    for learned in task.learned:
        lines += _table("[[learned]]", _stated(asdict(learned)))
    for held_out in task.held_out:
        lines += _table("[[folds]]", _stated(asdict(held_out)))
    for metric in report.metrics:
        lines += _table("[[metrics]]", _rounded(asdict(metric)) | {"date": today})
    for group in report.groups:
        lines += _table("[[groups]]", _rounded(asdict(group)))
    path.write_text("\n".join(lines[1:]) + "\n", encoding="utf-8")


def _table(title: str, values: Mapping[str, object]) -> list[str]:
    lines = ["", title] if title else [""]
    return lines + [f"{key} = {toml_value(value)}" for key, value in values.items()]


def _rounded(values: Mapping[str, object]) -> dict[str, object]:
    return {k: round(v, DIGITS) if isinstance(v, float) else v for k, v in values.items()}


def _stated(values: Mapping[str, object]) -> dict[str, object]:
    """Without what was left at its default."""
    return {key: value for key, value in values.items() if value}
