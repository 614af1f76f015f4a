"""The report: one HTML file that needs nothing else and asks no network, and a notebook's picture.

From top to bottom it answers: what do these people appear to feel, when, how sure is that, who
says so (each channel alone, and what it changed), what was said and heard, how was this made.
Everything that comes from a recording is escaped. Curves are drawn by report.js from the figures
of `charts`; headline, lanes, tables and texts are plain HTML that also prints.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from html import escape
from importlib import resources
from pathlib import Path

import numpy as np

from insula.core.records import Analysis, Estimate
from insula.core.space import VA, Language, title
from insula.core.time import Mark, Span, merge_spans
from insula.errors import UnknownName
from insula.outputs.charts import CURVES, POINTS, milliseconds, packed_library, plane, timeline
from insula.outputs.document import to_dict
from insula.outputs.lanes import MARKS, Block, axis, label_lane, lane
from insula.outputs.moments import affect_of, cell_width, label_during, labelled, opinions
from insula.outputs.palette import CHANNEL_COLOURS, colour
from insula.outputs.phrases import (
    MOSTLY,
    affect_word,
    clock,
    headline,
    level,
    percent,
    person_name,
    responsible,
    signed,
    word,
)

TOP = 3
SOUND_LANES = 12  # kinds of sound shown, the longest heard first
# Changes below half a point are not told: they would read as "0 points".
LEAST_CHANGE = 0.005


def write_html(analysis: Analysis, folder: Path) -> Path:
    """Write report.html into `folder`."""
    language = analysis.language
    name = escape(analysis.recording)
    people = "".join(_person(analysis, each, number) for number, each in enumerate(analysis.people))
    scripts = ""
    if people:
        scripts = (
            f'<script type="text/plain" id="plotly">{packed_library()}</script>'
            f"<script>{_resource('report.js')}</script>"
        )
    page = f"""<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name} · insula</title>
<style>html, body {{ margin: 0; }}
{_resource("report.css")}</style>
</head>
<body class="insula" data-old-browser="{escape(word("old browser", language))}">
{_header(analysis)}
<main>
{people or _empty(analysis)}
{_transcript(analysis)}
{_sounds(analysis)}
{_channels(analysis)}
{_notes(analysis)}
{_responsible(language)}
{_provenance(analysis)}
</main>
{_footer(analysis)}
{scripts}
</body>
</html>
"""
    path = folder / "report.html"
    path.write_text(page, encoding="utf-8")
    return path


def picture(analysis: Analysis) -> str:
    """The answer in brief, as a piece of HTML for notebooks; no script, a few kilobytes."""
    language = analysis.language
    cards = "".join(
        f'<div class="card">{_headline(each, language)}{_glance(each, language)}'
        f"{_lanes(analysis, each)}</div>"
        for each in analysis.people
    )
    return (
        f"<style>{_resource('report.css')}</style>"
        f'<div class="insula" lang="{language}" style="padding:12px">'
        f"{cards or _empty(analysis)}</div>"
    )


def _resource(name: str) -> str:
    return (resources.files("insula.outputs") / name).read_text(encoding="utf-8")


def _header(analysis: Analysis) -> str:
    language = analysis.language
    facts = [(word("duration", language), clock(analysis.span.duration))]
    facts += [(word(kind, language), line) for kind, line in analysis.streams.items()]
    shown = "".join(f"<span>{escape(kind)} <b>{escape(line)}</b></span>" for kind, line in facts)
    reading = ""
    if set(analysis.streams) == {"text"}:
        reading = f'<p class="soft small">{word("reading", language)}</p>'
    return (
        f'<header><div class="brand">insula · {word("report", language)}</div>'
        f'<h1>{escape(analysis.recording)}</h1><div class="facts">{shown}</div>{reading}</header>'
    )


def _person(analysis: Analysis, estimate: Estimate, number: int) -> str:
    """Everything about one person."""
    language = analysis.language
    head = _headline(estimate, language)
    if not estimate.track.mask.any():
        return f'<section><div class="card">{head}</div></section>'
    parts = [
        head,
        _glance(estimate, language),
        _part(
            word("over time", language),
            f'<p class="soft small">{word("lanes", language)}</p>'
            + _legend(analysis, estimate)
            + _lanes(analysis, estimate),
        ),
        _curves(analysis, estimate, number),
        f'<div class="part two">{_plane(estimate, number, language)}'
        f"<div>{_contributions(analysis, estimate)}{_certainty(analysis, estimate)}</div></div>",
    ]
    name = escape(person_name(estimate.person, language))
    return f'<section aria-label="{name}"><div class="card">{"".join(parts)}</div></section>'


def _curves(analysis: Analysis, estimate: Estimate, number: int) -> str:
    """The figure over time, with a word on averaging where it shows less than every moment."""
    language = analysis.language
    hint = word("drag", language)
    size = -(-len(estimate.track) // POINTS)
    if size > 1:
        seconds = round(size * cell_width(estimate.track), 1)
        hint = f"{word('averaged', language, f'{seconds:g}')} {hint}"
    drawn = _figure(
        timeline(estimate, analysis.span, language),
        f"time-{number}",
        "time",
        analysis.span,
        word("probability", language),
        language,
    )
    return _part(word("curves", language), drawn, hint)


def _headline(estimate: Estimate, language: Language) -> str:
    top = _top(estimate)
    said = headline(top, language) if labelled(estimate) else word("axes", language)
    return (
        f'<h2><span class="who">{escape(person_name(estimate.person, language))}</span>'
        f"{escape(said)}</h2>{_lead(estimate, language)}"
    )


def _lead(estimate: Estimate, language: Language) -> str:
    """Which channel the answer mostly rests on, and for how much of the time there is one."""
    weights = _weights(estimate)
    if not weights or not estimate.track.mask.any():
        return ""
    best = max(weights, key=lambda name: weights[name])
    seen = percent(float(estimate.track.mask.mean()))
    text = word("lead", language, word(best, language), percent(weights[best]), seen)
    return f'<p class="soft lead">{escape(text)}</p>'


def _top(estimate: Estimate, count: int = TOP) -> list[tuple[str, float]]:
    """Labels, not titles, with probabilities; [] where nothing was seen."""
    if not labelled(estimate) or not estimate.track.mask.any():
        return []
    mean = estimate.mean()
    order = np.argsort(-mean, kind="stable")[:count]
    return [(estimate.space.labels[column], float(mean[column])) for column in order]


def _glance(estimate: Estimate, language: Language) -> str:
    """Top three as bars; valence, arousal and confidence in words and numbers."""
    if not estimate.track.mask.any():
        return ""
    bars = "".join(
        f'<div class="bar"><span>{escape(title(label, language))}</span>'
        f'<i style="--w:{share * 100:.1f}%;--c:{colour(label)}"></i><em>{percent(share)}</em></div>'
        for label, share in _top(estimate)
    )
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
    labels = [label for label, _ in _top(estimate, CURVES)]
    for each in opinions(analysis, estimate.person):
        if each.estimate is not None and labelled(each.estimate):
            own = _comparable(each.estimate, estimate)
            tops = own.track.values[own.track.mask].argmax(axis=1)
            labels += [own.space.labels[column] for column in np.unique(tops)]
    chips = [_chip(label, analysis.language) for label in dict.fromkeys(labels)]
    return f'<div class="legend">{"".join(chips)}</div>' if chips else ""


def _chip(label: str, language: Language, after: str = "") -> str:
    return (
        f'<span class="chip" style="--c:{colour(label)}">'
        f"{escape(title(label, language))}{after}</span>"
    )


def _lanes(analysis: Analysis, estimate: Estimate) -> str:
    """The fused answer, and below it what each channel says on its own."""
    language, span = analysis.language, analysis.span
    if not labelled(estimate) or not estimate.track.mask.any():
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
    quality = type(own.track)(
        own.track.times, own.confidence[:, None], ("quality",), own.track.mask
    ).resample(times, width=width)
    return Estimate(
        own.space,
        own.track.resample(times, width=width),
        quality.column("quality"),
        own.source,
        own.person,
    )


def _figure(
    spec: dict[str, object], name: str, kind: str, span: Span, label: str, language: Language
) -> str:
    text = json.dumps(spec, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    safe = text.replace("<", "\\u003c")
    return (
        f'<div class="figure" role="img" aria-label="{escape(label)}" data-from="{name}-figure" '
        f'data-kind="{kind}" data-start="{milliseconds(span.start)}" '
        f'data-end="{milliseconds(span.end)}">'
        f"<noscript>{word('no script', language)}</noscript></div>"
        f'<script type="application/json" id="{name}-figure">{safe}</script>'
    )


def _plane(estimate: Estimate, number: int, language: Language) -> str:
    affect = affect_of(estimate)
    if affect is None or not affect.track.mask.any():
        return ""
    drawn = _figure(
        plane(estimate, language),
        f"plane-{number}",
        "plane",
        Span(0, 0),
        word("plane", language),
        language,
    )
    basis = "".join(f"<li>{escape(each)}</li>" for each in affect.basis.split("; ") if each)
    return (
        f"<div><h3>{word('plane', language)}</h3>{drawn}"
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
        top = _top(own, 1)
        alone = _chip(top[0][0], language, f" {percent(top[0][1])}") if top else "–"
        share = weights.get(name, 0.0)
        shade = CHANNEL_COLOURS[list(weights).index(name) % 5] if name in weights else "@soft"
        cells = [
            escape(word(name, language)),
            alone,
            f'{percent(share)}<i class="meter" style="--w:{share * 100:.0f}%;--c:{shade}"></i>',
            percent(own.certainty),
            _without(analysis, estimate, name, len(said)),
        ]
        rows.append(_row(cells, heads))
    return (
        f'<div class="part"><h3>{word("contributions", language)}</h3>{_table(heads, rows)}</div>'
    )


def _weights(estimate: Estimate) -> dict[str, float]:
    """Mean share of each channel where anything was seen."""
    mask = estimate.track.mask
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
    return escape(text)


def _certainty(analysis: Analysis, estimate: Estimate) -> str:
    """Sentences on what the confidence rests on."""
    language = analysis.language
    said = [each for each in opinions(analysis, estimate.person) if each.estimate is not None]
    qualities = sorted(
        ((each.quality, word(each.channel, language)) for each in said), reverse=True
    )
    facts = []
    top = _top(estimate, 1)
    if top:
        share = top[0][1]
        facts.append(word("clear" if share >= MOSTLY else "mixed", language, percent(share)))
    if len(qualities) == 1:
        facts.append(word("alone channel", language, qualities[0][1]))
    elif qualities:
        facts.append(word("best", language, qualities[0][1], percent(qualities[0][0])))
        facts.append(word("worst", language, qualities[-1][1], percent(qualities[-1][0])))
        tops = {
            word(each.channel, language): _top(_comparable(each.estimate, estimate), 1)
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
    return (
        f'<div class="part"><h3>{word("sure", language)}</h3><ul class="plain">{items}</ul></div>'
    )


def _transcript(analysis: Analysis) -> str:
    language = analysis.language
    people = {each.person: each for each in analysis.people}
    items = []
    for mark, person in analysis.marks("sentence"):
        said = label_during(people[person], mark.span) if person in people else None
        shade = f' style="--c:{colour(said.label)}"' if said else ""
        chip = _chip(said.label, language, f" {percent(said.probability)}") if said else ""
        who = ""
        if len(people) > 1 and person:
            who = f'<span class="speaker">{escape(person_name(person, language))}</span>'
        items.append(
            f"<li{shade}><time>{clock(mark.span.start)}</time>"
            f'<p lang="{escape(mark.language)}">{who}{escape(mark.text)}</p>{chip}</li>'
        )
    if not items:
        return ""
    return _card(
        word("transcript", language),
        f'<p class="soft small">{word("transcript line", language)}</p>'
        f'<ol class="transcript" tabindex="0">{"".join(items)}</ol>',
    )


def _sounds(analysis: Analysis) -> str:
    """A lane for each kind of sound, speech first, then the longest heard."""
    language, span = analysis.language, analysis.span
    kinds: dict[str, list[Mark]] = {}
    for mark, _ in analysis.marks("sound"):
        kinds.setdefault(mark.text, []).append(mark)
    if not kinds:
        return ""
    order = sorted(
        kinds,
        key=lambda kind: (kind != "speech", -sum(mark.span.duration for mark in kinds[kind])),
    )
    lanes = [_sound_lane(kind, kinds[kind], span, language) for kind in order[:SOUND_LANES]]
    return _card(word("heard", language), "".join(lanes) + axis(span))


def _sound_lane(kind: str, marks: Sequence[Mark], span: Span, language: Language) -> str:
    name = word(kind, language)
    score = float(np.mean([mark.score for mark in marks]))
    spans = merge_spans((mark.span for mark in marks), gap=span.duration / MARKS)
    hints = [f"{clock(each.start)}–{clock(each.end)}" for each in spans]
    sure = f" {percent(score)}" if score < 1 else ""
    blocks = [
        Block(each, "", f"{hint} {name}", "var(--soft)", "var(--ink)", 0.35 + 0.65 * score)
        for each, hint in zip(spans, hints, strict=True)
    ]
    told = f"{name}{sure}: {', '.join(hints[:8])}"
    return lane(name + sure, blocks, span, told, "event")


def _channels(analysis: Analysis) -> str:
    """Which channels ran, and if not, why."""
    language = analysis.language
    rows = []
    for name, report in analysis.channels.items():
        observed = [each for each in analysis.observations if each.channel == name]
        if not report.ran:
            state, why = f"– {word('did not run', language)}", report.reason
        elif not observed:
            state, why = f"✓ {word('ran', language)}", word("nothing found", language)
        else:
            qualities = [each.quality for each in observed if each.estimate is not None]
            state = f"✓ {word('ran', language)}"
            why = word("quality", language, percent(max(qualities))) if qualities else ""
        rows.append(_row([escape(word(name, language)), state, escape(why)], ["", "", ""]))
    if not rows:
        return ""
    return _card(
        word("channels", language), f'<table class="states"><tbody>{"".join(rows)}</tbody></table>'
    )


def _notes(analysis: Analysis) -> str:
    if not analysis.notes:
        return ""
    items = "".join(f"<li>{escape(note)}</li>" for note in analysis.notes)
    return _card(word("notes", analysis.language), f'<ul class="plain">{items}</ul>')


def _responsible(language: Language) -> str:
    text = "".join(f"<p>{each}</p>" for each in responsible(language))
    return (
        '<section><div class="card responsible"><details id="responsible-use" open>'
        f"<summary>{word('responsible', language)}</summary>{text}</details></div></section>"
    )


def _provenance(analysis: Analysis) -> str:
    language = analysis.language
    document = to_dict(analysis)
    provenance = document["provenance"]
    assert isinstance(provenance, dict)
    config = json.dumps(provenance["config"], ensure_ascii=False, indent=2)
    weights = "".join(
        f'<tr><td>{escape(name)}</td><td class="hash">{escape(str(found))}</td></tr>'
        for name, found in provenance["weights"].items()
    )
    table = f"<table><tbody>{weights}</tbody></table>" if weights else "–"
    return (
        '<section><div class="card"><details>'
        f"<summary>{word('provenance', language)}</summary>"
        f"<p>{word('version', language)} {escape(str(document['insula']))}</p>"
        f"<h3>{word('weights', language)}</h3>{table}"
        f"<h3>{word('configuration', language)}</h3><pre>{escape(config)}</pre>"
        "</details></div></section>"
    )


def _footer(analysis: Analysis) -> str:
    version = str(analysis.provenance.get("insula", ""))
    made = escape(word("footer", analysis.language, version))
    link = word("responsible", analysis.language)
    return f'<footer>{made} <a href="#responsible-use">{link}</a></footer>'


def _empty(analysis: Analysis) -> str:
    return f'<section><div class="card empty">{word("empty", analysis.language)}</div></section>'


def _card(heading: str, body: str) -> str:
    return f'<section><div class="card"><h3>{escape(heading)}</h3>{body}</div></section>'


def _part(heading: str, body: str, hint: str = "") -> str:
    """A titled part of a card."""
    more = f' <span class="hint">{escape(hint)}</span>' if hint else ""
    return f'<div class="part"><h3>{escape(heading)}{more}</h3>{body}</div>'


def _row(cells: Iterable[str], heads: Sequence[str]) -> str:
    """A table row; narrow screens stack the cells and show the heads beside them."""
    made = "".join(
        f'<td data-name="{escape(head)}"><div>{cell}</div></td>'
        for cell, head in zip(cells, heads, strict=True)
    )
    return f"<tr>{made}</tr>"


def _table(heads: Sequence[str], rows: Sequence[str]) -> str:
    titles = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
    return (
        f'<table class="stack"><thead><tr>{titles}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )
