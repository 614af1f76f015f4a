"""The pipeline with channels that say fixed things (`methods.md` M22), and with the real ones."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import insula
from insula import Channel, Estimate, Mark, Observation, Pipeline, Recording, Span, Track
from insula.core.space import EKMAN7
from insula.errors import ConfigError, InsulaError, UnknownName
from insula.fusion.rules import Mean
from insula.fusion.wrap import Smoothed
from insula.media import video as videos

BOX = ("x", "y", "width", "height")
LEFT, RIGHT = (0.1, 0.2, 0.2, 0.4), (0.6, 0.2, 0.2, 0.4)
SECONDS = 12


def scores(label: str, share: float = 0.88) -> np.ndarray:
    """`share` for the label, the rest evenly for the others. (7,)"""
    row = np.full(7, (1 - share) / 6)
    row[EKMAN7.index(label)] = share
    return row


def says(span: Span, label: str, quality: float, source: str) -> Estimate:
    times = span.grid(0.5)
    track = Track(times, np.tile(scores(label), (len(times), 1)), EKMAN7.labels, width=0.5)
    return Estimate(EKMAN7, track, quality, source)


class FixedFace(Channel):
    """One face that wears one expression."""

    name = "face"
    needs = frozenset({"video"})
    gives = frozenset({"face"})
    space = "ekman7"

    def __init__(self, label: str = "happiness", quality: float = 0.9) -> None:
        self.label = label
        self.quality = quality

    def observe(self, recording: Recording) -> list[Observation]:
        times = np.concatenate([batch.times for batch in recording.frames(rate=5)])
        boxes = Track(times, np.tile(LEFT, (len(times), 1)), BOX, width=0.2)
        estimate = says(recording.span, self.label, self.quality, self.name)
        return [
            Observation(self.name, "face-0", recording.span, {"face": boxes}, estimate=estimate)
        ]


class FixedVoice(Channel):
    """One voice in one tone."""

    name = "voice"
    needs = frozenset({"audio"})
    gives = frozenset({"speech"})
    space = "ekman7"

    def __init__(self, label: str = "happiness", quality: float = 0.6) -> None:
        self.label = label
        self.quality = quality

    def observe(self, recording: Recording) -> list[Observation]:
        marks = (Mark(recording.span, "speech"),)
        estimate = says(recording.span, self.label, self.quality, self.name)
        return [Observation(self.name, "voice", recording.span, {}, marks, estimate)]


class Shifting(Channel):
    """Two faces that swap their numbers from window to window and change moods over time."""

    name = "face"
    needs = frozenset({"video"})
    gives = frozenset({"face"})
    space = "ekman7"

    def observe(self, recording: Recording) -> list[Observation]:
        span = recording.span
        times = np.arange(np.ceil(span.start / 0.2), np.ceil(span.end / 0.2)) * 0.2
        order = [LEFT, RIGHT] if int(span.start) % 2 else [RIGHT, LEFT]
        found = []
        for number, box in enumerate(order):
            first, then = ("happiness", "anger") if box == LEFT else ("sadness", "fear")
            share = np.clip(times / SECONDS, 0, 1)[:, None]
            values = scores(first) * (1 - share) + scores(then) * share
            estimate = Estimate(EKMAN7, Track(times, values, EKMAN7.labels, width=0.2), 0.8, "face")
            boxes = Track(times, np.tile(box, (len(times), 1)), BOX, width=0.2)
            found.append(
                Observation("face", f"face-{number}", span, {"face": boxes}, estimate=estimate)
            )
        return found


class Broken(Channel):
    """Breaks."""

    name = "broken"

    def observe(self, recording: Recording) -> list[Observation]:
        raise ZeroDivisionError("three by nothing")


class Curious(Channel):
    """Counts the frames it is shown."""

    needs = frozenset({"video"})

    def __init__(self, name: str = "curious", rate: float = 3.0) -> None:
        self.name = name
        self.rate = rate
        self.seen: list[float] = []

    def observe(self, recording: Recording) -> list[Observation]:
        for batch in recording.frames(rate=self.rate):
            self.seen += batch.times.tolist()
        return []


@pytest.fixture(scope="module")
def clip() -> Recording:
    """Grey frames and a tone."""
    times = np.arange(0, SECONDS, 0.2)
    tone = 0.1 * np.sin(2 * np.pi * 220 * np.arange(SECONDS * 16_000) / 16_000)
    frames = np.full((len(times), 36, 64, 3), 128, np.uint8)
    return insula.from_arrays("clip", audio=tone, frames=frames, frame_times=times)


def document(channels: Sequence[Channel], clip: Recording) -> dict[str, object]:
    return Pipeline(channels, Mean())(clip).to_dict()


def test_another_face_changes_the_report_only_through_fusion(clip: Recording) -> None:
    happy = document([FixedFace("happiness"), FixedVoice("sadness")], clip)
    angry = document([FixedFace("anger"), FixedVoice("sadness")], clip)
    for key in ("recording", "transcript", "sounds", "faces", "schema"):
        assert happy[key] == angry[key]
    assert happy["channels"]["voice"] == angry["channels"]["voice"]  # type: ignore[index]
    for label, analysis in (("happiness", happy), ("anger", angry)):
        expected = (scores(label) + scores("sadness")) / 2
        found = analysis["people"][0]["timeline"]["probabilities"]  # type: ignore[index]
        assert found == [pytest.approx(expected, abs=1e-4)] * len(found)


def test_video_without_audio_gives_an_answer_with_nothing_heard() -> None:
    times = np.arange(0, 4, 0.2)
    silent = insula.from_arrays(
        "silent", frames=np.zeros((20, 36, 64, 3), np.uint8), frame_times=times
    )
    found = document([FixedFace(), FixedVoice()], silent)
    top = found["people"][0]["summary"]["top"]  # type: ignore[index]
    assert top[0]["label"] == "happiness"
    assert len(top) == 3
    assert found["transcript"] == found["sounds"] == []
    assert found["channels"]["voice"] == {  # type: ignore[index]
        "ran": False,
        "reason": "the recording has no audio",
        "quality": None,
        "summary": None,
    }


def test_probabilities_sum_to_one_and_the_top_is_sorted(clip: Recording) -> None:
    analysis = Pipeline([FixedFace(), FixedVoice("fear")], Smoothed(Mean()))(clip)
    person = analysis.people[0]
    assert person.track.values.sum(axis=1) == pytest.approx(np.ones(len(person.track)), abs=1e-5)
    top = [probability for _, probability in person.top(7)]
    assert top == sorted(top, reverse=True)
    assert sum(top) == pytest.approx(1, abs=1e-5)


def test_a_channel_that_breaks_is_reported_and_the_rest_goes_on(clip: Recording) -> None:
    analysis = Pipeline([Broken(), FixedFace()], Mean())(clip)
    assert analysis.people[0].top(1)[0][0] == "happiness"
    report = analysis.channels["broken"]
    assert (report.ran, report.failed) == (False, True)
    assert report.reason == "ZeroDivisionError: three by nothing"
    assert "broken failed: ZeroDivisionError: three by nothing" in analysis.notes
    assert list(analysis.channels) == ["broken", "face"]


def test_strictness_lets_errors_through(clip: Recording) -> None:
    with pytest.raises(ZeroDivisionError):
        Pipeline([Broken(), FixedFace()], Mean(), on_missing="raise")(clip)
    soundless = insula.from_arrays("text", text=[Mark(Span(0, 1), "sentence", "Hello.")])
    with pytest.raises(InsulaError, match="no audio"):
        Pipeline([FixedVoice()], Mean(), on_missing="raise")(soundless)


class Patient(Channel):
    """Listens again and again, for half a minute if nobody stops it."""

    name = "patient"
    needs = frozenset({"audio"})

    def observe(self, recording: Recording) -> list[Observation]:
        for _ in range(3000):
            recording.audio(Span(0, 0.1))
            time.sleep(0.01)
        return []


def test_an_error_let_through_stops_the_other_channels(clip: Recording) -> None:
    started = time.monotonic()
    with pytest.raises(ZeroDivisionError):
        Pipeline([Broken(), Patient()], Mean(), on_missing="raise")(clip)
    assert time.monotonic() - started < 10


def test_two_channels_that_look_cost_one_decode(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decodes = []
    shots = videos.VideoFile.shots

    def counted(self: videos.VideoFile, span: Span) -> object:
        decodes.append(span)
        return shots(self, span)

    monkeypatch.setattr(videos.VideoFile, "shots", counted)
    slow, quick = Curious("slow", 2.0), Curious("quick", 10.0)
    Pipeline([slow, quick], Mean())(demo)
    assert len(decodes) == 1
    assert len(quick.seen) > 4 * len(slow.seen) > 0
    alone = Curious("alone", 2.0)
    Pipeline([alone], Mean())(demo)
    assert alone.seen == slow.seen


def test_leaving_a_channel_out(clip: Recording) -> None:
    analysis = Pipeline([FixedFace("happiness"), FixedVoice("sadness")], Mean())(clip)
    change = analysis.without["person-1"]["voice"]
    assert change == pytest.approx(scores("happiness") - analysis.people[0].mean(), abs=1e-5)
    assert change[EKMAN7.index("sadness")] < -0.3
    assert set(analysis.without["person-1"]) == {"face", "voice"}


def test_channels_that_disagree_are_noted(clip: Recording) -> None:
    disagree = Pipeline([FixedFace("happiness"), FixedVoice("sadness")], Mean())(clip)
    expected = (
        "channels disagree about person-1: face says happiness (88%) and voice says sadness (88%)"
    )
    assert expected in disagree.notes
    agree = Pipeline([FixedFace("sadness"), FixedVoice("sadness")], Mean())(clip)
    doubtful = Pipeline([FixedFace("happiness"), FixedVoice("sadness", quality=0.05)], Mean())(clip)
    assert not [note for note in (*agree.notes, *doubtful.notes) if "disagree" in note]


def test_a_pipeline_survives_its_file(tmp_path: Path) -> None:
    pipeline = Pipeline.load("voice-only")
    path = tmp_path / "mine.toml"
    pipeline.save(path)
    assert Pipeline.load(path).config() == pipeline.config()


@pytest.mark.parametrize("name", list(insula.presets()))
def test_every_preset_loads(name: str) -> None:
    assert Pipeline.load(name).channels


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('hopp = 1\n[channels.toy]\n[fusion]\nname = "mean"', "hop"),
        ('[channels.toy]\nlable = "fear"\n[fusion]\nname = "mean"', "Did you mean 'label'"),
        ('[channels.toy]\n[fusion]\nname = "mean"\nspce = "ekman7"', "Did you mean 'space'"),
        ("[channels.toy]", "fusion"),
        ('[fusion]\nname = "mean"', "channels"),
        ("[channels.toy\n", "TOML"),
        ('on_missing = "shrug"\n[channels.toy]\n[fusion]\nname = "mean"', "on_missing"),
        ('hop = 0\n[channels.toy]\n[fusion]\nname = "mean"', "hop"),
        ('[channels.face]\nrate = 0\n[fusion]\nname = "mean"', "rate"),
        ('[channels.face]\nrate = "often"\n[fusion]\nname = "mean"', "rate"),
        ('[channels]\nface = 5\n[fusion]\nname = "mean"', "face"),
        ('channels = ["face"]\n[fusion]\nname = "mean"', "channels"),
        ("[channels.toy]\n[fusion]\n", "name"),
    ],
)
def test_a_mistake_in_a_preset_is_explained(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        Pipeline.load(path)


def test_unknown_names_are_answered_with_the_closest(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="'fast'"):
        Pipeline.load("fats")
    path = tmp_path / "mine.toml"
    path.write_text('[channels.fase]\n[fusion]\nname = "mean"', encoding="utf-8")
    with pytest.raises(UnknownName, match="Did you mean 'face'"):
        Pipeline.load(path)


def test_describe_says_what_is_lacking_and_runs_nothing(clip: Recording) -> None:
    face, broken = FixedFace(), Broken()
    text = insula.from_arrays("text", text=[Mark(Span(0, 1), "sentence", "Hello.")])
    rows = Pipeline([face, broken], Mean()).describe(text)
    assert [row.channel for row in rows] == ["face", "broken"]
    assert [row.lacks for row in rows] == ["the recording has no video", ""]
    assert rows[0].needs == ("video",) and "ekman7" in rows[0].gives
    assert [row.lacks for row in Pipeline([face], Mean()).describe(clip)] == [""]


def test_describe_names_weights_and_terms() -> None:
    for row in Pipeline.load("fast").describe():
        assert row.weights and row.licence and row.size > 0, row


def test_a_stream_is_near_the_whole_and_persons_keep_their_names(clip: Recording) -> None:
    pipeline = Pipeline([Shifting()], Mean())
    whole = {each.person: each.track for each in pipeline(clip).people}
    moods = {name: track.values[0].argmax() for name, track in whole.items()}
    windows = list(pipeline.stream(clip, window=6, hop=1))
    assert len(windows) == SECONDS
    assert windows[-1].span == Span(SECONDS - 6, SECONDS)
    names = {each.person for window in windows for each in window.people}
    assert names == {"person-1", "person-2"}
    first = {each.person: each.track.values[0].argmax() for each in windows[0].people}
    same = {name: next(k for k in moods if moods[k] == first[name]) for name in names}
    for window in windows:
        for each in window.people:
            inner = (each.track.times > window.span.start + 0.5) & (
                each.track.times < window.span.end - 0.5
            )
            rows = np.searchsorted(whole[same[each.person]].times, each.track.times[inner] - 1e-6)
            expected = whole[same[each.person]].values[rows]
            assert each.track.values[inner] == pytest.approx(expected, abs=0.02)


def test_a_stream_of_a_file_keeps_its_one_person(demo: Path) -> None:
    """With the real face channel: its windows say what the whole says."""
    pipeline = Pipeline([insula.registry.channels.get("face")()], Mean())  # type: ignore[operator]
    (whole,) = pipeline(demo).people
    for window in pipeline.stream(demo, window=3, hop=1.5):
        assert [each.person for each in window.people] == ["person-1"]
        track = window.people[0].track
        inner = track.crop(Span(window.span.start + 0.5, window.span.end - 0.5))
        there = whole.track.crop(Span(window.span.start + 0.5, window.span.end - 0.5))
        assert inner.times == pytest.approx(there.times)
        assert np.abs(inner.values - there.values).mean() < 0.05


def test_analyses_at_once_say_what_each_says_alone(demo: Path) -> None:
    pipeline = Pipeline.load("fast")
    alone = pipeline(insula.open(demo).crop(Span(0, 4))).to_dict()
    with ThreadPoolExecutor(3) as threads:
        recordings = [insula.open(demo).crop(Span(0, 4)) for _ in range(3)]
        together = list(threads.map(lambda recording: pipeline(recording).to_dict(), recordings))
    assert together == [alone] * 3


def test_a_stream_of_one_voice_is_one_person(clip: Recording) -> None:
    windows = list(Pipeline([FixedVoice()], Mean()).stream(clip, window=4, hop=2))
    assert {each.person for window in windows for each in window.people} == {"person-1"}


def test_progress_runs_to_its_end(clip: Recording) -> None:
    told: dict[str, list[float]] = {"face": [], "voice": []}
    Pipeline([FixedFace(), FixedVoice()], Mean())(
        clip, progress=lambda name, share: told[name].append(share)
    )
    assert told["face"] == sorted(told["face"])
    assert told["face"][-1] == told["voice"][-1] == 1.0


def test_an_opinion_of_nobody_makes_no_nameless_person(clip: Recording) -> None:
    toy = insula.registry.channels.get("toy")()  # type: ignore[operator]
    analysis = Pipeline([toy, FixedFace()], Mean())(clip)
    assert [each.person for each in analysis.people] == ["person-1"]


def test_nothing_to_observe_is_an_answer_too() -> None:
    nothing = insula.from_arrays("nothing", span=Span(0, 2))
    analysis = Pipeline([FixedFace(), FixedVoice()], Mean())(nothing)
    assert analysis.people == ()
    assert [report.ran for report in analysis.channels.values()] == [False, False]
    analysis.to_dict()


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection can be opened."""

    def refuse(*arguments: object) -> None:
        raise AssertionError(f"insula opened a connection to {arguments[1:]}")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.usefixtures("offline")
def test_analysis_needs_no_network_and_names_its_weights(demo: Path) -> None:
    analysis = insula.analyze(demo)
    assert all(report.ran for report in analysis.channels.values()), analysis.channels
    weights = analysis.provenance["weights"]
    assert isinstance(weights, dict)
    assert {"face-ferplus", "voice-ravdess", "words-goemotions", "sounds-esc10"} <= set(weights)
    for name, value in weights.items():
        assert insula.zoo.find_card(name).files[0].sha256 == value
    assert analysis.provenance["config"] == Pipeline.load("fast").config()
    assert analysis.people and analysis.people[0].certainty > 0


def test_the_same_recording_gives_the_same_answer_twice(clip: Recording) -> None:
    pipeline = Pipeline([FixedFace(), FixedVoice("fear")], Smoothed(Mean()))
    assert pipeline(clip).to_dict() == pipeline(clip).to_dict()


def test_a_given_language_reaches_the_channels(
    monkeypatch: pytest.MonkeyPatch, clip: Recording
) -> None:
    heard = []
    monkeypatch.setattr(
        Pipeline, "__call__", lambda self, recording, **_: heard.append(self.channels)
    )
    analyze: Callable[..., object] = insula.analyze
    analyze(clip, spoken="ru")
    words = next(channel for channel in heard[0] if channel.name == "words")
    assert words.config()["language"] == "ru"


def test_what_is_less_sure_than_asked_stays_unlabelled(clip: Recording) -> None:
    channels = [Shifting()]  # both faces are in doubt half-way from one expression to the other
    everything = Pipeline(channels, Mean())(clip).people[0]
    least = float(np.median(everything.confidence))
    analysis = Pipeline(channels, Mean(), min_confidence=least)(clip)
    person = analysis.people[0]
    assert person.track.mask.tolist() == (everything.confidence >= least).tolist()
    assert person.confidence == pytest.approx(everything.confidence)
    said = [note for note in analysis.notes if "stays unlabelled" in note]
    assert said[0] == (
        f"{person.person}: {person.unlabelled:.0%} of the time with evidence stays unlabelled, "
        f"since the confidence there lies under {least:.2f}"
    )


def test_nobody_is_sure_enough_for_one(clip: Recording) -> None:
    analysis = Pipeline([FixedFace(), FixedVoice()], Mean(), min_confidence=1.0)(clip)
    assert analysis.people[0].top() == []
    assert analysis.people[0].unlabelled == 1.0
    assert analysis.without[analysis.people[0].person] == {}


@pytest.mark.parametrize("least", [-0.1, 1.5, "much", True])
def test_a_confidence_lies_between_0_and_1(least: object) -> None:
    config = {"channels": {}, "fusion": {"name": "mean"}, "min_confidence": least}
    message = f"`min_confidence` is {least!r}; it must be a number from 0 to 1, such as 0.5."
    with pytest.raises(ConfigError, match=re.escape(message)):
        Pipeline.from_config(config)
