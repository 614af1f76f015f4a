"""What probing says of good and bad files; nothing here decodes more than it must."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

import insula
from insula.errors import UnreadableMedia
from insula.media.container import probe
from insula.testing.synthetic import (
    cut_off,
    tone,
    write_audio,
    write_image,
    write_video,
)


def refusal(path: Path) -> str:
    """The message with which `path` is refused, which must be one line."""
    with pytest.raises(UnreadableMedia) as caught:
        insula.open(path)
    message = str(caught.value)
    assert "\n" not in message and message.startswith(f"Cannot read {str(path)!r}: ")
    return message.removeprefix(f"Cannot read {str(path)!r}: ")


def test_streams_and_span(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", seconds=2.0, audio=tone(2.0))
    recording = insula.open(path)
    assert recording.id == "clip.mp4"
    assert recording.span.start == 0.0
    assert recording.span.end == pytest.approx(2.0, abs=0.07)
    assert recording.streams == {
        "video": "160x120, 25.0 fps, h264",
        "audio": "aac, 16000 Hz, mono",
    }


def test_no_such_file_names_the_nearest(tmp_path: Path) -> None:
    write_audio(tmp_path / "interview.wav", tone(0.1))
    message = refusal(tmp_path / "intervew.wav")
    assert message == "there is no such file. Did you mean 'interview.wav'?"
    assert "check the path" in refusal(tmp_path / "zzz.mp4")
    assert "There is no folder" in refusal(tmp_path / "nowhere" / "a.mp4")


def test_folder(tmp_path: Path) -> None:
    assert refusal(tmp_path) == "it is a folder. Name the files in it."


def test_zero_bytes(tmp_path: Path) -> None:
    path = tmp_path / "empty.mp4"
    path.touch()
    assert refusal(path).startswith("the file is empty (0 bytes).")


@pytest.mark.parametrize("suffix", ["mp4", "mp3", "wav", "jpg", "png", "flac", "mkv", "bin"])
@pytest.mark.parametrize("size", [40, 100_000])
def test_random_bytes(tmp_path: Path, suffix: str, size: int) -> None:
    path = tmp_path / f"noise.{suffix}"
    path.write_bytes(np.random.default_rng(size).bytes(size))
    assert "no video, audio or image format" in refusal(path)


def test_mp4_without_its_index(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", seconds=4.0, audio=tone(4.0))
    cut_off(path, 0.7)  # the index lies at the end
    assert "the moov atom" in refusal(path)


def test_mp4_cut_off_after_its_index_is_as_long_as_what_is_left(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", seconds=8.0, audio=tone(8.0), index_first=True)
    whole = insula.open(path).span.duration
    recording = insula.open(cut_off(path, 0.6))
    assert whole == pytest.approx(8.0, abs=0.1)
    assert 3.0 < recording.span.duration < 6.5
    frames = sum(len(batch.times) for batch in recording.frames(rate=25))
    assert frames == pytest.approx(25 * recording.span.duration, abs=25)
    assert np.abs(recording.audio()).max() > 0.4


@pytest.mark.parametrize("share", [0.5, 0.02])
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_corrupt_image(tmp_path: Path, suffix: str, share: float) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (96, 128, 3), np.uint8)
    path = cut_off(write_image(tmp_path / f"face.{suffix}", picture), share)
    assert refusal(path) == "the image is damaged. Copy or export it again."


def test_names_with_spaces_cyrillic_colons_and_patterns(tmp_path: Path) -> None:
    for name in ("мой клип 1.mp4", "12:30 call.mp4", "take%03d.mp4", "http: a.mp4"):
        recording = insula.open(
            write_video(tmp_path / "x.mp4", seconds=0.4).rename(tmp_path / name)
        )
        assert len(next(recording.frames(rate=25)).times) == 10
    picture = np.zeros((32, 32, 3), np.uint8)
    path = write_image(tmp_path / "x.png", picture).rename(tmp_path / "кадр %d.png")
    assert "video" in insula.open(path).streams


def test_wrong_suffix_does_not_matter(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "a.wav", tone(0.5)).rename(tmp_path / "a.mp4")
    assert list(insula.open(path).streams) == ["audio"]


def test_several_audio_streams(tmp_path: Path) -> None:
    sounds = [tone(1.0, level=0.5), tone(1.0, level=0.1)]
    recording = insula.open(write_video(tmp_path / "clip.mkv", seconds=1.0, audio=sounds))
    assert recording.streams["audio"] == "aac, 16000 Hz, mono (number 1 of 2 audio streams)"
    assert np.abs(recording.audio()).max() > 0.4


def test_origin_is_the_earliest_stream(tmp_path: Path) -> None:
    path = write_video(
        tmp_path / "late.mkv", seconds=1.0, audio=tone(1.0), video_start=5.0, audio_start=6.0
    )
    container = probe(path)
    assert container.origin == pytest.approx(5.0, abs=0.03)
    assert container.end == pytest.approx(2.0, abs=0.1)


def test_a_damaged_timestamp_does_not_make_a_day_of_a_second(tmp_path: Path) -> None:
    good = write_video(tmp_path / "good.mkv", seconds=2.0, audio=tone(2.0))
    path = tmp_path / "bad.mkv"
    with av.open(str(good)) as old, av.open(str(path), "w") as new:
        streams = {each.index: new.add_stream_from_template(each) for each in old.streams}
        found = [packet for packet in old.demux() if packet.dts is not None]
        found[-1].pts = found[-1].dts = found[-1].pts + 80_000_000  # ms, nearly a day
        for packet in found:
            packet.stream = streams[packet.stream_index]
            new.mux(packet)
    recording = insula.open(path)
    assert recording.span.duration == pytest.approx(2.0, abs=0.2)
    assert len(recording.audio()) == pytest.approx(32_000, abs=3200)


def test_nothing_is_printed(tmp_path: Path) -> None:
    """libav has its own way to standard error, which capturing in this process would miss."""
    path = write_video(tmp_path / "clip.mp4", seconds=3.0, audio=tone(3.0), index_first=True)
    cut_off(path, 0.6)
    code = (
        "import sys, insula\n"
        "recording = insula.open(sys.argv[1])\n"
        "recording.audio(); list(recording.frames(rate=5))\n"
    )
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(path)], capture_output=True, check=True
    )
    assert run.stdout == run.stderr == b""
