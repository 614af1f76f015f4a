"""Transcripts and subtitles, in files, beside media and inside it, whole and broken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import insula
from insula.core.time import Mark, Span
from insula.errors import UnreadableMedia
from insula.media.container import StreamInfo
from insula.media.text import (
    READING_SPEED,
    Untimed,
    choose_stream,
    decode,
    in_reading_time,
    language_of,
    lay_over,
    parse_cues,
    sentences,
)
from insula.testing.synthetic import silence, tone, write_audio, write_video

SRT = """1
00:00:00,500 --> 00:00:01,500
<i>Hello</i> there,
my friend.

2
00:00:02,000 --> 00:00:03,250
How are you?
"""
RUSSIAN = "Я так рад тебя видеть! Это чудесная новость, и все довольны."
FRENCH = "Ça va très bien, merci. À bientôt, chère amie; c'était un été doré."


def said(marks: tuple[Mark, ...] | list[Mark]) -> list[tuple[float, float, str]]:
    return [(mark.span.start, mark.span.end, mark.text) for mark in marks]


def test_srt() -> None:
    assert said(parse_cues(SRT)) == [
        (0.5, 1.5, "Hello there, my friend."),
        (2.0, 3.25, "How are you?"),
    ]
    assert {mark.kind for mark in parse_cues(SRT)} == {"sentence"}
    assert said(parse_cues(SRT.replace("\n", "\r\n"))) == said(parse_cues(SRT))


def test_vtt() -> None:
    text = """WEBVTT - some title

STYLE
::cue { color: red }

NOTE a comment

intro
00:01.000 --> 00:02.000 align:start position:0%
<v Ann>Fish &amp; <c.loud>chips</c>

01:00:00.000 --> 01:00:01.000
Late.
"""
    assert said(parse_cues(text)) == [(1.0, 2.0, "Fish & chips"), (3600.0, 3601.0, "Late.")]


def test_broken_cues_are_left_out_and_the_good_ones_kept() -> None:
    text = """1
00:00:00,000 -> 00:00:01,000
Wrong arrow.

2
00:00:05,000 --> 00:00:04,000
Backwards.

three
00:00:01,000 --> 00:00:02,000
Good one.
4
00:00:02,000 --> 00:00:03,000
No empty line before.

5
00:00:0x,000 --> 00:00:09,000
No number.

6
0:0:7.5 --> 0:0:8
Short times.

7
00:00:09,000 --> 00:00:10,000
"""
    assert said(parse_cues(text)) == [
        (1.0, 2.0, "Good one."),
        (2.0, 3.0, "No empty line before."),
        (7.5, 8.0, "Short times."),
    ]


def test_cues_that_nobody_says_are_left_out() -> None:
    text = (
        "00:01.000 --> 00:02.000\n[tense music]\n\n"
        "00:02.000 --> 00:03.000\n♪ ♪\n\n"
        "00:03.000 --> 00:04.000\n[sighs] Not again.\n"
    )
    assert said(parse_cues(text)) == [(3.0, 4.0, "[sighs] Not again.")]


def test_a_sentence_over_several_cues_is_one() -> None:
    text = (
        "00:01.000 --> 00:02.000\nHello there, I am very\n\n"
        "00:02.100 --> 00:03.000\nhappy to be here\n\n"
        "00:03.000 --> 00:04.000\nwith you.\n\n"
        "00:04.000 --> 00:05.000\nand then nothing\n\n"
        "00:05.000 --> 00:06.000\nYes\n\n"
        "00:08.000 --> 00:09.000\nmuch later\n\n"
    )
    assert said(parse_cues(text)) == [
        (1.0, 4.0, "Hello there, I am very happy to be here with you."),
        (4.0, 5.0, "and then nothing"),
        (5.0, 6.0, "Yes"),
        (8.0, 9.0, "much later"),
    ]


def test_text_without_full_stops_does_not_grow_for_ever() -> None:
    cue = "00:{0:02}.000 --> 00:{0:02}.900\n{1}\n\n"
    marks = parse_cues("".join(cue.format(second, "word " * 10) for second in range(50)))
    assert len(marks) > 10
    assert max(len(mark.text) for mark in marks) <= 200


def test_cues_are_put_in_order() -> None:
    text = "00:05.000 --> 00:06.000\nB\n\n00:01.000 --> 00:02.000\nA\n"
    assert [mark.text for mark in parse_cues(text)] == ["A", "B"]


@pytest.mark.parametrize("name", ["words.srt", "words.vtt"])
def test_no_readable_cue(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("1\n00:00:0\nnonsense", encoding="utf-8")
    with pytest.raises(UnreadableMedia, match="holds no readable cue"):
        insula.open(tmp_path / name)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1251"])
def test_russian_encodings(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "слова.txt"
    path.write_bytes(RUSSIAN.encode(encoding))
    assert decode(path) == RUSSIAN


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_western_encodings(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "mots.txt"
    path.write_bytes(FRENCH.encode(encoding))
    assert decode(path) == FRENCH


def test_cp1251_subtitles_beside_a_video(tmp_path: Path) -> None:
    video = write_video(tmp_path / "клип.mp4", seconds=2.0, audio=tone(2.0))
    cue = f"1\n00:00:00,200 --> 00:00:01,800\n{RUSSIAN}\n"
    (tmp_path / "клип.ru.srt").write_bytes(cue.encode("cp1251"))
    recording = insula.open(video)
    assert recording.streams["text"] == "subtitles beside the file: клип.ru.srt"
    (mark,) = recording.text()
    assert (mark.text, mark.language) == (RUSSIAN, "ru")


def test_binary_called_text(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(bytes(range(256)))
    with pytest.raises(UnreadableMedia, match="it is not text"):
        insula.open(path)


def test_text_file_alone_takes_its_reading_time(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_text("I am glad. It is over!", encoding="utf-8")
    recording = insula.open(path, language="en")
    assert set(recording.streams) == {"text"}
    first, second = recording.text()
    assert (first.text, second.text) == ("I am glad.", "It is over!")
    assert first.span.duration == pytest.approx(10 / READING_SPEED)
    assert recording.span == Span(0, 21 / READING_SPEED)
    assert first.language == "en"


def test_no_words(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("  \n\n ", encoding="utf-8")
    with pytest.raises(UnreadableMedia, match="holds no words"):
        insula.open(tmp_path / "a.txt")


def test_text_given_beside_media_is_spread_over_it(tmp_path: Path) -> None:
    sound = write_audio(tmp_path / "a.wav", tone(10.0))
    (tmp_path / "said.txt").write_text("Four. Four more words here.", encoding="utf-8")
    recording = insula.open(sound, transcript=tmp_path / "said.txt")
    assert recording.streams["text"] == "transcript given: said.txt"
    first, second = recording.text()
    assert (first.span.start, second.span.end) == (0, pytest.approx(10))
    assert first.span.duration == pytest.approx(10 * 5 / 26)
    assert isinstance(first, Untimed)
    assert first.placed == "they were spread over the whole, for no speech is to be heard"


def test_text_given_beside_media_is_spread_over_the_speech(demo: Path, tmp_path: Path) -> None:
    spoken = insula.open(demo).audio(Span(0.5, 3.8))  # one stretch of speech
    sound = write_audio(tmp_path / "a.wav", np.concatenate([silence(20), spoken, silence(10)]))
    (tmp_path / "said.txt").write_text("Four. Four more words here.", encoding="utf-8")
    recording = insula.open(sound, transcript=tmp_path / "said.txt")
    first, second = recording.text()
    assert first.span.start == pytest.approx(20, abs=0.2)
    assert first.span.end == second.span.start
    assert second.span.end == pytest.approx(23.2, abs=0.3)
    assert isinstance(second, Untimed) and second.placed == "they were spread over the speech"
    assert recording.crop(Span(0, 19)).text() == ()
    assert recording.crop(Span(19, 33)).text() == (first, second)


def test_text_beside_sound_that_cannot_be_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(recording: insula.Recording) -> None:
        raise UnreadableMedia("a.wav", "nothing can be decoded", "Copy it again.")

    monkeypatch.setattr("insula.media.recording.speech", broken)
    sound = write_audio(tmp_path / "a.wav", tone(2.0))
    (tmp_path / "said.txt").write_text("Words.", encoding="utf-8")
    (mark,) = insula.open(sound, transcript=tmp_path / "said.txt").text()
    assert mark.span == Span(0, 2)


def test_a_sentence_over_a_pause_takes_the_stretch_with_more_of_it() -> None:
    marks = in_reading_time(["a" * 10, "b" * 20, "c" * 10], "en")
    moved = lay_over(marks, [Span(0, 2), Span(60, 62)], "somewhere")
    spans = [(mark.span.start, mark.span.end) for mark in moved]
    assert spans == [pytest.approx(each) for each in [(0, 1), (1, 2), (61, 62)]]
    moved = lay_over(marks, [Span(0, 1.5), Span(60, 62.5)], "somewhere")
    assert (moved[1].span.start, moved[1].span.end) == pytest.approx((60, 61.5))
    timed = [Mark(Span(3, 4), "sentence", "x")]
    assert lay_over(timed, [Span(0, 1)], "somewhere") == timed


def test_missing_transcript(tmp_path: Path) -> None:
    sound = write_audio(tmp_path / "a.wav", tone(0.1))
    with pytest.raises(UnreadableMedia, match="no such file"):
        insula.open(sound, transcript=tmp_path / "b.srt")


def test_which_subtitles_beside_the_file(tmp_path: Path) -> None:
    sound = write_audio(tmp_path / "clip.wav", tone(1.0))
    cue = "00:00.100 --> 00:00.900\n{}\n"
    for name in ("clip.de.vtt", "clip.en.vtt", "clip2.vtt", "other.clip.vtt"):
        (tmp_path / name).write_text("WEBVTT\n\n" + cue.format(name), encoding="utf-8")
    assert insula.open(sound).text()[0].text == "clip.de.vtt"
    assert insula.open(sound, language="en").text()[0].text == "clip.en.vtt"
    assert "text" not in insula.open(sound, language="ru").streams
    (tmp_path / "clip.vtt").write_text("WEBVTT\n\n" + cue.format("plain"), encoding="utf-8")
    assert insula.open(sound).text()[0].text == "plain"
    assert insula.open(sound, language="ru").text()[0].text == "plain"


def test_which_subtitles_inside_the_file() -> None:
    streams = [
        StreamInfo(number, "srt", name, name) for number, name in enumerate(("rus", "ger", ""))
    ]
    wanted = [choose_stream(streams, language) for language in ("", "ru", "de", "en")]
    assert [each.index for each in wanted if each is not None] == [0, 0, 1, 2]
    assert choose_stream(streams[:2], "en") is None
    assert choose_stream([], "") is None


def test_broken_subtitles_beside_a_file_do_not_cost_the_file(tmp_path: Path) -> None:
    sound = write_audio(tmp_path / "clip.wav", tone(1.0))
    (tmp_path / "clip.srt").write_text("nonsense", encoding="utf-8")
    recording = insula.open(sound)
    assert len(recording.audio()) == 16000
    with pytest.raises(UnreadableMedia, match="no readable cue"):
        recording.text()


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_subtitle_stream_inside(tmp_path: Path, suffix: str) -> None:
    marks = [
        Mark(Span(0.5, 1.0), "sentence", "Hello there."),
        Mark(Span(1.2, 1.9), "sentence", "Привет, мир!"),
    ]
    path = write_video(tmp_path / f"a.{suffix}", audio=tone(2.0), subtitles=marks)
    recording = insula.open(path)
    assert recording.streams["text"].startswith("subtitles in the file")
    assert said(recording.text()) == said(marks)


def test_crop_of_text(tmp_path: Path) -> None:
    sound = write_audio(tmp_path / "a.wav", tone(4.0))
    (tmp_path / "a.srt").write_text(SRT, encoding="utf-8")
    recording = insula.open(sound)
    assert said(recording.crop(Span(0, 2.5)).text()) == [(0.5, 1.5, "Hello there, my friend.")]
    assert said(recording.crop(Span(2.5, 4)).text()) == [(2.5, 3.25, "How are you?")]


def test_language_of_a_name() -> None:
    names = {"a.ru.srt": "ru", "a.en-US.vtt": "en", "a.srt": "", "a.v2.srt": "", "a.rus.srt": ""}
    assert {name: language_of(Path(name)) for name in names} == names


def test_sentences() -> None:
    text = 'He said "Stop!" and left... Why?! 你好。再见。\n\nNew part without end'
    assert sentences(text) == [
        'He said "Stop!" and left...',
        "Why?!",
        "你好。",
        "再见。",
        "New part without end",
    ]
