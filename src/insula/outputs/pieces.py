"""Small pieces of HTML that the report is put together from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from html import escape

from insula.core.space import Language, title
from insula.core.time import Span
from insula.outputs.charts import Figure, milliseconds
from insula.outputs.palette import colour
from insula.outputs.phrases import word


def chip(label: str, language: Language, after: str = "") -> str:
    return (
        f'<span class="chip" style="--c:{colour(label)}">'
        f"{escape(title(label, language))}{after}</span>"
    )


def figure(spec: Figure, name: str, kind: str, span: Span, label: str, language: Language) -> str:
    text = json.dumps(spec, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    safe = text.replace("<", "\\u003c")
    return (
        f'<div class="figure" role="img" aria-label="{escape(label)}" data-from="{name}-figure" '
        f'data-kind="{kind}" data-start="{milliseconds(span.start)}" '
        f'data-end="{milliseconds(span.end)}">'
        f"<noscript>{word('no script', language)}</noscript></div>"
        f'<script type="application/json" id="{name}-figure">{safe}</script>'
    )


def card(heading: str, body: str) -> str:
    return f'<section><div class="card"><h3>{escape(heading)}</h3>{body}</div></section>'


def part(heading: str, body: str, hint: str = "") -> str:
    """A titled part of a card."""
    more = f' <span class="hint">{escape(hint)}</span>' if hint else ""
    return f'<div class="part"><h3>{escape(heading)}{more}</h3>{body}</div>'


def row(cells: Iterable[str], heads: Sequence[str]) -> str:
    """A table row; narrow screens stack the cells and show the heads beside them."""
    made = "".join(
        f'<td data-name="{escape(head)}"><div>{cell}</div></td>'
        for cell, head in zip(cells, heads, strict=True)
    )
    return f"<tr>{made}</tr>"


def table(heads: Sequence[str], rows: Sequence[str]) -> str:
    titles = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
    return (
        f'<table class="stack"><thead><tr>{titles}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )
