"""Misheard text: as many errors as asked for, and errors that sound alike."""

from __future__ import annotations

import numpy as np
import pytest

from insula.errors import ConfigError
from insula.learn.metrics import word_error_rate
from insula.learn.misheard import _sound_alikes, mishear

TEXTS = [
    "I really love what you did with the garden, it looks beautiful!",
    "He told me that he would never come back to this old house again.",
    "Are you serious? That was the worst meal of my entire life.",
    "Thank you so much for the help, we could not have done it alone.",
] * 60


@pytest.mark.parametrize("rate", [0.1, 0.2, 0.3])
@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_measured_error_rate_is_the_one_asked_for(rate: float, language: str) -> None:
    texts = TEXTS if language == "en" else ["Я очень люблю этот город, но зимой тут холодно."] * 240
    rng = np.random.default_rng(0)
    heard = [mishear(text, error_rate=rate, rng=rng, language=language) for text in texts]
    assert word_error_rate(texts, heard) == pytest.approx(rate, abs=0.02)


def test_without_errors_only_case_and_punctuation_go() -> None:
    rng = np.random.default_rng(0)
    assert mishear("Don't GO, [NAME]!", error_rate=0, rng=rng) == "don't go name"
    assert mishear("...", error_rate=0.5, rng=rng) == "..."


def test_words_are_taken_for_words_that_sound_alike() -> None:
    alike, chances = _sound_alikes("there")
    shares = dict(zip(alike, np.diff(chances, prepend=0), strict=True))
    assert {"their", "they're"} <= set(sorted(shares, key=lambda w: -shares[w])[:3])
    assert "garden" not in alike and "there" not in alike
    assert "hippie" in _sound_alikes("happy")[0]


def test_a_word_that_the_recogniser_lacks_is_taken_for_one_that_it_has() -> None:
    heard = _sound_alikes("unbelieveable")[0]
    assert "unbelievable" in heard and "unbelieveable" not in heard


def test_the_same_seed_hears_the_same() -> None:
    once, again = (
        [mishear(text, error_rate=0.5, rng=np.random.default_rng(3)) for text in TEXTS[:4]]
        for _ in range(2)
    )
    assert once == again


def test_impossible_requests_are_errors() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ConfigError, match=r"how 'de' is misheard\. Choose one of"):
        mishear("ja", error_rate=0.1, rng=rng, language="de")
    with pytest.raises(ConfigError, match="between 0 and 1, not at 20"):
        mishear("yes", error_rate=20, rng=rng)
