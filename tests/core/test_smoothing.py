"""Smoothing and gaps (`methods.md` P6, P7)."""

from __future__ import annotations

import numpy as np
import pytest

from insula.core.smoothing import KINDS, Kind, interpolate, smooth

EVERY = np.ones(9, bool)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_constant_stays(kind: Kind) -> None:
    values = np.tile([0.2, 0.8], (9, 1))
    np.testing.assert_allclose(smooth(values, EVERY, reach=3, kind=kind), values, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_a_blip_is_taken_out_and_the_input_left_alone(kind: Kind) -> None:
    values = np.zeros((9, 1))
    values[4] = 1
    assert smooth(values, EVERY, reach=2, kind=kind).max() < 0.5
    assert values[4] == 1


def test_box_and_gaussian_are_the_weighted_means_of_the_source() -> None:
    values = np.arange(9.0)[:, None] ** 2
    assert smooth(values, EVERY, reach=2, kind="box")[4] == pytest.approx(
        np.mean([4, 9, 16, 25, 36])
    )
    weights = np.exp(-0.5 * np.array([-2, -1, 0, 1, 2]) ** 2)  # sigma = reach / 2 = 1
    expected = weights @ [4, 9, 16, 25, 36] / weights.sum()
    assert smooth(values, EVERY, reach=2, kind="gaussian")[4] == pytest.approx(expected)


@pytest.mark.parametrize("kind", KINDS)
def test_invalid_moments_neither_give_nor_get(kind: Kind) -> None:
    values, valid = np.ones((9, 1)), EVERY.copy()
    values[3], valid[3] = 1e6, False
    after = smooth(values, valid, reach=2, kind=kind)
    assert after[3] == 0
    np.testing.assert_allclose(after[valid], 1)
    assert not smooth(values, ~EVERY, reach=2, kind=kind).any()


def test_no_reach_changes_nothing() -> None:
    values = np.random.default_rng(0).random((9, 2))
    np.testing.assert_array_equal(smooth(values, EVERY, reach=0, kind="box"), values)


def test_a_ramp_is_interpolated_exactly() -> None:
    """With the weights of both ends swapped, a ramp would become a saw."""
    times = np.linspace(0, 10, 41)
    known = np.array([0.0, 0.5, 4.0, 9.75, 10.0])
    slopes = np.array([[3.0, -0.5]])
    ramp = interpolate(times, known, known[:, None] * slopes)
    np.testing.assert_allclose(ramp, times[:, None] * slopes, atol=1e-12)


def test_ends_are_repeated_and_one_known_moment_is_enough() -> None:
    values = np.array([[1.0], [5.0]])
    line = interpolate(np.array([-3.0, 0.0, 1.0, 8.0]), np.array([0.0, 2.0]), values)
    assert line.ravel().tolist() == [1, 1, 3, 5]
    assert interpolate(np.arange(3.0), np.array([1.0]), values[:1]).ravel().tolist() == [1, 1, 1]
