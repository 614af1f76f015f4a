"""Whose voice is it: bind who speaks to who is seen, by mouth motion and by being in view.

    turns of each voice, when each face is in view, how its mouth moves
        -> how much more a mouth moves with a voice than without it
        -> voices and faces paired one to one, the clearest pair first
        -> other voices: stretch by stretch the free face in view, else a person only heard

A voice is one speaker of the `speakers` channel; without that channel all speech is one voice.
Mouth motion against speech: Everingham, Sivic and Zisserman, "Hello! My name is... Buffy", BMVC
2006. Shapes: `T` moments.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from insula.core.records import Observation
from insula.core.time import Span, merge_spans, overlap
from insula.core.track import Array, Track

# Speech is a visible person's if that person is in view for this share of it.
IN_VIEW = 0.5
# A second face in view for this share of the first one's time makes the binding doubtful.
RIVAL = 0.7
# A mouth moves with a voice if (with - without) / (with + without) of its mean motion is this much.
MOVES = 0.15
# Moments of mouth motion, with and without a voice, that make a comparison.
MOMENTS = 5

Stretches = Sequence[Span]

# Who speaks -> when, for one voice. The key is a face, or the voice itself while nobody is in view.
Turns = Mapping[str, Stretches]


@dataclass(frozen=True)
class Face:
    """When a face is in view, and how its mouth moves where that was measured.

    mouth: a column "motion" from 0 on; it is higher the more the mouth moves.
    """

    visible: Stretches
    mouth: Track | None = None

    def motion(self, spans: Stretches, *, inside: bool) -> Array:
        """How much the mouth moves inside the spans, or outside of them, (T,)."""
        if self.mouth is None:
            return np.zeros(0, np.float32)
        chosen = self.mouth.mask & (_within(self.mouth.times, spans) == inside)
        motion: Array = self.mouth.column("motion")[chosen]
        return motion


def bind_voices(
    voices: Mapping[str, Stretches], faces: Mapping[str, Face]
) -> tuple[dict[str, Turns], list[str]]:
    """For each voice who speaks when, and a note where several faces could be meant."""
    paired = _paired(voices, faces)
    turns: dict[str, Turns] = {voice: {face: voices[voice]} for voice, face in paired.items()}
    for voice in sorted(set(voices) - set(paired), key=lambda each: -_seconds(voices[each])):
        free = {
            name: face.visible
            for name, face in faces.items()
            if all(
                _same_speaker(voices[voice], turns[other][name], face, alone=len(faces) == 1)
                for other in turns
                if name in turns[other]
            )
        }
        turns[voice] = _by_view(voice, voices[voice], free)
    notes = []
    for voice, stretches in voices.items():
        rivals = _rivals(stretches, faces)
        if rivals > 1 and set(turns[voice]) & set(faces):
            notes.append(
                f"{rivals} faces are in view while someone speaks; the voice and its words are put "
                f"down to the one "
                + ("whose mouth moves with it" if voice in paired else "in view longest")
            )
    return {voice: turns[voice] for voice in voices}, list(dict.fromkeys(notes))


def _paired(voices: Mapping[str, Stretches], faces: Mapping[str, Face]) -> dict[str, str]:
    """Voice -> the face whose mouth moves with it, one to one, the clearest pair first.

    With one voice and one face there is nothing to choose.
    """
    if len(voices) == len(faces) == 1:
        return {}
    scores = []
    for voice, stretches in voices.items():
        for name, face in faces.items():
            others = [other for other in faces if other != name]
            without = [face.motion(stretches, inside=False)]
            without += [faces[other].motion(stretches, inside=True) for other in others]
            score = _contrast(face.motion(stretches, inside=True), np.concatenate(without))
            if score is not None and score >= MOVES:
                scores.append((score, voice, name))
    pairs: dict[str, str] = {}
    for _, voice, name in sorted(scores, reverse=True):
        if voice not in pairs and name not in pairs.values():
            pairs[voice] = name
    return pairs


def _contrast(one: Array, other: Array) -> float | None:
    """How much more there is of one than of the other, in [-1, 1]; None: too little is known."""
    if min(len(one), len(other)) < MOMENTS:
        return None
    total = float(one.mean() + other.mean())
    return float(one.mean() - other.mean()) / total if total > 0 else 0.0


def _same_speaker(mine: Stretches, theirs: Stretches, face: Face, *, alone: bool) -> bool:
    """Whether a face that speaks `theirs` may speak `mine` too: one voice taken for two.

    Its mouth must move as much; where that is unknown, it must be the only face there is.
    """
    moves = _contrast(face.motion(mine, inside=True), face.motion(theirs, inside=True))
    return alone if moves is None else moves > -MOVES


def _by_view(voice: str, stretches: Stretches, visible: Mapping[str, Stretches]) -> Turns:
    """Each stretch is the face's that is in view longest while it is spoken, or the voice's own."""
    turns: dict[str, list[Span]] = {}
    for stretch in stretches:
        shares = {
            face: overlap([stretch], spans) / stretch.duration for face, spans in visible.items()
        }
        best = max(shares, key=lambda face: shares[face], default="")
        speaker = best if best and shares[best] >= IN_VIEW else voice
        turns.setdefault(speaker, []).append(stretch)
    seen = sum(_seconds(turns.get(face, ())) for face in visible)
    if len(visible) == 1 and seen >= IN_VIEW * _seconds(stretches) > 0:
        # The only face there is speaks most of the time; a face missed now and then is no one else.
        turns = {next(iter(visible)): list(stretches)}
    return turns or {voice: []}


def turns_of(observations: Sequence[Observation], voice: str) -> Stretches:
    """When the `speakers` channel hears a voice; () where it did not listen."""
    return merge_spans(_spans(observations, voice, {"turn"}))


def speaking(observations: Sequence[Observation], voice: str) -> Stretches:
    """When a voice speaks: its turns, else where speech was heard, else what was said."""
    for kinds in ({"turn"}, {"speech"}, None):
        if spans := _spans(observations, voice, kinds):
            return merge_spans(spans)
    return ()


def joined(turns: Mapping[str, Turns]) -> Turns:
    """The turns of all voices together."""
    together: dict[str, list[Span]] = {}
    for each in turns.values():
        for who, spans in each.items():
            together.setdefault(who, []).extend(spans)
    return together


def _spans(
    observations: Sequence[Observation], voice: str, kinds: Collection[str] | None
) -> list[Span]:
    """The spans of a voice's marks of these kinds, or of any kind."""
    return [
        mark.span
        for each in observations
        if each.person == voice
        for mark in each.marks
        if mark.span.duration > 0 and (kinds is None or mark.kind in kinds)
    ]


def _rivals(stretches: Stretches, faces: Mapping[str, Face]) -> int:
    """How many faces are in view about as long as the first one, while someone speaks; at most."""
    most = 0
    for stretch in stretches:
        shares = [overlap([stretch], face.visible) / stretch.duration for face in faces.values()]
        best = max(shares, default=0.0)
        if best >= IN_VIEW:
            most = max(most, sum(share >= RIVAL * best for share in shares))
    return most


def _seconds(spans: Stretches) -> float:
    return sum(span.duration for span in spans)


def _within(times: Array, spans: Stretches) -> Array:
    """Whether each moment lies inside one of the spans, (T,) bool."""
    merged = merge_spans(spans)
    number = np.searchsorted([span.start for span in merged], times, side="right") - 1
    ends = np.array([span.end for span in merged] or [0.0])
    inside: Array = (number >= 0) & (times < ends[np.maximum(number, 0)])
    return inside
