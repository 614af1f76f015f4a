"""Who is who, on observations made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from insula.core.records import Analysis, Estimate, Observation
from insula.core.space import EKMAN7
from insula.core.time import Mark, Span
from insula.core.track import Track
from insula.people import Names, bind, renamed

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


def moving(observation: Observation, *spans: Span) -> Observation:
    """The same face with a mouth that moves during `spans`, and a little all the time."""
    times = observation.tracks["face"].times
    moves = np.array([any(time in span for span in spans) for time in times])
    mouth = Track(times, np.where(moves, 0.6, 0.2)[:, None], ("motion",), width=0.2)
    return replace(observation, tracks={**observation.tracks, "mouth": mouth})


def speaker(number: int, *spans: Span) -> Observation:
    """The turns of one speaker."""
    marks = tuple(Mark(span, "turn") for span in spans)
    return Observation("speakers", f"speaker-{number}", WHOLE, {}, marks)


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


def test_what_two_people_say_in_turn_is_divided_among_them() -> None:
    """One voice is heard; who is in view changes at second 5."""
    heard = voice(Span(0.5, 4), Span(6, 9))
    bound, notes = bind([face(0, Span(0, 5)), face(1, Span(5, 10), RIGHT), heard])
    parts = {each.person: each for each in bound if each.channel == "voice"}
    assert set(parts) == {"person-1", "person-2"}
    assert [mark.span for mark in parts["person-1"].marks] == [Span(0.5, 4)]
    assert [mark.span for mark in parts["person-2"].marks] == [Span(6, 9)]
    for person, half in (("person-1", Span(0.5, 4)), ("person-2", Span(6, 9))):
        estimate = parts[person].estimate
        assert estimate is not None
        assert estimate.track.crop(half).mask.all()
    first, second = (parts[person].estimate for person in ("person-1", "person-2"))
    assert first is not None and second is not None
    assert not (first.track.mask & second.track.mask).any()
    assert notes == []


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


FIRST, SECOND = (Span(0.5, 2.5), Span(5, 7)), (Span(3, 4.5), Span(7.5, 9.5))


def two_in_view(left: Sequence[Span], right: Sequence[Span]) -> list[Observation]:
    """Two faces side by side whose mouths move during these spans, and two speakers in turn."""
    return [
        moving(face(0, WHOLE), *left),
        moving(face(1, WHOLE, RIGHT), *right),
        voice(*FIRST, *SECOND),
        speaker(0, *FIRST),
        speaker(1, *SECOND),
    ]


def test_speech_is_divided_among_speakers_by_their_mouths() -> None:
    for left, right in ((FIRST, SECOND), (SECOND, FIRST)):
        bound, notes = bind(two_in_view(left, right))
        said = {each.person: each for each in bound if each.channel == "voice"}
        assert [mark.span for mark in said["person-1"].marks] == list(left)
        assert [mark.span for mark in said["person-2"].marks] == list(right)
        turns = {each.person: each for each in bound if each.channel == "speakers"}
        assert [mark.span for mark in turns["person-1"].marks] == list(left)
        assert {each.person for each in bound} == {"person-1", "person-2"}
        assert notes == [
            "2 faces are in view while someone speaks; the voice and its words are put down to "
            "the one whose mouth moves with it"
        ]


def test_who_speaks_behind_the_camera_is_a_person_of_their_own() -> None:
    """One face in view all the time answers another voice; its mouth moves in its own turns."""
    scene = [moving(face(0, WHOLE), *SECOND), voice(*FIRST, *SECOND)]
    bound, notes = bind([*scene, speaker(0, *FIRST), speaker(1, *SECOND)])
    said = {each.person: each for each in bound if each.channel == "voice"}
    assert [mark.span for mark in said["person-1"].marks] == list(SECOND)
    assert [mark.span for mark in said["person-2"].marks] == list(FIRST)
    assert notes == []


def test_one_voice_taken_for_two_stays_one_person() -> None:
    """The mouth of the only face moves in the turns of both speakers."""
    scene = [moving(face(0, WHOLE), *FIRST, *SECOND), voice(*FIRST, *SECOND)]
    bound, _ = bind([*scene, speaker(0, *FIRST), speaker(1, *SECOND)])
    assert {each.person for each in bound} == {"person-1"}


def test_without_mouths_the_only_face_says_everything() -> None:
    bound, _ = bind([face(0, WHOLE), voice(*FIRST, *SECOND), speaker(0, *FIRST, *SECOND)])
    assert {each.person for each in bound} == {"person-1"}
    bound, _ = bind(
        [face(0, WHOLE), voice(*FIRST, *SECOND), speaker(0, *FIRST), speaker(1, *SECOND)]
    )
    assert {each.person for each in bound} == {"person-1"}


def test_one_speaker_is_the_face_whose_mouth_moves_not_the_one_in_view_longest() -> None:
    listener, talker = face(0, WHOLE), moving(face(1, Span(0, 9.9), RIGHT), *FIRST)
    bound, _ = bind([moving(listener), talker, voice(*FIRST), speaker(0, *FIRST)])
    assert who(bound, "voice") == ["person-2"]


def test_speakers_without_faces_are_persons_in_order_of_their_turns() -> None:
    words = Observation(
        "words", "voice", WHOLE, {}, tuple(Mark(each, "sentence", "Yes.") for each in SECOND)
    )
    scene = [voice(*FIRST, *SECOND), words, speaker(0, *FIRST), speaker(1, *SECOND)]
    bound, _ = bind(scene)
    assert who(bound, "speakers") == ["person-1", "person-2"]
    assert who(bound, "voice") == ["person-1", "person-2"]
    assert [len(each.marks) for each in bound if each.channel == "words"] == [0, 2]


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


def renamed_in_turn(*windows: Analysis) -> list[list[str]]:
    """The names of each window's observations, after the windows before it."""
    names = Names()
    return [[each.person for each in names.rename(window).observations] for window in windows]


def test_faces_keep_their_names_by_their_place() -> None:
    before = analysis(called(face(0, WHOLE), "person-1"), called(face(1, WHOLE, RIGHT), "person-2"))
    after = analysis(called(face(0, WHOLE, RIGHT), "person-1"), called(face(1, WHOLE), "person-2"))
    assert renamed_in_turn(before, after, before) == [
        ["person-1", "person-2"],
        ["person-2", "person-1"],
        ["person-1", "person-2"],
    ]


def test_a_face_elsewhere_is_someone_new() -> None:
    before = analysis(called(face(0, WHOLE), "person-1"))
    after = analysis(called(face(0, WHOLE, RIGHT), "person-1"))
    assert renamed_in_turn(before, after) == [["person-1"], ["person-2"]]


def test_who_is_only_heard_stays_who_was_only_heard() -> None:
    before = analysis(called(face(0, WHOLE), "person-1"), called(voice(Span(1, 2)), "person-2"))
    after = analysis(called(voice(Span(1, 3)), "person-1"))
    assert renamed_in_turn(before, after, before) == [
        ["person-1", "person-2"],
        ["person-2"],
        ["person-1", "person-2"],
    ]


def test_two_who_are_only_heard_keep_their_names_by_when_they_spoke() -> None:
    """The first falls silent; the second, now the only one, does not take the first one's name."""
    both = analysis(called(voice(Span(1, 2)), "person-1"), called(voice(Span(3, 5)), "person-2"))
    after = analysis(called(voice(Span(3, 6)), "person-1"))
    assert renamed_in_turn(both, after) == [["person-1", "person-2"], ["person-2"]]


def test_renaming_swaps_without_mixing() -> None:
    two = analysis(called(face(0, WHOLE), "a"), called(face(1, WHOLE, RIGHT), "b"))
    swapped = renamed(two, {"a": "b", "b": "a"})
    assert [each.person for each in swapped.observations] == ["b", "a"]
    assert [each.person for each in swapped.people] == ["b", "a"]


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_half_of_a_stretch_in_view_is_enough(share: float) -> None:
    """One of two faces is there for `share` of what is said, the other not at all."""
    bound, _ = bind(
        [face(0, Span(0, 10 * share)), face(1, Span(9.9, 10), RIGHT), voice(Span(0, 9.8))]
    )
    assert who(bound, "voice") == (["person-1"] if share > 0.5 else ["person-3"])


def test_a_narrator_is_not_the_face_shown_for_a_moment() -> None:
    bound, _ = bind([face(0, Span(8, 10)), voice(Span(0, 3), Span(4, 7))])
    assert who(bound, "voice") == ["person-2"]


def test_another_channel_may_speak_of_a_face() -> None:
    blinks = Observation("blinks", "face-0", WHOLE)
    bound, _ = bind([face(0, WHOLE), voice(Span(1, 2)), blinks])
    assert who(bound, "blinks") == ["person-1"]
