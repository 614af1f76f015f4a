"""What a training run needs to go on after it was stopped.

    OUT/checkpoint/recipe.toml          what is trained
    OUT/checkpoint/all.pt, fold 1.pt    a file a fold, rewritten after each of its epochs

Each file is whole or not there: it is written beside its place and then moved, so a kill or a full
disk leaves the one of the epoch before. Reading one runs no code (`weights_only`).
"""

from __future__ import annotations

import io
import os
import pickle
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias, cast

import torch

from insula.errors import ConfigError, OutputError
from insula.learn.recipe import Recipe

State: TypeAlias = "dict[str, object]"
"""Tensors, numbers and words, and tables and lists of them."""

SHOWN = 3  # differences between recipes that an error names
SWEEP = "sweep"  # the section of a recipe that says what a sweep searches; training ignores it


class Checkpoint:
    """The folder in which a run of `recipe` keeps where it stands."""

    def __init__(self, folder: Path, recipe: Recipe) -> None:
        self.folder, self.recipe = folder, recipe

    def check(self) -> None:
        """ConfigError where what is kept belongs to another recipe."""
        if any(self.folder.glob("*.pt")):
            kept = self.folder / "recipe.toml"
            check_same(kept, self.recipe, but=SWEEP, advice="add --restart")

    def load(self, fold: str) -> State:
        """Where the training of a fold stood; empty where it has not begun."""
        path = self.folder / f"{fold}.pt"
        if not path.is_file():
            return {}
        try:
            return cast(State, torch.load(path, map_location="cpu", weights_only=True))
        except (OSError, RuntimeError, EOFError, KeyError, pickle.UnpicklingError) as error:
            raise ConfigError(
                f"Cannot go on from {str(path)!r}, which is not a whole checkpoint of this "
                f"version: {str(error).splitlines()[0]}. Begin anew: add --restart."
            ) from error

    def save(self, fold: str, state: State) -> None:
        """Keep where the training of a fold stands."""
        content = io.BytesIO()
        torch.save(state, content)
        write_whole(self.folder / "recipe.toml", self.recipe.to_toml().encode())
        write_whole(self.folder / f"{fold}.pt", content.getvalue())

    def remove(self) -> None:
        """Keep nothing more."""
        if self.folder.is_dir():
            try:
                shutil.rmtree(self.folder)
            except OSError as error:
                raise OutputError(self.folder, error.strerror or str(error)) from error


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all; its folder is made. Raises OutputError."""
    beside = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)  # noqa: PTH105 - the one call that is atomic on every system
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        raise OutputError(path, error.strerror or str(error)) from error


def check_same(kept: Path, recipe: Recipe, *, but: str = "", advice: str) -> None:
    """ConfigError that names what differs where `kept` holds another recipe.

    but: a section that makes no difference. advice: how to begin anew.
    """
    try:
        there = dict(entries(tomllib.loads(kept.read_text(encoding="utf-8"))))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{str(kept.parent)!r} does not say of which recipe it is: {error}. It needs its "
            f"recipe.toml. To begin anew, {advice}."
        ) from error
    here = dict(entries(tomllib.loads(recipe.to_toml())))
    keys = [
        key
        for key in dict.fromkeys([*there, *here])
        if there.get(key) != here.get(key) and key.split(".")[0] != but
    ]
    if keys:
        said = [f"{key} is {there.get(key)!r} there and {here.get(key)!r} here" for key in keys]
        more = f", and {len(said) - SHOWN} more" if len(said) > SHOWN else ""
        raise ConfigError(
            f"{str(kept.parent)!r} belongs to another recipe: {', '.join(said[:SHOWN])}{more}. "
            f"Train that recipe to go on; to begin anew, {advice}."
        )


def entries(table: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Every value of nested tables under its dotted name."""
    for key, value in table.items():
        if isinstance(value, Mapping) and value:
            yield from entries(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
