"""How well faces were found and followed, against known truth.

    (person -> box), (track -> box) a frame -> matches -> recall, precision, switches, MOTA, IDF1

MOTA and identity switches as in Bernardin and Stiefelhagen 2008 (CLEAR MOT), IDF1 as in Ristani
et al. 2016. `motmetrics` does the same, but fails with pandas 3 (1.4.0, 2026-11-21).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from insula.core.track import Array

# Intersection over union from which a box is that face's. Detectors frame faces differently: the
# mean boxes of the cascade and of MTCNN overlap one another by 0.75.
OVERLAP = 0.4

Boxes = Mapping[Hashable, Array]


@dataclass
class TrackingScore:
    """Counts over frames; add those of several clips with `+`.

    faces: boxes of the truth. found: of them matched. false: boxes of tracks that match nothing.
    switches: times a person is matched by another track than the last time. agreed: boxes in which
    the best one-to-one assignment of tracks to people agrees with the truth. people: in the truth.
    tracks: that matched somebody at some time.
    """

    faces: int = 0
    found: int = 0
    false: int = 0
    switches: int = 0
    agreed: int = 0
    people: int = 0
    tracks: int = 0

    def __add__(self, other: TrackingScore) -> TrackingScore:
        return TrackingScore(
            **{name: value + getattr(other, name) for name, value in vars(self).items()}
        )

    @property
    def recall(self) -> float:
        """Share of the faces that were found."""
        return self.found / max(self.faces, 1)

    @property
    def precision(self) -> float:
        """Share of the boxes that are faces."""
        return self.found / max(self.found + self.false, 1)

    @property
    def mota(self) -> float:
        """1 - (missed + false + switches) / faces; at most 1."""
        missed = self.faces - self.found
        return 1 - (missed + self.false + self.switches) / max(self.faces, 1)

    @property
    def idf1(self) -> float:
        """F1 of boxes under the right identity, in [0, 1]."""
        return 2 * self.agreed / max(self.faces + self.found + self.false, 1)


@dataclass
class _Matches:
    """What one clip's frames have brought so far."""

    score: TrackingScore = field(default_factory=TrackingScore)
    last: dict[Hashable, Hashable] = field(default_factory=dict)  # person -> track
    together: Counter[tuple[Hashable, Hashable]] = field(default_factory=Counter)


def score_tracks(
    truth: Sequence[Boxes],
    tracks: Sequence[Boxes],
    unsure: Sequence[Sequence[Array]] | None = None,
    *,
    overlap: float = OVERLAP,
) -> TrackingScore:
    """The score of one clip. truth, tracks: for each frame who -> box x, y, width, height.

    unsure: for each frame boxes that need not be found, and are no false alarms where found.
    """
    matches = _Matches()
    for number, (right, answers) in enumerate(zip(truth, tracks, strict=True)):
        _match(matches, right, answers, unsure[number] if unsure else (), overlap)
    score, together = matches.score, matches.together
    people = sorted({person for person, _ in together}, key=str)
    found = sorted({track for _, track in together}, key=str)
    counts = np.array([[together[person, track] for track in found] for person in people])
    if counts.size:
        score.agreed = int(counts[linear_sum_assignment(-counts)].sum())
    score.people = len({person for right in truth for person in right})
    score.tracks = len(found)
    return score


def _match(
    matches: _Matches, right: Boxes, answers: Boxes, unsure: Sequence[Array], overlap: float
) -> None:
    """One frame: keep the pairs of the frame before that still hold, then the best others."""
    score, people, found = matches.score, list(right), list(answers)
    score.faces += len(people)
    likeness = np.zeros((len(people), len(found)))
    for row, person in enumerate(people):
        for column, track in enumerate(found):
            likeness[row, column] = overlap_of(right[person], answers[track])
            kept = matches.last.get(person) == track and likeness[row, column] >= overlap
            likeness[row, column] += kept
    taken = set()
    for row, column in zip(*linear_sum_assignment(-likeness), strict=True):
        if likeness[row, column] < overlap:
            continue
        person, track = people[row], found[column]
        taken.add(track)
        score.found += 1
        score.switches += matches.last.get(person, track) != track
        matches.last[person] = track
        matches.together[person, track] += 1
    for track in found:
        excused = any(overlap_of(box, answers[track]) >= overlap for box in unsure)
        score.false += track not in taken and not excused


def overlap_of(one: Array, other: Array) -> float:
    """Intersection over union of two boxes x, y, width, height."""
    low = np.maximum(one[:2], other[:2])
    high = np.minimum(one[:2] + one[2:4], other[:2] + other[2:4])
    common = float(np.prod(np.clip(high - low, 0, None)))
    return common / (float(one[2] * one[3] + other[2] * other[3]) - common + 1e-9)
