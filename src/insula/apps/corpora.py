"""`insula corpora`: what data sets insula can read; is a copy of one whole?"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

import insula
from insula.apps.terminal import FAILED, AsJson, err, out, show_rows

MOST_ROWS = 20  # of damaged files on the terminal; the JSON has all

corpora = typer.Typer()


@corpora.callback(invoke_without_command=True)
def list_unless_told(context: typer.Context, as_json: AsJson = False) -> None:
    """Data sets: which ones insula reads, and whether a copy is whole. Alone it lists them."""
    if context.invoked_subcommand is None:
        list_corpora(as_json)


@corpora.command("list")
def list_corpora(as_json: AsJson = False) -> None:
    """List the data sets that insula can read, with licence and access."""
    rows = []
    for name in insula.registry.corpora:
        kind = insula.registry.corpora.get(name)
        rows.append(
            {
                "name": name,
                "title": kind.title,
                "space": kind.space,
                "licence": kind.licence,
                "access": kind.access,
            }
        )
    if as_json:
        show_rows(rows, as_json)
        return
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for row in rows:
        terms = Text(f"{row['licence']}\n{row['access']}", style="dim")
        table.add_row(row["name"], Text(f"{row['title']}\n").append_text(terms))
    out.print(table)


@corpora.command("check")
def check_corpus(
    name: Annotated[str, typer.Argument(help="A name from `insula corpora`.")],
    data: Annotated[
        Path,
        typer.Option(help="Its folder as released, or a folder that holds it.", metavar="DIR"),
    ],
    file: Annotated[
        Path | None,
        typer.Option("--json", help="Write the manifest as JSON; - prints it.", metavar="FILE"),
    ] = None,
) -> None:
    """Check a copy: open every file, count the examples, compare both with the release.

    [dim]insula corpora check ravdess --data DIR
    insula corpora check ferplus --data DIR --json manifest.json[/dim]

    Exit codes: 0 the copy is whole; 1 files are missing or corrupt, or counts differ.
    """
    printed = file is not None and str(file) == "-"
    corpus = insula.open_corpus(name, data)
    with _bars(hidden=printed) as tell:
        manifest = insula.verify_corpus(corpus, progress=tell)
    if printed:
        document = json.dumps(manifest.to_dict(), ensure_ascii=False, indent=1)
        sys.stdout.write(document + "\n")
    else:
        _show(corpus, manifest)
        if file is not None:
            manifest.save(file)
            err.print(f"Wrote {file}", soft_wrap=True)
    if not manifest.is_whole:
        raise typer.Exit(FAILED)


@contextmanager
def _bars(*, hidden: bool) -> Iterator[object]:
    """A bar on standard error for the files, and one for the examples."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, TimeRemainingColumn(), console=err, transient=True, disable=hidden
    ) as bars:
        tasks: dict[str, object] = {}

        def tell(done: int, total: int, what: str) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total or None)
            bars.update(tasks[what], completed=done)

        yield tell


def _show(corpus: object, manifest: object) -> None:
    """The manifest as a table, what is wrong, and what to do."""
    out.print(Text(f"{corpus.title}, in {manifest.root}", style="bold"), soft_wrap=True)
    table = Table(box=None, pad_edge=False)
    table.add_column("part")
    table.add_column("found", justify="right")
    table.add_column("published", justify="right")
    table.add_column("")
    for part in manifest.parts:
        numbers = ("?" if each is None else str(each) for each in (part.found, part.expected))
        table.add_row(part.name, *numbers, part.remark)
    out.print(table)
    intact = manifest.files - len(manifest.corrupt)
    out.print(f"{intact} of {manifest.files} files are intact", soft_wrap=True)
    for path, damage in list(manifest.corrupt.items())[:MOST_ROWS]:
        out.print(Text("corrupt  ", style="red") + f"{path}: {damage}", soft_wrap=True)
    if len(manifest.corrupt) > MOST_ROWS:
        out.print(f"… and {len(manifest.corrupt) - MOST_ROWS} more; --json has them all")
    for missing in manifest.missing:
        out.print(Text("missing  ", style="red") + missing, soft_wrap=True)
    for line in _advice(corpus, manifest):
        out.print(Text("• " + line, style="yellow"), soft_wrap=True)


def _advice(corpus: object, manifest: object) -> list[str]:
    """What to do about it; one line where there is nothing to do."""
    lines = []
    if manifest.corrupt:
        lines.append("Fetch the corrupt files again; all others are intact.")
    if manifest.missing:
        lines.append(f"The release has what is missing: {corpus.access}.")
    if any(part.differs and part.found is not None for part in manifest.parts):
        lines.append("Say how many examples there were beside any number measured on this copy.")
    if manifest.is_real:
        lines.append("Whole: counts as published, every file intact.")
    elif manifest.is_whole:
        lines.append("Every file is intact; whether any lack nobody can tell without counts.")
    if not manifest.is_whole:
        lines.append(f"Expected: {corpus.layout}.")
    return lines
