"""`insula train`: from a recipe to weights with their card."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

import insula
from insula.apps.terminal import err, out


def train(
    recipe: Annotated[Path, typer.Argument(help="A recipe, such as recipes/face.toml.")],
    data: Annotated[
        Path | None,
        typer.Option(help="The folder with the corpora; default: INSULA_DATA.", metavar="DIR"),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--out", help="Where weights and card go; default: runs/NAME.", metavar="DIR"),
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change one entry of the recipe.", metavar="KEY=VALUE"),
    ] = None,
) -> None:
    """Train the weights of a recipe; the folder that comes out runs in the pipeline at once."""
    data = data or (Path(os.environ["INSULA_DATA"]) if "INSULA_DATA" in os.environ else None)
    if data is None:
        raise typer.BadParameter("name the folder with the corpora: --data DIR, or INSULA_DATA")
    settings = dict(_setting(change) for change in changes or [])
    err.print("Reading and preparing the data; some recipes take minutes for that.")
    target = insula.train(
        recipe,
        data=data,
        out=folder or Path("runs") / recipe.stem,
        settings=settings,
        progress=_tell_epoch,
    )
    out.print(f"Wrote {target}")


def _tell_epoch(line: Mapping[str, object]) -> None:
    """One line an epoch: where training stands and how well it does on what it does not see."""
    numbers = {
        name: value for name, value in line.items() if name not in ("fold", "epoch", "seconds")
    }
    said = ", ".join(f"{name} {value:.3f}" for name, value in numbers.items())
    err.print(f"fold {line['fold']}, epoch {line['epoch']}: {said} ({line['seconds']} s)")


def _setting(change: str) -> tuple[str, object]:
    """`key=value`, the value read as TOML where it is, else as text."""
    key, found, value = change.partition("=")
    if not found:
        raise typer.BadParameter(f"--set takes KEY=VALUE, not {change!r}")
    try:
        return key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key, value
