"""The detectors: frames in, faces out."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from insula.channels.face.faces import NO_FACES, Detector, Faces, largest_first, shrink, squared
from insula.channels.face.mtcnn import MtcnnDetector, weights_folder
from insula.core.track import Array
from insula.errors import UnknownName
from insula.zoo.store import weights_path


class CascadeDetector:
    """The frontal cascade that comes with OpenCV (Viola and Jones 2001; Lienhart 2002).

    Finds upright faces turned by up to about 30 degrees whose width is a tenth of the frame's
    longer side or more. For others pull YuNet.
    """

    # Chosen on 274 frames of eight videos and six photographs, 2026-11-21, with boxes drawn and
    # looked at. With these numbers 214 of 216 frames with a face have a box (the two missed show
    # a bowed head), none of 58 without a face has one, one has a second box that is no face, and
    # of five people in one photograph the one with sunglasses is missed. 4 to 28 ms of one core a
    # frame of 640 pixels. Looking at 320 pixels costs half as much again and doubles boxes more
    # often; steps of 1.25 miss 13 % of one speaker's frames; the cascade alt2 misses or doubles
    # up to a sixth of them. The profile cascade would double the cost; no clip at hand has a
    # profile to judge it on, and the expression networks were trained on frontal faces.
    WIDTH = 240  # pixels of the longer side that it looks at
    STEP = 1.15  # ratio of two sizes searched
    NEIGHBOURS = 2  # overlapping hits that make a face
    SMALLEST = 24  # pixels of those 240: the size the cascade was trained on
    # The cascade's sum of its last stage: false alarms stay below 2, faces lie between 4 and 10.
    DOUBTFUL, CERTAIN = 2.0, 8.0

    def __init__(self) -> None:
        path = Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_default.xml"
        self._cascade = cv2.CascadeClassifier(str(path))

    def find(self, image: Array, near: Array | None = None) -> Faces:
        """The faces of a frame, all of it searched; see `Detector.find`."""
        shrunk, scale = shrink(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), self.WIDTH)
        boxes, _, sums = self._cascade.detectMultiScale3(
            shrunk,
            scaleFactor=self.STEP,
            minNeighbors=self.NEIGHBOURS,
            minSize=(self.SMALLEST, self.SMALLEST),
            outputRejectLevels=True,
        )
        if not len(boxes):
            return NO_FACES
        strength = np.ravel(sums)
        scores = np.clip(strength / self.CERTAIN, 0, 1)
        sure = strength >= self.DOUBTFUL
        return largest_first(np.asarray(boxes)[sure] / scale, scores[sure])


class YuNetDetector:
    """YuNet through OpenCV (card `yunet`): turned, small and half covered faces too."""

    # It knows faces of about 10 to 300 pixels (its README), so larger frames are shrunk.
    WIDTH = 320  # pixels of the longer side that it looks at
    LEAST_SCORE = 0.6  # the published demo asks for 0.9; quality and tracking sort out the rest
    OVERLAP = 0.3  # intersection over union from which two boxes are one face, as published
    MOST = 50  # faces a frame

    def __init__(self, card: str = "yunet") -> None:
        self._net = cv2.FaceDetectorYN.create(
            str(weights_path(card)), "", (0, 0), self.LEAST_SCORE, self.OVERLAP, self.MOST
        )

    def find(self, image: Array, near: Array | None = None) -> Faces:
        """The faces of a frame, all of it searched; see `Detector.find`."""
        shrunk, scale = shrink(image, self.WIDTH)
        self._net.setInputSize((shrunk.shape[1], shrunk.shape[0]))
        _, found = self._net.detect(cv2.cvtColor(shrunk, cv2.COLOR_RGB2BGR))
        if found is None:
            return NO_FACES
        points = found[:, 4:14].reshape(-1, 5, 2)  # in the same order as POINTS
        return largest_first(squared(found[:, :4]) / scale, found[:, 14], points / scale)


DETECTORS: dict[str, type[MtcnnDetector] | type[CascadeDetector] | type[YuNetDetector]] = {
    "mtcnn": MtcnnDetector,
    "cascade": CascadeDetector,
    "yunet": YuNetDetector,
}


def detector(name: str) -> Detector:
    """The detector called `name`, ready: "mtcnn", "cascade" or "yunet"."""
    if name not in DETECTORS:
        raise UnknownName("face detector", name, [*DETECTORS, "auto"])
    return DETECTORS[name]()


def choose(name: str) -> str:
    """The detector that "auto" stands for here; any other name as it is."""
    if name != "auto":
        return name
    return "mtcnn" if weights_folder() is not None else "cascade"
