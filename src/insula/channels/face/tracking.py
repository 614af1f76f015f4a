"""Which face is whose: detections of single frames to tracks of persons.

A detection continues the track whose last box it overlaps most. A face that comes back after a
gap is the same person if it looks like one whose track has ended, or stands where one just
vanished. Shapes: `K` faces in a frame, `L` numbers in a look.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from insula.core.track import Array

LEAST_OVERLAP = 0.3  # intersection over union from which two boxes of successive frames are one
STILL_THERE = 1.0  # seconds a face may be missed before its track counts as ended
STILL_IN_PLACE = 3.0  # seconds within which a face at the same place is the same person
# Cosine similarity of two looks below which a face in the same place is someone else, a cut; and
# from which two faces are one person's. Chosen on the synthetic scenes of `benchmarks/tracking.py`
# with seed 0; what is reported there is of seed 1.
OTHER_LOOK = 0.6
SAME_LOOK = 0.7
THUMBNAIL = 16  # pixels a side
LEAST_DETECTIONS = 3  # fewer in a video are taken for false alarms


@dataclass
class Trail:
    """One person's detections so far."""

    number: int
    times: list[float] = field(default_factory=list)
    boxes: list[Array] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    look: Array = field(default_factory=lambda: np.zeros(0))

    def add(self, time: float, box: Array, row: int, look: Array) -> None:
        """Append a detection; the look follows slowly, so that one bad crop does no harm."""
        self.times.append(time)
        self.boxes.append(box)
        self.rows.append(row)
        self.look = look if not len(self.look) else _unit(0.9 * self.look + 0.1 * look)


class Tracker:
    """Give it the faces of frame after frame; ask for `trails` at the end."""

    def __init__(self) -> None:
        self._trails: list[Trail] = []

    def update(self, time: float, boxes: Array, looks: Array, rows: Sequence[int]) -> None:
        """Faces of one frame. boxes: (K, 4) x, y, w, h; looks: (K, L); rows: K numbers to keep."""
        free = set(range(len(boxes)))
        taken: set[int] = set()
        active = [t for t in self._trails if time - t.times[-1] <= STILL_THERE]
        pairs = [
            (overlap_of(trail.boxes[-1], boxes[face]), trail, face)
            for trail in active
            for face in free
            if float(trail.look @ looks[face]) >= OTHER_LOOK
        ]
        self._match(pairs, LEAST_OVERLAP, free, taken, time, boxes, looks, rows)
        gone = [t for t in self._trails if t.number not in taken]
        pairs = [(self._likeness(t, time, boxes[f], looks[f]), t, f) for t in gone for f in free]
        self._match(pairs, SAME_LOOK, free, taken, time, boxes, looks, rows)
        for face in sorted(free):
            trail = Trail(len(self._trails))
            trail.add(time, boxes[face], rows[face], looks[face])
            self._trails.append(trail)

    def trails(self, *, least: int = LEAST_DETECTIONS) -> list[Trail]:
        """Persons seen at least `least` times, the longest seen first."""
        kept = [trail for trail in self._trails if len(trail.times) >= least]
        return sorted(kept, key=lambda trail: (-len(trail.times), trail.times[0]))

    @staticmethod
    def _match(
        pairs: list[tuple[float, Trail, int]],
        threshold: float,
        free: set[int],
        taken: set[int],
        time: float,
        boxes: Array,
        looks: Array,
        rows: Sequence[int],
    ) -> None:
        """Greedily join the best pairs above `threshold`; takes from `free`, adds to `taken`."""
        for score, trail, face in sorted(pairs, key=lambda pair: -pair[0]):
            if score < threshold:
                break
            if face in free and trail.number not in taken:
                trail.add(time, boxes[face], rows[face], looks[face])
                free.discard(face)
                taken.add(trail.number)

    @staticmethod
    def _likeness(trail: Trail, time: float, box: Array, look: Array) -> float:
        """How likely a face is that of a person not in view, on the scale of looks."""
        similarity = float(trail.look @ look)
        in_place = overlap_of(trail.boxes[-1], box) >= LEAST_OVERLAP
        if in_place and similarity >= OTHER_LOOK and time - trail.times[-1] <= STILL_IN_PLACE:
            return max(similarity, SAME_LOOK)
        return similarity


def overlap_of(one: Array, other: Array) -> float:
    """Intersection over union of two boxes x, y, w, h; in [0, 1]."""
    low = np.maximum(one[:2], other[:2])
    high = np.minimum(one[:2] + one[2:4], other[:2] + other[2:4])
    common = float(np.prod(np.clip(high - low, 0, None)))
    return common / (float(one[2] * one[3] + other[2] * other[3]) - common + 1e-9)


def look_of(face: Array) -> Array:
    """What an upright face (S, S) grey looks like at a glance: small, centred, of length 1. (L,)"""
    small = cv2.resize(face, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA)
    small = small.astype(np.float32)
    return _unit((small - small.mean()).ravel())


def _unit(vector: Array) -> Array:
    unit: Array = vector / max(float(np.linalg.norm(vector)), 1e-6)
    return unit
