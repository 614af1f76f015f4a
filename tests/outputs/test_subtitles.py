"""Subtitles: players can read them, cues never overlap, tags say how the speaker appears."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from insula.core.records import Analysis, Observation
from insula.core.time import Mark, Span
from insula.media.text import read_text_file
from insula.outputs.subtitles import SHORTEST, cues, write_srt, write_vtt
from insula.testing.samples import sample_analysis

CLOCK = r"(\d\d):(\d\d):(\d\d)[,.](\d{3})"


def saying(marks: list[Mark], people: int = 1) -> Analysis:
    """An analysis whose only words are `marks`, by person-1."""
    analysis = sample_analysis(people=people, channels=("face",))
    said = Observation("words", "person-1", analysis.span, marks=tuple(marks))
    return replace(analysis, observations=(*analysis.observations, said))


def times(text: str) -> list[tuple[float, float]]:
    """(start, end) of every cue, in seconds."""
    found = []
    for match in re.finditer(rf"^{CLOCK} --> {CLOCK}$", text, re.MULTILINE):
        h, m, s, ms, *end = map(int, match.groups())
        start = h * 3600 + m * 60 + s + ms / 1000
        found.append((start, end[0] * 3600 + end[1] * 60 + end[2] + end[3] / 1000))
    return found


@pytest.mark.parametrize("write", [write_srt, write_vtt])
def test_cues_run_forward_and_never_overlap(any_analysis: Analysis, write, tmp_path: Path) -> None:
    text = write(any_analysis, tmp_path).read_text(encoding="utf-8")
    found = times(text)
    assert len(found) == len(cues(any_analysis))
    assert all(end - start >= SHORTEST - 2e-3 for start, end in found)
    assert all(one[1] <= two[0] for one, two in pairwise(found))


@pytest.mark.parametrize("write", [write_srt, write_vtt])
def test_our_own_reader_reads_them(analysis: Analysis, write, tmp_path: Path) -> None:
    marks = read_text_file(write(analysis, tmp_path))
    said = [mark.text for mark, _ in analysis.marks("sentence")]
    assert len(marks) == len(said)
    assert all(text in mark.text for text, mark in zip(said, marks, strict=True))


def test_a_cue_carries_label_and_percentage() -> None:
    analysis = sample_analysis(people=1)
    mark, _ = analysis.marks("sentence")[0]
    assert re.fullmatch(rf"\[[a-z]+ \d+ %\] {re.escape(mark.text)}", cues(analysis)[0].text)


def test_labels_are_in_the_language_of_the_analysis() -> None:
    analysis = sample_analysis(people=1, language="ru")
    assert re.match(r"\[[а-яё]+ \d+ %\] ", cues(analysis)[0].text)


def test_without_words_the_cues_tell_the_timeline(tmp_path: Path) -> None:
    analysis = sample_analysis(people=2, channels=("face",))
    assert analysis.marks("sentence") == []
    shown = cues(analysis)
    assert shown
    assert re.fullmatch(r"person-1 \[\w+ \d+ %\] person-2 \[\w+ \d+ %\]", shown[0].text)


def test_nothing_seen_gives_empty_but_valid_files(tmp_path: Path) -> None:
    analysis = sample_analysis(people=0, channels=("face",))
    assert write_srt(analysis, tmp_path).read_text() == ""
    assert write_vtt(analysis, tmp_path).read_text() == "WEBVTT\n"


def test_markup_in_words_stays_text(tmp_path: Path) -> None:
    evil = "a <i>b</i> & c --> d\n\n{\\an8} <script>"
    analysis = saying([Mark(Span(1, 3), "sentence", evil)])
    vtt = write_vtt(analysis, tmp_path).read_text()
    srt = write_srt(analysis, tmp_path).read_text()
    assert "a &lt;i&gt;b&lt;/i&gt; &amp; c --&gt; d {\\an8} &lt;script&gt;" in vtt
    assert not re.search(r"<[A-Za-z/]|\{\\", srt)
    assert srt.count("-->") == 1 == vtt.count("-->")


def test_an_interruption_cuts_the_cue_before() -> None:
    marks = [
        Mark(Span(1, 5), "sentence", "one"),
        Mark(Span(2, 3), "sentence", "two"),
        Mark(Span(2, 2), "sentence", "three"),
    ]
    spans = [cue.span for cue in cues(saying(marks))]
    assert [(each.start, round(each.end, 3)) for each in spans] == [(1, 2), (2, 2.3), (2.3, 3.0)]


def test_several_people_are_named(tmp_path: Path) -> None:
    analysis = saying([Mark(Span(1, 3), "sentence", "hello")], people=2)
    assert "<v person-1>" in write_vtt(analysis, tmp_path).read_text()
    assert "person-1: [" in write_srt(analysis, tmp_path).read_text()


def test_what_is_not_sure_enough_has_no_tag() -> None:
    analysis = sample_analysis(people=1)
    never = replace(analysis, people=(analysis.people[0].withholding(1.0),))
    assert any("%" in cue.text for cue in cues(analysis))
    assert not any("%" in cue.text or "[" in cue.text for cue in cues(never))
