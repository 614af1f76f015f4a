"""Words: where the transcript comes from, and what its sentences say."""

from __future__ import annotations

import inspect
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from faster_whisper import WhisperModel

import insula
from insula import Mark, Observation, Recording, Span
from insula.channels.words import Words, whisper
from insula.channels.words.language import language_of
from insula.channels.words.recognition import choose_engine
from insula.core.time import overlap
from insula.testing.synthetic import noise, silence, tone, write_audio
from insula.zoo.card import find_card
from insula.zoo.session import Model


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
    assert language_of("Das ist schlecht") == "de"
    assert language_of("Je suis triste") == "fr"
    assert language_of("Привіт, як справи") == "uk"
    for english in ("Yes", "Oh no!", "My dog died", "I hate it", "Four."):
        assert language_of(english) == "en"
    for russian in ("Ой", "Не надо", "Привет", "Спасибо"):
        assert language_of(russian) == "ru"
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
    assert "the text has no times; they were spread over the speech" in observation.notes


def test_text_without_times_says_so(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_text("I am so glad to see you all again.", encoding="utf-8")
    assert read(insula.open(path)).notes == (
        "the text has no times; their times are those of reading it",
    )
    assert read(said("I am so glad to see you all again.")).notes == ()


def test_a_text_too_short_to_tell_its_language_says_so() -> None:
    assert "taken for 'en'" in read(said("I am glad.")).notes[0]
    assert "taken for 'ru'" in read(said("Я рад.")).notes[0]
    assert read(said("I am glad."), language="en").notes == ()
    assert read(said("I am glad.", language="en")).notes == ()


def test_broken_subtitles_where_nobody_speaks_make_no_person(tmp_path: Path) -> None:
    sound = write_audio(tmp_path / "clip.wav", silence(2))
    (tmp_path / "clip.srt").write_text("nonsense", encoding="utf-8")
    observation = read(insula.open(sound))
    assert observation.person == "" and "Listening instead" in observation.notes[0]


def test_one_long_text_does_not_pad_all_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    real = Model.shared("words-goemotions")

    class Counting:
        card, notes = real.card, real.notes

        def run(self, **inputs: np.ndarray) -> dict[str, np.ndarray]:
            sizes.append(inputs["ids"].size)
            return dict(real.run(**inputs))

    texts = [f"I am happy about number {n}." for n in range(200)]
    texts[50] = "This makes me so sad. " * 100
    alone = [read(said(text)).estimate for text in (texts[50], texts[0])]
    monkeypatch.setattr(Model, "shared", lambda name: Counting())
    together = read(said(*texts)).estimate
    longest = 128  # pieces
    assert max(sizes) <= 32 * longest and sum(sizes) < 40 * longest
    assert together is not None
    for single, second in zip(alone, (101, 1), strict=True):
        assert single is not None
        row = together.track.values[np.searchsorted(together.track.times, second)]
        assert row == pytest.approx(single.mean(), abs=0.02)


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
    assert Words().weights == ("words-goemotions", "words-ru")
    for file in find_card("whisper-base").files:
        path = tmp_path / "whisper-base" / file.name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    assert Words().weights == ("words-goemotions", "words-ru", "whisper-base")
    assert Words(engine="pocketsphinx").weights == ("words-goemotions", "words-ru")


class Whisper:
    """Stands in for WhisperModel: hears one word a second, everywhere, and counts its calls."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, str | None]] = []
        self.asked: list[float] = []

    def detect_language(self, audio: np.ndarray) -> tuple[str, float, list[tuple[str, float]]]:
        self.asked.append(len(audio) / 16_000)
        return "ru", 0.9, [("ru", 0.9)]

    def transcribe(
        self, audio: np.ndarray, language: str | None = None, **options: object
    ) -> tuple[list[SimpleNamespace], SimpleNamespace]:
        self.heard.append((len(audio) / 16_000, language))
        words = [
            SimpleNamespace(
                start=float(n), end=n + 0.9, text=" слово", avg_logprob=-0.1, no_speech_prob=0.1
            )
            for n in range(len(audio) // 16_000)
        ]
        return words, SimpleNamespace(language=language)


def test_whisper_hears_long_pieces_in_one_language(monkeypatch: pytest.MonkeyPatch) -> None:
    stub = Whisper()
    monkeypatch.setattr(whisper, "_model", lambda name: stub)
    recording = insula.from_arrays("x", audio=silence(120))
    spans = [Span(second, second + 1.5) for second in (*range(0, 40, 2), 60, *range(70, 90, 2))]
    marks = list(whisper.listen(recording, spans, "whisper-tiny", ""))
    assert [seconds for seconds, _ in stub.heard] == pytest.approx([27.5, 11.5, 27.5, 1.5])
    assert stub.asked == pytest.approx([27.5])
    assert {language for _, language in stub.heard} == {"ru"} == {mark.language for mark in marks}
    assert marks and all(overlap([mark.span], spans) > 0 for mark in marks)
    assert not any(61.5 < mark.span.middle < 70 for mark in marks)

    stub = Whisper()
    monkeypatch.setattr(whisper, "_model", lambda name: stub)
    marks = list(whisper.listen(recording, spans, "whisper-tiny", "en"))
    assert {mark.language for mark in marks} == {"en"}
    assert stub.asked == []


def test_whisper_pieces() -> None:
    assert whisper.pieces([]) == []
    assert whisper.pieces([Span(0, 40), Span(41, 42)]) == [Span(0, 40), Span(41, 42)]
    assert whisper.pieces([Span(5, 6), Span(0, 1), Span(28.5, 29)]) == [Span(0, 6), Span(28.5, 29)]


def test_the_stub_of_whisper_has_its_signature() -> None:
    for name in ("transcribe", "detect_language"):
        real = inspect.signature(getattr(WhisperModel, name)).parameters
        ours = [p for p in inspect.signature(getattr(Whisper, name)).parameters if p != "options"]
        assert set(ours) <= set(real)
    assert "condition_on_previous_text" in inspect.signature(WhisperModel.transcribe).parameters


def test_a_famous_speech_is_recognised(clips: Path) -> None:
    """Kennedy, 1961: 11 seconds; eleven of his words are enough to know it by."""
    text = " ".join(mark.text for mark in read(insula.open(clips / "jfk.flac")).marks).lower()
    words = {"my", "fellow", "americans", "ask", "not", "what", "your", "country", "can", "do"}
    assert len(words & set(text.split())) >= 6, text
