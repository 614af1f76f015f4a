"""The face channel on pictures that are nothing but a face, as in corpora of cut-out faces.

Nothing is searched for or followed: the whole picture is the face, and its quality is that of a
face of that size.
"""

from __future__ import annotations

import numpy as np

from insula.channels.face import Face
from insula.channels.face.expression import expression, grey_faces
from insula.channels.face.quality import face_quality
from insula.core.records import Estimate, Observation, Recording
from insula.core.space import VA, get_space
from insula.core.track import Track

PERSON = "face-0"


class CutFace(Face):
    """Reads the first picture of a recording as one face."""

    def observe(self, recording: Recording) -> list[Observation]:
        """One observation of the one face, valid over the whole recording."""
        crops = list(next(iter(recording.frames(rate=1.0))).images[:1])
        scores, affect = expression(self.model)(crops)
        sides = np.array([min(crop.shape[:2]) for crop in crops])
        quality = face_quality(grey_faces(crops), sides)
        times, width = np.array([recording.span.middle]), recording.span.duration
        axes = None
        if affect is not None:
            track = Track(times, affect, VA.labels, width=width)
            axes = Estimate(VA, track, quality, self.name, PERSON, basis="a learned head")
        space = get_space(self.space)
        track = Track(times, scores, space.labels, width=width)
        estimate = Estimate(space, track, quality, self.name, PERSON, affect=axes, basis=self.model)
        return [Observation(self.name, PERSON, recording.span, estimate=estimate)]
