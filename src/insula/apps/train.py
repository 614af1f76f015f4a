"""`insula train` and `insula sweep`: from a recipe to weights with their card."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

import insula
from insula.apps.terminal import err, out, show_rows

STOPPED = 130  # exit code of a command that Ctrl-C ends
RANKS = ("LOCAL_RANK", "NODE_RANK", "RANK", "SLURM_PROCID")  # not 0 in all processes but the first

RecipeFile = Annotated[Path, typer.Argument(help="A recipe, such as recipes/face.toml.")]
Corpora = Annotated[
    Path | None,
    typer.Option(help="The folder with the corpora; default: INSULA_DATA.", metavar="DIR"),
]


def train(
    recipe: RecipeFile,
    data: Corpora = None,
    folder: Annotated[
        Path | None,
        typer.Option("--out", help="Where weights and card go; default: runs/NAME.", metavar="DIR"),
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change one entry of the recipe.", metavar="KEY=VALUE"),
    ] = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Begin anew where a stopped run could go on.")
    ] = False,
    devices: Annotated[
        int | None,
        typer.Option(help="Processes a machine, one a device; default: every GPU.", min=1),
    ] = None,
    nodes: Annotated[int, typer.Option(help="Machines that train together.", min=1)] = 1,
    accelerator: Annotated[
        str, typer.Option(help="Where to compute: cpu, cuda or mps.", metavar="NAME")
    ] = "auto",
) -> None:
    """Train the weights of a recipe; the folder that comes out runs in the pipeline at once.

    Every finished epoch is kept: the same command goes on where a run was stopped.
    """
    data = corpora_folder(data)
    settings = dict(_setting(change) for change in changes or [])
    target = folder or Path("runs") / recipe.stem
    first = all(os.environ.get(name, "0") == "0" for name in RANKS)
    if first:
        if _is_kept(target) and not restart:
            err.print(
                f"A run was stopped here; goes on from {target / 'checkpoint'}.", soft_wrap=True
            )
        err.print("Reading and preparing the data; some recipes take minutes for that.")
    try:
        with _bar(hidden=not first) as tell:
            insula.train(
                recipe,
                data=data,
                out=target,
                settings=settings,
                progress=_tell_epoch,
                steps=tell,
                restart=restart,
                accelerator=accelerator,
                devices=devices or "auto",
                nodes=nodes,
            )
    except KeyboardInterrupt:
        if first:
            how = "begins anew"
            if _is_kept(target):
                how = f"goes on from {target / 'checkpoint'}, every finished epoch is kept"
            command = "the same command without --restart" if restart else "the same command"
            err.print(f"\nStopped: {command} {how}.", soft_wrap=True)
        raise typer.Exit(STOPPED) from None
    if first:
        out.print(f"Wrote {target}")


def sweep(
    recipe: RecipeFile,
    trials: Annotated[int, typer.Option(help="Trials in all.", min=1)],
    data: Corpora = None,
    folder: Annotated[
        Path | None,
        typer.Option("--out", help="Where all goes; default: runs/NAME-sweep.", metavar="DIR"),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(help="No new trial begins after this time.", min=0, metavar="SECONDS"),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the choice of settings.")] = 0,
) -> None:
    """Search the settings that the section \\[sweep] of a recipe names, and train the best.

    Trials are compared by the metric that training shows after each epoch. Recipes of the
    laboratory show that of a part kept for choosing; others that of the part which judges, so what
    is swept there must be judged on other samples.

    The same command goes on where a sweep was stopped; with more --trials it goes further.
    """
    data = corpora_folder(data)
    target = folder or Path("runs") / f"{recipe.stem}-sweep"
    search = insula.registry.load_object("insula.learn.sweep:sweep", needed_by="sweep")
    try:
        with _bar(hidden=False) as tell:
            rows = search(
                recipe,
                data=data,
                out=target,
                trials=trials,
                timeout=timeout,
                seed=seed,
                progress=_tell_trial,
                steps=tell,
            )
    except KeyboardInterrupt:
        err.print(
            f"\nStopped. What was found is kept in {target}; the same command goes on.",
            soft_wrap=True,
        )
        raise typer.Exit(STOPPED) from None
    show_rows(rows, as_json=False)
    out.print(f"Wrote {target / 'best.toml'} and {target / 'best'}", soft_wrap=True)


@contextmanager
def _bar(*, hidden: bool) -> Iterator[object]:
    """A bar an epoch on standard error, with the time that is left of it."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    bars = Progress(*columns, TimeRemainingColumn(), console=err, transient=True, disable=hidden)
    shown: dict[tuple[str, int], object] = {}

    def tell(fold: str, epoch: int, share: float) -> None:
        if (fold, epoch) not in shown:
            bars.start()
            for each in shown.values():
                bars.remove_task(each)
            shown.clear()
            shown[fold, epoch] = bars.add_task(f"fold {fold}, epoch {epoch}", total=1.0)
        bars.update(shown[fold, epoch], completed=share)

    try:
        yield tell
    finally:
        if shown:
            bars.stop()


def _tell_epoch(line: Mapping[str, object]) -> None:
    """One line an epoch: where training stands and how well it does on what it does not see."""
    numbers = {
        name: value for name, value in line.items() if name not in ("fold", "epoch", "seconds")
    }
    said = ", ".join(f"{name} {value:.3f}" for name, value in numbers.items())
    told = f"fold {line['fold']}, epoch {line['epoch']}: {said} ({line['seconds']} s)"
    err.print(told, soft_wrap=True)


def _tell_trial(row: Mapping[str, object]) -> None:
    """One line a trial: what was tried, and what came of it."""
    err.print(", ".join(f"{name} {value}" for name, value in row.items()), soft_wrap=True)


def _is_kept(target: Path) -> bool:
    """Whether a run that was stopped can go on there."""
    return any((target / "checkpoint").glob("*.pt"))


def corpora_folder(data: Path | None) -> Path:
    if data is None and "INSULA_DATA" in os.environ:
        data = Path(os.environ["INSULA_DATA"])
    if data is None:
        raise typer.BadParameter("name the folder with the corpora: --data DIR, or INSULA_DATA")
    return data


def _setting(change: str) -> tuple[str, object]:
    """`key=value`, the value read as TOML where it is, else as text."""
    key, found, value = change.partition("=")
    if not found:
        raise typer.BadParameter(f"--set takes KEY=VALUE, not {change!r}")
    try:
        return key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key, value
