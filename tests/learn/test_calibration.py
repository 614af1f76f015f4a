"""Temperature: what is over-sure is brought back, on other samples than it was fitted on."""

from __future__ import annotations

import numpy as np
import pytest

from insula.learn.calibration import cross_fitted, fit_platt, fit_temperature, sigmoid, softmax
from insula.learn.metrics import ece


def sampled(rng: np.random.Generator, count: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and labels drawn from just the probabilities that these stand for."""
    logits = rng.normal(0, 2, (count, 5))
    labels = (rng.random((count, 1)) > softmax(logits).cumsum(axis=1)).sum(axis=1)
    return logits, np.eye(5)[np.minimum(labels, 4)]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_a_known_temperature_is_found(temperature: float) -> None:
    logits, targets = sampled(np.random.default_rng(0))
    assert fit_temperature(logits * temperature, targets) == pytest.approx(temperature, rel=0.06)


def test_sigmoids() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (4000, 3))
    targets = (rng.random((4000, 3)) < sigmoid(logits)).astype(float)
    found = fit_temperature(2.5 * logits, targets, activation=sigmoid)
    assert found == pytest.approx(2.5, rel=0.06)


def test_cross_fitting_lowers_the_error_and_keeps_the_order() -> None:
    logits, targets = sampled(np.random.default_rng(0))
    right = logits.argmax(axis=1) == targets.argmax(axis=1)
    chances = cross_fitted(4 * logits, targets, np.arange(len(logits)) // 10)
    assert ece(right, softmax(4 * logits).max(axis=1)) > 0.1
    assert ece(right, chances.max(axis=1)) < 0.03
    assert np.array_equal(chances.argmax(axis=1), logits.argmax(axis=1))
    assert np.allclose(chances.sum(axis=1), 1)


def test_one_group_is_left_as_it_is() -> None:
    logits, targets = sampled(np.random.default_rng(0), 10)
    assert np.allclose(cross_fitted(logits, targets, np.zeros(10)), softmax(logits))


def test_extreme_logits_stay_finite() -> None:
    assert softmax(np.array([[1e4, -1e4]])).tolist() == [[1, 0]]
    assert sigmoid(np.array([-1e4, 0, 1e4])).tolist() == [0, 0.5, 1]


def test_scale_and_shift_are_found_again() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, 40_000)
    right = rng.random(40_000) < sigmoid(0.7 * logits - 1.2)
    assert fit_platt(logits, right) == pytest.approx((0.7, -1.2), abs=0.05)


def test_scale_and_shift_of_what_is_always_right_are_finite() -> None:
    scale, shift = fit_platt(np.full(9, 2.0), np.ones(9, bool))
    assert sigmoid(np.array(scale * 2 + shift)) == pytest.approx(10 / 11, abs=1e-3)
