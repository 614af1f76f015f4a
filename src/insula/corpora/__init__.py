"""Readers of public corpora, one file each: the layout expected on disk, labels, groups, splits."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from insula.core.roles import Corpus
from insula.errors import FilesMissing
from insula.registry import corpora


def open_corpus(name: str, data: str | Path) -> Corpus:
    """The corpus in the folder `data`, or in a folder of its name there."""
    kind = cast(type[Corpus], corpora.get(name))
    root = Path(data)
    if not root.is_dir():
        lacking = "a folder (this is a file)" if root.exists() else "the folder itself"
        raise FilesMissing(name, root, [lacking], f"It should hold: {kind.layout}.")
    inside = (root / name, root / "text" / name)
    return kind(next((each for each in inside if each.is_dir()), root))
