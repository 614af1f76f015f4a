"""The toy channel: the role at its simplest."""

from __future__ import annotations

import pytest

import insula
from insula import Mark, Span
from insula.channels.toy import Toy
from insula.errors import UnknownName


def test_it_always_says_the_same() -> None:
    text = insula.from_arrays("text", text=[Mark(Span(0, 3), "sentence", "Hello.")])
    (observation,) = Toy(label="fear", quality=0.3).observe(text)
    assert observation.estimate is not None
    assert observation.estimate.top(1) == [("fear", pytest.approx(0.5))]
    assert observation.quality == pytest.approx(0.3)
    assert observation.tracks["progress"].values[:, 0] == pytest.approx([1 / 6, 3 / 6, 5 / 6])


def test_a_crop_keeps_the_clock() -> None:
    text = insula.from_arrays("text", text=[Mark(Span(0, 9), "sentence", "Hello.")])
    (observation,) = Toy().observe(text.crop(Span(4, 6)))
    assert observation.tracks["progress"].times.tolist() == [4.5, 5.5]


def test_an_unknown_label_is_an_error_that_lists_the_labels() -> None:
    text = insula.from_arrays("text", text=[Mark(Span(0, 3), "sentence", "Hello.")])
    with pytest.raises(UnknownName, match="Did you mean 'fear'"):
        Toy(label="fera").observe(text)
