"""The promises of the three roles as checks, for our tests and for third parties'.

    from insula.testing import check_channel
    def test_my_channel(): check_channel(MyChannel(), recordings())

A broken promise raises ContractError with the promise and the value found.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from insula.core.promises import TOLERANCE, check_estimate, check_observations, promise
from insula.core.records import Observation, Recording
from insula.core.roles import Channel, Corpus, Fusion
from insula.core.space import Space, get_space
from insula.core.time import Span


def check_channel(channel: Channel, recordings: Sequence[Recording]) -> None:
    """Every promise of a channel, on each recording (black and silent ones among them)."""
    twin = type(channel)(**channel.config())
    promise(channel, "it survives a round trip through its configuration", twin == channel, twin)
    runnable = [each for each in recordings if channel.lacks(each) is None]
    channel.open()
    once = [channel.observe(each) for each in runnable]
    for recording, observations in zip(runnable, once, strict=True):
        check_observations(channel, observations, recording.span)
    again = [channel.observe(each) for each in runnable]
    many = channel.observe_many(runnable)
    for first, second, third in zip(once, again, many, strict=True):
        promise(channel, "twice gives the same", _same(first, second), second)
        promise(channel, "many give the same as one by one", _same(first, third), third)
    channel.close()


def check_crop(channel: Channel, recording: Recording, part: Span, *, edge: float) -> None:
    """Crop, then observe: near observe, then crop, away from the edges by `edge` seconds."""
    inner = Span(part.start + edge, part.end - edge)
    cropped = [each.estimate for each in channel.observe(recording.crop(part)) if each.estimate]
    whole = [each.estimate for each in channel.observe(recording) if each.estimate]
    if not cropped or not whole:
        promise(channel, "a crop sees what the whole sees", bool(cropped) == bool(whole), cropped)
        return
    one, other = cropped[0].track.crop(inner), whole[0].track.crop(inner)
    other = other.resample(one.times, width=max(one.width, 1e-3))
    both = one.mask & other.mask
    gap = float(np.abs(one.values[both] - other.values[both]).mean()) if both.any() else 0.0
    promise(channel, "crop then observe is near observe then crop", gap < 0.1, gap)


def check_fusion(fusion: Fusion, observations: Sequence[Observation], times: object) -> None:
    """Every promise of a fusion, for one person's observations of distinct channels."""
    for count in range(len(observations) + 1):
        for subset in itertools.combinations(observations, count):
            _check_fused(fusion, subset, times)
    nothing = fusion.fuse([], times=times)
    promise(fusion, "nothing in gives confidence zero", nothing.certainty == 0, nothing.certainty)
    uniform = np.allclose(nothing.mean().sum(), 1)
    promise(fusion, "nothing in gives the prior", bool(uniform), nothing.mean())
    doubted = [*observations[:-1], _without_quality(observations[-1])]
    left_out = fusion.fuse(observations[:-1], times=times).track.values
    zero = fusion.fuse(doubted, times=times).track.values
    kept = np.allclose(left_out, zero, atol=TOLERANCE)
    promise(fusion, "a channel of quality 0 changes nothing", kept, np.abs(left_out - zero).max())


def _check_fused(fusion: Fusion, subset: Sequence[Observation], times: object) -> None:
    forward = fusion.fuse(subset, times=times)
    backward = fusion.fuse(subset[::-1], times=times)
    check_estimate(fusion, forward)
    same = np.allclose(forward.track.values, backward.track.values, atol=TOLERANCE)
    promise(fusion, "the order of channels is irrelevant", same, backward)
    if forward.parts:
        total = sum(forward.parts.values())
        adds = np.allclose(np.asarray(total)[forward.track.mask], 1, atol=1e-3)
        promise(fusion, "parts add up to one", adds, total)


def _without_quality(observation: Observation) -> Observation:
    assert observation.estimate is not None
    silent = replace(observation.estimate, confidence=np.zeros(len(observation.estimate.track)))
    return replace(observation, estimate=silent)


def check_corpus(corpus: Corpus, *, groups: Iterable[str]) -> None:
    """Labels lie in its spaces, and no group is on both sides of a split."""
    examples = list(corpus)
    promise(corpus, "it has examples", bool(examples), 0)
    for example in examples:
        for name, truth in example.truth.items():
            space: Space = get_space(name)
            promise(corpus, "truth is keyed by its space", truth.space == space, name)
            check_estimate(corpus, truth)
    for protocol in corpus.protocols:
        for train, test in corpus.split(protocol):
            promise(corpus, f"{protocol} tests on something", len(test) > 0, test)
            promise(corpus, "no example is on both sides", not set(train) & set(test), protocol)
            for group in groups:
                sides = [
                    {examples[i].groups.get(group, "") for i in side} for side in (train, test)
                ]
                shared = (sides[0] & sides[1]) - {""}
                promise(corpus, f"no {group} is on both sides of {protocol}", not shared, shared)


def _same(one: Sequence[Observation], other: Sequence[Observation]) -> bool:
    if len(one) != len(other):
        return False
    for left, right in zip(one, other, strict=True):
        if (left.person, left.marks) != (right.person, right.marks):
            return False
        if (left.estimate is None) != (right.estimate is None):
            return False
        if left.estimate is not None and right.estimate is not None:
            a, b = left.estimate.track, right.estimate.track
            if not (np.array_equal(a.times, b.times) and np.allclose(a.values, b.values)):
                return False
    return True
