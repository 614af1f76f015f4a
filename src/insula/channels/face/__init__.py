"""Faces: found, followed, and read for expression.

frames -> detector (boxes) -> tracker (whose) -> crops -> expression network in batches -> a score
a face and frame, with a quality from size, sharpness and pose. Nothing but scores and boxes is
kept, so memory hardly grows with the recording. Shapes: `N` faces, `C` labels, `T` frames.
"""

from __future__ import annotations

import numpy as np

from insula.channels.face.detectors import Detector, detector
from insula.channels.face.expression import Expression, expression, grey_faces
from insula.channels.face.quality import face_quality
from insula.channels.face.tracking import LEAST_DETECTIONS, Tracker, Trail, look_of
from insula.core.records import Estimate, Observation, Recording
from insula.core.roles import Channel
from insula.core.space import VA, get_space
from insula.core.track import Array, Track
from insula.errors import ConfigError
from insula.zoo.card import find_card
from insula.zoo.session import Model

BATCH = 64  # faces a call of the network
LONGEST_SIDE = 640  # pixels; a face of the size that quality asks for is still large enough
BOX = ("x", "y", "width", "height")


class Face(Channel):
    """Facial expression of every person in view.

    model: expression weights, by name or folder. detector: "cascade" (comes with OpenCV) or
    "yunet" (pulled). rate: frames looked at a second; the modular system of the sources takes 5.
    """

    name = "face"
    needs = frozenset({"video"})
    gives = frozenset({"face"})
    seeks = "face"

    def __init__(
        self, model: str = "face-ferplus", detector: str = "cascade", rate: float = 5.0
    ) -> None:
        self.model = model
        self.detector = detector
        if not isinstance(rate, int | float) or rate <= 0:
            raise ConfigError(f"face: `rate` is {rate!r}; give frames a second, a number above 0.")
        self.rate = rate
        self.window = self.hop = 1 / rate

    @property
    def space(self) -> str:  # type: ignore[override]
        """The label space of its weights."""
        return find_card(self.model).space

    @property
    def weights(self) -> tuple[str, ...]:
        """The expression weights, and the detector's where it has any."""
        return (self.model, *(["yunet"] if self.detector == "yunet" else []))

    def open(self) -> None:
        """Load the weights."""
        Model.shared(self.model)

    def observe(self, recording: Recording) -> list[Observation]:
        """One observation for each person seen."""
        reader = _Reader(detector(self.detector), expression(self.model))
        for batch in recording.frames(rate=self.rate, longest_side=LONGEST_SIDE):
            reader.read(batch.times, batch.images)
        reader.flush()
        few = reader.frames < LEAST_DETECTIONS
        trails = reader.tracker.trails(least=1 if few else LEAST_DETECTIONS)
        return [self._observation(recording, reader, trail, i) for i, trail in enumerate(trails)]

    def _observation(
        self, recording: Recording, reader: _Reader, trail: Trail, number: int
    ) -> Observation:
        person = f"face-{number}"
        space = get_space(self.space)
        times, rows = np.array(trail.times), np.array(trail.rows)
        scores, quality, affect = reader.answers(rows)
        boxes = Track(times, np.stack(trail.boxes) / reader.scale, BOX, width=self.hop)
        track = Track(times, scores, space.labels, width=self.hop)
        axes = None
        if affect is not None:
            values = Track(times, affect, VA.labels, width=self.hop)
            axes = Estimate(VA, values, quality, self.name, person, basis="a learned head")
        estimate = Estimate(space, track, quality, self.name, person, affect=axes, basis=self.model)
        return Observation(self.name, person, recording.span, {"face": boxes}, estimate=estimate)


class _Reader:
    """Detects, follows and classifies the faces of batch after batch of frames."""

    def __init__(self, find: Detector, read: Expression) -> None:
        self._find, self._read = find, read
        self.tracker = Tracker()
        self.frames = 0
        self.scale = np.ones(4)  # pixels to shares of the frame
        self._crops: list[Array] = []
        self._scores: list[Array] = []
        self._affect: list[Array] = []
        self._quality: list[Array] = []
        self._rows = 0

    def read(self, times: Array, images: Array) -> None:
        """Take in frames. times: (F,), images: (F, H, W, 3)."""
        height, width = images.shape[1:3]
        self.scale = np.array([width, height, width, height], np.float64)
        self.frames += len(times)
        for time, image, faces in zip(times, images, self._find.detect(images), strict=True):
            if not len(faces):
                continue
            crops = [_crop(image, box) for box in faces[:, :4]]
            rows = range(self._rows, self._rows + len(faces))
            looks = np.stack([look_of(crop) for crop in crops])
            self.tracker.update(float(time), faces[:, :4], looks, rows)
            self._crops += crops
            self._rows += len(faces)
            if len(self._crops) >= BATCH:
                self.flush()

    def flush(self) -> None:
        """Classify the crops that wait."""
        if not self._crops:
            return
        scores, affect = self._read(self._crops)
        sides = np.array([min(crop.shape[:2]) for crop in self._crops])
        self._quality.append(face_quality(grey_faces(self._crops), sides))
        self._scores.append(scores)
        if affect is not None:
            self._affect.append(affect)
        self._crops = []

    def answers(self, rows: Array) -> tuple[Array, Array, Array | None]:
        """Scores (N, C), quality (N,) and valence-arousal (N, 2) of these faces."""
        affect = np.concatenate(self._affect)[rows] if self._affect else None
        return np.concatenate(self._scores)[rows], np.concatenate(self._quality)[rows], affect


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
