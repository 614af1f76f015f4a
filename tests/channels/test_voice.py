"""Voices: only speech counts, loudness does not, noise lowers quality."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import insula
from insula import Mark, Observation, Recording, Span
from insula.channels.voice import Voice, speech_quality
from insula.core.track import Array
from insula.corpora.ravdess import RAVDESS
from insula.testing.synthetic import noise, silence, tone


@pytest.fixture(scope="module")
def samples(demo: Path) -> Array:
    return insula.open(demo).audio()


def sound(samples: Array) -> Recording:
    return insula.from_arrays("sound", audio=samples)


def heard(samples: Array) -> Observation:
    (observation,) = Voice().observe(sound(samples))
    assert observation.estimate is not None
    return observation


def test_speech_gets_an_opinion_where_it_is_and_nowhere_else(samples: Array) -> None:
    observation = heard(samples)
    assert observation.estimate is not None
    track = observation.estimate.track
    assert observation.estimate.space.name == "ravdess8"
    assert 0 < track.mask.sum() < len(track)
    spoken = sum(mark.span.duration for mark in observation.marks)
    assert track.mask.sum() * 0.5 == pytest.approx(spoken, abs=1.0 * len(observation.marks))
    assert {mark.kind for mark in observation.marks} == {"speech"}


def test_a_second_of_silence_before_shifts_everything_by_a_second(samples: Array) -> None:
    before = heard(samples)
    after = heard(np.concatenate([silence(1.0), samples]))
    assert after.marks[0].span.start == pytest.approx(before.marks[0].span.start + 1, abs=0.2)
    assert after.marks[-1].span.end == pytest.approx(before.marks[-1].span.end + 1, abs=0.2)
    assert before.estimate is not None and after.estimate is not None
    assert after.estimate.mean() == pytest.approx(before.estimate.mean(), abs=0.15)


@pytest.mark.parametrize("gain", [0.25, 0.7])
def test_loudness_changes_little(samples: Array, gain: float) -> None:
    loud, soft = heard(samples).estimate, heard(samples * gain).estimate
    assert loud is not None and soft is not None
    assert np.abs(loud.mean() - soft.mean()).sum() / 2 < 0.2


def test_noise_lowers_quality(samples: Array) -> None:
    rng = np.random.default_rng(0)
    level = float(np.sqrt((samples**2).mean()))
    noisy = samples + noise(len(samples) / 16_000, rng, level=level / 2)[: len(samples)]
    assert heard(noisy).quality < heard(samples).quality - 0.1


def test_nothing_is_heard_where_nobody_speaks() -> None:
    rng = np.random.default_rng(0)
    for samples in (silence(3), tone(3), noise(3, rng), noise(3, rng, level=0.001)):
        assert Voice().observe(sound(samples)) == []


def test_too_little_speech_is_a_note_of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    marks = (Mark(Span(0.5, 0.7), "speech"), Mark(Span(1.2, 1.5), "speech"))
    monkeypatch.setattr("insula.channels.voice.speech_marks", lambda recording: marks)
    (observation,) = Voice().observe(sound(silence(2)))
    assert observation.estimate is None and observation.marks == ()
    assert observation.person == ""
    assert observation.notes == ("too little speech to judge a voice by (0.3 s)",)


def test_the_quality_of_a_stretch_looks_only_at_its_neighbours(samples: Array) -> None:
    class Stretches(list[Span]):
        def __iter__(self) -> Iterator[Span]:
            raise AssertionError("all stretches were looked at")

    recording = sound(samples)
    spans = [Span(0.1 * n, 0.1 * n + 0.06) for n in range(70)]
    for span in spans[::10]:
        near = [each for each in spans if abs(each.middle - span.middle) < 1.5]
        assert speech_quality(recording, span, Stretches(spans)) == speech_quality(
            recording, span, near
        )


@pytest.mark.parametrize("start", [1.0, 2.4])
def test_a_quiet_neighbour_that_speaks_is_not_the_background(start: float) -> None:
    hiss = noise(4, np.random.default_rng(0))
    hiss[round(start * 16_000) : round((start + 0.3) * 16_000)] = 0
    span, quiet = Span(1.5, 2.1), Span(start, start + 0.3)
    others = [Span(0, 0.2), Span(3.5, 3.8)]
    assert speech_quality(sound(hiss), span, sorted([*others, span, quiet])) < 0.2
    assert speech_quality(sound(hiss), span, sorted([*others, span])) > 0.35


def test_arousal_comes_from_a_head_of_its_own(samples: Array) -> None:
    estimate = heard(samples).estimate
    assert estimate is not None and estimate.affect is not None
    values = estimate.affect.track.values[estimate.affect.track.mask]
    assert np.abs(values).max() <= 1
    assert "learned head" in estimate.affect.basis


def test_windows_cover_the_speech_in_equal_lengths() -> None:
    windows = Voice(window=3.0)._windows(Span(1, 8))
    assert [(window.start, window.end) for window in windows] == [(1, 4), (3, 6), (5, 8)]
    assert Voice(window=3.0)._windows(Span(1, 2)) == [Span(1, 2)]


def test_a_clip_of_real_speech(clips: Path) -> None:
    (observation,) = Voice().observe(insula.open(clips / "jfk.flac"))
    spoken = sum(mark.span.duration for mark in observation.marks)
    assert 5 < spoken < 11
    assert observation.quality > 0.3


def test_the_network_hears_clips_as_it_learnt_to(clips: Path) -> None:
    """The channel's way from a clip to scores is the way of training: these clips it has learnt.

    Through speech detection and windows, so some are lost; chance is an eighth.
    """
    corpus = RAVDESS(clips.parent / "ravdess")
    hits = []
    for number, example in enumerate(corpus):
        if number % 31 == 0:
            observations = Voice().observe(example.recording)
            said = observations[0].estimate if observations else None
            truth = example.truth["ravdess8"].mean().argmax()
            hits.append(said is not None and said.mean().argmax() == truth)
    assert len(hits) > 30
    assert np.mean(hits) > 0.5
