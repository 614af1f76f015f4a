"""Who is who: bind what channels saw and heard into persons.

    face "face-0", voice "speaker-0" -> whose mouth moves with the voice -> "person-1", "person-2"

Channels call what they find by names of their own. What is said by "voice", which is all speech,
is divided among the speakers that the `speakers` channel told apart, and each of them is bound to
a face (`voices`); whoever is only heard is a person too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from insula.core.records import Estimate, Observation
from insula.core.time import Span, merge_spans
from insula.core.track import Array, Track
from insula.people.names import Names as Names
from insula.people.names import renamed as renamed
from insula.people.voices import Face, Turns, bind_voices, joined, speaking, turns_of


def bind(observations: Sequence[Observation]) -> tuple[list[Observation], list[str]]:
    """The same observations with persons named, and notes on what is doubtful.

    What several persons say in turn is divided among them. An opinion about no one in particular
    counts for the first person; other observations of the scene stay without a person.
    """
    found = {each.person for each in observations if "face" in each.tracks}
    faces = {face: _face(observations, face) for face in sorted(found, key=by_number)}
    heard = sorted({each.person for each in observations} - found - {""}, key=by_number)
    speakers = {voice: spans for voice in heard if (spans := turns_of(observations, voice))}
    voices = speakers or {voice: speaking(observations, voice) for voice in heard}
    turns, notes = bind_voices(voices, faces)
    turns |= {voice: joined(turns) for voice in heard if voice not in voices}
    names = {face: f"person-{number}" for number, face in enumerate(faces, 1)}
    for voice in turns:
        for who in turns[voice]:
            names.setdefault(who, f"person-{len(names) + 1}")
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


def _face(observations: Sequence[Observation], person: str) -> Face:
    """When a face is in view, and how its mouth moves where a channel says so."""
    mine = [each.tracks for each in observations if each.person == person]
    visible = merge_spans(
        (
            Span(time - track.width / 2, time + track.width / 2)
            for track in (tracks["face"] for tracks in mine if "face" in tracks)
            for time in track.times[track.mask]
        ),
        gap=1.0,
    )
    mouths = [tracks["mouth"] for tracks in mine if "mouth" in tracks]
    return Face(visible, mouths[0] if mouths else None)
