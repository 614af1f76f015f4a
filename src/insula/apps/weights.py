"""`insula models`: what weights there are, what is here; fetch and check them."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markdown import Markdown
from rich.progress import BarColumn, Progress, TextColumn

import insula
from insula.apps.terminal import FAILED, AsJson, complain, err, out, show_rows

models = typer.Typer()


@models.callback(invoke_without_command=True)
def list_unless_told(context: typer.Context, as_json: AsJson = False) -> None:
    """Weights: what there is, what is here, fetch and check it. Alone it lists them."""
    if context.invoked_subcommand is None:
        list_models(as_json)


@models.command("list")
def list_models(as_json: AsJson = False) -> None:
    """List all weights and whether they are on this machine."""
    rows = [
        {
            "name": each.card.name,
            "channel": each.card.channel,
            "MB": round(each.card.size / 1e6, 2) or "unknown",
            "licence": each.card.licence.weights,
            "state": each.state,
            "title": each.card.title,
        }
        for each in insula.zoo.verify()
    ]
    show_rows(rows, as_json)


@models.command("show")
def show_model(name: Annotated[str, typer.Argument(help="A name from `models list`.")]) -> None:
    """Print everything there is to know about some weights."""
    card = insula.zoo.find_card(name)
    out.print(Markdown(insula.zoo.card_section(card)))


@models.command("pull")
def pull_model(
    names: Annotated[list[str], typer.Argument(help="Names from `models list`.")],
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="Accept the terms shown.")
    ] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Fetch nothing.")] = False,
) -> None:
    """Fetch weights once; an interrupted fetch goes on where it stopped."""
    for name in names:
        card = insula.zoo.find_card(name)
        err.print(
            f"{name}: {card.size / 1e6:.1f} MB, licence of the weights: {card.licence.weights}"
        )
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:.0f} %"),
        )
        with Progress(*columns, console=err, transient=True) as bar:
            task = bar.add_task(name, total=card.size or None)
            path = insula.zoo.pull(
                name,
                accept_licence=accept_licence,
                offline=offline,
                progress=lambda done, total, task=task: bar.update(
                    task, completed=done, total=total or None
                ),
            )
        out.print(f"{name} is in {path}")


@models.command("verify")
def verify_models(
    names: Annotated[list[str] | None, typer.Argument(help="Default: all.")] = None,
) -> None:
    """Compare the weights on this machine with the checksums of their cards."""
    damaged = False
    for each in insula.zoo.verify(names or ()):
        out.print(f"{each.card.name}: {each.state}")
        if each.problem:
            complain(each.problem)
            damaged = True
    if damaged:
        raise typer.Exit(FAILED)
