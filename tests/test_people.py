"""Who is who, on observations made by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from insula.core.records import Analysis, Estimate, Observation
from insula.core.space import EKMAN7
from insula.core.time import Mark, Span
from insula.core.track import Track
from insula.people import bind, link, renamed

WHOLE = Span(0, 10)
BOX = ("x", "y", "width", "height")
LEFT, RIGHT = (0.1, 0.2, 0.2, 0.4), (0.6, 0.2, 0.2, 0.4)


def opinion(span: Span) -> Estimate:
    """Someone who always says the first label."""
    times = span.grid(0.5)
    values = np.tile(np.eye(7)[0], (len(times), 1))
    return Estimate(EKMAN7, Track(times, values, EKMAN7.labels, width=0.5), 1.0, "fake")


def face(number: int, span: Span, box: Sequence[float] = LEFT) -> Observation:
    """A face at one place for as long as `span`."""
    times = span.grid(0.2)
    boxes = Track(times, np.tile(box, (len(times), 1)), BOX, width=0.2)
    return Observation("face", f"face-{number}", WHOLE, {"face": boxes}, estimate=opinion(span))


def voice(*spans: Span) -> Observation:
    """A voice that speaks during `spans`."""
    marks = tuple(Mark(span, "speech") for span in spans)
    return Observation("voice", "voice", WHOLE, {}, marks, opinion(WHOLE))


def sounds() -> Observation:
    return Observation("sounds", "", WHOLE, {}, (Mark(Span(1, 2), "sound", "dog"),))


def who(bound: Sequence[Observation], channel: str) -> list[str]:
    return [each.person for each in bound if each.channel == channel]


def test_one_face_and_one_voice_are_one_person() -> None:
    bound, notes = bind([face(0, WHOLE), voice(Span(2, 5)), sounds()])
    assert who(bound, "face") == who(bound, "voice") == ["person-1"]
    assert who(bound, "sounds") == [""]
    assert notes == []


def test_a_voice_belongs_to_the_face_in_view_while_it_speaks() -> None:
    bound, _ = bind([face(0, Span(0, 5)), face(1, Span(6, 10), RIGHT), voice(Span(6.5, 9))])
    assert who(bound, "voice") == ["person-2"]


def test_a_voice_from_off_screen_is_a_person_of_its_own() -> None:
    bound, _ = bind([face(0, Span(0, 3)), voice(Span(5, 9))])
    assert who(bound, "face") == ["person-1"]
    assert who(bound, "voice") == ["person-2"]


def test_a_voice_without_any_face_is_the_first_person() -> None:
    bound, _ = bind([voice(Span(1, 2)), sounds()])
    assert who(bound, "voice") == ["person-1"]


def test_voice_and_words_go_together() -> None:
    words = Observation(
        "words", "voice", WHOLE, {}, (Mark(Span(6, 8), "sentence", "Hello."),), opinion(WHOLE)
    )
    bound, _ = bind([face(0, Span(0, 4)), face(1, Span(5, 10), RIGHT), voice(Span(6, 8)), words])
    assert who(bound, "voice") == who(bound, "words") == ["person-2"]


def test_two_faces_in_view_while_someone_speaks_is_noted() -> None:
    _, notes = bind([face(0, WHOLE), face(1, Span(0, 9), RIGHT), voice(Span(1, 5))])
    assert notes == [
        "2 faces are in view while someone speaks; the voice and its words are put down to the "
        "one in view longest"
    ]


def test_eleven_faces_are_numbered_in_their_order() -> None:
    bound, _ = bind([face(number, WHOLE) for number in range(11)])
    assert who(bound, "face") == [f"person-{number}" for number in range(1, 12)]


def test_an_opinion_about_nobody_in_particular_is_about_the_one_person_there_is() -> None:
    scene = Observation("toy", "", WHOLE, estimate=opinion(WHOLE))
    bound, _ = bind([scene])
    assert who(bound, "toy") == ["person-1"]


def test_nothing_observed_is_nobody() -> None:
    assert bind([]) == ([], [])
    assert who(bind([sounds()])[0], "sounds") == [""]


def analysis(*observations: Observation) -> Analysis:
    people = tuple(
        Estimate(EKMAN7, opinion(WHOLE).track, 1.0, "mean", person)
        for person in dict.fromkeys(each.person for each in observations)
    )
    return Analysis("clip", WHOLE, {}, people, observations, {})


def called(observation: Observation, person: str) -> Observation:
    return Observation(
        observation.channel,
        person,
        observation.span,
        observation.tracks,
        observation.marks,
        observation.estimate,
    )


def test_faces_are_linked_by_their_place() -> None:
    before = analysis(called(face(0, WHOLE), "anna"), called(face(1, WHOLE, RIGHT), "boris"))
    after = analysis(called(face(0, WHOLE, RIGHT), "person-1"), called(face(1, WHOLE), "person-2"))
    assert link(before, after) == {"person-1": "boris", "person-2": "anna"}


def test_a_face_elsewhere_is_someone_new() -> None:
    before = analysis(called(face(0, WHOLE), "anna"))
    after = analysis(called(face(0, WHOLE, RIGHT), "person-1"))
    assert link(before, after) == {}


def test_who_is_only_heard_stays_who_was_only_heard() -> None:
    before = analysis(called(voice(Span(1, 2)), "anna"))
    after = analysis(called(voice(Span(1, 3)), "person-1"))
    assert link(before, after) == {"person-1": "anna"}


def test_renaming_swaps_without_mixing() -> None:
    two = analysis(called(face(0, WHOLE), "a"), called(face(1, WHOLE, RIGHT), "b"))
    swapped = renamed(two, {"a": "b", "b": "a"})
    assert [each.person for each in swapped.observations] == ["b", "a"]
    assert [each.person for each in swapped.people] == ["b", "a"]


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_half_of_the_speech_in_view_is_enough(share: float) -> None:
    """One of two faces is there for `share` of what is said, the other not at all."""
    bound, _ = bind(
        [face(0, Span(0, 10 * share)), face(1, Span(9.9, 10), RIGHT), voice(Span(0, 9.8))]
    )
    assert who(bound, "voice") == (["person-1"] if share > 0.5 else ["person-3"])
