"""Text that comes with a recording: transcripts, subtitle files, subtitle streams -> sentences.

The parser of SubRip and WebVTT is our own, thirty lines, because it must read on past a broken cue
and count what it lost; the libraries for either format stop at the first one or read only one.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import av
from av.subtitles.stream import SubtitleStream
from av.subtitles.subtitle import AssSubtitle

from insula.core.time import Mark, Span
from insula.errors import UnreadableMedia
from insula.media.container import Container, StreamInfo, check_file, packets

CUE_FORMATS = (".srt", ".vtt")
FORMATS = (".txt", *CUE_FORMATS)
# Reading speed of subtitles, characters a second: between the 12 of older broadcasting guidelines
# and the 17 to 20 of streaming services. Used only where text has no times at all.
READING_SPEED = 15.0
# A sentence often runs over several cues. Two cues belong to one where the first does not end it,
# the second goes on at once, and both together are no longer than a long sentence.
AT_ONCE = 1.0  # seconds
LONGEST_SENTENCE = 200  # characters

_CLOCK = r"(?:(\d{1,3}):)?(\d{1,2}):(\d{1,2})(?:[.,](\d{1,3}))?"
_TIMES = re.compile(rf"^\s*{_CLOCK}\s*-->\s*{_CLOCK}")
_TAG = re.compile(r"<[^<>]*>|\{\\[^{}]*\}")
_SPACE = re.compile(r"\s+")
# A cue that only describes what is heard: "[music]", "(laughs)", "♪".
_NOT_SPEECH = re.compile(r"(?:\[[^\]]*\]|\([^)]*\)|[♪♫#*\s-])*")
# Up to a full stop that is not followed by a small letter, an empty line or the end.
_SENTENCE = re.compile(
    r".+?(?:[.!?…]+[\"'»”’)]*(?=\s*$|\s+(?![a-zа-яё]))|[。！？]+|(?=\n\s*\n)|$)", re.DOTALL
)
_CYRILLIC_RUN = re.compile(r"[Ѐ-ӿ]{2,}")
_ENDS = re.compile(r"[.!?…。！？][\"'»”’)\]]*$")


@dataclass(frozen=True)
class Untimed(Mark):
    """A sentence of a text that says no times. placed: where its own come from, for people."""

    placed: str = ""


def read_text_file(path: Path, *, language: str = "") -> list[Mark]:
    """The sentences of a .txt, .srt or .vtt file, in order of time.

    Those of a .txt are `Untimed` and take the time it takes to read them; `lay_over` moves them to
    where they are spoken. language: of the text; by default what the file name says
    ("clip.ru.srt").
    """
    check_file(path)
    text = decode(path)
    language = language or language_of(path)
    if path.suffix.lower() in CUE_FORMATS:
        marks = parse_cues(text, language)
        if not marks:
            raise UnreadableMedia(
                path,
                "it holds no readable cue",
                "A cue is a line such as 00:00:01,000 --> 00:00:02,500 and the text below it.",
            )
        return marks
    marks = in_reading_time(sentences(text), language)
    if not marks:
        raise UnreadableMedia(path, "it holds no words", "Give a file with the words spoken.")
    return marks


def decode(path: Path) -> str:
    """The text of a file in UTF-8, UTF-16 (with a mark), CP1251 or CP1252."""
    data = path.read_bytes()
    try:
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            return data.decode("utf-16")
        if b"\0" not in data:
            return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    if b"\0" in data:
        raise UnreadableMedia(
            path, "it is not text", "Give a text file in UTF-8, or name the media file itself."
        )
    return data.decode("cp1251" if looks_cyrillic(data) else "cp1252", errors="replace")


def looks_cyrillic(data: bytes) -> bool:
    """Whether bytes that are not UTF-8 read better in CP1251 than in CP1252.

    Both use the same bytes. In Russian they stand side by side and make whole words; in Western
    languages one accented letter stands among plain ones.
    """
    letters = sum(byte >= 0xC0 for byte in data)
    in_words = sum(len(run) for run in _CYRILLIC_RUN.findall(data.decode("cp1251", "replace")))
    return in_words > letters / 2


def language_of(path: Path) -> str:
    """ "ru" for "clip.ru.srt"; "" where the name says nothing."""
    parts = path.name.split(".")
    code = parts[-2].split("-")[0].split("_")[0].lower() if len(parts) > 2 else ""
    return code if len(code) == 2 and code.isalpha() else ""


def parse_cues(text: str, language: str = "") -> list[Mark]:
    """Sentences of SubRip or WebVTT text, in order of time; broken cues are left out."""
    marks = []
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    starts = [number for number, line in enumerate(lines) if _TIMES.match(line)]
    for start, following in pairwise([*starts, len(lines)]):
        times = _TIMES.match(lines[start])
        assert times is not None
        body = lines[start + 1 : following]
        # The words end at the first empty line; what follows is the next cue's number.
        length = next((number for number, line in enumerate(body) if not line.strip()), len(body))
        if following < len(lines) and length == len(body) and body and body[-1].strip().isdigit():
            length -= 1  # the empty line between two cues is missing
        begin, end = _seconds(*times.groups()[:4]), _seconds(*times.groups()[4:])
        marks.append(_sentence(begin, end, " ".join(body[:length]), language))
    return joined(mark for mark in marks if mark is not None)


def _seconds(hours: str | None, minutes: str, seconds: str, fraction: str | None) -> float:
    whole = int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)
    return whole + int((fraction or "0").ljust(3, "0")) / 1000


def _sentence(begin: float, end: float, text: str, language: str) -> Mark | None:
    """A mark, or None where the times run backwards or nothing is said."""
    words = plain(text)
    if end <= begin or _NOT_SPEECH.fullmatch(words):
        return None
    return Mark(Span(begin, end), "sentence", words, language=language)


def joined(cues: Iterable[Mark]) -> list[Mark]:
    """Cues in order of time; those that are parts of one sentence become one mark."""
    marks: list[Mark] = []
    for cue in sorted(cues, key=lambda mark: mark.span):
        if marks and _goes_on(marks[-1], cue):
            span = Span(marks[-1].span.start, max(marks[-1].span.end, cue.span.end))
            marks[-1] = replace(marks[-1], span=span, text=f"{marks[-1].text} {cue.text}")
        else:
            marks.append(cue)
    return marks


def _goes_on(cue: Mark, following: Mark) -> bool:
    """Whether the sentence of `cue` goes on in `following`, to tell by its small first letter."""
    return (
        following.text[0].islower()
        and not _ENDS.search(cue.text)
        and following.span.start - cue.span.end <= AT_ONCE
        and len(cue.text) + len(following.text) < LONGEST_SENTENCE
    )


def plain(text: str) -> str:
    """Text without markup: tags (<i>, <v Name>, {\\an8}), entities, double spaces.

    >>> plain("<v Ann><i>Fish</i> &amp; chips")
    'Fish & chips'
    """
    return _SPACE.sub(" ", html.unescape(_TAG.sub("", text))).strip()


def sentences(text: str) -> list[str]:
    """Running text cut at the ends of sentences.

    >>> sentences("So you came. Did you? Yes!")
    ['So you came.', 'Did you?', 'Yes!']
    """
    return [words for part in _SENTENCE.findall(text) if (words := _SPACE.sub(" ", part).strip())]


def in_reading_time(parts: Iterable[str], language: str) -> list[Mark]:
    """One sentence after another, as long as it takes to read them."""
    marks: list[Mark] = []
    start = 0.0
    for words in parts:
        span = Span(start, start + len(words) / READING_SPEED)
        placed = "their times are those of reading it"
        marks.append(Untimed(span, "sentence", words, language=language, placed=placed))
        start = span.end
    return marks


def lay_over(marks: Sequence[Mark], stretches: Sequence[Span], placed: str) -> list[Mark]:
    """`Untimed` sentences one after another over `stretches`, in proportion to their length.

    A sentence that begins in one stretch and ends in another takes the one that holds more of it,
    so that nobody is said to speak between them. Marks with times of their own stay as they are.
    """
    if not all(isinstance(mark, Untimed) for mark in marks):
        return list(marks)
    scale = sum(span.duration for span in stretches) / marks[-1].span.end
    moved: list[Mark] = []
    for mark in marks:
        passed, pieces = 0.0, []  # seconds of the stretches before; the sentence's part in each
        for stretch in stretches:
            sentence = Span(scale * mark.span.start, scale * mark.span.end)
            piece = sentence.shifted(stretch.start - passed) & stretch
            pieces.append(piece)
            passed += stretch.duration
        best = max(pieces, key=lambda piece: piece.duration)
        moved.append(Untimed(best, mark.kind, mark.text, mark.score, mark.language, placed))
    return moved


def find_sidecar(path: Path, language: str = "") -> Path | None:
    """Subtitles beside a media file: clip.srt, clip.vtt or clip.ru.srt for clip.mp4.

    First those in `language`, then those whose name says no language. Those in another language are
    not what is said; they are taken only where no `language` is asked for.
    """
    if not path.parent.is_dir():
        return None
    found = []
    for each in path.parent.iterdir():
        stem, suffix = each.stem, each.suffix.lower()
        code = language_of(each)
        plain_name = stem == path.stem
        if suffix in CUE_FORMATS and (plain_name or (code and Path(stem).stem == path.stem)):
            if language and code not in ("", language):
                continue
            rank = 0 if code and code == language else 1 if plain_name else 2
            found.append((rank, each.name, each))
    return min(found)[2] if found else None


def choose_stream(streams: Iterable[StreamInfo], language: str = "") -> StreamInfo | None:
    """The subtitle stream in `language`, else the first that does not say another one."""
    streams = tuple(streams)
    same = [each for each in streams if language and _code(each) == language]
    open_to_all = [each for each in streams if not language or not each.language]
    return next(iter(same or open_to_all), None)


def _code(info: StreamInfo) -> str:
    """The ISO 639-1 code of a stream's language; "" where it says none or one not known here."""
    return _ISO.get(info.language, info.language if len(info.language) == 2 else "")


def read_stream(container: Container, info: StreamInfo) -> list[Mark]:
    """The sentences of a subtitle stream inside a container, in order of time."""
    marks = []
    language = _code(info)
    with container.open() as handle:
        stream = handle.streams[info.index]
        assert isinstance(stream, SubtitleStream)
        for packet in packets(handle, [stream]):
            if packet.pts is None or not packet.size:
                continue
            try:
                words = " ".join(_words(each) for each in packet.decode())
            except (av.FFmpegError, UnicodeDecodeError):
                continue  # one damaged cue
            begin = float(packet.pts * packet.time_base) - container.origin
            end = begin + float((packet.duration or 0) * packet.time_base)
            mark = _sentence(max(0.0, begin), end, words, language)
            if mark is not None:
                marks.append(mark)
    return joined(marks)


def _words(subtitle: object) -> str:
    """The text of a decoded cue; libav hands every format over as an ASS event."""
    if not isinstance(subtitle, AssSubtitle):
        return ""
    return subtitle.dialogue.decode("utf-8", "replace").replace("\\N", " ").replace("\\n", " ")


# ISO 639-2 codes of containers -> the ISO 639-1 codes used here; others are left unnamed.
_ISO = {
    "eng": "en",
    "rus": "ru",
    "deu": "de",
    "ger": "de",
    "fra": "fr",
    "fre": "fr",
    "spa": "es",
    "ita": "it",
    "por": "pt",
    "zho": "zh",
    "chi": "zh",
    "jpn": "ja",
    "kor": "ko",
    "ara": "ar",
    "hin": "hi",
    "tur": "tr",
    "ukr": "uk",
    "pol": "pl",
    "nld": "nl",
    "dut": "nl",
}
