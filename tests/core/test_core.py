"""Spans, tracks, spaces, estimates: arithmetic that everything else stands on."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from insula.core.records import Estimate
from insula.core.space import (
    BRIDGES,
    EKMAN7,
    EKMAN8,
    GOEMOTIONS,
    LANGUAGES,
    PLEASURE_AROUSAL_DOMINANCE,
    VA,
    bridge,
    get_space,
)
from insula.core.time import Span, merge_spans, overlap
from insula.core.track import Track, paint
from insula.errors import UnknownName
from insula.registry import spaces

seconds = st.floats(0, 100, allow_nan=False)
spans = st.builds(lambda a, b: Span(min(a, b), max(a, b)), seconds, seconds)


@given(st.lists(spans, max_size=8))
def test_merged_spans_are_apart_and_cover_the_same(pieces: list[Span]) -> None:
    merged = merge_spans(pieces)
    assert all(a.end < b.start for a, b in pairwise(merged))
    for piece in pieces:
        assert overlap(merged, [piece]) == pytest.approx(piece.duration)


@given(spans, st.floats(0.1, 5))
def test_a_grid_covers_its_span(span: Span, hop: float) -> None:
    grid = span.grid(hop)
    assert len(grid) >= 1
    assert grid[0] == pytest.approx(span.start + hop / 2)
    assert grid[-1] + hop >= span.end - 1e-5
    assert len(grid) == 1 or grid[-1] < span.end


def test_a_span_that_runs_backwards_is_refused() -> None:
    with pytest.raises(ValueError, match="does not run forward"):
        Span(2, 1)


def test_arrays_inside_a_track_cannot_be_changed() -> None:
    track = Track([0.0, 1.0], [[1.0], [2.0]], ("x",))
    with pytest.raises(ValueError, match="read-only"):
        track.values[0] = 5
    with pytest.raises(ValueError, match="read-only"):
        track.times[0] = 5


def test_a_track_copies_what_it_is_given() -> None:
    values = np.ones((2, 1), np.float32)
    track = Track([0.0, 1.0], values, ("x",))
    values[:] = 9
    assert track.values.max() == 1


def test_nan_in_valid_rows_is_refused_and_zeroed_in_invalid_ones() -> None:
    with pytest.raises(ValueError, match="finite"):
        Track([0.0], [[np.nan]], ("x",))
    assert Track([0.0], [[np.nan]], ("x",), [False]).values[0, 0] == 0


def test_times_must_increase() -> None:
    with pytest.raises(ValueError, match="increase strictly"):
        Track([1.0, 1.0], [[0.0], [0.0]], ("x",))


def test_resampling_averages_within_cells() -> None:
    track = Track(np.arange(4) * 0.25, [[0.0], [2.0], [4.0], [6.0]], ("x",))
    assert track.resample(np.array([0.25, 0.75]), width=0.5).values.ravel() == pytest.approx([1, 5])


def test_a_gap_is_filled_by_a_straight_line_and_a_long_one_is_not() -> None:
    track = Track([0.0, 0.8, 5.0], [[0.0], [8.0], [9.0]], ("x",))
    filled = track.resample(np.array([0.2, 0.6, 3.0]), width=0.1, max_gap=1.0)
    assert filled.values[:2].ravel() == pytest.approx([2.0, 6.0])
    assert filled.mask.tolist() == [True, True, False]


def test_nothing_is_invented_before_the_first_and_after_the_last_row() -> None:
    track = Track([1.0, 1.5], [[1.0], [1.0]], ("x",))
    assert not track.resample(np.array([0.2, 2.4]), width=0.1).mask.any()


def test_painting_weighs_by_cover() -> None:
    track = paint(Span(0, 1), [Span(0, 0.25), Span(0.25, 1)], [[0.0], [4.0]], ("x",), hop=1.0)
    assert track.values[0, 0] == pytest.approx(3.0)


@pytest.mark.parametrize("name", spaces.names())
def test_every_label_has_a_title_in_every_language(name: str) -> None:
    space = get_space(name)
    for language in LANGUAGES:
        assert len(set(space.titles(language))) == len(space)
    russian = space.titles("ru")
    assert not set(russian) & set(space.labels)


@pytest.mark.parametrize("pair", BRIDGES, ids="->".join)
def test_every_bridge_names_its_source_and_keeps_distributions(pair: tuple[str, str]) -> None:
    way = BRIDGES[pair]
    assert way.source
    scores = np.random.default_rng(0).dirichlet(np.ones(len(way.origin)), 50)
    mapped = way.apply(scores)
    assert mapped.shape == (50, len(way.target))
    if way.target.kind == "exclusive":
        assert mapped.sum(axis=1) == pytest.approx(np.ones(50), abs=1e-5)
    assert mapped.min() >= way.target.low
    assert mapped.max() <= way.target.high


def test_the_mapping_of_goemotions_covers_every_label_once() -> None:
    assert (bridge("goemotions", "ekman7").matrix.sum(axis=1) == 1).all()
    row = bridge(GOEMOTIONS, EKMAN7).apply(np.eye(28)[GOEMOTIONS.index("remorse")])
    assert EKMAN7.labels[int(row.argmax())] == "sadness"


def test_pure_emotions_land_on_their_published_coordinates() -> None:
    axes = bridge(EKMAN7, VA).apply(np.eye(7))
    for row, label in zip(axes, EKMAN7.labels, strict=True):
        assert row == pytest.approx(PLEASURE_AROUSAL_DOMINANCE[label][:2])


def test_contempt_moves_nothing_on_the_way_to_the_axes() -> None:
    half = np.zeros(8)
    half[EKMAN8.index("anger")] = half[EKMAN8.index("contempt")] = 0.5
    pure = np.eye(8)[EKMAN8.index("anger")]
    way = bridge(EKMAN8, VA)
    assert way.apply(half) == pytest.approx(way.apply(pure))


def test_an_unpublished_way_lists_those_that_exist() -> None:
    with pytest.raises(UnknownName, match="ekman8 -> ekman7"):
        bridge("va", "ekman7")


def test_an_estimate_weighs_time_by_confidence() -> None:
    scores = np.zeros((2, 7))
    scores[0, 0] = scores[1, 1] = 1
    estimate = Estimate(EKMAN7, Track([0.0, 1.0], scores, EKMAN7.labels), [0.9, 0.1], "test")
    assert estimate.top(2) == [("anger", pytest.approx(0.9)), ("disgust", pytest.approx(0.1))]
    assert estimate.top(1, "ru")[0][0] == "гнев"


def test_an_estimate_of_nothing_answers_the_prior() -> None:
    estimate = Estimate(EKMAN7, Track([], np.zeros((0, 7)), EKMAN7.labels), [], "test")
    assert estimate.mean() == pytest.approx(np.full(7, 1 / 7))
    assert estimate.certainty == 0


def test_a_row_answers_for_its_whole_width() -> None:
    track = Track([1.0, 3.0], [[1.0], [3.0]], ("x",), width=2.0)
    cells = track.resample(Span(0, 4).grid(0.5), width=0.5, max_gap=0.5)
    assert cells.mask.all()
    assert cells.values.ravel().tolist() == [1.0] * 4 + [3.0] * 4


def test_the_whole_is_no_surer_than_its_top_label() -> None:
    scores = np.zeros((4, 7))
    scores[:2, EKMAN7.index("happiness")] = scores[2:, EKMAN7.index("sadness")] = 1.0
    estimate = Estimate(EKMAN7, Track(np.arange(4.0), scores, EKMAN7.labels), 1.0, "test")
    assert estimate.quality == 1.0
    assert estimate.certainty == pytest.approx(0.5)


def test_what_a_bridge_leaves_out_costs_trust() -> None:
    scores = np.zeros((2, 8))
    scores[0, EKMAN8.index("anger")] = 1.0
    scores[1, EKMAN8.index("anger")], scores[1, EKMAN8.index("contempt")] = 0.01, 0.99
    estimate = Estimate(EKMAN8, Track([0.0, 1.0], scores, EKMAN8.labels), 0.9, "face")
    assert estimate.into("ekman7").confidence == pytest.approx([0.9, 0.009])


def test_who_showed_nothing_has_no_top_label() -> None:
    track = Track([0.0], np.zeros((1, 7)), EKMAN7.labels, [False])
    assert Estimate(EKMAN7, track, 0.0, "test").top() == []
