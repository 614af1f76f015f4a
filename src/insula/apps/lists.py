"""The commands that list what insula has: channels, fusions, spaces, presets, methods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

import insula
from insula.apps.terminal import AsJson, show_rows


def list_channels(as_json: AsJson = False) -> None:
    """List the channels: what observes a recording."""
    rows = []
    for name in insula.registry.channels:
        kind = insula.registry.channels.get(name)
        rows.append(
            {
                "name": name,
                "needs": ", ".join(sorted(kind.needs)) or "nothing",
                "gives": ", ".join(sorted(kind.gives)),
                "what": _first_line(kind),
            }
        )
    show_rows(rows, as_json)


def list_fusions(as_json: AsJson = False) -> None:
    """List the fusions: what makes one estimate of many opinions."""
    rows = [
        {"name": name, "what": _first_line(insula.registry.fusions.get(name))}
        for name in insula.registry.fusions
    ]
    show_rows(rows, as_json)


def list_spaces(as_json: AsJson = False) -> None:
    """List the spaces: label sets and axes of emotion, with their sources."""
    rows = []
    for name in insula.registry.spaces:
        space = insula.get_space(name)
        rows.append(
            {
                "name": name,
                "kind": space.kind,
                "labels": ", ".join(space.labels),
                "source": space.source,
            }
        )
    show_rows(rows, as_json)


def list_presets(as_json: AsJson = False) -> None:
    """List the presets: pipelines that come with insula."""
    show_rows([{"name": name, "what": title} for name, title in insula.presets().items()], as_json)


def list_methods(
    stage: Annotated[
        str,
        typer.Option(help="Only these: early, mid, late, hybrid or training.", metavar="STAGE"),
    ] = "",
    task: Annotated[
        str,
        typer.Option(help="Only for these: classes, labels, axes or dialogue.", metavar="TASK"),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """List the methods of the laboratory: fusions, and ways of training them.

    A fusion is the `method` of a recipe, a training method a line of its section \\[training].
    """
    methods = [insula.registry.methods.get(name) for name in insula.registry.methods]
    _check("stage", stage, [method.stage for method in methods])
    _check("task", task, [each for method in methods for each in method.tasks])
    chosen = [
        method
        for method in methods
        if stage in ("", method.stage) and (not task or task in method.tasks)
    ]
    if as_json:
        show_rows([asdict(method) for method in chosen], as_json)
        return
    shown = ("id", "name", "stage", "mechanism", "title")
    show_rows([{key: getattr(method, key) for key in shown} for method in chosen], as_json)


def _check(option: str, asked: str, known: Sequence[str]) -> None:
    if asked and asked not in known:
        options = ", ".join(sorted(set(known)))
        raise typer.BadParameter(f"--{option} takes one of: {options}, not {asked!r}")


def _first_line(kind: type) -> str:
    return (kind.__doc__ or "").strip().partition("\n")[0]
