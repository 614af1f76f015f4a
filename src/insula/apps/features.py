"""`insula features`: let channels observe a whole corpus once, for fusions to be trained on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

import insula
from insula.apps.terminal import FAILED, complain, err, out

MOST_FAILURES = 10  # named on the terminal; the store has them all


def features(
    corpus: Annotated[str, typer.Argument(help="Which data set; `insula corpora` lists them.")],
    channel: Annotated[
        list[str],
        typer.Option(help="A channel; give it several times for several.", metavar="NAME"),
    ],
    data: Annotated[
        Path,
        typer.Option(
            help="The data set's folder as released, or a folder that holds it.",
            metavar="DIR",
            envvar="INSULA_DATA",
        ),
    ],
    store: Annotated[
        Path,
        typer.Option(
            help="The folder for what they observe; made if it is not there. One store holds any "
            "number of data sets and channels.",
            metavar="DIR",
        ),
    ],
    workers: Annotated[
        int,
        typer.Option(help="Processes at work side by side; one a processor core at most.", min=1),
    ] = 1,
) -> None:
    """Let channels observe a data set once; fusions are then trained on that in seconds.

    [dim]insula features ravdess --channel voice --data DIR --store features/
    insula features goemotions --channel words --data DIR --store features/ --workers 4[/dim]

    Nothing is done twice: stop it when you like; the same command goes on from there.

    A changed recording, other weights, another setting of a channel: observed anew.

    Of weights made in folds, the net that never met a speaker observes that speaker.

    A recipe of the laboratory learns from the store by a section \\[features].

    Exit codes: 0 all is stored; 1 an example failed, or the disk is full; 2 unknown names.
    """
    opened = insula.open_corpus(corpus, data)
    channels = [insula.registry.channels.get(name)() for name in channel]
    extract = insula.registry.load_object(
        "insula.learn.features:extract", needed_by="insula features"
    )
    with _bar() as tell:
        done = extract(opened, channels, store=store, workers=workers, progress=tell)
    for failure in done.failures[:MOST_FAILURES]:
        complain(failure)
    if len(done.failures) > MOST_FAILURES:
        complain(f"… and {len(done.failures) - MOST_FAILURES} more, noted in {store}/*/*.json")
    rate = f", {done.observed / done.seconds:.1f} a second" if done.observed else ""
    out.print(
        f"{corpus}, {' + '.join(channel)}: {done.examples} examples; {done.observed} observed now, "
        f"{done.kept} there before, {len(done.failures)} failed; {done.seconds:.1f} s{rate}. "
        f"{store} holds {_size(store) / 1e6:.2f} MB.",
        soft_wrap=True,
    )
    if done.failures:
        raise typer.Exit(FAILED)


@contextmanager
def _bar() -> Iterator[object]:
    """A bar on standard error: how many examples, how many a second, how long it still takes."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    rate = TextColumn("{task.fields[rate]}")
    with Progress(*columns, rate, TimeRemainingColumn(), console=err, transient=True) as bars:
        task = bars.add_task("looking what is there", total=None, rate="")

        def tell(done: int, total: int, speed: float) -> None:
            bars.update(
                task,
                description="observing",
                completed=done,
                total=total,
                rate=f"{speed:.1f} a second" if speed else "",
            )

        yield tell


def _size(folder: Path) -> int:
    """Bytes of the files in a store."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
