"""Frames: when they are, which are picked, which way up, and one decode for several readers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import insula
from insula.core.time import Span
from insula.media import video
from insula.media.container import probe
from insula.media.painting import Shot
from insula.media.video import FrameArrays, SharedShots, VideoFile, nearest_to_grid
from insula.testing.synthetic import (
    black,
    brightness_of_time,
    corner,
    overwrite,
    tone,
    write_image,
    write_video,
)


def times_of(recording: insula.Recording, rate: float) -> np.ndarray:
    return np.concatenate([[], *(batch.times for batch in recording.frames(rate=rate))])


def means_of(recording: insula.Recording, rate: float) -> np.ndarray:
    batches = recording.frames(rate=rate)
    return np.concatenate([batch.images.mean(axis=(1, 2, 3)) for batch in batches])


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds whose brightness tells the time."""
    path = tmp_path_factory.mktemp("video") / "clip.mp4"
    return write_video(path, seconds=4.0, picture=brightness_of_time)


def picked(times: list[float], rate: float) -> list[float]:
    blank = np.zeros((len(times), 2, 2, 3), np.uint8)
    shots = FrameArrays(np.array(times), blank).shots(Span(0, 1e9))
    return [shot.time for shot in nearest_to_grid(shots, rate)]


def test_every_frame_at_its_own_rate(clip: Path) -> None:
    assert times_of(insula.open(clip), 25) == pytest.approx(np.arange(100) / 25)


def test_frames_show_what_was_there_at_their_time(clip: Path) -> None:
    recording = insula.open(clip)
    for batch in recording.frames(rate=5):
        assert batch.images.dtype == np.uint8 and batch.images.shape[1:] == (120, 160, 3)
        assert len(batch.times) <= video.BATCH
        expected = 20 + 25 * batch.times
        assert batch.images.mean(axis=(1, 2, 3)) == pytest.approx(expected, abs=2.5)


def test_lower_rates_pick_the_nearest_without_duplicates() -> None:
    regular = [number / 25 for number in range(50)]
    assert picked(regular, 5) == pytest.approx([k / 5 for k in range(10)])
    assert picked(regular, 1000) == regular
    assert picked([0.0, 0.9, 1.2, 2.0, 2.1], 1) == [0.0, 0.9, 2.0]
    assert picked([0.0, 3.0], 1) == [0.0, 3.0]  # one frame held for three seconds
    assert picked([2.0, 2.04], 1) == [2.0]  # the first answers for all before it
    assert picked([], 5) == []


def test_variable_frame_rate(tmp_path: Path) -> None:
    times = [0.0, 0.04, 0.08, 0.5, 1.0, 1.04, 2.5, 2.6]
    path = write_video(tmp_path / "v.mkv", times=times, picture=brightness_of_time)
    recording = insula.open(path)
    assert times_of(recording, 100) == pytest.approx(times, abs=0.001)
    assert means_of(recording, 100) == pytest.approx(20 + 25 * np.array(times), abs=2.5)


def test_start_offset(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mkv", seconds=1.0, audio=tone(2.0), video_start=0.75)
    times = times_of(insula.open(path), 25)
    assert times[0] == pytest.approx(0.75, abs=0.03) and len(times) == 25


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_rotation(tmp_path: Path, rotation: int) -> None:
    path = write_video(tmp_path / "v.mp4", seconds=0.4, picture=corner, rotation=rotation)
    image = next(insula.open(path).frames(rate=25, longest_side=80)).images[0]
    expected = np.rot90(corner(0, 80, 60), rotation // 90)
    assert image.shape == expected.shape
    assert np.abs(image.astype(int) - expected).mean() < 6


def test_shrinking_only_shrinks(clip: Path) -> None:
    recording = insula.open(clip)
    assert next(recording.frames(rate=1, longest_side=80)).images.shape[1:] == (60, 80, 3)
    assert next(recording.frames(rate=1, longest_side=999)).images.shape[1:] == (120, 160, 3)


@pytest.mark.parametrize("rotation", [0, 90])
@pytest.mark.parametrize("longest_side", [None, 40])
def test_greys_show_what_colours_show(
    tmp_path: Path, rotation: int, longest_side: int | None
) -> None:
    path = write_video(tmp_path / "v.mp4", seconds=0.2, picture=corner, rotation=rotation)
    arrays = np.stack([corner(0, 80, 60)] * 2)
    in_memory = insula.from_arrays("x", frames=arrays, frame_times=np.array([0.0, 0.04]))
    for recording in (insula.open(path), in_memory):
        for picture in recording.pictures(rate=25, longest_side=longest_side):
            colours, greys = picture.colours(), picture.greys()
            assert greys.dtype == np.uint8 and greys.shape == colours.shape[:2]
            brightness = colours @ [0.299, 0.587, 0.114]
            assert np.corrcoef(greys.ravel(), brightness.ravel())[0, 1] > 0.99


def test_pictures_are_the_frames(clip: Path) -> None:
    recording = insula.open(clip)
    pictures, batch = list(recording.pictures(rate=3)), next(recording.frames(rate=3))
    assert [picture.time for picture in pictures] == pytest.approx(batch.times)
    for picture, image in zip(pictures, batch.images, strict=True):  # long after it was decoded
        assert (picture.colours() == image).all()


def test_requests_that_make_no_sense(clip: Path) -> None:
    recording = insula.open(clip)
    for rate in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="positive"):
            recording.frames(rate=rate)
    with pytest.raises(ValueError, match="at least 1"):
        recording.frames(rate=1, longest_side=0)


@pytest.mark.parametrize("rate", [25, 10, 3, 1])
@pytest.mark.parametrize("span", [Span(1.0, 2.0), Span(2.23, 3.61), Span(0, 0.5), Span(3.9, 9)])
def test_crop_is_a_slice(clip: Path, rate: float, span: Span) -> None:
    whole, part = insula.open(clip), insula.open(clip).crop(span)
    times = times_of(whole, rate)
    inside = (times >= span.start) & (times < span.end)
    assert part.span == span & whole.span
    assert times_of(part, rate) == pytest.approx(times[inside])
    if inside.any():
        assert means_of(part, rate) == pytest.approx(means_of(whole, rate)[inside])


def test_a_crop_does_not_decode_from_the_start(tmp_path: Path) -> None:
    path = write_video(tmp_path / "long.mp4", seconds=20.0, size=(64, 48))
    source = VideoFile(probe(path))
    list(video.pictures(source, Span(18.0, 19.0), rate=5, longest_side=None))
    assert source.decoded < 70  # a second, and up to a key frame before it


def test_damage_in_the_middle_is_left_out(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", seconds=6.0, size=(320, 240))
    overwrite(path, 0.5, np.random.default_rng(3), count=300)
    times = times_of(insula.open(path), 25)
    assert times[0] == 0.0 and times[-1] > 5.5
    assert 120 < len(times) <= 150


def test_nothing_that_can_be_decoded(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", seconds=1.0, index_first=True)
    data = bytearray(path.read_bytes())
    first = data.index(b"mdat") + 4
    data[first:] = bytes(len(data) - first)
    path.write_bytes(data)
    with pytest.raises(insula.InsulaError, match="no frame of its video stream"):
        list(insula.open(path).frames(rate=5))


def test_one_frame_and_black(tmp_path: Path) -> None:
    path = write_video(tmp_path / "one.mp4", times=[0.0], picture=black)
    (batch,) = insula.open(path).frames(rate=25)
    assert batch.images.shape == (1, 120, 160, 3) and batch.images.max() < 3


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "webp"])
def test_image_is_one_frame_at_second_0(tmp_path: Path, suffix: str) -> None:
    picture = corner(0, 64, 48)
    recording = insula.open(write_image(tmp_path / f"face.{suffix}", picture))
    assert recording.span == Span(0, 1)
    assert recording.streams == {"video": "64x48, a still image"}
    (batch,) = recording.frames(rate=25)
    assert batch.times.tolist() == [0.0]
    assert np.abs(batch.images[0].astype(int) - picture).mean() < 4


def read(view: insula.Recording, rate: float, into: dict[float, np.ndarray]) -> None:
    into[rate] = times_of(view, rate)


def test_two_views_share_one_decode(clip: Path) -> None:
    source = VideoFile(probe(clip))
    recording = insula.open(clip)
    recording._video = source  # the same file, counting
    found: dict[float, np.ndarray] = {}
    views = recording.views(3)
    rates = (25.0, 5.0, 1.0)
    threads = [
        threading.Thread(target=read, args=(view, rate, found))
        for view, rate in zip(views, rates, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert source.decoded == 100
    for rate in rates:
        assert found[rate] == pytest.approx(times_of(insula.open(clip), rate))


def test_a_view_read_twice_decodes_on_its_own(clip: Path) -> None:
    source = VideoFile(probe(clip))
    recording = insula.open(clip)
    recording._video = source
    (view,) = recording.views(1)
    first, second = times_of(view, 5), times_of(view, 5)
    assert first == pytest.approx(second) and len(first) == 20
    assert source.decoded == 200


class Counted:
    """A source of `count` small frames that knows how far it was read."""

    def __init__(self, count: int) -> None:
        self.count, self.read = count, 0

    def shots(self, span: Span) -> Iterator[Shot]:
        blank = np.zeros((1, 2, 2, 3), np.uint8)
        for number in range(self.count):
            self.read = number + 1
            yield next(FrameArrays(np.array([number / 25]), blank).shots(span))


def test_a_fast_reader_waits_for_a_slow_one() -> None:
    source = Counted(500)
    shared = SharedShots(source, Span(0, 20), 2)
    assert shared.claim(0) and shared.claim(1)
    done = threading.Event()

    def hurry() -> None:
        assert len(list(shared.read(0))) == 500
        done.set()

    slow = shared.read(1)
    threading.Thread(target=hurry, daemon=True).start()
    assert not done.wait(0.3)
    assert source.read == video.AHEAD
    assert len(list(slow)) == 500
    assert done.wait(5)


@pytest.mark.parametrize("how", ["release", "close"])
def test_who_leaves_is_not_waited_for(how: str) -> None:
    source = Counted(500)
    recording = insula.from_arrays("x", span=Span(0, 20))
    recording._video = source
    quick, idle = recording.views(2)
    if how == "release":
        idle.release()
    else:
        started = iter(idle.frames(rate=25))
        next(started)
        started.close()
    assert len(times_of(quick, 25)) == 500


def test_who_never_begins_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video, "PATIENCE", 0.05)
    recording = insula.from_arrays("x", span=Span(0, 20))
    recording._video = Counted(500)
    first, second = recording.views(2)
    assert len(times_of(first, 25)) == 500
    assert len(times_of(second, 25)) == 500  # by a decode of its own


def test_two_views_read_in_turn_by_one_thread_do_not_wait_for_each_other() -> None:
    recording = insula.from_arrays("x", span=Span(0, 20))
    recording._video = Counted(500)
    fine, coarse = recording.views(2)
    pairs = list(zip(fine.frames(rate=25), coarse.frames(rate=1), strict=False))
    assert len(pairs) == 2


def test_an_error_reaches_every_reader() -> None:
    class Broken(Counted):
        def shots(self, span: Span) -> Iterator[Shot]:
            yield from super().shots(span)
            raise insula.InsulaError("broken")

    recording = insula.from_arrays("x", span=Span(0, 20))
    recording._video = Broken(10)
    caught = []

    def consume(view: insula.Recording) -> None:
        try:
            times_of(view, 25)
        except insula.InsulaError as error:
            caught.append(str(error))

    threads = [threading.Thread(target=consume, args=(view,)) for view in recording.views(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert caught == ["broken"] * 3


@pytest.mark.parametrize(("rotation", "size"), [(0, "160x120"), (90, "120x160"), (180, "160x120")])
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_the_size_shown_is_that_of_the_upright_picture(
    tmp_path: Path, suffix: str, rotation: int, size: str
) -> None:
    path = write_video(tmp_path / f"v.{suffix}", seconds=0.4, picture=corner, rotation=rotation)
    assert insula.open(path).streams["video"].startswith(size)
