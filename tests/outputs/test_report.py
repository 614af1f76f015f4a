"""The report: one file, no network, nothing unescaped, the right words and numbers."""

from __future__ import annotations

import base64
import gzip
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import plotly.graph_objects
import pytest
from plotly.offline import get_plotlyjs

from insula.core.records import Analysis, Observation
from insula.core.time import Mark, Span
from insula.outputs.charts import POINTS, milliseconds
from insula.outputs.phrases import affect_word, clock, headline, level, percent, signed, word
from insula.outputs.report import picture, write_html
from insula.testing.samples import sample_analysis

VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """Reads a page strictly: collects tags and text, fails where tags do not close."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "script":
            self.scripts.append((self.tags[-1][1], data))
        elif not self._open or self._open[-1] != "style":
            self.text += " " + data

    def figures(self) -> list[dict]:
        return [
            json.loads(text)
            for attributes, text in self.scripts
            if attributes.get("type") == "application/json"
        ]


def page_of(analysis: Analysis, folder: Path) -> Page:
    return Page(write_html(analysis, folder).read_text(encoding="utf-8"))


def test_every_case_makes_a_well_formed_page(any_analysis: Analysis, tmp_path: Path) -> None:
    page = page_of(any_analysis, tmp_path)
    assert any_analysis.recording in page.text
    Page(picture(any_analysis))


def test_the_page_loads_nothing(any_analysis: Analysis, tmp_path: Path) -> None:
    html = write_html(any_analysis, tmp_path).read_text(encoding="utf-8")
    for tag, attributes in Page(html).tags:
        assert tag not in {"link", "iframe", "img", "object", "embed"}
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            assert (attributes.get(name) or "#").startswith("#"), (tag, attributes)
    for style in re.findall(r"<style>(.*?)</style>", html, re.DOTALL):
        assert "url(" not in style and "@import" not in style
    for attributes, text in Page(html).scripts:
        if attributes.get("id") != "plotly":
            assert "http" not in text and "fetch(" not in text


def test_the_picture_is_small_and_needs_no_script(analysis: Analysis) -> None:
    assert len(picture(analysis)) < 50_000
    assert "<script" not in picture(analysis)
    assert analysis._repr_html_() == picture(analysis)


def test_the_packed_library_is_plotly(analysis: Analysis, tmp_path: Path) -> None:
    page = page_of(analysis, tmp_path)
    packed = next(text for attributes, text in page.scripts if attributes.get("id") == "plotly")
    assert gzip.decompress(base64.b64decode(packed)).decode() == get_plotlyjs()


def test_the_report_stays_small(tmp_path: Path) -> None:
    hour = sample_analysis(people=1, seconds=3600)
    assert write_html(hour, tmp_path).stat().st_size < 3_000_000
    nobody = sample_analysis(people=0)
    assert write_html(nobody, tmp_path).stat().st_size < 30_000


def test_figures_are_what_plotly_takes(any_analysis: Analysis, tmp_path: Path) -> None:
    for figure in page_of(any_analysis, tmp_path).figures():
        plain = re.sub(r"@(ink|soft|line|surface|accent)", "#123456", json.dumps(figure))
        plotly.graph_objects.Figure(json.loads(plain))  # raises on any property unknown to it


def test_curves_hold_the_numbers_in_at_most_so_many_points(tmp_path: Path) -> None:
    analysis = sample_analysis(people=1, seconds=3600)
    data = page_of(analysis, tmp_path).figures()[0]["data"]
    assert all(len(trace["x"]) <= POINTS + 5 * 20 for trace in data)  # 5 more for each gap
    short = sample_analysis(people=1, channels=("voice",))
    person = short.people[0]
    top = int(person.mean().argmax())
    traces = page_of(short, tmp_path).figures()[0]["data"]
    trace = next(each for each in traces if each["name"] == person.space.labels[top])
    first = trace["x"].index(milliseconds(person.track.times[person.track.mask][0]))
    seen = person.track.values[person.track.mask][0, top]
    assert trace["y"][first] == pytest.approx(float(seen), abs=1e-3)
    assert trace["y"][0] == trace["y"][-1] == 0


EVIL = '<script>alert("1")</script>&'


def test_everything_from_a_recording_is_escaped(analysis: Analysis, tmp_path: Path) -> None:
    person = "person-1" + EVIL
    marks = (
        Mark(Span(1, 2), "sentence", EVIL, language='en" onload="x'),
        Mark(Span(1, 2), "sound", EVIL, 0.5),
    )
    people = (replace(analysis.people[0], person=person), analysis.people[1])
    observed = Observation("words" + EVIL, person, analysis.span, marks=marks)
    evil = replace(
        analysis,
        recording=EVIL,
        streams={EVIL: EVIL},
        people=people,
        observations=(*analysis.observations, observed),
        channels={**analysis.channels, EVIL: replace(analysis.channels["face"], reason=EVIL)},
        notes=(EVIL,),
        provenance={"insula": EVIL, "config": {EVIL: EVIL}, "weights": {EVIL: EVIL}},
    )
    for html in (write_html(evil, tmp_path).read_text(encoding="utf-8"), picture(evil)):
        assert EVIL not in html
        assert "<script>alert" not in html
        assert 'onload="x' not in html
    assert page_of(evil, tmp_path).text.count(EVIL.rstrip("&")) >= 10


def test_names_that_come_into_figures_cannot_end_the_script(tmp_path: Path) -> None:
    analysis = sample_analysis(people=1)
    person = analysis.people[0]
    parts = {"</script><b>": person.parts["face"], "voice": person.parts["voice"]}
    page_of(replace(analysis, people=(replace(person, parts=parts),)), tmp_path)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "</script><b>" not in html


def test_it_says_appears_never_feels(any_analysis: Analysis, tmp_path: Path) -> None:
    text = page_of(any_analysis, tmp_path).text
    assert not re.search(r"\bfeels\b|\bis (happy|sad|angry)\b", text)
    if any_analysis.language == "en" and any_analysis.people:
        assert "appears" in text


def test_numbers_on_the_page_are_those_of_the_analysis(analysis: Analysis, tmp_path: Path) -> None:
    text = page_of(analysis, tmp_path).text
    for person in analysis.people:
        for label, share in person.top(3):
            assert re.search(rf"{label}\s+{share * 100:.0f}\u00a0%", text)
        assert f"{person.certainty * 100:.0f}\u00a0%" in text


def test_leaving_a_channel_out_is_told_in_points(tmp_path: Path) -> None:
    analysis = sample_analysis(people=1)
    mean = analysis.people[0].mean()
    best, other = int(mean.argmax()), int(mean.argmin())
    change = np.zeros(7)
    change[best], change[other] = -0.12, 0.12
    flip = np.zeros(7)
    flip[best], flip[other] = -1, 1
    changes = {"face": change, "voice": np.zeros(7), "words": flip}
    told = page_of(replace(analysis, without={"person-1": changes}), tmp_path).text
    label, name = analysis.people[0].space.labels[best], analysis.people[0].space.labels[other]
    assert f"{label} would fall by 12 points" in told
    assert "the answer would stay the same" in told
    assert f"{label} would fall by 100 points and {name} would come first" in told


def test_channels_that_did_not_run_say_why(tmp_path: Path) -> None:
    text = page_of(sample_analysis(people=1, channels=("words",)), tmp_path).text
    assert "did not run" in text
    assert "the recording has no video" in text


def test_the_responsible_use_text_is_inside_and_linked(
    any_analysis: Analysis, tmp_path: Path
) -> None:
    page = page_of(any_analysis, tmp_path)
    assert ("details", {"id": "responsible-use", "open": None}) in page.tags
    assert ("a", {"href": "#responsible-use"}) in page.tags


def test_lanes_carry_words_for_those_who_cannot_see_them(analysis: Analysis) -> None:
    lanes = [
        attributes
        for tag, attributes in Page(picture(analysis)).tags
        if tag == "div" and attributes.get("role") == "img"
    ]
    assert len(lanes) == len(analysis.people) * 4
    assert all(re.search(r": \d+:\d\d \w+|: –", lane["aria-label"] or "") for lane in lanes)


@pytest.mark.parametrize(
    ("top", "expected"),
    [
        ([("happiness", 0.62), ("neutral", 0.2)], "appears mostly happy"),
        ([("anger", 0.4), ("fear", 0.2)], "appears somewhat angry"),
        ([("neutral", 0.4), ("fear", 0.2)], "appears fairly neutral"),
        ([("sadness", 0.3), ("fear", 0.25)], "appears between sad and fearful"),
        ([], "showed nothing to go by"),
    ],
)
def test_headlines(top: list[tuple[str, float]], expected: str) -> None:
    assert headline(top, "en") == expected


def test_headlines_in_russian() -> None:
    assert headline([("happiness", 0.6), ("anger", 0.1)], "ru") == "внешне преобладает радость"


def test_numbers_and_times_in_words() -> None:
    assert clock(5) == "0:05"
    assert clock(3723.4) == "1:02:03"
    assert percent(0.617) == "62\u00a0%"
    assert signed(-0.2) == "−0.20"
    assert signed(-0.001) == "0.00"
    assert [level(share) for share in (0.1, 0.5, 0.9)] == ["low", "moderate", "high"]
    assert word(affect_word("valence", -0.7), "en") == "unpleasant"
    assert word(affect_word("arousal", 0.02), "en") == "neither calm nor excited"
    assert word("a channel of someone else", "en") == "a channel of someone else"


def test_words_with_braces_are_left_alone() -> None:
    assert word("{odd} name", "en") == "{odd} name"


def test_a_still_picture_has_no_course_over_time(tmp_path: Path) -> None:
    analysis = sample_analysis(people=1, seconds=0.5, channels=("face",))
    page = page_of(analysis, tmp_path)
    assert "no course over time" in page.text
    assert [tag for tag, found in page.tags if found.get("class") == "lane whole"] == []
    assert len(page.figures()) == 1  # the place on valence and arousal


def test_several_people_are_listed_at_the_top(analysis: Analysis, tmp_path: Path) -> None:
    page = page_of(analysis, tmp_path)
    targets = {found["id"] for _, found in page.tags if found.get("id")}
    links = [found["href"] for tag, found in page.tags if tag == "a" and found.get("href")]
    assert links == ["#person-0", "#person-1", "#responsible-use"]
    assert {str(link)[1:] for link in links} <= targets


def test_what_is_not_sure_enough_is_said_and_not_coloured(
    analysis: Analysis, tmp_path: Path
) -> None:
    never = tuple(person.withholding(1.0) for person in analysis.people)
    page = write_html(replace(analysis, people=never), tmp_path).read_text(encoding="utf-8")
    assert "cannot be labelled with enough confidence" in page
    assert "Not sure enough for a label: 100\u00a0% of it." in page
    assert "showed nothing to go by" not in page
    assert "appears" not in page.partition("<main>")[0]
