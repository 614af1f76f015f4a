"""`insula evaluate`: how good a channel or a fusion is on a corpus, measured, with intervals."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

import insula
from insula.apps.terminal import USAGE, complain, err, out

# Shown in this order where a verdict has them; what else it has follows.
FIRST = ("accuracy", "uar", "f1_macro", "f1_weighted", "ece", "brier", "aurc")
MOST_ROWS = 24  # of results by group on the terminal; the JSON has all


def evaluate(
    corpus: Annotated[
        str, typer.Option(help="Which data set; `insula corpora` lists them.", metavar="NAME")
    ],
    data: Annotated[
        Path,
        typer.Option(help="Its folder as released, or a folder that holds it.", metavar="DIR"),
    ],
    channel: Annotated[
        list[str] | None,
        typer.Option(
            help="The channel to judge; with --fusion, one that it hears.", metavar="NAME"
        ),
    ] = None,
    fusion: Annotated[
        str,
        typer.Option(help="Judge the fused answer; a name or a trained folder.", metavar="NAME"),
    ] = "",
    split: Annotated[
        str, typer.Option(help="A published part: train, dev, valid, test.", metavar="NAME")
    ] = "",
    protocol: Annotated[
        str,
        typer.Option(help="A published protocol such as actor5, or all: every example in DIR."),
    ] = "",
    model: Annotated[
        str,
        typer.Option(help="Other weights than the channel's own.", metavar="NAME|FOLDER"),
    ] = "",
    corruptions: Annotated[
        bool,
        typer.Option(
            "--corruptions",
            help="Judge also under noise, MP3, a telephone line, blur, low light, JPEG, occlusion, "
            "misheard words: those that befall this corpus.",
        ),
    ] = False,
    file: Annotated[
        Path | None,
        typer.Option("--json", help="Write everything as JSON; - prints it.", metavar="FILE"),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Write verdict.json and pictures of confusion, reliability and risk-coverage.",
            metavar="DIR",
        ),
    ] = None,
) -> None:
    """Judge a channel or a fusion on a corpus: metrics with 95 % intervals over speakers.

    [dim]insula evaluate --channel face --corpus ferplus --split valid --data DIR
    insula evaluate --channel voice --corpus ravdess --protocol actor5 --data DIR
    insula evaluate --fusion product --corpus ravdess --protocol actor5 --data DIR[/dim]

    Nothing is trained, and weights never judge what they learnt from.

    Of an ensemble each net judges the speakers that it never met; all else is an error.

    Exit codes: 0 judged; 1 it failed; 2 unknown names, missing files, or a leak.
    """
    printed = file is not None and str(file) == "-"
    try:
        with _bar(hidden=printed) as tell:
            verdict = insula.evaluate(
                corpus,
                data,
                channels=tuple(channel or ()),
                fusion=fusion,
                split=split,
                protocol=protocol,
                model=model,
                corruptions=corruptions,
                progress=tell,
            )
    except insula.InsulaError as error:
        if "CorpusError" in {kind.__name__ for kind in type(error).__mro__}:
            complain(error)
            raise typer.Exit(USAGE) from error
        raise
    command = ["insula", *sys.argv[1:]]
    if printed:
        document = {"command": command, **verdict.to_dict()}
        sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=1) + "\n")
    else:
        show(verdict.to_dict())
    written = [] if folder is None else verdict.draw(folder)
    for path in (None if printed else file, folder and folder / "verdict.json"):
        if path is not None:
            verdict.save(path, command=command)
            written.append(path)
    if written:
        err.print(f"Wrote {', '.join(map(str, written))}", soft_wrap=True)


@contextmanager
def _bar(*, hidden: bool) -> Iterator[object]:
    """A bar on standard error, one for each condition in which everything is judged."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    bars = Progress(*columns, TimeRemainingColumn(), console=err, transient=True, disable=hidden)
    tasks: dict[str, object] = {}

    def tell(done: int, total: int, fault: str) -> None:
        if fault not in tasks:
            bars.start()
            tasks[fault] = bars.add_task(fault or "judging", total=total)
        bars.update(tasks[fault], completed=done)

    try:
        yield tell
    finally:
        if tasks:
            bars.stop()


def show(document: Mapping[str, object]) -> None:
    """Print what matters of a verdict, as its JSON has it."""
    asked = document["asked"]
    who = " + ".join(asked.get("channels", ()))
    who = f"fusion {asked['fusion']} of {who}" if "fusion" in asked else who
    part = asked.get("split") or asked.get("protocol")
    out.rule(Text(f"{who} on {document['corpus']}, {part}", style="bold"))
    out.print(Text(_about(document), style="dim"), soft_wrap=True)
    out.print(_metrics(document["metrics"]))
    if document["by_class"]:
        out.print(_classes(document["by_class"]))
    if document["by_group"]:
        out.print(_groups(document["by_group"]))
    if document["corruptions"]:
        out.print(_faults(document["metrics"], document["corruptions"]))
    for note in document["notes"]:
        out.print(Text("• " + note, style="yellow"), soft_wrap=True)


def _about(document: Mapping[str, object]) -> str:
    parts = [f"n = {document['n']}, {document['groups']} {document['group'] or 'group'}s"]
    if document["majority_rate"] is not None:
        parts.append(f"majority {document['majority_label']!r} {document['majority_rate']:.3f}")
    judges = ", ".join(f"{name} {count}" for name, count in document["judged_by"].items())
    return "; ".join([*parts, f"judged by {judges}"])


def _metrics(metrics: Mapping[str, Mapping[str, float]]) -> Table:
    table = _table("metric", "value", "95 % interval")
    for name in sorted(metrics, key=lambda name: (*FIRST, name).index(name)):
        each = metrics[name]
        table.add_row(name, f"{each['value']:.3f}", f"{each['low']:.3f} to {each['high']:.3f}")
    return table


def _classes(classes: Mapping[str, Mapping[str, object]]) -> Table:
    table = _table("label", "n", "recall", "95 % interval", "F1")
    for label, each in classes.items():
        recall, f1 = each["recall"], each["f1"]
        around = f"{recall['low']:.3f} to {recall['high']:.3f}"
        row = (str(each["n"]), f"{recall['value']:.3f}", around, f"{f1['value']:.3f}")
        table.add_row(label, *row)
    return table


def _groups(groups: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Table:
    shown = [(key, name, each) for key, names in groups.items() for name, each in names.items()]
    kinds = _kept(shown[0][2])
    table = _table("group", "", "n", *kinds)
    for key, name, each in shown[:MOST_ROWS]:
        table.add_row(key, name, str(int(each["n"])), *(f"{each[kind]:.3f}" for kind in kinds))
    if len(shown) > MOST_ROWS:
        table.add_row("…", f"+{len(shown) - MOST_ROWS}")
    return table


def _faults(
    clean: Mapping[str, Mapping[str, float]], faults: Mapping[str, Mapping[str, object]]
) -> Table:
    kinds = _kept(clean)
    table = _table("under", *kinds)
    table.add_row("nothing", *(f"{clean[kind]['value']:.3f}" for kind in kinds))
    for fault, each in faults.items():
        values = each["metrics"]
        table.add_row(fault, *(f"{values[kind]['value']:.3f}" for kind in kinds))
    return table


def _kept(metrics: Sequence[str] | Mapping[str, object]) -> list[str]:
    """The metrics that small tables have room for."""
    found = [name for name in FIRST[:3] if name in metrics]
    return found or [name for name in metrics if name.startswith(("ccc", "pcc"))]


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right")
    return table
