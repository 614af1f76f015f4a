"""One person's part of the report, from top to bottom what a reader asks.

How do they appear · when, and who says so · in numbers over time · what did each channel
contribute · how sure is that, and why. Everything that comes from a recording is escaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from html import escape

import numpy as np

from insula.core.records import Analysis, Estimate
from insula.core.space import VA, Language, title
from insula.core.time import Span
from insula.core.track import Track
from insula.errors import UnknownName
from insula.outputs.charts import CURVES, POINTS, plane, timeline
from insula.outputs.lanes import axis, label_lane
from insula.outputs.moments import affect_of, cell_width, labelled, opinions, top_labels
from insula.outputs.palette import CHANNEL_COLOURS, colour
from insula.outputs.phrases import (
    MOSTLY,
    affect_word,
    headline,
    level,
    percent,
    person_name,
    signed,
    word,
)
from insula.outputs.pieces import chip, figure, part, row, table

# Changes below half a point are not told: they would read as "0 points".
LEAST_CHANGE = 0.005
LEAST_SCALE = 0.1  # the change that fills a bar where no channel changes more


def portrait(analysis: Analysis, estimate: Estimate, number: int) -> str:
    """Everything about one person."""
    language = analysis.language
    head = _heading(estimate, language)
    if not estimate.track.mask.any():
        lanes = (
            f'<div class="part">{_lanes(analysis, estimate)}</div>' if estimate.seen.any() else ""
        )
        return f'<section id="person-{number}"><div class="card">{head}{lanes}</div></section>'
    parts = [
        head,
        _glance(estimate, language),
        _asked(analysis, estimate.person),
        _course(analysis, estimate, number),
        _contributions(analysis, estimate),
        f'<div class="part two">{_plane(estimate, number, language)}'
        f"{_certainty(analysis, estimate)}</div>",
    ]
    name = escape(person_name(estimate.person, language))
    return (
        f'<section id="person-{number}" aria-label="{name}"><div class="card">'
        f"{''.join(parts)}</div></section>"
    )


def miniature(analysis: Analysis, estimate: Estimate) -> str:
    """The answer in brief: headline, top three, lanes."""
    lanes = _lanes(analysis, estimate)
    return (
        f'<div class="card">{_heading(estimate, analysis.language)}'
        f'{_glance(estimate, analysis.language)}<div class="part">{lanes}</div></div>'
    )


def _has_course(estimate: Estimate) -> bool:
    """Whether there is more than one moment; a still picture has one."""
    return int(estimate.seen.sum()) > 1


def _course(analysis: Analysis, estimate: Estimate, number: int) -> str:
    """Lanes and curves over time."""
    language = analysis.language
    if not _has_course(estimate):
        return f'<p class="part soft">{word("moment", language)}</p>'
    unsure = f" {word('lanes unsure', language)}" if estimate.withheld.any() else ""
    lanes = (
        f'<p class="soft small">{word("lanes", language)}{unsure}</p>'
        f"{_legend(analysis, estimate)}{_lanes(analysis, estimate)}"
    )
    return part(word("over time", language), lanes) + _curves(analysis, estimate, number)


def _curves(analysis: Analysis, estimate: Estimate, number: int) -> str:
    """The figure over time, with a word on averaging where it shows less than every moment."""
    language = analysis.language
    hint = word("drag", language)
    size = -(-len(estimate.track) // POINTS)
    if size > 1:
        seconds = round(size * cell_width(estimate.track), 1)
        hint = f"{word('averaged', language, f'{seconds:g}')} {hint}"
    drawn = figure(
        timeline(estimate, analysis.span, language),
        f"time-{number}",
        "time",
        analysis.span,
        word("probability", language),
        language,
    )
    return part(word("curves", language), drawn, hint)


def _heading(estimate: Estimate, language: Language) -> str:
    top = top_labels(estimate)
    unsure = bool(estimate.withheld.any())
    said = headline(top, language, unsure=unsure) if labelled(estimate) else word("axes", language)
    return (
        f'<h2><span class="who">{escape(person_name(estimate.person, language))}</span>'
        f"{escape(said)}</h2>{_lead(estimate, language)}"
    )


def _lead(estimate: Estimate, language: Language) -> str:
    """What the answer is built from, and for how much of the time there is one."""
    weights = _weights(estimate)
    if not weights or not estimate.seen.any():
        return ""
    order = sorted(weights, key=lambda name: -weights[name])
    parts = ", ".join(f"{word(name, language)} {percent(weights[name])}" for name in order)
    seen = percent(float(estimate.seen.mean()))
    key = "lead" if _has_course(estimate) else "lead of one"
    text = word(key, language, parts, seen)
    if estimate.withheld.any():
        text += " " + word("withheld", language, percent(estimate.unlabelled))
    return f'<p class="soft lead">{escape(text)}</p>'


def _bars(shares: Sequence[tuple[str, float]], language: Language) -> str:
    """A bar a label."""
    return "".join(
        f'<div class="bar"><span>{escape(title(label, language))}</span>'
        f'<i style="--w:{share * 100:.1f}%;--c:{colour(label)}"></i><em>{percent(share)}</em></div>'
        for label, share in shares
    )


def _asked(analysis: Analysis, person: str) -> str:
    """The emotions that a user named, most likely first."""
    asked, language = analysis.asked(person), analysis.language
    if asked is None or not asked.track.mask.any():
        return ""
    shares = zip(asked.space.labels, asked.mean().tolist(), strict=True)
    bars = _bars(sorted(shares, key=lambda item: -item[1]), language)
    return part(word("asked", language), f"<div>{bars}</div>", word("asked how", language))


def _glance(estimate: Estimate, language: Language) -> str:
    """Top three as bars; valence, arousal and confidence in words and numbers."""
    if not estimate.track.mask.any():
        return ""
    bars = _bars(top_labels(estimate), language)
    rows = []
    affect = affect_of(estimate)
    if affect is not None and affect.track.mask.any():
        for name, value in zip(VA.labels, affect.mean(), strict=True):
            words = f"{word(affect_word(name, value), language)} <b>{signed(value)}</b>"
            low = 50 + 50 * min(0.0, float(value))
            scale = f"--from:{low:.1f}%;--size:{50 * abs(value):.1f}%"
            rows.append((word(name, language), words, scale, "middle"))
    sure = estimate.certainty
    words = f"{word(level(sure), language)} <b>{percent(sure)}</b>"
    rows.append((word("confidence", language), words, f"--from:0;--size:{sure * 100:.1f}%", ""))
    measures = "".join(
        f'<div><dt>{name}</dt><dd>{words}<i class="scale {kind}" style="{scale}"></i></dd></div>'
        for name, words, scale, kind in rows
    )
    odds = f'<p class="soft small">{word("odds", language, round(sure * 10))}</p>'
    return (
        f'<div class="glance"><div>{bars}</div>'
        f'<div><dl class="measures">{measures}</dl>{odds}</div></div>'
    )


def _legend(analysis: Analysis, estimate: Estimate) -> str:
    """The labels in the curves and the lanes, with their colours; the most probable first."""
    labels = [label for label, _ in top_labels(estimate, CURVES)]
    for each in opinions(analysis, estimate.person):
        if each.estimate is not None and labelled(each.estimate):
            own = _comparable(each.estimate, estimate)
            tops = own.track.values[own.track.mask].argmax(axis=1)
            labels += [own.space.labels[column] for column in np.unique(tops)]
    chips = [chip(label, analysis.language) for label in dict.fromkeys(labels)]
    return f'<div class="legend">{"".join(chips)}</div>' if chips else ""


def _lanes(analysis: Analysis, estimate: Estimate) -> str:
    """The fused answer, and below it what each channel says on its own."""
    language, span = analysis.language, analysis.span
    if not labelled(estimate) or not _has_course(estimate):
        return ""
    lanes = [label_lane(word("together", language), estimate, span, language, "whole")]
    for each in opinions(analysis, estimate.person):
        if each.estimate is not None:
            own = _comparable(each.estimate, estimate)
            lanes.append(label_lane(word(each.channel, language), own, span, language))
    return "".join(lanes) + axis(span)


def _comparable(own: Estimate, fused: Estimate) -> Estimate:
    """A channel's opinion in the space and on the moments of the fused answer, where it can be."""
    with suppress(UnknownName):  # without a bridge it is shown in its own labels
        own = own.into(fused.space)
    times = fused.track.times
    width = fused.track.width or 1.0
    quality = Track(
        own.track.times, own.confidence[:, None], ("quality",), own.track.mask
    ).resample(times, width=width)
    return Estimate(
        own.space,
        own.track.resample(times, width=width),
        quality.column("quality"),
        own.source,
        own.person,
    )


def _plane(estimate: Estimate, number: int, language: Language) -> str:
    affect = affect_of(estimate)
    if affect is None or not affect.track.mask.any():
        return ""
    name = word("plane" if _has_course(estimate) else "place", language)
    drawn = figure(
        plane(estimate, language),
        f"plane-{number}",
        "plane",
        Span(0, 0),
        name,
        language,
    )
    basis = "".join(f"<li>{escape(each)}</li>" for each in affect.basis.split("; ") if each)
    return (
        f"<div><h3>{name}</h3>{drawn}"
        f'<details class="small soft"><summary>{word("basis", language)}</summary>'
        f'<ul class="plain">{basis}</ul></details></div>'
    )


def _contributions(analysis: Analysis, estimate: Estimate) -> str:
    """A row a channel: what it says alone, its weight, its evidence, the answer without it."""
    language = analysis.language
    heads = [word(key, language) for key in ("channel", "alone", "weight", "evidence", "without")]
    rows = []
    said = {each.channel: each.estimate for each in opinions(analysis, estimate.person)}
    weights = _weights(estimate)
    for name, own in said.items():
        assert own is not None
        top = top_labels(_comparable(own, estimate), 1)
        alone = chip(top[0][0], language, f" {percent(top[0][1])}") if top else "–"
        share = weights.get(name, 0.0)
        shade = CHANNEL_COLOURS[list(weights).index(name) % 5] if name in weights else "var(--soft)"
        cells = [
            escape(word(name, language)),
            alone,
            f'{percent(share)}<i class="meter" style="--w:{share * 100:.0f}%;--c:{shade}"></i>',
            percent(own.quality),
            _without(analysis, estimate, name, len(said)),
        ]
        rows.append(row(cells, heads))
    return f'<div class="part"><h3>{word("contributions", language)}</h3>{table(heads, rows)}</div>'


def _weights(estimate: Estimate) -> dict[str, float]:
    """Mean share of each channel where anything was seen."""
    mask = estimate.seen
    return {
        name: float(part[mask].mean()) if mask.any() else 0.0
        for name, part in estimate.parts.items()
    }


def _without(analysis: Analysis, estimate: Estimate, channel: str, channels: int) -> str:
    """What would be different if the channel were left out."""
    language = analysis.language
    if channels == 1:
        return word("only", language)
    change = analysis.without.get(estimate.person, {}).get(channel)
    if change is None or not labelled(estimate):
        return "–"
    mean = estimate.mean()
    best, after = int(mean.argmax()), mean + change
    moved = float(change[best])
    largest = max(float(np.abs(each[best])) for each in analysis.without[estimate.person].values())
    size = 50 * abs(moved) / max(largest, LEAST_SCALE)
    place = f"--from:{50 - size * (moved < 0):.1f}%;--size:{size:.1f}%"
    bar = f'<i class="scale middle" style="{place}"></i>'
    if abs(moved) < LEAST_CHANGE:
        text = word("same", language)
    else:
        name = title(estimate.space.labels[best], language)
        points = max(1, round(abs(moved) * 100))
        key = ("fall" if moved < 0 else "rise") + (" by one" if points == 1 else "")
        text = word(key, language, name, points)
    instead = int(after.argmax())
    if instead != best:
        text += word("instead", language, title(estimate.space.labels[instead], language))
    return escape(text) + bar


def _certainty(analysis: Analysis, estimate: Estimate) -> str:
    """Sentences on what the confidence rests on."""
    language = analysis.language
    said = [each for each in opinions(analysis, estimate.person) if each.estimate is not None]
    qualities = sorted(
        ((each.quality, word(each.channel, language)) for each in said), reverse=True
    )
    facts = []
    top = top_labels(estimate, 1)
    if top:
        share = top[0][1]
        facts.append(word("clear" if share >= MOSTLY else "mixed", language, percent(share)))
    if len(qualities) == 1:
        facts.append(word("alone channel", language, qualities[0][1]))
    elif qualities:
        facts.append(word("best", language, qualities[0][1], percent(qualities[0][0])))
        facts.append(word("worst", language, qualities[-1][1], percent(qualities[-1][0])))
        tops = {
            word(each.channel, language): top_labels(_comparable(each.estimate, estimate), 1)
            for each in said
            if each.estimate is not None
        }
        firsts = {name: found[0][0] for name, found in tops.items() if found}
        if len(set(firsts.values())) > 1:
            parts = [f"{name}: {title(label, language)}" for name, label in firsts.items()]
            facts.append(word("disagree", language, ", ".join(parts)))
        elif firsts:
            facts.append(word("agree", language))
    items = "".join(f"<li>{escape(fact)}</li>" for fact in facts)
    return f'<div><h3>{word("sure", language)}</h3><ul class="plain">{items}</ul></div>'
