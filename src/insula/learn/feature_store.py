"""Observations on disk: Parquet files, each under a key, in one folder. Leaf module: needs pyarrow.

    FOLDER/store.json                  what the folder is, and the version of its format
    FOLDER/ab/abcd....parquet          what one channel observed of one recording, a row a person
    FOLDER/ab/abcd....failed.json      why it could not

A file is written under another name and then moved to its place, which is one step for the file
system. So whoever stops a run, or fills the disk, leaves whole files or none.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow
import pyarrow.parquet

from insula.core.records import Estimate, Observation
from insula.core.space import Space
from insula.core.time import Mark, Span
from insula.core.track import Track
from insula.errors import ConfigError, CorpusError, OutputError
from insula.learn.feature_content import FORMAT

ABOUT = "store.json"
KIND = "insula features"
PARTIAL = ".partial"
ABANDONED = 3600.0  # seconds; nobody writes one file for so long, so its writer is gone

Row: TypeAlias = Mapping[str, Any]

_TEXT, _NUMBER = pyarrow.string(), pyarrow.float64()
_TEXTS, _SINGLES = pyarrow.list_(_TEXT), pyarrow.list_(pyarrow.float32())
_FLAGS = pyarrow.list_(pyarrow.bool_())
_SPACE = pyarrow.struct(
    {
        "name": _TEXT,
        "labels": _TEXTS,
        "kind": _TEXT,
        "source": _TEXT,
        "low": _NUMBER,
        "high": _NUMBER,
    }
)
_TRACK = pyarrow.struct(
    {
        "name": _TEXT,
        "columns": _TEXTS,
        "times": pyarrow.list_(_NUMBER),
        "values": _SINGLES,
        "valid": _FLAGS,
        "width": _NUMBER,
    }
)
_PART = pyarrow.struct({"name": _TEXT, "shares": _SINGLES})
_ESTIMATE = pyarrow.struct(
    {
        "role": _TEXT,
        "space": _SPACE,
        "track": _TRACK,
        "confidence": _SINGLES,
        "withheld": _FLAGS,
        "source": _TEXT,
        "person": _TEXT,
        "basis": _TEXT,
        "parts": pyarrow.list_(_PART),
    }
)
_MARK = pyarrow.struct(
    {
        "start": _NUMBER,
        "end": _NUMBER,
        "kind": _TEXT,
        "text": _TEXT,
        "score": _NUMBER,
        "language": _TEXT,
    }
)
SCHEMA = pyarrow.schema(
    {
        "channel": _TEXT,
        "person": _TEXT,
        "start": _NUMBER,
        "end": _NUMBER,
        "notes": _TEXTS,
        "tracks": pyarrow.list_(_TRACK),
        "marks": pyarrow.list_(_MARK),
        # In the role "estimate" the opinion, its affect, and so on down; the same for "asked".
        "estimates": pyarrow.list_(_ESTIMATE),
    }
)
# Files of a few rows, read whole: what speeds up a search in large ones would be most of them.
# Of the compressions Snappy gives the smallest, 6.5 kB for three seconds of voice, read in 0.8 ms.
PLAIN = {
    "compression": "snappy",
    "use_dictionary": False,
    "write_statistics": False,
    "store_schema": False,
}


@dataclass(frozen=True)
class Store:
    """A folder of observations; `make_store` and `open_store` give one that can be used."""

    folder: Path

    def has(self, key: str) -> bool:
        """Whether there are observations under `key`."""
        return self._place(key).is_file()

    def write(self, key: str, found: Sequence[Observation], about: Mapping[str, str]) -> None:
        """Keep what was found; OutputError where it cannot be written.

        about: what the key was made of, for people who look into the file.
        """
        table = pyarrow.Table.from_pylist([_row(each) for each in found], schema=SCHEMA)
        sink = pyarrow.BufferOutputStream()
        with pyarrow.parquet.ParquetWriter(sink, SCHEMA, **PLAIN) as writer:
            writer.write_table(table)
            writer.add_key_value_metadata(about)
        _write(self._place(key), sink.getvalue().to_pybytes())
        with suppress(OSError):
            self._failure(key).unlink(missing_ok=True)

    def fail(self, key: str, reason: str, about: Mapping[str, str]) -> None:
        """Keep why there are no observations; the next run tries again."""
        document = json.dumps({**about, "error": reason}, ensure_ascii=False, indent=1)
        _write(self._failure(key), document.encode())

    def failed(self, key: str) -> bool:
        """Whether it was tried and there is a reason why there are no observations."""
        return self._failure(key).is_file()

    def read(self, key: str) -> list[Observation]:
        """The observations under `key`; CorpusError where their file is missing or damaged."""
        path = self._place(key)
        try:
            with pyarrow.parquet.ParquetFile(path, pre_buffer=False) as file:
                rows = file.read(use_threads=False).to_pylist()
            return [_observation(row) for row in rows]
        except (OSError, KeyError, TypeError, ValueError) as error:  # pyarrow's are ValueErrors
            raise CorpusError(
                f"Cannot read the features in {str(path)!r}: {error}. It must be a file that "
                f"`insula features` wrote. Delete it and run `insula features` again."
            ) from error

    def _place(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.parquet"

    def _failure(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.failed.json"


def make_store(folder: Path) -> Store:
    """The store in `folder`, made if there is none yet."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        _write(folder / ABOUT, json.dumps({"kind": KIND, "version": FORMAT}).encode())
    store = open_store(folder)
    for left in folder.glob(f"*/*{PARTIAL}"):  # by runs that were killed
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > ABANDONED:
                left.unlink()
    return store


def open_store(folder: Path) -> Store:
    """The store in `folder`; ConfigError where it is none, or one of another version."""
    about = folder / ABOUT
    try:
        said = json.loads(about.read_text(encoding="utf-8"))
        kind, version = said["kind"], said["version"]
    except (OSError, ValueError, KeyError, TypeError):
        kind, version = "", None
    if kind != KIND:
        raise ConfigError(
            f"{str(folder)!r} is no feature store: it has no readable {ABOUT}. Name a folder that "
            f"`insula features` wrote; to begin a new one, name a folder that is not there yet."
        )
    if version != FORMAT:
        raise ConfigError(
            f"The feature store {str(folder)!r} is of version {version}; this insula reads and "
            f"writes version {FORMAT}. Name another folder, or delete this one and extract again."
        )
    return Store(folder)


def _write(path: Path, data: bytes) -> None:
    """The whole file or nothing of it."""
    # Named after the process too: two runs may work on one store.
    partial = path.with_name(f"{path.name}.{os.getpid()}{PARTIAL}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(data)
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise OutputError(path.parent, error.strerror or str(error)) from error


def _row(found: Observation) -> Row:
    return {
        "channel": found.channel,
        "person": found.person,
        "start": found.span.start,
        "end": found.span.end,
        "notes": list(found.notes),
        "tracks": [_track_row(name, track) for name, track in found.tracks.items()],
        "marks": [
            {
                "start": mark.span.start,
                "end": mark.span.end,
                "kind": mark.kind,
                "text": mark.text,
                "score": mark.score,
                "language": mark.language,
            }
            for mark in found.marks
        ],
        "estimates": _estimate_rows("estimate", found.estimate)
        + _estimate_rows("asked", found.asked),
    }


def _track_row(name: str, track: Track) -> Row:
    return {
        "name": name,
        "columns": list(track.names),
        "times": track.times.tolist(),
        "values": track.values.ravel().tolist(),
        "valid": track.mask.tolist(),
        "width": track.width,
    }


def _estimate_rows(role: str, estimate: Estimate | None) -> list[Row]:
    """The estimate, its affect, and so on down."""
    rows: list[Row] = []
    while estimate is not None:
        space = estimate.space
        rows.append(
            {
                "role": role,
                "space": {
                    "name": space.name,
                    "labels": list(space.labels),
                    "kind": space.kind,
                    "source": space.source,
                    "low": space.low,
                    "high": space.high,
                },
                "track": _track_row("", estimate.track),
                "confidence": estimate.confidence.tolist(),
                "withheld": estimate.withheld.tolist(),
                "source": estimate.source,
                "person": estimate.person,
                "basis": estimate.basis,
                "parts": [
                    {"name": name, "shares": shares.tolist()}
                    for name, shares in estimate.parts.items()
                ],
            }
        )
        estimate = estimate.affect
    return rows


def _observation(row: Row) -> Observation:
    return Observation(
        row["channel"],
        row["person"],
        Span(row["start"], row["end"]),
        {each["name"]: _track(each) for each in row["tracks"]},
        tuple(
            Mark(
                Span(each["start"], each["end"]),
                *(each[key] for key in ("kind", "text", "score", "language")),
            )
            for each in row["marks"]
        ),
        _estimate("estimate", row["estimates"]),
        tuple(row["notes"]),
        _estimate("asked", row["estimates"]),
    )


def _track(row: Row) -> Track:
    columns = tuple(row["columns"])
    values = np.array(row["values"], np.float32).reshape(len(row["times"]), len(columns))
    times, valid = np.array(row["times"], np.float64), np.array(row["valid"], bool)
    return Track(times, values, columns, valid, row["width"])


def _estimate(role: str, rows: Sequence[Row]) -> Estimate | None:
    made: Estimate | None = None
    for row in reversed([row for row in rows if row["role"] == role]):
        space = row["space"]
        made = Estimate(
            Space(**{**space, "labels": tuple(space["labels"])}),
            _track(row["track"]),
            np.array(row["confidence"], np.float32),
            row["source"],
            row["person"],
            {part["name"]: np.array(part["shares"], np.float32) for part in row["parts"]},
            made,
            row["basis"],
            np.array(row["withheld"], bool),
        )
    return made
