"""The commands that list what insula has: channels, fusions, spaces, presets, methods."""

from __future__ import annotations

from dataclasses import asdict

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


def list_methods(as_json: AsJson = False) -> None:
    """List the methods of the laboratory: where and how each fuses modalities."""
    methods = [insula.registry.methods.get(name) for name in insula.registry.methods]
    if as_json:
        show_rows([asdict(method) for method in methods], as_json)
        return
    shown = ("id", "name", "stage", "mechanism", "title")
    show_rows([{key: getattr(method, key) for key in shown} for method in methods], as_json)


def _first_line(kind: type) -> str:
    return (kind.__doc__ or "").strip().partition("\n")[0]
