"""Intervals: a metric computed again on groups drawn with replacement (the bootstrap).

What most metrics need of the samples is a sum over them (how often class i was taken for class j;
squares and products). Such a metric is a `Tally`, a function of sums with any number of axes before
them, and one matrix product resamples it a thousand times.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 1000
INTERVAL = (2.5, 97.5)  # percentiles of the resampled metric: 95 %
AT_ONCE = 1 << 22  # numbers of a table of resampled groups: 32 MB


@dataclass(frozen=True)
class Value:
    """A metric with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Tally:
    """A metric as a function of sums over samples.

    rows: (N, S), what each sample adds. measure: sums (..., S) to values (...).
    """

    rows: np.ndarray
    measure: Callable[[np.ndarray], np.ndarray]

    @property
    def value(self) -> float:
        """The metric of all samples."""
        return float(self.measure(self.rows.sum(axis=0)))


def with_intervals(
    tallies: dict[str, Tally], groups: np.ndarray, rng: np.random.Generator
) -> dict[str, Value]:
    """Every metric with its interval, whole groups resampled with replacement.

    groups: (N,) the group (speaker, picture) of each sample: samples of one group are not
    independent. All metrics see the same resamples.
    """
    names, number = np.unique(groups, return_inverse=True)
    summed = {}  # several metrics need the same sums
    for tally in tallies.values():
        summed[id(tally.rows)] = _grouped(tally.rows, number, len(names))
    values: dict[str, list[np.ndarray]] = {name: [] for name in tallies}
    step = max(1, AT_ONCE // len(names))
    for first in range(0, RESAMPLES, step):
        drawn = _draws(len(names), min(step, RESAMPLES - first), rng)
        sums = {key: drawn @ table for key, table in summed.items()}
        for name, tally in tallies.items():
            values[name].append(tally.measure(sums[id(tally.rows)]))
    found = {}
    for name, tally in tallies.items():
        value = tally.value
        drawn_values = np.concatenate(values[name])
        known = drawn_values[~np.isnan(drawn_values)]  # a rare label is not in every resample
        low, high = np.percentile(known, INTERVAL) if len(known) else (value, value)
        # Of a skewed measure on few groups the interval can miss the value itself.
        found[name] = Value(value, min(float(low), value), max(float(high), value))
    return found


def difference(
    measure: Callable[[np.ndarray, np.ndarray], float],
    pairs: Sequence[tuple[np.ndarray, np.ndarray]],
    groups: np.ndarray,
    rng: np.random.Generator,
) -> Value:
    """How much better one method is than another, both judged on the same resamples.

    measure: (answers, numbers of samples) to a number. pairs: for each seed the answers of the one
    and of the other to the same samples. The mean over seeds, whole groups resampled: the paired
    bootstrap.
    """

    def apart(rows: np.ndarray) -> float:
        return float(np.mean([measure(one, rows) - measure(two, rows) for one, two in pairs]))

    low, high = interval(apart, groups, rng)
    value = apart(np.arange(len(groups)))
    return Value(value, min(low, value), max(high, value))


def _grouped(rows: np.ndarray, number: np.ndarray, groups: int) -> np.ndarray:
    """The rows (N, S) of each group added up: (G, S)."""
    columns = [np.bincount(number, weights=column, minlength=groups) for column in rows.T]
    return np.stack(columns, axis=1)


def _draws(groups: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """How often each group is in each of `count` resamples: (count, G) float."""
    drawn = rng.integers(0, groups, (count, groups)) + groups * np.arange(count)[:, None]
    times = np.bincount(drawn.ravel(), minlength=count * groups)
    return times.reshape(count, groups).astype(np.float64)


def interval(
    metric: Callable[[np.ndarray], float], groups: np.ndarray, rng: np.random.Generator
) -> tuple[float, float]:
    """The 95 % interval of any metric at all, by computing it a thousand times.

    metric: takes numbers of samples, (N,) int, some of them several times. groups: as above.
    """
    return intervals(lambda rows: {"": metric(rows)}, groups, rng)[""]


def intervals(
    metrics: Callable[[np.ndarray], Mapping[str, float]],
    groups: np.ndarray,
    rng: np.random.Generator,
) -> dict[str, tuple[float, float]]:
    """The same of several metrics that are computed together."""
    names, first = np.unique(groups, return_inverse=True)
    order = np.argsort(first, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(first))[:-1])
    values: dict[str, list[float]] = {}
    for _ in range(RESAMPLES):
        drawn = rng.integers(0, len(names), len(names))
        for name, value in metrics(np.concatenate([members[i] for i in drawn])).items():
            values.setdefault(name, []).append(value)
    found = {}
    for name, each in values.items():
        low, high = np.nanpercentile(each, INTERVAL)  # of few groups a draw may have no trial
        found[name] = (float(low), float(high))
    return found
