"""Faces are classified beside the search for the next ones: none lost, in order, errors let out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from insula.channels.face import reading
from insula.channels.face.faces import Faces
from insula.channels.face.reading import Reader
from insula.core.track import Array

SIDE = 64


@dataclass(frozen=True)
class Shade:
    """A frame of one brightness."""

    time: float
    brightness: int

    def colours(self) -> Array:
        return np.full((SIDE, SIDE, 3), self.brightness, np.uint8)

    def greys(self) -> Array:
        return self.colours()[..., 0]


class EverywhereOneFace:
    """Finds one face in every frame, in the middle of it."""

    def find(self, image: Array, near: Array | None = None) -> Faces:
        return Faces(np.array([[16.0, 16, 32, 32]]), np.ones(1))


def brightness(crops: Sequence[Array]) -> tuple[Array, Array | None]:
    """Stands for a net: one score, how bright the face is."""
    return np.array([[crop.mean()] for crop in crops]), None


def film(frames: int, *, seen: list[int] | None = None) -> Iterator[Shade]:
    for number in range(frames):
        if seen is not None:
            seen.append(number)
        yield Shade(number / 25, number)


def test_every_face_gets_its_own_answer_however_many_batches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading, "BATCH", 4)
    reader = Reader(EverywhereOneFace(), brightness)
    reader.read(film(101), rate=5.0)
    rows = np.arange(reader.looks)
    answers = reader.answers(rows)
    assert answers.scores[:, 0] == pytest.approx(5 * rows)  # every fifth frame
    assert answers.quality.shape == rows.shape
    assert answers.affect is None and answers.pose is None


def test_an_error_of_the_net_ends_the_reading_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BATCH", 4)

    def broken(crops: Sequence[Array]) -> tuple[Array, Array | None]:
        raise RuntimeError("no memory")

    seen: list[int] = []
    with pytest.raises(RuntimeError, match="no memory"):
        Reader(EverywhereOneFace(), broken).read(film(250, seen=seen), rate=5.0)
    assert len(seen) < 100


def test_frames_without_a_face_in_sight_are_not_converted() -> None:
    class Nothing(EverywhereOneFace):
        def find(self, image: Array, near: Array | None = None) -> Faces:
            return Faces(np.zeros((0, 4)), np.zeros(0))

    converted = []

    class Counted(Shade):
        def greys(self) -> Array:
            converted.append(self.time)
            return super().greys()

    reader = Reader(Nothing(), brightness)
    reader.read((Counted(number / 25, 0) for number in range(50)), rate=5.0)
    assert len(converted) == reader.looks == 10
