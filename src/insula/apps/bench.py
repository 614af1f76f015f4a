"""`insula bench`: every fusion and training method of the laboratory, compared."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

import insula
from insula.apps.terminal import AsJson, err, show_rows
from insula.apps.train import Corpora, corpora_folder


def bench(
    recipes: Annotated[
        list[Path],
        typer.Argument(help="Recipes of the laboratory, such as recipes/mosi.toml.", metavar="..."),
    ],
    data: Corpora = None,
    folder: Annotated[
        Path, typer.Option("--out", help="Where the cells are kept.", metavar="DIR")
    ] = Path("runs/bench"),
    seeds: Annotated[int, typer.Option(help="Trainings of each method.", min=1)] = 3,
    method: Annotated[
        list[str] | None,
        typer.Option(
            help="Only this name, id or group (gates, F14, alone, fusion, training); several "
            "times for more."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train every fusion and every training method on the corpora of the recipes, and compare.

    [dim]insula bench recipes/mosi.toml --data DIR
    insula bench recipes/mosi.toml recipes/paired.toml --method F14 --method "text alone"[/dim]

    Each method chooses among the same learning rates on the development part. A stopped run goes
    on where it was. Numbers are of the test part, mean and deviation over seeds; the difference is
    to the best modality alone, with its 95 % interval (paired bootstrap).
    """
    load = partial(insula.registry.load_object, needed_by="bench")
    fill, rows_of = load("insula.learn.bench:bench"), load("insula.learn.bench:rows")
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, transient=True) as shown:
        bar = shown.add_task("reading")

        def tell(done: int, count: int, name: str) -> None:
            shown.update(bar, completed=done, total=count, description=name)

        path = fill(
            recipes,
            data=corpora_folder(data),
            out=folder,
            seeds=seeds,
            only=method or (),
            progress=tell,
        )
    show_rows(rows_of(path), as_json)
    err.print(f"Wrote {path}")
