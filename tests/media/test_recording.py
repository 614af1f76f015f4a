"""The door: arrays in, crops, what is shared, and what opening costs."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest

import insula
from insula.core.time import Mark, Span
from insula.errors import NoSuchStream
from insula.media.video import VideoFile
from insula.testing.synthetic import tone, write_video


def frames(count: int = 10) -> dict[str, np.ndarray]:
    images = np.zeros((count, 48, 64, 3), np.uint8)
    images[:] = np.arange(count, dtype=np.uint8)[:, None, None, None] * 20
    return {"frames": images, "frame_times": np.arange(count) / 10}


def test_opening_decodes_nothing(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", seconds=2.0, audio=tone(2.0))
    recording = insula.open(path)
    assert isinstance(recording._video, VideoFile) and recording._video.decoded == 0
    assert recording._audio._spool is None


def test_arrays_come_back_as_they_were() -> None:
    sentence = Mark(Span(0.2, 0.6), "sentence", "Hello.")
    audio = tone(1.0)
    recording = insula.from_arrays("x", audio=audio, **frames(), text=[sentence])
    assert recording.span == Span(0, 1)
    assert set(recording.streams) == {"audio", "video", "text"}
    assert np.array_equal(recording.audio(), audio)
    (batch,) = recording.frames(rate=10)
    assert np.array_equal(batch.images, frames()["frames"])
    assert batch.times == pytest.approx(frames()["frame_times"])
    assert recording.text() == (sentence,)


def test_arrays_shrink_and_thin_out() -> None:
    (batch,) = insula.from_arrays("x", **frames()).frames(rate=5, longest_side=32)
    assert batch.images.shape == (5, 24, 32, 3)
    assert batch.images[:, 0, 0, 0] == pytest.approx([0, 40, 80, 120, 160], abs=1)


def test_arrays_of_any_rate_and_shape() -> None:
    stereo = np.stack([tone(1.0, sample_rate=44100), tone(1.0, sample_rate=44100)], axis=1)
    audio = insula.from_arrays("x", audio=stereo, sample_rate=44100).audio()
    assert len(audio) == 16000
    assert np.abs(audio - tone(1.0))[200:-200].max() < 0.01
    whole = insula.from_arrays("x", audio=(tone(1.0) * 32767).astype(np.int16)).audio()
    assert np.abs(whole - tone(1.0)).max() < 1e-4


def test_arrays_that_start_later() -> None:
    recording = insula.from_arrays("x", audio=tone(1.0), span=Span(5, 7))
    audio = recording.audio()
    assert len(audio) == 32000 and np.array_equal(audio[:16000], tone(1.0))
    assert not audio[16000:].any()


def test_arrays_that_make_no_sense() -> None:
    good = frames()
    with pytest.raises(ValueError, match=r"give \(N, H, W, 3\) uint8"):
        insula.from_arrays("x", frames=good["frames"][..., 0], frame_times=good["frame_times"])
    with pytest.raises(ValueError, match="without frame_times"):
        insula.from_arrays("x", frames=good["frames"])
    with pytest.raises(ValueError, match="strictly increasing"):
        insula.from_arrays("x", frames=good["frames"], frame_times=np.zeros(10))


def test_nothing_at_all() -> None:
    recording = insula.from_arrays("x", span=Span(0, 5))
    assert recording.streams == {} and recording.text() == ()
    with pytest.raises(NoSuchStream, match="no stream at all"):
        recording.frames(rate=5)


def test_crop_keeps_the_clock_and_stays_inside() -> None:
    recording = insula.from_arrays("x", audio=tone(4.0))
    part = recording.crop(Span(1, 3)).crop(Span(2, 10))
    assert part.span == Span(2, 3)
    assert np.array_equal(part.audio(), tone(4.0)[32000:48000])


def test_shared_is_made_once_by_many_threads() -> None:
    recording = insula.from_arrays("x", audio=tone(1.0))
    calls = []

    def make() -> object:
        calls.append(threading.get_ident())
        time.sleep(0.05)
        return object()

    found: list[object] = []
    views = recording.views(4)
    threads = [
        threading.Thread(target=lambda view=view: found.append(view.shared("key", make)))
        for view in views
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1 and len({id(each) for each in found}) == 1
    assert recording.shared("key", make) is found[0]
    assert recording.crop(Span(0, 0.5)).shared("key", make) is not found[0]


def test_shared_may_ask_for_something_else_and_fail_and_be_tried_again() -> None:
    recording = insula.from_arrays("x", audio=tone(1.0))
    assert recording.shared("outer", lambda: recording.shared("inner", lambda: 1) + 1) == 2
    with pytest.raises(ZeroDivisionError):
        recording.shared("failing", lambda: 1 / 0)
    assert recording.shared("failing", lambda: "now") == "now"


def test_real_clips(clips: Path) -> None:
    """Every clip opens, and gives frames and sound of the promised shape."""
    for path in sorted(path for path in clips.iterdir() if path.is_file()):
        recording = insula.open(path)
        part = recording.crop(Span(0, 1.5))
        if "audio" in part.streams:
            assert len(part.audio()) == round(part.span.end * 16000)
        if "video" in part.streams:
            batches = list(part.frames(rate=5, longest_side=320))
            times = np.concatenate([batch.times for batch in batches])
            assert len(times) and (np.diff(times) > 0).all() and times[-1] < 1.5
            assert max(batches[0].images.shape[1:3]) <= 320
