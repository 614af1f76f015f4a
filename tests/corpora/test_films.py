"""Frames in files of their own are read when asked for; made-up films are films."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from insula.core.time import Span
from insula.corpora.films import PictureFiles, open_picture, write_film, write_picture
from insula.errors import UnreadableMedia
from insula.media import recording
from insula.media.recording import MediaRecording


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    """Ten flat pictures, each ten levels brighter than the one before."""
    made = [tmp_path / f"{number}.png" for number in range(10)]
    for number, path in enumerate(made):
        cv2.imwrite(str(path), np.full((64, 48), 10 * number, np.uint8))
    return made


def seen(paths: list[Path], span: Span, rate: float) -> list[tuple[float, int]]:
    """Time and brightness of the frames that a recording of a picture each 0.1 s hands out."""
    source = PictureFiles(np.arange(len(paths)) / 10, paths)
    whole = MediaRecording("made up", Span(0, 1), {"video": "pictures"}, video=source)
    batches = whole.crop(span).frames(rate=rate)
    return [
        (round(float(time), 6), round(float(image.mean())))
        for batch in batches
        for time, image in zip(batch.times, batch.images, strict=True)
    ]


def test_every_frame_has_its_time(paths: list[Path]) -> None:
    expected = [(number / 10, 10 * number) for number in range(10)]
    assert seen(paths, Span(0, 1), 10) == expected
    assert seen(paths, Span(0.35, 0.62), 10) == expected[4:7]
    assert len(seen(paths, Span(0, 1), 2)) == 2


def test_a_crop_reads_what_it_needs_and_no_more(paths: list[Path]) -> None:
    for number in (0, 1, 2, 8, 9):
        paths[number].write_bytes(b"damaged")
    assert [level for _, level in seen(paths, Span(0.4, 0.6), 10)] == [40, 50]
    with pytest.raises(UnreadableMedia, match=r"8\.png"):
        seen(paths, Span(0.4, 0.8), 10)


def test_a_picture_is_read_when_asked_for(tmp_path: Path) -> None:
    write_picture(tmp_path / "face.jpg", np.random.default_rng(0))
    whole, damaged = open_picture(tmp_path / "face.jpg"), open_picture(tmp_path / "none.jpg")
    assert (whole.id, whole.span) == ("face.jpg", Span(0, 1))
    [batch] = whole.frames(rate=1)
    assert batch.images.shape == (1, 64, 64, 3)
    with pytest.raises(UnreadableMedia, match=r"none\.jpg"):
        list(damaged.frames(rate=1))


@pytest.mark.parametrize(("name", "sound"), [("a.avi", True), ("a.mp4", True), ("b.mp4", False)])
def test_a_made_up_film_is_seen_and_heard(tmp_path: Path, name: str, sound: bool) -> None:
    write_film(tmp_path / name, np.random.default_rng(0), frames=6, rate=4, sound=sound)
    film = recording.open(tmp_path / name)
    assert set(film.streams) == ({"video", "audio"} if sound else {"video"})
    assert sum(len(batch.times) for batch in film.frames(rate=4)) == 6
    assert film.span.duration == pytest.approx(1.5, abs=0.15)
    if sound:
        assert np.abs(film.audio()).mean() > 0.02
