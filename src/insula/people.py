"""Who is who: bind what channels saw and heard into persons.

Channels call what they find "face-0", "face-1", "voice"; here they become "person-1", "person-2".
Speech belongs, stretch by stretch, to the person who is in view while it is spoken (`methods.md`
M22); mouth motion is not looked at yet, so with several faces in view that is a guess, and noted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from insula.core.records import Analysis, Estimate, Observation
from insula.core.time import Span, merge_spans, overlap
from insula.core.track import Array, Track

# Speech is a visible person's if that person is in view for this share of it.
IN_VIEW = 0.5
# A second face in view for this share of the first one's time makes the binding doubtful.
RIVAL = 0.7
# Intersection over union from which two boxes at one moment are the same person's.
SAME_PLACE = 0.3

# Who speaks -> when, for one voice. The key is a face, or the voice itself while nobody is in view.
Turns = Mapping[str, Sequence[Span]]


def bind(observations: Sequence[Observation]) -> tuple[list[Observation], list[str]]:
    """The same observations with persons named, and notes on what is doubtful.

    What several persons say in turn is divided among them. An opinion about no one in particular
    counts for the first person; other observations of the scene stay without a person.
    """
    found = {each.person for each in observations if "face" in each.tracks}
    visible = {face: _visible(observations, face) for face in sorted(found, key=by_number)}
    names = {face: f"person-{number}" for number, face in enumerate(visible, 1)}
    turns: dict[str, Turns] = {}
    notes = []
    for voice in sorted({each.person for each in observations} - found - {""}):
        turns[voice], doubt = _turns(voice, _stretches(observations, voice), visible)
        notes += [doubt] if doubt else []
        for speaker in turns[voice]:
            names.setdefault(speaker, f"person-{len(names) + 1}")
    names[""] = "person-1"
    bound = []
    for each in observations:
        if each.person in turns:
            bound += _divided(each, turns[each.person], names)
        elif each.person or each.estimate is not None:
            bound.append(replace(each, person=names[each.person]))
        else:
            bound.append(each)
    return bound, notes


def by_number(name: str) -> tuple[str, int]:
    """Sort key of "person-2" before "person-10"."""
    stem, _, number = name.rpartition("-")
    return (stem, int(number)) if number.isdigit() else (name, 0)


def _turns(
    voice: str, stretches: Sequence[Span], visible: Mapping[str, Sequence[Span]]
) -> tuple[Turns, str]:
    """Who speaks when, and a word of doubt or ""."""
    turns: dict[str, list[Span]] = {}
    crowd = 0
    for stretch in stretches:
        shares = {
            face: overlap([stretch], spans) / stretch.duration for face, spans in visible.items()
        }
        best = max(shares, key=lambda face: shares[face], default="")
        if best and shares[best] >= IN_VIEW:
            turns.setdefault(best, []).append(stretch)
            crowd = max(crowd, sum(share >= RIVAL * shares[best] for share in shares.values()))
        else:
            turns.setdefault(voice, []).append(stretch)
    seen = sum(span.duration for face in visible for span in turns.get(face, ()))
    if len(visible) == 1 and seen >= IN_VIEW * sum(span.duration for span in stretches) > 0:
        # The only face there is speaks most of the time; a face missed now and then is no one else.
        turns = {next(iter(visible)): list(stretches)}
    doubt = (
        f"{crowd} faces are in view while someone speaks; the voice and its words are put down to "
        f"the one in view longest"
        if crowd > 1
        else ""
    )
    return turns or {voice: []}, doubt


def _divided(observation: Observation, turns: Turns, names: Mapping[str, str]) -> list[Observation]:
    """One voice's observation as an observation for each who speaks."""
    if len(turns) == 1:
        return [replace(observation, person=names[next(iter(turns))])]
    marks = np.array([mark.span.middle for mark in observation.marks])
    whose = _nearest(marks, turns)
    parts = []
    for number, speaker in enumerate(turns):
        said = tuple(observation.marks[mark] for mark in np.flatnonzero(whose == number))
        estimate = _only(observation.estimate, turns, number)
        parts.append(
            replace(observation, person=names[speaker], marks=said, estimate=estimate, notes=())
        )
    parts[0] = replace(parts[0], notes=observation.notes)
    return parts


def _only(estimate: Estimate | None, turns: Turns, number: int) -> Estimate | None:
    """The estimate while that speaker speaks; elsewhere it is invalid."""
    if estimate is None:
        return None
    track = estimate.track
    mask = track.mask & (_nearest(track.times, turns) == number)
    return replace(
        estimate,
        track=Track(track.times, track.values, track.names, mask, track.width),
        affect=_only(estimate.affect, turns, number),
    )


def _nearest(times: Array, turns: Turns) -> Array:
    """Number of the speaker whose turn lies nearest to each moment, (T,)."""
    distances = np.full((len(turns), len(times)), np.inf)
    for row, spans in enumerate(turns.values()):
        for span in spans:
            away = np.maximum(np.maximum(span.start - times, times - span.end), 0)
            distances[row] = np.minimum(distances[row], away)
    nearest: Array = distances.argmin(axis=0)
    return nearest


def _stretches(observations: Sequence[Observation], voice: str) -> tuple[Span, ...]:
    """When a voice speaks: where speech was heard, else where something was said."""
    marks = [mark for each in observations if each.person == voice for mark in each.marks]
    speech = [mark.span for mark in marks if mark.kind == "speech" and mark.span.duration > 0]
    return merge_spans(speech or [mark.span for mark in marks if mark.span.duration > 0])


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


class Names:
    """Keeps the names of persons from window to window of a stream.

    A face keeps its name while it is where it was at moments that two windows share; a person who
    is only heard keeps the name of the one only heard before.
    """

    def __init__(self) -> None:
        self._faces: dict[str, Track] = {}
        self._voices: list[str] = []

    def rename(self, analysis: Analysis) -> Analysis:
        """The analysis of the next window, its persons called as in the windows before."""
        tracks = {
            each.person: each.tracks["face"]
            for each in analysis.observations
            if "face" in each.tracks
        }
        persons = list(dict.fromkeys(each.person for each in analysis.observations if each.person))
        names = self._known_faces(tracks)
        heard = [person for person in persons if person not in tracks]
        names |= dict(zip(heard, self._voices, strict=False))
        for person in persons:
            if person not in names:
                names[person] = f"person-{len(self._faces) + len(self._voices) + 1}"
                if person not in tracks:
                    self._voices.append(names[person])
            if person in tracks:
                self._faces[names[person]] = tracks[person]
        return renamed(analysis, names)

    def _known_faces(self, tracks: Mapping[str, Track]) -> dict[str, str]:
        pairs = [
            (_same_place(seen, track), new, old)
            for new, track in tracks.items()
            for old, seen in self._faces.items()
        ]
        names: dict[str, str] = {}
        for share, new, old in sorted(pairs, reverse=True):
            if share >= SAME_PLACE and new not in names and old not in names.values():
                names[new] = old
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
