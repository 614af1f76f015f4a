"""The report: one HTML file that needs nothing else and asks no network, and a notebook's picture.

From top to bottom: a part for each person (`portrait`), what was said and heard, which channels
ran, what is worth knowing, how it was made. Everything that comes from a recording is escaped.
Curves are drawn by report.js from the figures of `charts`; headlines, lanes, tables and texts are
plain HTML that also prints.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from importlib import resources
from pathlib import Path

import numpy as np

from insula.core.records import Analysis
from insula.core.space import Language
from insula.core.time import Mark, Span, merge_spans
from insula.outputs.charts import packed_library
from insula.outputs.document import to_dict
from insula.outputs.lanes import MARKS, Block, axis, lane
from insula.outputs.moments import label_during, labelled, top_labels
from insula.outputs.palette import colour
from insula.outputs.phrases import (
    clock,
    headline,
    percent,
    person_name,
    responsible,
    word,
)
from insula.outputs.pieces import card, chip, row
from insula.outputs.portrait import miniature, portrait

SOUND_LANES = 12  # kinds of sound shown, the longest heard first


def write_html(analysis: Analysis, folder: Path) -> Path:
    """Write report.html into `folder`."""
    language = analysis.language
    name = escape(analysis.recording)
    people = "".join(
        portrait(analysis, each, number) for number, each in enumerate(analysis.people)
    )
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
    cards = "".join(miniature(analysis, each) for each in analysis.people)
    return (
        f"<style>{_resource('report.css')}</style>"
        f'<div class="insula" lang="{language}" style="padding:12px">'
        f"{cards or _empty(analysis)}</div>"
    )


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
        f'<h1>{escape(analysis.recording)}</h1><div class="facts">{shown}</div>{reading}'
        f"{_contents(analysis)}</header>"
    )


def _contents(analysis: Analysis) -> str:
    """Where there are several people: one line on each, leading to more."""
    language = analysis.language
    if len(analysis.people) < 2:
        return ""
    lines = []
    for number, each in enumerate(analysis.people):
        top = top_labels(each)
        shade = colour(top[0][0]) if top else "var(--line)"
        unsure = bool(each.withheld.any())
        said = headline(top, language, unsure=unsure) if labelled(each) else word("axes", language)
        lines.append(
            f'<li><a href="#person-{number}" class="chip" style="--c:{shade}">'
            f"{escape(person_name(each.person, language))}</a> {escape(said)}</li>"
        )
    return f'<nav><ul class="contents">{"".join(lines)}</ul></nav>'


def _transcript(analysis: Analysis) -> str:
    language = analysis.language
    people = {each.person: each for each in analysis.people}
    items = []
    for mark, person in analysis.marks("sentence"):
        said = label_during(people[person], mark.span) if person in people else None
        shade = f' style="--c:{colour(said.label)}"' if said else ""
        shown = chip(said.label, language, f" {percent(said.probability)}") if said else ""
        who = ""
        if len(people) > 1 and person:
            who = f'<span class="speaker">{escape(person_name(person, language))}</span>'
        items.append(
            f"<li{shade}><time>{clock(mark.span.start)}</time>"
            f'<p lang="{escape(mark.language)}">{who}{escape(mark.text)}</p>{shown}</li>'
        )
    if not items:
        return ""
    return card(
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
    return card(word("heard", language), "".join(lanes) + axis(span))


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
            quality = analysis.quality(name)
            state = f"✓ {word('ran', language)}"
            why = word("quality", language, percent(quality)) if quality is not None else ""
        rows.append(row([escape(word(name, language)), state, escape(why)], ["", "", ""]))
    if not rows:
        return ""
    return card(
        word("channels", language), f'<table class="states"><tbody>{"".join(rows)}</tbody></table>'
    )


def _notes(analysis: Analysis) -> str:
    if not analysis.notes:
        return ""
    items = "".join(f"<li>{escape(note)}</li>" for note in analysis.notes)
    return card(word("notes", analysis.language), f'<ul class="plain">{items}</ul>')


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


def _resource(name: str) -> str:
    return (resources.files("insula.outputs") / name).read_text(encoding="utf-8")
