"""The timeline as a table: one row a person and moment.

Columns: person, time, one a label, valence, arousal, confidence, top, part_<channel>. What is not
known is empty. CSV needs the standard library only; pandas and pyarrow live in modules of their own
so that one can be missing without the others.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

from insula.core.records import Analysis, Estimate
from insula.core.space import VA
from insula.outputs.moments import affect_of, labelled
from insula.registry import load_object

if TYPE_CHECKING:
    import pandas

Cell = str | float | None


def columns(analysis: Analysis) -> list[str]:
    """Names of the columns, in order."""
    labels = dict.fromkeys(label for each in analysis.people for label in _labels(each))
    parts = dict.fromkeys(f"part_{name}" for each in analysis.people for name in each.parts)
    return ["person", "time", *labels, *VA.labels, "confidence", "top", *parts]


def rows(analysis: Analysis) -> Iterator[dict[str, Cell]]:
    """One row a person and moment; None where something is not known."""
    names = columns(analysis)
    for estimate in analysis.people:
        affect = affect_of(estimate)
        labels = _labels(estimate)
        for index, time in enumerate(estimate.track.times):
            row: dict[str, Cell] = dict.fromkeys(names)
            row["person"], row["time"] = estimate.person, round(float(time), 3)
            row["confidence"] = _rounded(estimate.confidence[index])
            for name, part in estimate.parts.items():
                row[f"part_{name}"] = _rounded(part[index])
            if estimate.track.mask[index] and labels:
                values = estimate.track.values[index]
                row.update(zip(labels, map(_rounded, values), strict=True))
                row["top"] = labels[int(values.argmax())]
            if affect is not None and affect.track.mask[index]:
                row.update({axis: _rounded(affect.track.column(axis)[index]) for axis in VA.labels})
            yield row


def write_csv(analysis: Analysis, folder: Path) -> Path:
    """Write timeline.csv (UTF-8, comma, header) into `folder`."""
    path = folder / "timeline.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns(analysis), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows(analysis))
    return path


def to_frame(analysis: Analysis) -> pandas.DataFrame:
    """The table for pandas."""
    make = load_object("insula.outputs.frame:to_frame", needed_by="Analysis.to_frame")
    return cast("Callable[[Analysis], pandas.DataFrame]", make)(analysis)


def write_parquet(analysis: Analysis, folder: Path) -> Path:
    """Write timeline.parquet into `folder`."""
    write = load_object("insula.outputs.parquet:write_parquet", needed_by="timeline.parquet")
    return cast("Callable[[Analysis, Path], Path]", write)(analysis, folder)


def _labels(estimate: Estimate) -> tuple[str, ...]:
    return estimate.space.labels if labelled(estimate) else ()


def _rounded(value: float) -> float:
    return round(float(value), 4) + 0.0
