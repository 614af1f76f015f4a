"""Every way to fuse on the same synthetic people: the rules, the regression, each channel alone.

Intervals come from resampling the people, who are random pairs themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from insula.core.records import Estimate, Observation
from insula.core.space import EKMAN7
from insula.core.time import Span
from insula.core.track import Track
from insula.fusion.rules import Mean, Product, Reliability, Rule, VarianceWeighted, Vote
from insula.learn.metrics import accuracy, ece, interval, uar
from insula.learn.pairing import CHANNELS, Opinions, People

Fuse = Callable[[People], np.ndarray]
"""Distributions in ekman7, (N, 7), of N synthetic people."""

SPACING = 100.0  # seconds between people, so that no fusion carries one over to the next
LEAST = 1e-4  # probability, so that one lost bet does not decide the mean of the logarithms


def compare(
    ways: Mapping[str, Fuse], conditions: Mapping[str, People], rng: np.random.Generator
) -> dict[str, dict[str, dict[str, float]]]:
    """condition -> way -> n, accuracy and its 95 % interval, recall, log loss, calibration."""
    return {
        condition: {name: _judge(fuse(people), people.label, rng) for name, fuse in ways.items()}
        for condition, people in conditions.items()
    }


def _judge(chances: np.ndarray, label: np.ndarray, rng: np.random.Generator) -> dict[str, float]:
    said = chances.argmax(axis=1)
    everyone = np.arange(len(label))
    low, high = interval(lambda rows: accuracy(label[rows], said[rows]), everyone, rng)
    numbers = {
        "n": len(label),
        "accuracy": accuracy(label, said),
        "low": low,
        "high": high,
        "uar": uar(label, said),
        "log_loss": float(-np.log(np.maximum(chances[everyone, label], LEAST)).mean()),
        "ece": ece(said == label, chances.max(axis=1)),
    }
    return {name: round(value, 4) for name, value in numbers.items()}


def one_channel(column: int) -> Fuse:
    """What a channel says alone; nobody's guess is uniform where it is absent."""

    def fuse(people: People) -> np.ndarray:
        absent = ~people.present[:, column, None]
        return np.where(absent, 1 / len(EKMAN7), people.scores[:, column])

    return fuse


def rules(opinions: Sequence[Opinions]) -> dict[str, Rule]:
    """The rules that need no training; reliabilities are accuracies on the half to learn from."""
    worth = {}
    for name, channel in zip(CHANNELS, opinions, strict=True):
        said = channel.scores.argmax(axis=1)
        hits = [said[channel.of(label, False)] == label for label in range(len(EKMAN7))]
        worth[name] = float(np.mean([hit.mean() for hit in hits if len(hit)]))
    return {
        "mean": Mean(),
        "product": Product(),
        "reliability": Reliability(reliability=worth),
        "vote": Vote(),
        "variance": VarianceWeighted(),
    }


def by_rule(rule: Rule) -> Fuse:
    """A rule on synthetic people, who speak one after the other, far apart."""

    def fuse(people: People) -> np.ndarray:
        times = SPACING * np.arange(len(people.label))
        span = Span(0.0, SPACING * len(times))
        observations = []
        for column, channel in enumerate(CHANNELS):
            valid = people.present[:, column]
            track = Track(times, people.scores[:, column], EKMAN7.labels, valid, SPACING)
            estimate = Estimate(EKMAN7, track, np.ones(len(times)), channel)
            observations.append(Observation(channel, "", span, estimate=estimate))
        return rule.fuse(observations, times=times).track.values

    return fuse
