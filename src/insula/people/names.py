"""Persons keep their names from window to window of a stream, and may be called by other names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from insula.core.records import Analysis, Estimate
from insula.core.time import Span, overlap
from insula.core.track import Track
from insula.people.voices import speaking

# Intersection over union from which two boxes at one moment are the same person's.
SAME_PLACE = 0.3
# Seconds that the turns of a voice in two windows share if they are the same person's.
SAME_TURN = 0.2

T = TypeVar("T")


class Names:
    """Keeps the names of persons from window to window of a stream.

    A face keeps its name while it is where it was at moments that two windows share, and a person
    who is only heard while it speaks when it spoke. Of those who are heard anew, each takes the
    name of one only heard before, in order.
    """

    def __init__(self) -> None:
        self._faces: dict[str, Track] = {}
        self._voices: dict[str, Sequence[Span]] = {}

    def rename(self, analysis: Analysis) -> Analysis:
        """The analysis of the next window, its persons called as in the windows before."""
        tracks = {
            each.person: each.tracks["face"]
            for each in analysis.observations
            if "face" in each.tracks
        }
        persons = list(dict.fromkeys(each.person for each in analysis.observations if each.person))
        voices = {
            person: speaking(analysis.observations, person)
            for person in persons
            if person not in tracks
        }
        names = _matched(tracks, self._faces, _same_place, SAME_PLACE)
        names |= _matched(voices, self._voices, overlap, SAME_TURN)
        unheard = [name for name in self._voices if name not in names.values()]
        names |= dict(zip([each for each in voices if each not in names], unheard, strict=False))
        for person in persons:
            if person not in names:
                names[person] = f"person-{len(self._faces) + len(self._voices) + 1}"
            if person in tracks:
                self._faces[names[person]] = tracks[person]
            else:
                self._voices[names[person]] = voices[person]
        return renamed(analysis, names)


def _matched(
    new: Mapping[str, T], old: Mapping[str, T], alike: Callable[[T, T], float], least: float
) -> dict[str, str]:
    """New name -> old name, one to one, the most alike first and none under `least`."""
    pairs = [(alike(old[before], new[now]), now, before) for now in new for before in old]
    names: dict[str, str] = {}
    for share, now, before in sorted(pairs, reverse=True):
        if share >= least and now not in names and before not in names.values():
            names[now] = before
    return names


def _same_place(one: Track, other: Track) -> float:
    """Mean intersection over union of two face tracks at the moments they share."""
    times, left, right = np.intersect1d(
        one.times[one.mask].round(3), other.times[other.mask].round(3), return_indices=True
    )
    if not len(times):
        return 0.0
    a, b = one.values[one.mask][left], other.values[other.mask][right]
    low = np.maximum(a[:, :2], b[:, :2])
    high = np.minimum(a[:, :2] + a[:, 2:4], b[:, :2] + b[:, 2:4])
    common = np.prod(np.clip(high - low, 0, None), axis=1)
    union = a[:, 2] * a[:, 3] + b[:, 2] * b[:, 3] - common
    return float((common / np.maximum(union, 1e-9)).mean())


def renamed(analysis: Analysis, names: Mapping[str, str]) -> Analysis:
    """The analysis with persons called by other names."""

    def called(person: str) -> str:
        return names.get(person, person)

    people: tuple[Estimate, ...] = tuple(
        replace(each, person=called(each.person)) for each in analysis.people
    )
    observations = tuple(
        replace(each, person=called(each.person)) for each in analysis.observations
    )
    without = {called(person): changes for person, changes in analysis.without.items()}
    return replace(analysis, people=people, observations=observations, without=without)
