"""docs/models.md, written from the cards: python -m insula.zoo.page docs/models.md"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from insula.zoo.card import Card, WeightFile, cards

_HEAD = """# Models

Written from the cards by `python -m insula.zoo.page docs/models.md`; do not edit by hand.

*Bundled* weights come with insula. *Pulled* ones are fetched once by `insula models pull NAME`,
after you saw their size and terms; analysis itself never downloads. Numbers under *measured* are
ours, with the 95 % bootstrap interval and the number of samples; those under *published* are the
authors'. *Verified here: no* means that this project has not run the real file, only graphs with
the same inputs and outputs.
"""


def models_page(known: Mapping[str, Card] | None = None) -> str:
    """The page in Markdown: an overview, then every card."""
    known = cards() if known is None else known
    ordered = sorted(known.values(), key=lambda card: (card.tier, card.channel, card.name))
    rows = [
        f"| [{card.name}](#{card.name}) | {card.channel} | {card.tier} | {megabytes(card.size)} "
        f"| {card.licence.weights} | {_yes(card.verified_here)} |"
        for card in ordered
    ]
    table = ["| name | channel | tier | size | licence of the weights | verified here |"]
    table += ["| --- | --- | --- | --- | --- | --- |", *rows]
    sections = [card_section(card) for card in ordered]
    return "\n".join([_HEAD, *table, "", "\n\n".join(sections), ""])


def megabytes(size: int) -> str:
    """A size for people; 0 is unknown."""
    return f"{size / 1e6:.1f} MB" if size else "unknown"


def card_section(card: Card) -> str:
    """Everything one card says, in Markdown."""
    lines = [
        f"## {card.name}",
        "",
        f"{card.title}.",
        "",
        f"* **For** {card.intended_use}",
        f"* **Limits** {card.limits}",
        *([f"* **Cost** {card.cost}"] if card.cost else []),
        f"* **Answers in** {card.space or 'no space of emotions'}"
        + (f", columns {', '.join(card.labels)}" if card.labels else ""),
        f"* **Trained on** {'; '.join(card.trained_on)}",
        f"* **Made by** {card.made_by}, {card.date.isoformat()}"
        + (f", recipe `{card.recipe}`" if card.recipe else ""),
        f"* **Licence** code {card.licence.code}; weights {card.licence.weights}; "
        f"data {card.licence.data}",
        f"* **Preprocessing** {card.preprocessing}",
        f"* **Inputs** {_tensors(card.inputs)}; **outputs** {_tensors(card.outputs)}",
        f"* **Verified here** {_yes(card.verified_here)}",
        *[f"* **File** {_file(file)}" for file in card.files],
        *[f"* **Published** {claim}" for claim in card.published],
    ]
    if card.metrics:
        lines += ["", "| measured | value | 95 % interval | n | corpus | protocol |"]
        lines += ["| --- | --- | --- | --- | --- | --- |"]
        lines += [
            f"| {row.name} | {row.value:.3f} | {row.low:.3f} to {row.high:.3f} | {row.n} "
            f"| {row.corpus} | {row.protocol} |"
            for row in card.metrics
        ]
    if card.groups:
        lines += [
            "",
            "| group | measured | value | n | corpus |",
            "| --- | --- | --- | --- | --- |",
        ]
        lines += [
            f"| {row.group} | {row.name} | {row.value:.3f} | {row.n} | {row.corpus} |"
            for row in card.groups
        ]
    return "\n".join(lines)


def _tensors(tensors: Mapping[str, str]) -> str:
    return ", ".join(f"`{name}` {shape}" for name, shape in tensors.items())


def _file(file: WeightFile) -> str:
    proof = f"SHA-256 `{file.sha256}`" if file.sha256 else f"git blob `{file.git_blob}`"
    return f"`{file.name}`, {megabytes(file.size)}, {proof}"


def _yes(value: bool) -> str:
    return "yes" if value else "no"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(models_page(), encoding="utf-8")
