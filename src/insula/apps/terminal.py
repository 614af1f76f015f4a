"""What every command writes with: results to standard output, all else to standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

FAILED, USAGE = 1, 2  # exit codes
NAMES = ("name", "id", "method")  # columns of tables that are typed again, so never broken

# No markup: names and messages may hold brackets. No wrapping of messages: one error, one line.
out = Console(highlight=False, markup=False)
err = Console(stderr=True, highlight=False, markup=False)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


def complain(message: object) -> None:
    """Say on one line what went wrong."""
    err.print(Text("insula: ", style="red") + Text(str(message).replace("\n", " ")), soft_wrap=True)


def show_rows(rows: Sequence[Mapping[str, object]], as_json: bool) -> None:
    """A table for people, or JSON."""
    if as_json:
        sys.stdout.write(json.dumps(rows, ensure_ascii=False, indent=2) + "\n")
        return
    table = Table(box=None, pad_edge=False)
    for column in rows[0] if rows else ():
        table.add_column(column, overflow="fold", no_wrap=column in NAMES)
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    out.print(table)
