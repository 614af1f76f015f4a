"""Sounds: events with times, of the classes that the card names."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import insula
from insula import Mark, Recording
from insula.channels.sounds import Sounds
from insula.core.track import Array
from insula.testing.synthetic import noise, silence
from insula.zoo.card import find_card

ESC10 = Path(os.environ.get("INSULA_DATA", Path(__file__).parents[2] / "../shared/data")) / "esc10"


def marks(recording: Recording) -> tuple[Mark, ...]:
    return tuple(mark for each in Sounds().observe(recording) for mark in each.marks)


def sound(samples: Array) -> Recording:
    return insula.from_arrays("sound", audio=samples)


def test_silence_is_one_long_mark() -> None:
    (only,) = marks(sound(silence(6)))
    assert (only.text, only.span.start, only.span.end) == ("silence", 0, 6)


def test_speech_is_marked_where_it_is(demo: Path) -> None:
    recording = insula.open(demo)
    speech = [mark for mark in marks(recording) if mark.text == "speech"]
    assert speech
    assert all(mark.span.end <= recording.span.end for mark in speech)
    assert all(0.5 < mark.score < 1 for mark in speech)  # what Silero says, no made-up certainty


def test_names_are_those_of_the_card_and_scores_are_shares(demo: Path) -> None:
    known = {*find_card("sounds-esc10").labels, "speech", "silence"}
    rng = np.random.default_rng(0)
    for recording in (insula.open(demo), sound(noise(4, rng)), sound(noise(0.1, rng))):
        found = marks(recording)
        assert {mark.text for mark in found} <= known
        assert all(0 <= mark.score <= 1 and mark.kind == "sound" for mark in found)


def test_a_whole_clip_is_scored_at_once() -> None:
    rng = np.random.default_rng(0)
    pieces = [noise(seconds, rng) for seconds in (0.3, 2, 5)]
    scores = Sounds().score(pieces)["probabilities"]
    assert scores.shape == (3, 11)
    np.testing.assert_allclose(Sounds().score(pieces[1:2])["probabilities"], scores[1:2], atol=1e-6)


def test_the_threshold_is_the_cards_unless_one_is_given() -> None:
    rng = np.random.default_rng(0)
    recording = sound(noise(4, rng))
    (observation,) = Sounds(threshold=0.0).observe(recording)
    assert len({mark.text for mark in observation.marks}) == 10
    assert find_card("sounds-esc10").threshold == 0.9
    assert all(mark.score >= 0.9 for mark in marks(recording))


def test_it_is_no_ones_emotion(demo: Path) -> None:
    (observation,) = Sounds().observe(insula.open(demo))
    assert observation.person == ""
    assert observation.estimate is None


@pytest.mark.skipif(not ESC10.is_dir(), reason=f"no data in {ESC10}; set INSULA_DATA")
def test_real_sounds_are_recognised() -> None:
    """Two clips a class; trained on them, so this holds the path together, not the accuracy."""
    labels = find_card("sounds-esc10").labels
    hits = []
    folders = sorted(path for path in ESC10.iterdir() if path.is_dir())
    for folder in folders:
        wanted = folder.name.partition(" - ")[2].lower().replace(" ", "_")
        for path in sorted(folder.glob("*.ogg"))[:2]:
            found = {mark.text.lower().replace(" ", "_") for mark in marks(insula.open(path))}
            hits.append(any(wanted[:4] in label for label in found))
    assert len(labels) == 11
    assert len(hits) == 20
    assert np.mean(hits) >= 0.7
