"""From measures to lines of a card, each with its interval."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from insula.learn.resampling import interval
from insula.learn.task import Metric


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
    everyone = np.arange(len(groups))
    metrics = []
    for name, measure in measures.items():
        value = measure(everyone)
        low, high = interval(measure, groups, rng)
        # Of a skewed measure on few groups the interval can miss the value itself.
        low, high = min(low, value), max(high, value)
        metrics.append(Metric(name, value, low, high, corpus, protocol, len(groups)))
    return metrics
