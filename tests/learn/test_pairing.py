"""Synthetic people: what befalls a channel reaches it and no other, and nobody is on both sides."""

from __future__ import annotations

import numpy as np
import pytest

from insula.core.space import EKMAN7
from insula.learn.fusion import Mixture, befallen
from insula.learn.fusion_comparison import (
    all_conditions,
    alone,
    fused,
    judged,
    resampled_sources,
    resampled_weights,
    rules,
)
from insula.learn.pairing import (
    ABSENT,
    AS_IT_IS,
    CHANNELS,
    CONTRADICTS,
    NOISE,
    SPOILT,
    Cast,
    Opinions,
    cast,
)

FREQUENCIES = np.full(7, 1 / 7)


def opinions(name: str, rng: np.random.Generator, sure: float = 0.6) -> Opinions:
    """A channel that is right in 3 of 4 samples; faults take its quality, and half of its truth."""
    label = np.repeat(np.arange(7), 48)
    half, source = np.arange(len(label)) % 2 == 1, np.arange(len(label)) // 4 * 2
    source = source + half  # nobody is in both halves

    def say(right: float) -> np.ndarray:
        said = np.where(rng.random(len(label)) < right, label, rng.integers(0, 7, len(label)))
        scores = np.eye(7)[said] * sure + (1 - sure) / 7 + 1e-3 * rng.random((len(label), 7))
        return scores / scores.sum(axis=1, keepdims=True)  # no two samples are alike

    kinds = (AS_IT_IS, *SPOILT[name])
    scores = {kind: say(0.75 if kind == AS_IT_IS else 0.3) for kind in kinds}
    quality = {kind: np.full(len(label), 0.9 if kind == AS_IT_IS else 0.3) for kind in kinds}
    return Opinions(scores, quality, label, half, source)


@pytest.fixture(scope="module")
def people() -> Cast:
    rng = np.random.default_rng(0)
    return cast([opinions(name, rng) for name in CHANNELS], FREQUENCIES, 1500, rng)


def test_everyone_is_made_of_samples_of_one_label_and_one_half(people: Cast) -> None:
    for column, channel in enumerate(people.opinions):
        assert (channel.label[people.sample[:, column]] == people.label).all()
        assert (channel.label[people.other[:, column]] != people.label).all()
        assert (channel.half[people.sample[:, column]] == people.half).all()
        assert (channel.half[people.other[:, column]] == people.half).all()


@pytest.mark.parametrize("treatment", [ABSENT, NOISE, CONTRADICTS, "occlusion"])
def test_a_treatment_reaches_its_channel_and_no_other(people: Cast, treatment: str) -> None:
    before = people.people([AS_IT_IS] * 3)
    after = people.people([treatment, AS_IT_IS, AS_IT_IS])
    assert (after.scores[:, 1:] == before.scores[:, 1:]).all()
    assert (after.trust[:, 1:] == before.trust[:, 1:]).all()
    assert (after.scores[:, 0] != before.scores[:, 0]).any(axis=1).mean() > 0.2
    expected = {ABSENT: 0.0, "occlusion": 0.3}.get(treatment, 0.9)
    assert (after.trust[:, 0] == expected).all()


def test_one_fault_at_most_contradicts_only_where_all_are_there(people: Cast) -> None:
    mixture = Mixture(absent=0.3, spoilt=0.2, noise=0.3, contradicts=0.5)
    seen = befallen(people, mixture, np.random.default_rng(1))
    there = seen.trust > 0
    assert 0.55 < there.mean() < 0.85
    shown = seen.scores[:, 0] == people.opinions[0].scores[AS_IT_IS][people.other[:, 0]]
    own = seen.scores[:, 0] == people.opinions[0].scores[AS_IT_IS][people.sample[:, 0]]
    contradicts = shown.all(axis=1) & ~own.all(axis=1)
    assert contradicts.any()
    assert there[contradicts].all()


def test_a_resample_leaves_whole_sources_out_and_keeps_the_labels(people: Cast) -> None:
    rng = np.random.default_rng(2)
    drawn = resampled_sources(people, rng)
    weights = resampled_weights(people, [AS_IT_IS, ABSENT, AS_IT_IS], drawn)
    for label in range(7):
        rows = people.label == label
        assert weights[:, rows].sum(axis=1) == pytest.approx(np.full(1000, rows.sum()), rel=1e-3)
    face = people.opinions[0]
    source = face.source[people.sample[:, 0]]
    gone = [source[weight == 0] for weight in weights[:50]]
    assert all(len(each) for each in gone)
    # Two people of one picture and different comments are left out together by the picture.
    table = drawn[0][0]
    for name in np.unique(face.source):
        assert len(set(table[face.source == name])) == 1


def test_intervals_know_that_the_people_are_drawn_from_few(people: Cast) -> None:
    shown = people.people([AS_IT_IS] * 3)
    ways = {f"{name} alone": alone(column, shown) for column, name in enumerate(CHANNELS)}
    ways["mean"] = fused(rules(people.opinions, True)["mean"], shown)
    drawn = resampled_sources(people, np.random.default_rng(3))
    result = judged(ways, people.label, resampled_weights(people, [AS_IT_IS] * 3, drawn))
    numbers = result["ways"]["face alone"]  # type: ignore[index]
    over_people = 1.96 * np.sqrt(numbers["accuracy"] * (1 - numbers["accuracy"]) / 1500)
    assert numbers["high"] - numbers["low"] > 2 * 1.5 * over_people
    assert result["ways"]["mean"]["lead"] > 0.05  # type: ignore[index]


def test_every_condition_can_be_judged(people: Cast) -> None:
    conditions = all_conditions(people, np.random.default_rng(4))
    assert {"all present", "some absent", "any channel contradicts"} <= set(conditions)
    for treatments in conditions.values():
        seen = people.people(treatments)
        assert seen.scores.shape == (1500, 3, len(EKMAN7))
        assert (seen.trust > 0).any(axis=1).all()
