"""What a media file holds, and the clock its streams share. Decodes one frame at most.

A container gives each stream its own start and time base. Here the earliest start of any video or
audio stream is second 0, and every other time in insula counts from there.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, Literal

import av
import av.stream
from av.audio.codeccontext import AudioCodecContext
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext

from insula.errors import UnreadableMedia

# libav reports damaged packets through exceptions that are handled here; its own lines on standard
# error would reach people who can do nothing with them.
av.logging.set_level(None)

# Seconds at the end of a file that are read to see where it really ends.
TAIL = 3.0
# A header may be off by a padded last packet; further off than this, the packets are right.
HEADER_TRUST = 0.5  # seconds
# No packet lasts longer. libav 8 gives the last one of some Ogg files a negative length, wrapped to
# three days.
LONGEST_PACKET = 3600.0  # seconds
# A file with fewer bits a second has a damaged timestamp somewhere; an hour of a still picture at
# 640x360 has some 300.
LOWEST_BIT_RATE = 50.0
# Raw streams carry no timestamps and no length, only a guess from the bit rate: count all packets.
RAW_FORMATS = frozenset({"aac", "ac3", "amr", "mp3", "h264", "hevc", "m4v", "mpegvideo"})
# Formats, by libav's first name for them, that can say how a video is to be turned: phones use it.
TURNING_FORMATS = frozenset({"mov", "matroska"})
# Subtitle codecs that hold text; the others (DVD, Blu-ray) hold pictures of text.
TEXT_CODECS = frozenset({"ass", "mov_text", "srt", "ssa", "subrip", "text", "webvtt"})

DAMAGED_IMAGE = ("the image is damaged", "Copy or export it again.")


@dataclass(frozen=True)
class StreamInfo:
    """One stream of a container, as found by probing.

    index: its number in the container. line: a few words for people. start: seconds on the
    container's own clock, None where the stream carries no timestamps. rate: frames a second
    (video) or 0. aspect: width of a pixel over its height (video). pixels: of a frame (video).
    """

    index: int
    codec: str
    line: str
    language: str = ""
    start: float | None = 0.0
    rate: float = 0.0
    aspect: float = 1.0
    pixels: int = 0


@dataclass(frozen=True)
class Container:
    """A media file: which of its streams are used, and its clock.

    origin: second on the container's clock that is second 0 here. end: its last second here.
    is_image: a still picture, one frame and no clock.
    """

    path: Path
    origin: float
    end: float
    video: StreamInfo | None
    audio: StreamInfo | None
    subtitles: tuple[StreamInfo, ...]
    is_image: bool = False

    def open(self) -> InputContainer:
        """A new libav handle; close it, or use it in a `with`."""
        return open_input(self.path)


def open_input(path: Path) -> InputContainer:
    """libav's handle on a file. "file:" keeps a colon in a name from reading as a protocol."""
    return av.open(f"file:{path}", "r", metadata_errors="replace")


class _Nameless:
    """A file without its name: by name libav takes any x.mp3 for an MP3, noise included."""

    def __init__(self, file: BinaryIO) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell


def _open_by_content(file: BinaryIO) -> InputContainer:
    return av.open(_Nameless(file), "r", metadata_errors="replace")


def check_file(path: Path) -> None:
    """Raise `UnreadableMedia` unless `path` is a file with something in it."""
    if path.is_dir():
        raise UnreadableMedia(path, "it is a folder", "Name the files in it.")
    if not path.exists():
        raise UnreadableMedia(path, "there is no such file", _closest(path))
    if path.stat().st_size == 0:
        raise UnreadableMedia(
            path, "the file is empty (0 bytes)", "Copy or record it again; nothing arrived."
        )


def _closest(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"There is no folder {str(folder)!r} either; check the path."
    names = [each.name for each in folder.iterdir()]
    close = difflib.get_close_matches(path.name, names, n=3, cutoff=0.6)
    if close:
        return f"Did you mean {' or '.join(map(repr, close))}?"
    return f"Nothing in {str(folder)!r} has a name like it; check the path."


def probe(path: Path) -> Container:
    """What the file at `path` holds, read off its header and its last packets."""
    check_file(path)
    try:
        with path.open("rb") as file, _open_by_content(file) as handle:
            return _describe(path, handle)
    except PermissionError as error:
        raise UnreadableMedia(path, "you may not read it", "Change its permissions.") from error
    except (av.FFmpegError, ValueError, OSError) as error:
        raise _not_media(path) from error


def _describe(path: Path, handle: InputContainer) -> Container:
    videos, audios, texts = _usable(handle)
    is_image = handle.format.name.endswith("_pipe")
    if is_image and not videos:
        raise UnreadableMedia(path, *DAMAGED_IMAGE)
    if not (videos or audios or texts):
        found = ", ".join(sorted({stream.type for stream in handle.streams})) or "nothing"
        raise UnreadableMedia(
            path,
            f"it holds no video, audio or subtitles that can be decoded (found: {found})",
            "Convert it to MP4, MKV, WAV or FLAC.",
        )
    timed = [*videos, *audios] or texts
    starts = [start for stream in timed if (start := _start(stream)) is not None]
    origin = min(starts, default=0.0)
    return Container(
        path,
        origin,
        1.0 if is_image else _end(path, handle, timed, origin),
        _choose(videos, "video"),
        _choose(audios, "audio"),
        tuple(_info(stream) for stream in texts),
        is_image,
    )


def _usable(
    handle: InputContainer,
) -> tuple[list[av.stream.Stream], list[av.stream.Stream], list[av.stream.Stream]]:
    """Streams that libav can decode, by kind; cover art is not video."""
    known = [stream for stream in handle.streams if stream.codec_context is not None]
    cover = av.stream.Disposition.attached_pic
    videos, audios, texts = [], [], []
    for stream in known:
        context = stream.codec_context
        if isinstance(context, VideoCodecContext) and context.width:
            videos += [] if stream.disposition & cover else [stream]
        elif isinstance(context, AudioCodecContext) and context.sample_rate:
            audios.append(stream)
        elif stream.type == "subtitle" and context.name in TEXT_CODECS:
            texts.append(stream)
    return videos, audios, texts


def _start(stream: av.stream.Stream) -> float | None:
    if stream.start_time is None or stream.time_base is None:
        return None
    return float(stream.start_time * stream.time_base)


def _choose(streams: list[av.stream.Stream], kind: Literal["video", "audio"]) -> StreamInfo | None:
    """The stream marked as default, else the first; its line says so where there are several."""
    if not streams:
        return None
    default = av.stream.Disposition.default
    chosen = next((stream for stream in streams if stream.disposition & default), streams[0])
    note = ""
    if len(streams) > 1:
        note = f" (number {streams.index(chosen) + 1} of {len(streams)} {kind} streams)"
    return _info(chosen, note)


def _info(stream: av.stream.Stream, note: str = "") -> StreamInfo:
    context = stream.codec_context
    language = (stream.metadata.get("language") or "").replace("und", "")
    start = _start(stream)
    if isinstance(context, VideoCodecContext):
        rate = float(getattr(stream, "average_rate", None) or stream.guessed_rate or 25)
        aspect = float(context.sample_aspect_ratio or Fraction(1)) or 1.0
        width, height = round(context.width * aspect), context.height
        if _is_turned(stream):
            width, height = height, width
        line = f"{width}x{height}, {round(rate, 2)} fps, {context.codec.canonical_name}"
        pixels = context.width * context.height
        return StreamInfo(
            stream.index, context.name, line + note, language, start, rate, aspect, pixels
        )
    if isinstance(context, AudioCodecContext):
        layout = context.layout.name
        line = f"{context.codec.canonical_name}, {context.sample_rate} Hz, {layout}"
        return StreamInfo(stream.index, context.name, line + note, language, start)
    line = ", ".join(part for part in (context.name, language) if part)
    return StreamInfo(stream.index, context.name, f"subtitles in the file ({line})", language)


def _is_turned(stream: av.stream.Stream) -> bool:
    """Whether a video is shown with its sides swapped; libav tells only with a decoded frame."""
    handle = stream.container
    assert isinstance(handle, InputContainer)
    if handle.format.name.split(",")[0] not in TURNING_FORMATS:
        return False
    try:
        handle.seek(0)
        frame = next(handle.decode(stream))
    except (av.FFmpegError, StopIteration, IndexError):
        return False
    return isinstance(frame, av.VideoFrame) and round(frame.rotation / 90) % 2 == 1


def _end(
    path: Path, handle: InputContainer, streams: list[av.stream.Stream], origin: float
) -> float:
    """Where the file ends on our clock.

    A header promises what a cut-off file no longer has, and some files promise nothing, so the
    packets near the end decide where the two disagree.
    """
    declared = handle.duration / av.time_base if handle.duration else 0.0
    measured = None
    if declared and handle.format.name not in RAW_FORMATS:
        try:
            handle.seek(int(max(0.0, declared + origin - TAIL) * av.time_base))
            measured = _last_end(handle, streams)
        except av.FFmpegError:
            measured = None
    if measured is None:
        with open_input(path) as again:
            measured = _last_end(again, [again.streams[stream.index] for stream in streams])
    if measured is not None:
        measured -= origin
        trusted = abs(measured - declared) < HEADER_TRUST
        declared = declared if trusted else max(0.0, measured)
    if declared and path.stat().st_size * 8 / declared < LOWEST_BIT_RATE:
        return _sum_of_packets(path, streams)
    return declared


def _sum_of_packets(path: Path, streams: list[av.stream.Stream]) -> float:
    """How long the packets of the longest stream last together, whatever their timestamps say."""
    lasted = dict.fromkeys((stream.index for stream in streams), 0.0)
    with open_input(path) as handle:
        for packet in packets(handle, [handle.streams[index] for index in lasted]):
            length = float((packet.duration or 0) * packet.time_base)
            lasted[packet.stream_index] += length if length < LONGEST_PACKET else 0.0
    return max(lasted.values())


def _last_end(handle: InputContainer, streams: list[av.stream.Stream]) -> float | None:
    """The end of the last packet, in seconds on the container's clock; None without packets."""
    last = None
    for packet in packets(handle, streams):
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is not None and packet.size and not packet.is_discard:
            length = float((packet.duration or 0) * packet.time_base)
            end = float(stamp * packet.time_base) + (length if length < LONGEST_PACKET else 0.0)
            last = end if last is None else max(last, end)
    return last


def packets(
    handle: InputContainer, streams: Iterable[av.stream.Stream]
) -> Iterator[av.Packet[av.stream.Stream]]:
    """Packets up to the end, or to where the file is cut off or damaged beyond reading on."""
    try:
        yield from handle.demux(*streams)
    except (av.FFmpegError, IndexError):  # PyAV 18 raises the latter at a stream that turns up late
        return


def _not_media(path: Path) -> UnreadableMedia:
    with path.open("rb") as file:
        head = file.read(12)
    if head[4:8] in (b"ftyp", b"mdat", b"moov", b"wide", b"free"):
        return UnreadableMedia(
            path,
            "its index (the moov atom) is missing, so the recording or the copy was cut short",
            "Copy or record it again, or rebuild the index with a repair tool.",
        )
    if head.startswith((b"\xff\xd8\xff", b"\x89PNG")):
        return UnreadableMedia(path, *DAMAGED_IMAGE)
    return UnreadableMedia(
        path,
        "its content is no video, audio or image format that can be decoded",
        "Give a media file such as MP4, MKV, WAV, FLAC, JPG or PNG, or a .txt, .srt or .vtt.",
    )
