"""From frames to what is known of each face in each: found, followed, classified, judged.

every frame, grey          -> how much the mouths move that were found last
a few a second, in colours -> faces found -> whose they are -> crops -> expressions, quality, pose

Expressions are read in a thread beside the search for the next faces, which takes as long. Nothing
but numbers is kept, so memory hardly grows with the recording. Shapes: `N` faces found in all
frames so far ("rows"), `K` faces of one frame, `C` labels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from insula.channels.face.expression import Expression, grey_faces
from insula.channels.face.faces import Detector, Faces
from insula.channels.face.mouth import face_at, mouth_motion, upright
from insula.channels.face.pose import away_from_camera, head_pose
from insula.channels.face.quality import face_quality
from insula.channels.face.tracking import Tracker, look_of
from insula.core.records import Picture
from insula.core.track import Array
from insula.media.video import beside_grid

BATCH = 64  # faces a call of the network
# Frames from one search of the whole picture to the next; in between the faces that are known are
# looked for near where they were. Somebody new is seen up to two frames late.
SEARCH_EVERY = 3
WATCHED = 25.0  # frames a second, at least, in which mouths are watched; see `mouth`
LONGEST_STEP = 0.25  # seconds between two frames from which on a mouth may have done anything


def frame_rate(rate: float) -> float:
    """Frames a second to ask for: WATCHED or more, and the moments of `rate` among them."""
    return rate * math.ceil(WATCHED / rate)


@dataclass
class _Watched:
    """A face whose mouth is watched: its row, where it is, and how it looked a frame ago."""

    row: int
    matrix: Array
    before: Array


class Judged(NamedTuple):
    """What is said of N faces; None where the expression net, or the detector, cannot say it.

    scores: (N, C). quality: (N,) in [0, 1]. affect: (N, 2) valence and arousal. pose: (N, 3) yaw,
    pitch and roll in degrees.
    """

    scores: Array
    quality: Array
    affect: Array | None
    pose: Array | None


class Reader:
    """Detects, follows and classifies the faces of frame after frame."""

    def __init__(self, find: Detector, read: Expression) -> None:
        self._find, self._read = find, read
        self.tracker = Tracker()
        self.looks = 0  # frames in which faces were looked for
        self.scale = np.ones(4)  # pixels to shares of the frame
        self._known = np.zeros((0, 4))
        self._watched: list[_Watched] = []
        self._motion: list[list[float]] = []  # of each row, from frame to frame
        self._crops: list[Array] = []
        self._heads: list[Array] = []  # poses of those crops
        self._beside = ThreadPoolExecutor(1)
        self._judged: list[Future[Judged]] = []

    def read(self, pictures: Iterable[Picture], rate: float) -> None:
        """Take in a recording's frames; look for faces in about `rate` of them a second."""
        last = -math.inf
        with self._beside:
            for picture, due in beside_grid(pictures, rate):
                if picture.time - last > LONGEST_STEP:
                    self._watched = []
                if self._watched or due:
                    greys = picture.greys()
                    self._watch(greys)
                    if due:
                        self._look(picture.time, picture.colours(), greys)
                last = picture.time
            self._flush()

    def _watch(self, greys: Array) -> None:
        """Note how much the mouths have moved since the frame before. greys: (H, W) uint8."""
        for face in self._watched:
            after = face_at(greys, face.matrix)
            self._motion[face.row].append(mouth_motion(face.before, after))
            face.before = after

    def _look(self, time: float, image: Array, greys: Array) -> None:
        """Find the faces of a frame, (H, W, 3) uint8, and (H, W) in grey levels."""
        height, width = image.shape[:2]
        self.scale = np.array([width, height, width, height], np.float64)
        faces = self._find.find(image, self._known if self.looks % SEARCH_EVERY else None)
        self._known = faces.boxes
        self.looks += 1
        first = len(self._motion)
        rows = range(first, first + len(faces.boxes))
        self._motion += [[] for _ in rows]
        points = faces.points if faces.points is not None else [None] * len(rows)
        matrices = [upright(point, box) for point, box in zip(points, faces.boxes, strict=True)]
        self._watched = [
            _Watched(row, matrix, face_at(greys, matrix))
            for row, matrix in zip(rows, matrices, strict=True)
        ]
        if len(rows):
            self._keep(time, image, faces, rows)

    def _keep(self, time: float, image: Array, faces: Faces, rows: range) -> None:
        """Hand the faces to the tracker, and their crops to those that wait."""
        crops = [_crop(image, box) for box in faces.boxes]
        looks = np.stack([look_of(face.before) for face in self._watched])
        self.tracker.update(time, faces.boxes, looks, rows)
        self._crops += crops
        if faces.points is not None:
            self._heads.append(head_pose(faces.points, (image.shape[0], image.shape[1])))
        if len(self._crops) >= BATCH:
            self._flush()

    def _flush(self) -> None:
        """Have the crops that wait classified."""
        if not self._crops:
            return
        if self._judged:
            self._judged[-1].result()  # one batch at a time, or crops would pile up
        heads = np.concatenate(self._heads) if self._heads else None
        self._judged.append(self._beside.submit(self._judge, self._crops, heads))
        self._crops, self._heads = [], []

    def _judge(self, crops: Sequence[Array], heads: Array | None) -> Judged:
        """Classify a batch. heads: poses (n, 3) where landmarks are known."""
        scores, affect = self._read(crops)
        sides = np.array([min(crop.shape[:2]) for crop in crops])
        away = None if heads is None else away_from_camera(heads)
        return Judged(scores, face_quality(grey_faces(crops), sides, away), affect, heads)

    def answers(self, rows: Array) -> Judged:
        """What is said of these faces."""
        columns = zip(*(batch.result() for batch in self._judged), strict=True)
        return Judged(*(None if c[0] is None else np.concatenate(c)[rows] for c in columns))

    def motion(self, times: Array, rows: Array, gap: float) -> tuple[Array, Array]:
        """How much a mouth moves about each moment, (N,), and whether that was seen, (N,) bool.

        times, rows: of one person's faces. A moment takes its motion from frames up to the next
        look for faces, and from those since the look before unless that is longer than `gap` ago.
        """
        values, seen = np.zeros(len(rows)), np.zeros(len(rows), bool)
        for place, row in enumerate(rows):
            steps = list(self._motion[row])
            if place and times[place] - times[place - 1] <= gap:
                steps += self._motion[rows[place - 1]]
            if steps:
                values[place], seen[place] = np.mean(steps), True
        return values, seen


def _crop(image: Array, box: Array) -> Array:
    """The face, at least one pixel of it, inside the picture."""
    x, y, width, height = box
    left, top = int(max(0, round(x))), int(max(0, round(y)))
    right = max(left + 1, min(image.shape[1], round(x + width)))
    bottom = max(top + 1, min(image.shape[0], round(y + height)))
    crop: Array = image[
        min(top, image.shape[0] - 1) : bottom, min(left, image.shape[1] - 1) : right
    ]
    return crop.copy()  # a view would keep the whole batch of frames alive
