"""Two talking heads side by side, one speaking after the other: each gets their own words."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from insula.channels.face import Face
from insula.channels.speakers import Speakers
from insula.channels.voice import Voice
from insula.media import recording
from insula.media.audio import SAMPLE_RATE
from insula.people import bind
from insula.testing.synthetic import write_video

EACH = 4.8  # seconds that each of them speaks
FPS = 25


def heads(clips: Path, names: tuple[str, str]) -> list[tuple[np.ndarray, np.ndarray]]:
    """The pictures and the sound of each clip."""
    found = []
    for name in names:
        heard = recording.open(clips / name)
        images = [batch.images for batch in heard.frames(rate=FPS, longest_side=360)]
        found.append((np.concatenate(images), heard.audio()[: round(EACH * SAMPLE_RATE)]))
    return found


def test_the_mouth_that_moves_gets_the_voice(clips: Path, tmp_path: Path) -> None:
    """While one speaks the other's picture stands still."""
    (left, first), (right, second) = heads(clips, ("talking_head_1.mp4", "talking_head_3.mp4"))
    height = min(left.shape[1], right.shape[1]) // 2 * 2
    width = (left.shape[2] + right.shape[2]) // 2 * 2

    def picture(second: float, width: int, height: int) -> np.ndarray:
        one = left[min(round(min(second, EACH) * FPS), len(left) - 1)]
        other = right[min(round(max(second - EACH, 0) * FPS), len(right) - 1)]
        return np.concatenate([one[:height], other[:height]], axis=1)[:, :width]

    path = write_video(
        tmp_path / "two.mp4",
        seconds=2 * EACH,
        fps=FPS,
        size=(width, height),
        picture=picture,
        audio=np.concatenate([first, second]),
    )
    heard = recording.open(path)
    seen = [each for channel in (Face(), Voice(), Speakers()) for each in channel.observe(heard)]
    bound, notes = bind(seen)
    place = {
        each.person: float(each.tracks["face"].column("x").mean())
        for each in bound
        if each.channel == "face"
    }
    said = {each.person: each.marks for each in bound if each.channel == "voice"}
    assert len(place) == 2 and set(said) == set(place)
    on_the_left, on_the_right = sorted(place, key=lambda person: place[person])
    assert all(mark.span.middle < EACH for mark in said[on_the_left])
    assert all(mark.span.middle > EACH for mark in said[on_the_right])
    assert any("mouth" in note for note in notes)
