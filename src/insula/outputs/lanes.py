"""Lanes: what happens when, as coloured blocks on a line of time. Plain HTML, no script needed."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import NamedTuple

from insula.core.records import Estimate
from insula.core.space import Language, title
from insula.core.time import Span
from insula.outputs.moments import coarser, stretches, withheld_spans
from insula.outputs.palette import BLACK, colour, ink
from insula.outputs.phrases import clock, percent, word

CELLS = 360  # moments in a lane of labels; a block then is at least three pixels wide
PALEST = 0.28  # share of its colour that a block without any confidence keeps
FULL = 0.6  # confidence from which a block has its full colour
MARKS = 1500  # events closer than this share of the lane are joined: less than a pixel


class Block(NamedTuple):
    """A coloured stretch. text: written on it where it fits. hint: shown on hover."""

    span: Span
    text: str
    hint: str
    shade: str
    ink: str
    strength: float = 1.0


def lane(name: str, blocks: Sequence[Block], span: Span, description: str, kind: str = "") -> str:
    """One line of time with its name on the left."""
    pieces = "".join(_block(block, span) for block in blocks)
    return (
        f'<div class="lane {kind}" role="img" aria-label="{html.escape(description)}">'
        f'<b title="{html.escape(name)}">{html.escape(name)}</b>'
        f'<div class="way"><div class="cells">{pieces}</div></div></div>'
    )


def label_lane(
    name: str, estimate: Estimate, span: Span, language: Language, kind: str = ""
) -> str:
    """The top label of an estimate over time."""
    estimate = coarser(estimate, CELLS)
    runs = stretches(estimate)
    blocks = [
        Block(
            run.span,
            title(run.label, language),
            f"{clock(run.span.start)}–{clock(run.span.end)} {title(run.label, language)} "
            f"{percent(run.probability)}",
            colour(run.label),
            ink(run.label),
            PALEST + (1 - PALEST) * min(1.0, run.confidence / FULL),
        )
        for run in runs
    ]
    blocks += [
        Block(
            each,
            "?",
            f"{clock(each.start)}–{clock(each.end)} {word('unsure', language)}",
            "var(--soft)",
            "var(--ink)",
            PALEST,
        )
        for each in withheld_spans(estimate)
    ]
    longest = sorted(runs, key=lambda run: -run.span.duration)[:6]
    told = ", ".join(
        f"{clock(run.span.start)} {title(run.label, language)}"
        for run in sorted(longest, key=lambda run: run.span)
    )
    return lane(name, blocks, span, f"{name}: {told or '–'}", kind)


def axis(span: Span) -> str:
    """Times below the lanes."""
    step = next(
        (step for step in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600) if span.duration / step <= 8),
        1800,
    )
    ticks: list[str] = []
    moment = -(-span.start // step) * step
    while moment <= span.end + 1e-6:
        at = 100 * (moment - span.start) / max(span.duration, 1e-9)
        if at > 97 and ticks:
            break  # its text would be cut off
        ticks.append(f'<i style="left:{at:.3f}%">{clock(moment)}</i>')
        moment += step
    return (
        '<div class="lane axis" aria-hidden="true"><b></b><div class="way"><div class="cells">'
        f"{''.join(ticks)}</div></div></div>"
    )


def _block(block: Block, span: Span) -> str:
    length = max(span.duration, 1e-9)
    inside = block.span & span
    left = 100 * (inside.start - span.start) / length
    width = 100 * inside.duration / length
    # On a pale block the page's own ink reads better than the one for the full colour.
    pale = block.strength < (0.5 if block.ink == BLACK else 0.7)
    written = "var(--ink)" if pale else block.ink
    size = min(12, max(3, len(block.text)))
    text = f"<s class=n{size}>{html.escape(block.text)}</s>" if block.text else ""
    return (
        f'<i style="left:{left:.3f}%;width:{width:.3f}%;--c:{block.shade};--k:{written};'
        f'--s:{block.strength * 100:.0f}%" title="{html.escape(block.hint)}">{text}</i>'
    )
