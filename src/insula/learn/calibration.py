"""Temperature, or a scale and a shift: what makes a net as sure as it is right.

Source: Guo et al., "On calibration of modern neural networks", ICML 2017. Fitted on held-out
logits; where a calibrated number is reported, the temperature was fitted on other samples.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

TEMPERATURES = np.exp(np.linspace(np.log(0.2), np.log(5.0), 162))  # tried, 2 % apart
NEWTON_STEPS = 30
RIDGE = 1e-6  # so that logits that are all alike have an answer
LEAST = 1e-12  # probability, so that its logarithm is finite

Activation = Callable[[np.ndarray], np.ndarray]


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities that sum to 1 over the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Independent probabilities."""
    return 0.5 * (1 + np.tanh(logits / 2))


def fit_temperature(
    logits: np.ndarray, targets: np.ndarray, *, activation: Activation = softmax
) -> float:
    """The temperature with the least cross-entropy.

    logits: (N, C). targets: (N, C), one-hot or shares for softmax, 0 or 1 for sigmoid.
    """

    def surprise(temperature: float) -> float:
        chances = activation(logits / temperature)
        loss = -(targets * np.log(chances + LEAST)).sum()
        if activation is sigmoid:
            loss -= ((1 - targets) * np.log(1 - chances + LEAST)).sum()
        return float(loss)

    return float(min(TEMPERATURES, key=surprise))


def fit_platt(logits: np.ndarray, right: np.ndarray) -> tuple[float, float]:
    """Scale and shift with which sigmoid(scale * logit + shift) is the chance of being right.

    logits: (N,). right: (N,) bool. Logistic regression by Newton's method, with targets a little
    inside 0 and 1, as in Platt, "Probabilistic outputs for support vector machines", 1999.
    """
    hits, misses = right.sum(), (~right).sum()
    targets = np.where(right, (hits + 1) / (hits + 2), 1 / (misses + 2))
    columns = np.stack([logits, np.ones_like(logits)], axis=1).astype(np.float64)
    line = np.array([0.0, np.log((hits + 1) / (misses + 1))])
    for _ in range(NEWTON_STEPS):
        chances = sigmoid(columns @ line)
        slope = columns.T @ (chances - targets)
        bend = (columns * (chances * (1 - chances))[:, None]).T @ columns + RIDGE * np.eye(2)
        line = line - np.linalg.solve(bend, slope)
    return float(line[0]), float(line[1])


def cross_fitted(
    logits: np.ndarray,
    targets: np.ndarray,
    groups: np.ndarray,
    *,
    activation: Activation = softmax,
) -> np.ndarray:
    """Calibrated probabilities, (N, C), each half of the groups by the other half's temperature."""
    _, number = np.unique(groups, return_inverse=True)
    half = number % 2 == 0
    if half.all():  # one group: there is no other half
        return activation(logits)
    probabilities = np.empty_like(logits)
    for mine in (half, ~half):
        temperature = fit_temperature(logits[~mine], targets[~mine], activation=activation)
        probabilities[mine] = activation(logits[mine] / temperature)
    return probabilities
