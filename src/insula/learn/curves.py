"""The training log as a picture: loss and held-out metric by epoch, one line a fold."""

from __future__ import annotations

import json
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

SIZE = (8.0, 3.2)  # inches
RESOLUTION = 110  # dots an inch


def draw_curves(log: Path, path: Path, *, metric: str, title: str) -> None:
    """Draw the lines of `log` (fold, epoch, loss, `metric`) into the PNG `path`."""
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    figure = Figure(figsize=SIZE, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=10)
    panels = figure.subplots(1, 2)
    for panel, key, name in zip(panels, ("loss", metric), ("training loss", metric), strict=True):
        for fold in dict.fromkeys(line["fold"] for line in lines):
            mine = [line for line in lines if line["fold"] == fold and key in line]
            epochs, values = [line["epoch"] for line in mine], [line[key] for line in mine]
            panel.plot(epochs, values, linewidth=1.2, label=fold)
        panel.set_xlabel("epoch")
        panel.set_ylabel(name)
        panel.grid(alpha=0.3)
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=RESOLUTION)
