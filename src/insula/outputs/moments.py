"""Readings of an estimate that several outputs share: what it says when, in few enough pieces.

Shapes: `T` moments, `C` labels.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

import numpy as np

from insula.core.records import Analysis, Estimate, Observation
from insula.core.space import VA
from insula.core.time import Span
from insula.core.track import Array, Track
from insula.errors import UnknownName

TOP = 3  # labels in a summary; the sources' systems show the top three


class Stretch(NamedTuple):
    """A run of moments with one top label; probability and confidence are means over it."""

    span: Span
    label: str
    probability: float
    confidence: float


def labelled(estimate: Estimate) -> bool:
    """Whether the columns are labels, not axes."""
    return estimate.space.kind != "axes"


def top_labels(estimate: Estimate, count: int = TOP) -> list[tuple[str, float]]:
    """The most probable labels of the whole with their probabilities; [] where nothing was seen."""
    if not labelled(estimate) or not estimate.track.mask.any():
        return []
    mean = estimate.mean()
    order = np.argsort(-mean, kind="stable")[:count]
    return [(estimate.space.labels[column], float(mean[column])) for column in order]


def affect_of(estimate: Estimate) -> Estimate | None:
    """Valence and arousal of an estimate: its own, else over a bridge; None where none leads."""
    if estimate.affect is not None:
        return estimate.affect
    try:
        return estimate.into(VA)
    except UnknownName:
        return None


def cell_width(track: Track) -> float:
    """Seconds that a row stands for; the usual step between rows where the track does not say."""
    if track.width > 0:
        return track.width
    return float(np.median(np.diff(track.times))) if len(track) > 1 else 1.0


def label_during(estimate: Estimate, span: Span) -> Stretch | None:
    """What the estimate says during `span`; None where it says nothing then."""
    if not labelled(estimate):
        return None
    half = cell_width(estimate.track) / 2
    times = estimate.track.times
    inside = estimate.track.mask & (times + half > span.start) & (times - half < span.end)
    if not inside.any():
        return None
    mean = estimate.track.values[inside].mean(axis=0)
    best = int(mean.argmax())
    sure = float(estimate.confidence[inside].mean())
    return Stretch(span, estimate.space.labels[best], float(mean[best]), sure)


def stretches(estimate: Estimate, *, least: float = 0.0) -> list[Stretch]:
    """Runs of moments with the same top label; gaps in the evidence are gaps between runs.

    least: seconds; a shorter run is counted as part of the run before or after it.
    """
    track = estimate.track
    if not labelled(estimate) or not track.mask.any():
        return []
    half = cell_width(track) / 2
    rows = np.flatnonzero(track.mask)
    found: list[Stretch] = []
    for piece in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1):
        tops = track.values[piece].argmax(axis=1)
        for first, last, top in _runs(tops, least / (2 * half)):
            run = piece[first:last]
            found.append(
                Stretch(
                    Span(max(0.0, track.times[run[0]] - half), track.times[run[-1]] + half),
                    estimate.space.labels[top],
                    float(track.values[run, top].mean()),
                    float(estimate.confidence[run].mean()),
                )
            )
    return found


def withheld_spans(estimate: Estimate) -> list[Span]:
    """Runs of moments that were seen and stay unlabelled."""
    half, times = cell_width(estimate.track) / 2, estimate.track.times
    rows = np.flatnonzero(estimate.withheld)
    if not len(rows):
        return []
    runs = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
    return [Span(max(0.0, times[run[0]] - half), times[run[-1]] + half) for run in runs]


def _runs(tops: Array, least: float) -> list[tuple[int, int, int]]:
    """(first, end, top) of equal neighbours; runs of under `least` rows join a neighbour."""
    runs: list[tuple[int, int, int]] = []
    first = 0
    for top, group in groupby(tops.tolist()):
        end = first + len(list(group))
        if runs and (end - first < least or runs[-1][2] == top):
            runs[-1] = (runs[-1][0], end, runs[-1][2])
        elif runs and runs[-1][1] - runs[-1][0] < least:
            runs[-1] = (runs[-1][0], end, top)
        else:
            runs.append((first, end, top))
        first = end
    return runs


def coarser(estimate: Estimate, count: int) -> Estimate:
    """The estimate in at most `count` moments: neighbours averaged, silent ones left out."""
    size = -(-len(estimate.track) // count)
    if size <= 1:
        return estimate
    valid = estimate.track.mask.astype(float)
    starts = np.arange(0, len(valid), size)
    heard = np.add.reduceat(valid, starts)
    shares = valid / np.repeat(np.maximum(heard, 1), size)[: len(valid)]

    def average(values: Array) -> Array:
        weighted = (values.T * shares).T
        averaged: Array = np.add.reduceat(weighted, starts, axis=0)
        return averaged

    spread = np.diff([*starts, len(valid)])
    times = np.add.reduceat(estimate.track.times, starts) / spread
    track = Track(
        times,
        average(estimate.track.values),
        estimate.track.names,
        heard > 0,
        size * cell_width(estimate.track),
    )
    withheld = np.logical_or.reduceat(estimate.withheld, starts) & (heard == 0)
    return Estimate(
        estimate.space,
        track,
        average(estimate.confidence),
        estimate.source,
        estimate.person,
        {name: average(part) for name, part in estimate.parts.items()},
        coarser(estimate.affect, count) if estimate.affect is not None else None,
        estimate.basis,
        withheld,
    )


def opinions(analysis: Analysis, person: str) -> Iterator[Observation]:
    """Observations of one person that hold an estimate, channels in the order of the analysis."""
    for channel in dict.fromkeys([*analysis.channels, *(o.channel for o in analysis.observations)]):
        for each in analysis.by(channel, person):
            if each.estimate is not None:
                yield each
