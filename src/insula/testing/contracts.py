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

from insula.core.records import Estimate, Observation, Recording
from insula.core.roles import Channel, Corpus, Fusion
from insula.core.space import Space, get_space
from insula.core.time import Span
from insula.core.track import Track
from insula.errors import ContractError

TOLERANCE = 1e-4


def _promise(who: object, promise: str, kept: bool, found: object) -> None:
    if not kept:
        raise ContractError(repr(who), promise, found)


def check_channel(channel: Channel, recordings: Sequence[Recording]) -> None:
    """Every promise of a channel, on each recording (black and silent ones among them)."""
    twin = type(channel)(**channel.config())
    _promise(channel, "it survives a round trip through its configuration", twin == channel, twin)
    runnable = [each for each in recordings if channel.lacks(each) is None]
    channel.open()
    once = [channel.observe(each) for each in runnable]
    for recording, observations in zip(runnable, once, strict=True):
        for observation in observations:
            check_observation(channel, observation, recording.span)
    again = [channel.observe(each) for each in runnable]
    many = channel.observe_many(runnable)
    for first, second, third in zip(once, again, many, strict=True):
        _promise(channel, "twice gives the same", _same(first, second), second)
        _promise(channel, "many give the same as one by one", _same(first, third), third)
    channel.close()


def check_observation(channel: Channel, observation: Observation, span: Span) -> None:
    """What one observation must look like."""
    _promise(channel, "observations carry its name", observation.channel == channel.name, "")
    given = set(observation.tracks) | {mark.kind for mark in observation.marks}
    undeclared = given - set(channel.gives)
    _promise(channel, "it gives what it declares and nothing else", not undeclared, undeclared)
    tracks = list(observation.tracks.values())
    estimate = observation.estimate
    while estimate is not None:
        check_estimate(channel, estimate)
        tracks.append(estimate.track)
        estimate = estimate.affect
    for track in tracks:
        _inside(channel, track, span)
    for mark in observation.marks:
        inside = span.start - 1e-6 <= mark.span.start and mark.span.end <= span.end + 1e-6
        _promise(channel, "marks lie inside the recording", inside, mark)
        _promise(channel, "scores of marks lie in [0, 1]", 0 <= mark.score <= 1, mark)


def _inside(channel: Channel, track: Track, span: Span) -> None:
    if not len(track):
        return
    margin = track.width / 2 + 1e-6
    inside = span.start - margin <= track.times[0] and track.times[-1] <= span.end + margin
    _promise(channel, "times stay inside the recording", inside, (track.times[[0, -1]], span))


def check_estimate(who: object, estimate: Estimate) -> None:
    """Values lie in their space; probabilities that exclude each other sum to one."""
    values = estimate.track.values[estimate.track.mask]
    space = estimate.space
    inside = (values >= space.low - TOLERANCE).all() and (values <= space.high + TOLERANCE).all()
    _promise(who, f"values lie in [{space.low}, {space.high}]", bool(inside), values)
    if space.kind == "exclusive" and len(values):
        sums = values.sum(axis=1)
        _promise(who, "probabilities sum to one", bool(np.allclose(sums, 1, atol=1e-3)), sums)


def check_crop(channel: Channel, recording: Recording, part: Span, *, edge: float) -> None:
    """Crop, then observe: near observe, then crop, away from the edges by `edge` seconds."""
    inner = Span(part.start + edge, part.end - edge)
    cropped = [each.estimate for each in channel.observe(recording.crop(part)) if each.estimate]
    whole = [each.estimate for each in channel.observe(recording) if each.estimate]
    if not cropped or not whole:
        _promise(channel, "a crop sees what the whole sees", bool(cropped) == bool(whole), cropped)
        return
    one, other = cropped[0].track.crop(inner), whole[0].track.crop(inner)
    other = other.resample(one.times, width=max(one.width, 1e-3))
    both = one.mask & other.mask
    gap = float(np.abs(one.values[both] - other.values[both]).mean()) if both.any() else 0.0
    _promise(channel, "crop then observe is near observe then crop", gap < 0.1, gap)


def check_fusion(fusion: Fusion, observations: Sequence[Observation], times: object) -> None:
    """Every promise of a fusion, for one person's observations of distinct channels."""
    for count in range(len(observations) + 1):
        for subset in itertools.combinations(observations, count):
            _check_fused(fusion, subset, times)
    nothing = fusion.fuse([], times=times)
    _promise(fusion, "nothing in gives confidence zero", nothing.certainty == 0, nothing.certainty)
    uniform = np.allclose(nothing.mean().sum(), 1)
    _promise(fusion, "nothing in gives the prior", bool(uniform), nothing.mean())
    doubted = [*observations[:-1], _without_quality(observations[-1])]
    left_out = fusion.fuse(observations[:-1], times=times).track.values
    zero = fusion.fuse(doubted, times=times).track.values
    kept = np.allclose(left_out, zero, atol=TOLERANCE)
    _promise(fusion, "a channel of quality 0 changes nothing", kept, np.abs(left_out - zero).max())


def _check_fused(fusion: Fusion, subset: Sequence[Observation], times: object) -> None:
    forward = fusion.fuse(subset, times=times)
    backward = fusion.fuse(subset[::-1], times=times)
    check_estimate(fusion, forward)
    same = np.allclose(forward.track.values, backward.track.values, atol=TOLERANCE)
    _promise(fusion, "the order of channels is irrelevant", same, backward)
    if forward.parts:
        total = sum(forward.parts.values())
        adds = np.allclose(np.asarray(total)[forward.track.mask], 1, atol=1e-3)
        _promise(fusion, "parts add up to one", adds, total)


def _without_quality(observation: Observation) -> Observation:
    assert observation.estimate is not None
    silent = replace(observation.estimate, confidence=np.zeros(len(observation.estimate.track)))
    return replace(observation, estimate=silent)


def check_corpus(corpus: Corpus, *, groups: Iterable[str]) -> None:
    """Labels lie in its spaces, and no group is on both sides of a split."""
    examples = list(corpus)
    _promise(corpus, "it has examples", bool(examples), 0)
    for example in examples:
        for name, truth in example.truth.items():
            space: Space = get_space(name)
            _promise(corpus, "truth is keyed by its space", truth.space == space, name)
            check_estimate(corpus, truth)
    for protocol in corpus.protocols:
        for train, test in corpus.split(protocol):
            _promise(corpus, f"{protocol} tests on something", len(test) > 0, test)
            _promise(corpus, "no example is on both sides", not set(train) & set(test), protocol)
            for group in groups:
                sides = [
                    {examples[i].groups.get(group, "") for i in side} for side in (train, test)
                ]
                shared = (sides[0] & sides[1]) - {""}
                _promise(corpus, f"no {group} is on both sides of {protocol}", not shared, shared)


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
