"""Write an analysis into a folder, whole or not at all.

Everything is written into a hidden folder beside its place first and then moved, so a full disk or
a failing writer leaves nothing half-written.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

from insula.core.records import Analysis
from insula.errors import MissingDependency, OutputError
from insula.registry import writers

Writer = Callable[[Analysis, Path], Path]


def save(analysis: Analysis, folder: Path, formats: Sequence[str]) -> list[Path]:
    """Write `formats` into `folder` and return the files.

    Where every format is asked for, one whose optional package is missing is left out; where
    formats are picked, that is an error.
    """
    everything = set(formats) == set(writers.names())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".insula-", dir=folder) as made:
            written = []
            for name in formats:
                try:
                    writer = cast(Writer, writers.get(name))
                    written.append(writer(analysis, Path(made)))
                except MissingDependency:
                    if not everything:
                        raise
            return [_moved(path, folder) for path in written]
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(folder, error.strerror or str(error)) from error


def _moved(path: Path, folder: Path) -> Path:
    target = folder / path.name
    os.replace(path, target)  # noqa: PTH105 - the one call that is atomic on every system
    return target
