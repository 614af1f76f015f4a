"""Whether a file of a corpus is what its name says: opened, decoded to its end, and judged.

    path -> the kind that its suffix names -> decoded -> what is wrong with it, "" where nothing is

* sound and film: every packet decoded; an error of the decoder, a frame that it marks as damaged,
  and a length that falls short of what the header promises are damage. A pipeline reads on past
  all of these, with silence in the gap; whoever checks a copy wants to know.
* pictures: decoded without pardon, so that half a JPEG counts as damaged;
* `.gz`, `.zip`: unpacked to the end, against their checksums, and what is inside judged likewise;
* tables, texts, JSON: UTF-8 or Windows-1252, and valid JSON; `.npy`: an array;
* anything else: read to its end.

What this cannot see: bytes changed in uncompressed samples, an Ogg file cut at the end of a page.
"""

from __future__ import annotations

import gzip
import io
import json
import zipfile
import zlib
from pathlib import Path, PurePath

import av
import cv2
import numpy as np

from insula.errors import UnreadableMedia
from insula.media.container import probe
from insula.media.video import read_image

SOUND = (".wav", ".flac", ".opus", ".ogg", ".mp3", ".m4a", ".aac", ".wma")
FILM = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".wmv", ".mpg")
PICTURES = (".png", ".jpg", ".jpeg", ".bmp")
TEXTS = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".srt", ".vtt")
# Sound may be shorter than its header says by the decoder's delay and a padded last packet, under
# 0.1 s in all clips seen (November 2026). FLAC is exact, and a packet of it lasts 72 ms at 16 kHz.
SHORT = 0.2  # seconds
SHORT_OF_FLAC = 0.001
UNKNOWN_SIZES = (0, 0xFFFFFFFF)  # in a WAV header by a recorder that could not seek back
PIECE = 1 << 20  # bytes read at once of what is not decoded


def find_damage(path: Path) -> str:
    """What is wrong with the file at `path`, in words; "" where it is intact."""
    suffix = path.suffix.lower()
    try:
        if path.stat().st_size == 0:
            return "the file is empty (0 bytes)"
        if suffix in SOUND + FILM:
            return _in_media(path)
        if suffix in PICTURES:
            read_image(path)
            return ""
        if suffix == ".zip":
            return _in_zip(path)
        if suffix == ".gz":
            with gzip.open(path) as packed:
                return _in_bytes(packed.read(), path.with_suffix(""))
        if suffix in TEXTS or suffix == ".npy":
            return _in_bytes(path.read_bytes(), path)
        with path.open("rb") as file:
            while file.read(PIECE):
                pass
    except UnreadableMedia as error:
        return error.reason
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        return f"it cannot be read ({error})"
    return ""


def _in_media(path: Path) -> str:
    """Of its streams of sound and of pictures, the first that does not decode to its end."""
    if path.suffix.lower() == ".wav" and (cut := _cut_wav(path)):
        return cut
    seconds: dict[int, float] = {}  # decoded so far, of each stream
    with probe(path).open() as handle:
        streams = [*handle.streams.audio, *handle.streams.video]
        for stream in streams:
            stream.codec_context.options = {"err_detect": "crccheck+explode"}
        try:
            for packet in handle.demux(*streams):
                number = packet.stream.index
                for frame in packet.decode():
                    assert isinstance(frame, av.AudioFrame | av.VideoFrame)
                    if frame.is_corrupt:
                        return f"a frame at {frame.time or 0.0:.1f} s is damaged"
                    seconds.setdefault(number, 0.0)
                    if isinstance(frame, av.AudioFrame):
                        seconds[number] += frame.samples / frame.sample_rate
        except (av.FFmpegError, IndexError) as error:
            return f"its decoding stops with an error ({type(error).__name__})"
        for stream in streams:
            if stream.index not in seconds:
                return f"nothing of its {stream.type} stream can be decoded"
        for stream in handle.streams.audio:  # of pictures, an edit list may leave some out
            if stream.duration is not None and stream.time_base is not None:
                promised, heard = float(stream.duration * stream.time_base), seconds[stream.index]
                exact = stream.codec_context.name == "flac"
                if heard < promised - (SHORT_OF_FLAC if exact else SHORT):
                    return f"{heard:.1f} s of sound decode; its header promises {promised:.1f} s"
    return ""


def _cut_wav(path: Path) -> str:
    """A WAV that is shorter than its header says; libav would take what is there for all of it."""
    with path.open("rb") as file:
        head = file.read(8)
    size, there = int.from_bytes(head[4:], "little"), path.stat().st_size
    if head[:4] != b"RIFF" or size in UNKNOWN_SIZES or size + 8 <= there:
        return ""
    return f"it is cut off: {there} bytes of {size + 8}"


def _in_zip(path: Path) -> str:
    """Every damaged file of an archive."""
    damaged = []
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.is_dir():
                continue
            try:
                found = _in_bytes(archive.read(member), PurePath(member.filename))
            except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
                found = f"it cannot be unpacked ({error})"
            if found:
                damaged.append(f"{member.filename}: {found}")
    return "; ".join(damaged)


def _in_bytes(data: bytes, name: PurePath) -> str:
    """The same for what is in memory; its kind is that of its name."""
    suffix = name.suffix.lower()
    if suffix in PICTURES:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if data else None
        return "it is no picture" if image is None else ""
    if suffix == ".npy":
        try:
            np.load(io.BytesIO(data), allow_pickle=False)
        except (ValueError, EOFError) as error:
            return f"it is no array ({error})"
        return ""
    return _in_text(data, suffix) if suffix in TEXTS else ""


def _in_text(data: bytes, suffix: str) -> str:
    if b"\0" in data:
        return "it is no text: it holds zero bytes"
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = data.decode("cp1252")
        except UnicodeDecodeError as error:
            return f"it is no text in UTF-8 or Windows-1252 ({error.reason} at {error.start})"
    documents = [text] if suffix == ".json" else text.splitlines() if suffix == ".jsonl" else []
    try:
        for document in documents:
            json.loads(document)
    except json.JSONDecodeError as error:
        return f"it is no valid JSON ({error})"
    return ""
