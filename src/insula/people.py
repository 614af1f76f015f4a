"""Who is who: bind what channels saw and heard into persons.

Channels call what they find "face-0", "face-1", "voice"; here they become "person-1", "person-2".
A voice belongs to the person who is in view for most of what it says. Sources: time overlap of
speech and face (issue of the modular system, `methods.md` M22); mouth motion is not looked at yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from insula.core.records import Analysis, Estimate, Observation
from insula.core.time import Span, merge_spans, overlap
from insula.core.track import Track

# A voice is a visible person's if that person is in view for this share of what it says.
IN_VIEW = 0.5
# A second face with this share of the first one's time in view makes the binding doubtful.
RIVAL = 0.7
# Intersection over union from which two boxes at one moment are the same person's.
SAME_PLACE = 0.3


def bind(observations: Sequence[Observation]) -> tuple[list[Observation], list[str]]:
    """The same observations with persons named, and notes on what is doubtful.

    Observations without a person (the scene's sounds) stay without.
    """
    found = {each.person for each in observations if "face" in each.tracks}
    faces = sorted(found, key=by_number)
    names = {face: f"person-{number}" for number, face in enumerate(faces, 1)}
    notes: list[str] = []
    for voice in sorted({each.person for each in observations} - set(faces) - {""}):
        said = _spoken(observations, voice)
        owner, doubt = _owner(said, {face: _visible(observations, face) for face in faces})
        names[voice] = names.get(owner, f"person-{len(set(names.values())) + 1}")
        if doubt:
            notes.append(doubt)
    # An opinion about no one in particular counts for the only or first person.
    names[""] = "person-1"
    bound = [
        each
        if not each.person and each.estimate is None
        else replace(each, person=names[each.person])
        for each in observations
    ]
    return bound, notes


def by_number(name: str) -> tuple[str, int]:
    """Sort key of "person-2" before "person-10"."""
    stem, _, number = name.rpartition("-")
    return (stem, int(number)) if number.isdigit() else (name, 0)


def _owner(said: tuple[Span, ...], visible: dict[str, tuple[Span, ...]]) -> tuple[str, str]:
    """The face that was in view while something was said, or "", and a word of doubt."""
    length = sum(span.duration for span in said)
    if not visible:
        return "", ""
    shares = {
        face: overlap(said, spans) / length if length else 0.0 for face, spans in visible.items()
    }
    ranked = sorted(shares, key=lambda face: -shares[face])
    if not length or shares[ranked[0]] < IN_VIEW:
        # With one face and one voice in the recording they are most likely one person.
        return (ranked[0], "") if len(ranked) == 1 and shares[ranked[0]] > 0.1 else ("", "")
    rivals = [face for face in ranked[1:] if shares[face] >= RIVAL * shares[ranked[0]]]
    if rivals:
        return ranked[0], (
            f"{len(rivals) + 1} faces are in view while someone speaks; the voice and its words "
            f"are put down to the one in view longest"
        )
    return ranked[0], ""


def _spoken(observations: Sequence[Observation], person: str) -> tuple[Span, ...]:
    marks = [mark for each in observations if each.person == person for mark in each.marks]
    return merge_spans(mark.span for mark in marks if mark.span.duration > 0)


def _visible(observations: Sequence[Observation], person: str) -> tuple[Span, ...]:
    tracks = [
        each.tracks["face"]
        for each in observations
        if each.person == person and "face" in each.tracks
    ]
    return merge_spans(
        (
            Span(time - track.width / 2, time + track.width / 2)
            for track in tracks
            for time in track.times[track.mask]
        ),
        gap=1.0,
    )


def link(before: Analysis, after: Analysis) -> dict[str, str]:
    """Which persons of the later of two overlapping windows are persons of the earlier one.

    Faces are linked by their boxes in the time that both windows saw; one person who is only
    heard is linked to the one person only heard before. Others get new names.
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    pairs = []
    for new in _faces(after):
        for old in _faces(before):
            share = _same_place(_faces(before)[old], _faces(after)[new])
            pairs.append((share, new, old))
    for share, new, old in sorted(pairs, reverse=True):
        if share >= SAME_PLACE and new not in names and old not in taken:
            names[new] = old
            taken.add(old)
    heard = [each.person for each in after.people if each.person not in _faces(after)]
    known = [each.person for each in before.people if each.person not in taken]
    for new, old in zip(
        heard, [each for each in known if each not in _faces(before)], strict=False
    ):
        names[new] = old
        taken.add(old)
    return names


def _faces(analysis: Analysis) -> dict[str, Track]:
    return {
        each.person: each.tracks["face"] for each in analysis.observations if "face" in each.tracks
    }


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


def renamed(analysis: Analysis, names: dict[str, str]) -> Analysis:
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
