"""Subtitles with emotion tags: what was said, and how its speaker appears.

Where nothing was said, the cues tell the fused timeline. Cues never overlap.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from insula.core.records import Analysis, Estimate
from insula.core.space import Language, title
from insula.core.time import Span
from insula.outputs.moments import Stretch, label_during, stretches

SHORTEST = 0.3  # seconds a cue stays; players drop or flash shorter ones
LEAST_STRETCH = 1.0  # seconds; a tag must stay long enough to be read


class Cue(NamedTuple):
    """One subtitle. person: "" where the recording shows one person only."""

    span: Span
    person: str
    text: str


def write_srt(analysis: Analysis, folder: Path) -> Path:
    """Write subtitles.srt into `folder`."""
    blocks = [
        f"{number}\n{_clock(cue.span.start, ',')} --> {_clock(cue.span.end, ',')}\n"
        f"{_srt_text(cue)}\n"
        for number, cue in enumerate(cues(analysis), 1)
    ]
    path = folder / "subtitles.srt"
    path.write_text("\n".join(blocks), encoding="utf-8")
    return path


def write_vtt(analysis: Analysis, folder: Path) -> Path:
    """Write subtitles.vtt into `folder`."""
    blocks = [
        f"{_clock(cue.span.start, '.')} --> {_clock(cue.span.end, '.')}\n{_vtt_text(cue)}\n"
        for cue in cues(analysis)
    ]
    path = folder / "subtitles.vtt"
    path.write_text("\n".join(["WEBVTT\n", *blocks]), encoding="utf-8")
    return path


def cues(analysis: Analysis) -> list[Cue]:
    """What to show when: sentences with tags, else stretches of the fused timeline."""
    people = {each.person: each for each in analysis.people}
    several = len(people) > 1
    found = []
    for mark, person in analysis.marks("sentence"):
        words = " ".join(mark.text.split())
        said = label_during(people[person], mark.span) if person in people else None
        if words:
            tag = f"{_tag(said, analysis.language)} " if said else ""
            found.append(Cue(mark.span, person if several else "", tag + words))
    return _apart(found or _told(list(people.values()), analysis.language))


def _told(people: Sequence[Estimate], language: Language) -> list[Cue]:
    """The fused timelines as cues; several people at one time share a cue."""
    runs = [(each.person, stretches(each, least=LEAST_STRETCH)) for each in people]
    edges = sorted(
        {edge for _, own in runs for run in own for edge in (run.span.start, run.span.end)}
    )
    found: list[Cue] = []
    for start, end in pairwise(edges):
        shown = [
            (person, run)
            for person, own in runs
            for run in own
            if run.span.start <= start and end <= run.span.end
        ]
        if shown and end - start >= SHORTEST:
            names = [f"{person} " if len(people) > 1 else "" for person, _ in shown]
            tags = [_tag(run, language) for _, run in shown]
            text = " ".join(name + tag for name, tag in zip(names, tags, strict=True))
            found.append(Cue(Span(start, end), "", text))
    return found


def _tag(run: Stretch, language: Language) -> str:
    return f"[{title(run.label, language)} {run.probability * 100:.0f} %]"


def _apart(found: Sequence[Cue]) -> list[Cue]:
    """The same cues, in order, each at least SHORTEST long, none over another."""
    placed: list[Cue] = []
    for cue in found:
        start = max(0.0, cue.span.start)
        if placed:
            before = placed[-1]
            # Who interrupts is shown; the one interrupted keeps what time is left.
            earliest = before.span.start + SHORTEST
            start = max(start, earliest)
            if start < before.span.end:
                placed[-1] = before._replace(span=Span(before.span.start, start))
        placed.append(cue._replace(span=Span(start, max(cue.span.end, start + SHORTEST))))
    return placed


def _clock(seconds: float, point: str) -> str:
    """HH:MM:SS,mmm"""
    milliseconds = int(np.round(seconds * 1000))
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    whole, rest = divmod(milliseconds, 1000)
    return f"{hours:02d}:{minutes:02d}:{whole:02d}{point}{rest:03d}"


def _srt_text(cue: Cue) -> str:
    """SRT cannot escape: what a player would take for markup is kept from looking like it."""
    text = cue.text.replace("-->", "→")
    text = re.sub(r"<(?=[A-Za-z/])", "< ", text)
    text = re.sub(r"\{(?=\\)", "{ ", text)
    return f"{cue.person}: {text}" if cue.person else text


def _vtt_text(cue: Cue) -> str:
    text = html.escape(cue.text, quote=False)
    # A voice tag ends at the first ">"; a name cannot be escaped inside it.
    name = re.sub(r"[<>&\s]+", " ", cue.person).strip()
    return f"<v {name}>{text}" if name else text
