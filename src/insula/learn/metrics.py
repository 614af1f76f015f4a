"""Metrics, as `methods.md` part E defines them, and their intervals.

Classification takes label numbers, (N,) int; probabilities are (N, C). Regression takes (N,).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

BINS = 15  # of confidence, for the calibration error
RESAMPLES = 1000
INTERVAL = (2.5, 97.5)  # percentiles of the resampled metric: 95 %


def confusion(truth: np.ndarray, said: np.ndarray, classes: int) -> np.ndarray:
    """How often class i was taken for class j: (C, C) int."""
    counts = np.bincount(truth * classes + said, minlength=classes * classes)
    return counts.reshape(classes, classes)


def accuracy(truth: np.ndarray, said: np.ndarray) -> float:
    """Share of samples that are right."""
    return float((truth == said).mean())


def recalls(truth: np.ndarray, said: np.ndarray) -> dict[int, float]:
    """Share of right samples of each class that the truth holds."""
    return {int(c): float((said[truth == c] == c).mean()) for c in np.unique(truth)}


def uar(truth: np.ndarray, said: np.ndarray) -> float:
    """Unweighted average recall: the mean of the recalls of the classes that the truth holds."""
    return float(np.mean(list(recalls(truth, said).values())))


def f1_by_class(truth: np.ndarray, said: np.ndarray) -> dict[int, float]:
    """F1 of each class in the truth or the answers; 0 where a class is never right."""
    table = confusion(truth, said, int(max(truth.max(), said.max())) + 1)
    both = table.sum(axis=0) + table.sum(axis=1)
    return {int(c): float(2 * table[c, c] / both[c]) for c in np.flatnonzero(both)}


def f1_macro(truth: np.ndarray, said: np.ndarray) -> float:
    """Mean F1 over the classes in the truth or the answers."""
    return float(np.mean(list(f1_by_class(truth, said).values())))


def f1_weighted(truth: np.ndarray, said: np.ndarray) -> float:
    """Mean F1 weighted by how often a class is true."""
    by_class = f1_by_class(truth, said)
    return float(sum(f1 * (truth == c).mean() for c, f1 in by_class.items()))


def ece(right: np.ndarray, confidence: np.ndarray) -> float:
    """Expected calibration error: |share right - mean confidence| over 15 equal bins, weighted.

    right: (N,) bool, or the share of raters who agree. confidence: (N,) in [0, 1].
    """
    index = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = np.bincount(index, weights=right - confidence, minlength=BINS)
    return float(np.abs(gaps).sum() / len(confidence))


def brier(truth: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean squared distance to the one-hot truth, summed over classes: 0 best, 2 worst."""
    target = np.eye(probabilities.shape[1])[truth]
    return float(np.square(probabilities - target).sum(axis=1).mean())


def pcc(truth: np.ndarray, said: np.ndarray) -> float:
    """Pearson's correlation; 0 where one of both does not vary."""
    spread = truth.std() * said.std()
    if spread == 0:
        return 0.0
    return float(((truth - truth.mean()) * (said - said.mean())).mean() / spread)


def ccc(truth: np.ndarray, said: np.ndarray) -> float:
    """Lin's concordance with population moments; 0 where neither varies and both agree."""
    covariance = ((truth - truth.mean()) * (said - said.mean())).mean()
    distance = truth.var() + said.var() + (truth.mean() - said.mean()) ** 2
    return float(2 * covariance / distance) if distance > 0 else 0.0


def interval(
    metric: Callable[[np.ndarray], float], groups: np.ndarray, rng: np.random.Generator
) -> tuple[float, float]:
    """The 95 % bootstrap interval of a metric, whole groups resampled with replacement.

    metric: takes numbers of samples, (N,) int, some of them several times. groups: (N,) the group
    (speaker, picture) of each sample: samples of one group are not independent.
    """
    names, first = np.unique(groups, return_inverse=True)
    order = np.argsort(first, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(first))[:-1])
    values = []
    for _ in range(RESAMPLES):
        drawn = rng.integers(0, len(names), len(names))
        values.append(metric(np.concatenate([members[i] for i in drawn])))
    low, high = np.percentile(values, INTERVAL)
    return float(low), float(high)
