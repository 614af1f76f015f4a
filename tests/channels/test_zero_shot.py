"""Emotions that a user names: shares of exactly these, and errors for what cannot be compared."""

from __future__ import annotations

import numpy as np
import pytest

import insula
from insula import Mark, Span
from insula.channels.words import Words
from insula.channels.words.zero_shot import asked_space, shares
from insula.errors import ConfigError


def read(text: str, *emotions: str, language: str = "en") -> insula.Observation:
    mark = Mark(Span(0, 2), "sentence", text, 1.0, language)
    recording = insula.from_arrays("said", text=[mark])
    (observation,) = Words(emotions=emotions).observe(recording)
    return observation


@pytest.mark.parametrize(
    ("text", "emotion"),
    [
        ("I am so happy, this is wonderful news!", "joy"),
        ("How dare you, get out of my house!", "anger"),
        ("This lecture is so dull, I can hardly stay awake.", "boredom"),
    ],
)
def test_any_name_can_be_asked_for(text: str, emotion: str) -> None:
    asked = read(text, "joy", "anger", "boredom").asked
    assert asked is not None and asked.space.labels == ("joy", "anger", "boredom")
    assert asked.top(1)[0][0] == emotion
    np.testing.assert_allclose(asked.track.values[asked.track.mask].sum(axis=1), 1, atol=1e-5)


def test_the_order_of_names_does_not_matter_and_the_learned_answer_stays() -> None:
    text = "I am terrified of what comes next."
    one, other = read(text, "fear", "pride"), read(text, "pride", "fear")
    assert one.asked is not None and other.asked is not None and one.estimate is not None
    np.testing.assert_allclose(one.asked.mean(), other.asked.mean()[::-1], atol=1e-5)
    plain = read(text)
    assert plain.asked is None and plain.estimate is not None
    np.testing.assert_array_equal(plain.estimate.mean(), one.estimate.mean())


def test_other_languages_get_a_note_and_no_guess() -> None:
    observation = read("Мне очень грустно и одиноко.", "joy", "grief", language="ru")
    assert observation.asked is None and observation.estimate is not None
    assert any("English sentences only" in note for note in observation.notes)


def test_nearer_is_more() -> None:
    described = np.array([[[1.0, 0], [1, 0]], [[0, 1], [0, 1]]])
    found = shares(np.array([[1.0, 0], [0, 1], [0.7071, 0.7071]]), described)
    assert found[0, 0] > 0.99 and found[1, 1] > 0.99
    np.testing.assert_allclose(found[2], 0.5, atol=1e-6)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("joy", ""), "One of the emotions asked for has no letters"),
        (("joy", "Joy"), "asked for twice: Joy, joy"),
        (("joy",), "is only 1. Name two or more"),
    ],
)
def test_names_that_make_no_sense_are_errors(names: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        asked_space(names)
    with pytest.raises(ConfigError, match=message):
        Words(emotions=names).open()
