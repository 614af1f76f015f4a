"""What observations and estimates must look like: checked at the border, trusted inside.

The pipeline holds every channel's answer to this, plug-ins and built-ins alike.
"""

from __future__ import annotations

import numpy as np

from insula.core.records import Estimate, Observation
from insula.core.roles import Channel
from insula.core.time import Span
from insula.core.track import Track
from insula.errors import ContractError

TOLERANCE = 1e-4


def check_observations(channel: Channel, found: object, span: Span) -> None:
    """What `observe` must return for a recording of that span; ContractError where it does not."""
    kept = isinstance(found, list) and all(isinstance(each, Observation) for each in found)
    promise(channel, "observe returns a list of observations", kept, found)
    for observation in found if isinstance(found, list) else []:
        _check_observation(channel, observation, span)


def _check_observation(channel: Channel, observation: Observation, span: Span) -> None:
    """What one observation must look like."""
    promise(channel, "observations carry its name", observation.channel == channel.name, "")
    given = set(observation.tracks) | {mark.kind for mark in observation.marks}
    undeclared = given - set(channel.gives)
    promise(channel, "it gives what it declares and nothing else", not undeclared, undeclared)
    tracks = list(observation.tracks.values())
    for estimate in (observation.estimate, observation.asked):
        while estimate is not None:
            check_estimate(channel, estimate)
            tracks.append(estimate.track)
            estimate = estimate.affect
    for track in tracks:
        _inside(channel, track, span)
    for mark in observation.marks:
        inside = span.start - 1e-6 <= mark.span.start and mark.span.end <= span.end + 1e-6
        promise(channel, "marks lie inside the recording", inside, mark)
        promise(channel, "scores of marks lie in [0, 1]", 0 <= mark.score <= 1, mark)


def _inside(channel: Channel, track: Track, span: Span) -> None:
    if not len(track):
        return
    margin = track.width / 2 + 1e-6
    inside = span.start - margin <= track.times[0] and track.times[-1] <= span.end + margin
    promise(channel, "times stay inside the recording", inside, (track.times[[0, -1]], span))


def check_estimate(who: object, estimate: Estimate) -> None:
    """Values lie in their space; probabilities that exclude each other sum to one."""
    values = estimate.track.values[estimate.track.mask]
    space = estimate.space
    inside = (values >= space.low - TOLERANCE).all() and (values <= space.high + TOLERANCE).all()
    promise(who, f"values lie in [{space.low}, {space.high}]", bool(inside), values)
    if space.kind == "exclusive" and len(values):
        sums = values.sum(axis=1)
        promise(who, "probabilities sum to one", bool(np.allclose(sums, 1, atol=1e-3)), sums)


def promise(who: object, text: str, kept: bool, found: object) -> None:
    """Raise ContractError unless the promise `text` is kept."""
    if not kept:
        raise ContractError(repr(who), text, found)
