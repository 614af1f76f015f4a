"""From measures to lines of a card, each with its interval."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from insula.learn.resampling import intervals
from insula.learn.task import Metric


def measured_together(
    measures: Callable[[np.ndarray], Mapping[str, float]],
    groups: np.ndarray,
    rng: np.random.Generator,
    *,
    corpus: str,
    protocol: str,
) -> list[Metric]:
    """As `measured`, of measures that are computed together: numbers of samples to all of them."""
    bounds, metrics = intervals(measures, groups, rng), []
    for name, value in measures(np.arange(len(groups))).items():
        low, high = bounds[name]
        # Of a skewed measure on few groups the interval can miss the value itself.
        low, high = min(low, value), max(high, value)
        metrics.append(Metric(name, value, low, high, corpus, protocol, len(groups)))
    return metrics


def measured(
    measures: Mapping[str, Callable[[np.ndarray], float]],
    groups: np.ndarray,
    rng: np.random.Generator,
    *,
    corpus: str,
    protocol: str,
) -> list[Metric]:
    """Each measure on all samples, with its 95 % interval over `groups`.

    measures: name -> a function of numbers of samples, (N,) int. groups: (N,), one a sample.
    """
    return [
        metric
        for name, measure in measures.items()
        for metric in measured_together(
            lambda rows, name=name, measure=measure: {name: measure(rows)},
            groups,
            rng,
            corpus=corpus,
            protocol=protocol,
        )
    ]
