"""Sound: any rate and layout to mono 16 kHz, on the clock, of exact length, in flat memory."""

from __future__ import annotations

import subprocess
import sys
import wave
from pathlib import Path

import av
import numpy as np
import pytest

import insula
from insula.core.time import Span
from insula.errors import NoSuchStream, UnreadableMedia
from insula.media.audio import IN_MEMORY, SAMPLE_RATE, Spool, to_float
from insula.testing.synthetic import noise, overwrite, silence, tone, write_audio, write_video


def loudness(audio: np.ndarray, begin: float, end: float) -> float:
    """Root mean square between two seconds."""
    part = audio[round(begin * SAMPLE_RATE) : round(end * SAMPLE_RATE)]
    return float(np.sqrt(np.mean(part**2)))


def pitch(audio: np.ndarray) -> float:
    """Hertz of the strongest component."""
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio))))
    return float(spectrum.argmax() * SAMPLE_RATE / len(audio))


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "m4a", "ogg", "float.wav"])
@pytest.mark.parametrize("sample_rate", [8000, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_any_codec_rate_and_layout(
    tmp_path: Path, suffix: str, sample_rate: int, channels: int
) -> None:
    sound = np.tile(tone(1.0, hertz=1000, sample_rate=sample_rate), (channels, 1))
    recording = insula.open(write_audio(tmp_path / f"a.{suffix}", sound, sample_rate=sample_rate))
    audio = recording.audio()
    assert audio.dtype == np.float32 and audio.ndim == 1
    assert len(audio) == pytest.approx(SAMPLE_RATE, abs=1200)
    middle = audio[2000:14000]
    assert pitch(middle) == pytest.approx(1000, abs=3)
    assert np.abs(middle).max() == pytest.approx(0.5, abs=0.05)  # mixing keeps the level


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_eight_channels(tmp_path: Path, suffix: str) -> None:
    sound = np.tile(tone(1.0), (8, 1))
    audio = insula.open(write_audio(tmp_path / f"a.{suffix}", sound)).audio()
    assert np.abs(audio).max() == pytest.approx(0.5, abs=0.02)


def test_channels_without_a_layout_count_alike(tmp_path: Path) -> None:
    path = tmp_path / "microphones.wav"
    sound = np.zeros((SAMPLE_RATE, 9), np.int16)
    sound[:, 8] = (tone(1.0, level=0.9) * 32767).astype(np.int16)
    with wave.open(str(path), "wb") as file:
        file.setparams((9, 2, SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes(sound.tobytes())
    audio = insula.open(path).audio()
    assert len(audio) == SAMPLE_RATE
    assert np.abs(audio).max() == pytest.approx(0.1, abs=0.01)


def test_nan_and_infinity_become_harmless(tmp_path: Path) -> None:
    sound = np.tile(tone(1.0, sample_rate=44100), (2, 1))
    sound[:, 5000:5010], sound[0, 20000] = np.nan, np.inf
    audio = insula.open(write_audio(tmp_path / "a.float.wav", sound, sample_rate=44100)).audio()
    assert np.isfinite(audio).all() and np.abs(audio).max() <= 1
    assert pitch(audio) == pytest.approx(440, abs=3)
    assert loudness(audio, 0.2, 0.4) == pytest.approx(0.5 / np.sqrt(2), abs=0.01)


def test_start_offset_becomes_silence(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", seconds=2.0, audio=tone(1.0), audio_start=0.8)
    audio = insula.open(path).audio()
    assert loudness(audio, 0, 0.7) < 0.001
    assert loudness(audio, 0.9, 1.7) > 0.3
    assert np.flatnonzero(np.abs(audio) > 0.05)[0] / SAMPLE_RATE == pytest.approx(0.8, abs=0.03)


def test_a_click_is_heard_when_it_happened(tmp_path: Path) -> None:
    sound = silence(2.0, sample_rate=44100)
    sound[round(1.234 * 44100)] = 1.0
    audio = insula.open(write_audio(tmp_path / "a.wav", sound, sample_rate=44100)).audio()
    assert np.abs(audio).argmax() / SAMPLE_RATE == pytest.approx(1.234, abs=0.001)


def without_packets(source: Path, path: Path, gap: Span) -> Path:
    """A copy of the sound in `source` that lacks the packets of `gap`."""
    with av.open(str(source)) as old, av.open(str(path), "w") as new:
        stream = new.add_stream_from_template(old.streams.audio[0])
        for packet in old.demux(audio=0):
            if packet.dts is not None and packet.dts * packet.time_base not in gap:
                packet.stream = stream
                new.mux(packet)
    return path


def test_gap_is_filled_with_silence(tmp_path: Path) -> None:
    """What comes after lost packets stays at its time."""
    sound = np.concatenate([tone(3.0), tone(1.0, hertz=2000)])
    whole = write_audio(tmp_path / "whole.m4a", sound)
    audio = insula.open(without_packets(whole, tmp_path / "gap.mkv", Span(1.0, 2.5))).audio()
    assert len(audio) == pytest.approx(4 * SAMPLE_RATE, abs=2000)
    assert loudness(audio, 1.15, 2.4) < 0.001
    assert min(loudness(audio, 0.1, 0.9), loudness(audio, 2.7, 3.9)) > 0.3
    assert pitch(audio[round(2.7 * SAMPLE_RATE) : round(2.9 * SAMPLE_RATE)]) < 500
    assert pitch(audio[round(3.15 * SAMPLE_RATE) : round(3.85 * SAMPLE_RATE)]) > 1900


def test_damaged_packets_are_left_out(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "a.m4a", tone(6.0))
    overwrite(path, 0.5, np.random.default_rng(1), count=3000)
    audio = insula.open(path).audio()
    assert len(audio) == pytest.approx(6 * SAMPLE_RATE, abs=2000)
    assert min(loudness(audio, 0.1, 2.0), loudness(audio, 4.5, 5.9)) > 0.3


def test_crop_is_a_slice_of_exact_length(tmp_path: Path) -> None:
    sound = noise(3.0, np.random.default_rng(0), sample_rate=44100)
    recording = insula.open(write_audio(tmp_path / "a.wav", sound, sample_rate=44100))
    whole = recording.audio()
    for begin, end in ((0.0, 1.0), (0.333, 2.7771), (2.9, 9.0), (1.0, 1.0)):
        span = Span(begin, end)
        first, last = round(begin * SAMPLE_RATE), round(min(end, 3.0) * SAMPLE_RATE)
        expected = whole[first:last]
        assert np.array_equal(recording.audio(span), expected)
        assert np.array_equal(recording.crop(span).audio(), expected)
        assert np.array_equal(recording.crop(span).audio(Span(0, 100)), expected)


def test_sound_shorter_than_the_video_is_padded(tmp_path: Path) -> None:
    recording = insula.open(write_video(tmp_path / "a.mp4", seconds=2.0, audio=tone(0.5)))
    audio = recording.audio()
    assert len(audio) == round(recording.span.end * SAMPLE_RATE)
    assert loudness(audio, 1.0, 2.0) == 0


def test_video_without_audio(tmp_path: Path) -> None:
    recording = insula.open(write_video(tmp_path / "a.mp4", seconds=0.4))
    assert set(recording.streams) == {"video"}
    with pytest.raises(NoSuchStream, match="has no audio stream"):
        recording.audio()


def test_nothing_that_can_be_decoded(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "a.m4a", tone(1.0))
    data = bytearray(path.read_bytes())
    first = data.index(b"mdat") + 4
    last = data.index(b"moov", first) - 4
    data[first:last] = b"\xff" * (last - first)
    path.write_bytes(data)
    with pytest.raises(UnreadableMedia, match="nothing of its audio stream"):
        insula.open(path).audio()


def test_spool_reads_the_same_from_memory_and_from_disk() -> None:
    spool = Spool()
    values = np.random.default_rng(0).integers(-32768, 32767, IN_MEMORY, np.int16)
    spool.silence(100)
    spool.append(values.tobytes())  # twice what stays in memory
    assert spool.length == 100 + len(values)
    part = spool.samples(99, 5000)
    assert part[0] == 0 and np.array_equal(part[1:], values[:4900] / np.float32(32768))
    assert np.array_equal(spool.samples(-3, 2), np.zeros(5))
    tail = spool.samples(spool.length - 1, spool.length + 2)
    assert tail.tolist() == [values[-1] / 32768, 0, 0]


def test_to_float_scales_every_type() -> None:
    assert to_float(np.array([-32768, 16384], np.int16)).tolist() == [-1, 0.5]
    assert to_float(np.array([0, 128], np.uint8)).tolist() == [-1, 0]
    assert to_float(np.array([-(2**31)], np.int32)).tolist() == [-1]
    assert to_float(np.array([np.nan, np.inf, -7.0])).tolist() == [0, 1, -1]


def test_memory_is_flat_in_the_length(tmp_path: Path) -> None:
    """Twelve times the sound may cost little more memory. In processes of their own."""
    if not Path("/proc/self/status").exists():
        pytest.skip("peak memory of a process is read from /proc")
    peaks = []
    for minutes in (2, 24):
        sound = np.tile(tone(60.0, sample_rate=8000), minutes)
        path = write_audio(tmp_path / f"{minutes}.flac", sound, sample_rate=8000)
        code = (
            "import sys, insula\n"
            "recording = insula.open(sys.argv[1])\n"
            "second = insula.Span(60, 61)\n"
            "assert len(recording.audio(second)) == 16000\n"
            "print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])\n"
        )
        run = subprocess.run(
            [sys.executable, "-c", code, str(path)], capture_output=True, check=True, text=True
        )
        peaks.append(int(run.stdout) / 1024)  # MB
    assert peaks[1] - peaks[0] < 8  # the samples alone take 46 MB at 16 bits
