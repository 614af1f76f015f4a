"""Words: where the transcript comes from, and what its sentences say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import insula
from insula import Mark, Observation, Recording, Span
from insula.channels.words import Words
from insula.channels.words.language import language_of
from insula.channels.words.recognition import choose_engine
from insula.testing.synthetic import noise, silence, tone


def said(*texts: str, score: float = 1.0, language: str = "") -> Recording:
    """Sentences of two seconds, one after another."""
    marks = [
        Mark(Span(2 * n, 2 * n + 2), "sentence", text, score, language)
        for n, text in enumerate(texts)
    ]
    return insula.from_arrays("said", text=marks)


def read(recording: Recording, **arguments: str) -> Observation:
    (observation,) = Words(**arguments).observe(recording)
    return observation


def top(observation: Observation) -> str:
    assert observation.estimate is not None
    return observation.estimate.top(1)[0][0]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("I am so happy, this is wonderful news!", "happiness"),
        ("I am furious, how dare you do this to me!", "anger"),
        ("I feel so sad and lonely, I miss her every day.", "sadness"),
        ("I am terrified, I am so scared of this.", "fear"),
        ("Wow, I did not expect that at all, what a surprise!", "surprise"),
        ("That is disgusting, it makes me sick.", "disgust"),
        ("Я так рад, это прекрасные новости!", "happiness"),
        ("Мне очень грустно и одиноко.", "sadness"),
    ],
)
def test_plain_sentences_are_read_plainly(text: str, label: str) -> None:
    observation = read(said(text))
    assert top(observation) == label


def test_sentences_count_when_they_are_said() -> None:
    observation = read(said("I am so happy, thank you!", "I am so sad, I am crying."))
    assert observation.estimate is not None
    track = observation.estimate.track
    labels = [observation.estimate.space.labels[row.argmax()] for row in track.values]
    assert labels == ["happiness"] * 4 + ["sadness"] * 4
    assert observation.estimate.affect is not None
    valence = observation.estimate.affect.track.column("valence")
    assert valence[:4].mean() > valence[4:].mean() + 0.2


def test_the_language_is_found_sentence_list_by_sentence_list() -> None:
    assert {mark.language for mark in read(said("I am glad to see you.")).marks} == {"en"}
    assert {mark.language for mark in read(said("Я рад тебя видеть.")).marks} == {"ru"}
    assert language_of("Nein!") in ("en", "de")
    assert language_of("Да") == "ru"
    assert language_of("12:30 …") == ""


def test_a_language_the_model_does_not_know_is_a_note_and_no_guess() -> None:
    german = "Ich bin heute sehr traurig, weil der Sommer vorbei ist und es nur noch regnet."
    observation = read(said(german))
    assert observation.estimate is None
    assert [mark.text for mark in observation.marks] == [german]
    assert "'de'" in observation.notes[0]


def test_doubtful_recognition_and_few_words_lower_quality() -> None:
    text = "I am so happy to see you"
    assert read(said(text, score=0.4)).quality == pytest.approx(0.4, abs=1e-3)
    assert read(said("Yes")).quality == pytest.approx(0.25, abs=1e-3)
    assert read(said(text)).quality == pytest.approx(1.0, abs=1e-3)


def test_no_text_is_invented_where_nobody_speaks() -> None:
    rng = np.random.default_rng(0)
    for samples in (silence(3), tone(3), noise(3, rng)):
        assert Words().observe(insula.from_arrays("sound", audio=samples)) == []


def test_a_text_given_is_preferred_to_what_is_heard(demo: Path, tmp_path: Path) -> None:
    transcript = tmp_path / "said.txt"
    transcript.write_text("I am furious!", encoding="utf-8")
    observation = read(insula.open(demo, transcript=transcript))
    assert [mark.text for mark in observation.marks] == ["I am furious!"]


def test_speech_is_recognised_with_times_and_confidence(demo: Path) -> None:
    recording = insula.open(demo)
    observation = read(recording, engine="pocketsphinx")
    assert "happy" in " ".join(mark.text for mark in observation.marks).lower()
    for mark in observation.marks:
        assert 0 <= mark.score <= 1
        assert recording.span.start <= mark.span.start < mark.span.end <= recording.span.end
        assert mark.language == "en"
    assert any("no language was given" in note for note in observation.notes)


def test_the_engine_follows_the_language(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("INSULA_HOME", str(tmp_path))  # nothing was pulled
    assert choose_engine("auto", "") == ("pocketsphinx", "")
    assert choose_engine("auto", "en") == ("pocketsphinx", "")
    engine, reason = choose_engine("auto", "ru")
    assert engine == ""
    assert "'ru'" in reason and "insula models pull whisper-small" in reason
    assert choose_engine("whisper-base", "ru") == ("whisper-base", "")


def test_a_famous_speech_is_recognised(clips: Path) -> None:
    """Kennedy, 1961: 11 seconds; eleven of his words are enough to know it by."""
    text = " ".join(mark.text for mark in read(insula.open(clips / "jfk.flac")).marks).lower()
    words = {"my", "fellow", "americans", "ask", "not", "what", "your", "country", "can", "do"}
    assert len(words & set(text.split())) >= 6, text
