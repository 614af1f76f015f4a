"""A verdict as pictures: what was taken for what, how sure it may be, when it should keep silent.

One PNG each, in the colours that insula gives its labels everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from insula.core.space import title
from insula.errors import OutputError
from insula.learn.evaluate.judging import Judgement
from insula.learn.evaluate.verdict import Verdict
from insula.outputs.palette import CHANNEL_COLOURS, UNKNOWN, colour

RESOLUTION = 120  # dots an inch
SIDE = 4.6  # inches of a square panel
INK = CHANNEL_COLOURS[0]
SHADES = LinearSegmentedColormap.from_list("insula", ["#ffffff", INK])


def draw(verdict: Verdict, folder: Path) -> list[Path]:
    """Write the pictures that this verdict has into `folder`, and return their paths."""
    judged = verdict.judgement
    panels: dict[str, Callable[[Axes, Judgement], None]] = {}
    if judged.confusion is not None:
        panels["confusion"] = _confusion
    if judged.f1 and judged.confusion is None:
        panels["labels"] = _labels
    if judged.reliability:
        panels |= {"reliability": _reliability, "risk-coverage": _risk_coverage}
    if not judged.labels or judged.kind == "axes":
        panels = {}
    heading = f"{_who(verdict)} on {verdict.title.partition(',')[0]}, n = {judged.n}"
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, panel in panels.items():
            figure = Figure(figsize=(SIDE + 1, SIDE), layout="constrained")
            FigureCanvasAgg(figure)
            axes = figure.subplots()
            panel(axes, judged)
            axes.set_title(heading, fontsize=9)
            written.append(folder / f"{name}.png")
            figure.savefig(written[-1], dpi=RESOLUTION)
    except OSError as error:
        raise OutputError(folder, error.strerror or str(error)) from error
    return written


def _who(verdict: Verdict) -> str:
    asked = verdict.asked
    who = " + ".join(asked.channels)
    return f"{asked.fusion} of {who}" if asked.fusion else who


def _confusion(axes: Axes, judged: Judgement) -> None:
    """Shares of each true label; the counts stand in the cells."""
    counts = judged.confusion
    assert counts is not None
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap=SHADES, vmin=0, vmax=1)
    names = [title(label) for label in judged.labels]
    places = range(len(names))
    axes.set_xticks(places, names, rotation=40, ha="right", fontsize=8)
    axes.set_yticks(places, names, fontsize=8)
    for ticks in (axes.get_xticklabels(), axes.get_yticklabels()):
        for tick, label in zip(ticks, judged.labels, strict=True):
            tick.set_bbox({"facecolor": colour(label), "alpha": 0.35, "pad": 1.5, "linewidth": 0})
    for row in places:
        for column in np.flatnonzero(counts[row]):
            dark = shares[row, column] > 0.55
            axes.text(
                column,
                row,
                str(counts[row, column]),
                ha="center",
                va="center",
                fontsize=7,
                color="white" if dark else "black",
            )
    axes.set_xlabel("taken for")
    axes.set_ylabel("true")


def _labels(axes: Axes, judged: Judgement) -> None:
    """F1 of each label with its interval, where several can apply."""
    shown = [label for label in judged.f1 if judged.counts[label]]
    values = [judged.f1[label] for label in shown]
    middle = np.array([each.value for each in values])
    around = [
        middle - [each.low for each in values],
        np.array([each.high for each in values]) - middle,
    ]
    places = np.arange(len(shown))[::-1]
    axes.barh(places, middle, xerr=around, color=[colour(label) for label in shown], ecolor=UNKNOWN)
    axes.set_yticks(places, [f"{title(s)} ({judged.counts[s]})" for s in shown], fontsize=7)
    axes.set_xlim(0, 1)
    axes.set_xlabel("F1, with 95 % interval")


def _reliability(axes: Axes, judged: Judgement) -> None:
    """Share right by confidence; on the diagonal it is as sure as it is right."""
    sure, right, count = (np.array(column) for column in zip(*judged.reliability, strict=True))
    axes.plot([0, 1], [0, 1], color=UNKNOWN, linewidth=1, linestyle="--")
    axes.plot(sure, right, color=INK, linewidth=1.2)
    area = 12 + 160 * count / count.max()
    axes.scatter(sure, right, s=area, color=INK, alpha=0.8, clip_on=False)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_xlabel("confidence (area: number of examples)")
    axes.set_ylabel(f"share right (ECE {judged.metrics['ece'].value:.3f})")
    _plain(axes)


def _risk_coverage(axes: Axes, judged: Judgement) -> None:
    """Share of errors if it answers only where it is surest."""
    axes.plot(judged.coverage, judged.risk, color=INK, linewidth=1.6)
    axes.axhline(judged.risk[-1], color=UNKNOWN, linewidth=1, linestyle="--")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, None)
    axes.set_xlabel("share answered, the surest first")
    axes.set_ylabel(f"share of errors among them (area {judged.metrics['aurc'].value:.3f})")
    _plain(axes)


def _plain(axes: Axes) -> None:
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
