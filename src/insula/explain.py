"""Why the answer is as it is: leave-one-out, contradictions, and what each channel has to note."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from insula.core.records import ChannelReport, Estimate, Observation
from insula.core.roles import Channel, Fusion
from insula.core.space import reaches
from insula.core.track import Array
from insula.fusion.evidence import gather

DOUBT = 0.2  # quality below which a channel's opinion is not worth calling a contradiction
FIRM = 0.4  # probability from which a channel's top label counts as said


def leave_one_out(
    fusion: Fusion, observations: Sequence[Observation], estimate: Estimate
) -> dict[str, Array]:
    """How the summary of `estimate` changes when each channel is left out: channel -> (C,).

    observations: those of the one person that `estimate` is about. A channel without which there
    would be no answer is not named.
    """
    changes = {}
    for name in sorted({each.channel for each in observations}):
        others = [each for each in observations if each.channel != name]
        rest = fusion.fuse(others, times=estimate.track.times)
        if rest.track.mask.any() and estimate.track.mask.any():
            changes[name] = rest.mean() - estimate.mean()
    return changes


def contradictions(person: Estimate, observations: Sequence[Observation]) -> list[str]:
    """A note for each pair of channels that firmly say different things at the same time."""
    mine = [each for each in observations if each.person == person.person]
    evidence = gather(mine, person.track.times, person.space)
    notes = []
    for pair in combinations(range(len(evidence.channels)), 2):
        both = (evidence.trust[list(pair)] > DOUBT).all(axis=0)
        if not both.any():
            continue
        means = evidence.scores[list(pair)][:, both].mean(axis=1)
        tops = means.argmax(axis=1)
        if tops[0] == tops[1] or means.max(axis=1).min() < FIRM:
            continue
        said = " and ".join(
            f"{evidence.channels[row]} says {person.space.labels[top]} ({mean[top]:.0%})"
            for row, top, mean in zip(pair, tops, means, strict=True)
        )
        notes.append(f"channels disagree about {person.person}: {said}")
    return notes


def unlabelled(person: Estimate, least: float) -> list[str]:
    """A note on how much of what was seen of someone stays without a label, if any does."""
    if not person.unlabelled:
        return []
    return [
        f"{person.person}: {person.unlabelled:.0%} of the time with evidence stays unlabelled, "
        f"since the confidence there lies under {least:.2f}"
    ]


def channel_notes(
    channels: Sequence[Channel],
    observations: Sequence[Observation],
    reports: Mapping[str, ChannelReport],
    fused: str,
) -> list[str]:
    """What a reader of the answer should know of each channel. fused: the fusion's space."""
    said = []
    for channel in channels:
        name, report = channel.name, reports[channel.name]
        mine = [each for each in observations if each.channel == name]
        if not report.ran:
            said.append(f"{name} {'failed' if report.failed else 'did not run'}: {report.reason}")
        elif not mine:
            said.append(f"{name}: no {channel.seeks} found")
        said += [f"{name}: {note}" for each in mine for note in each.notes]
        spaces = {each.estimate.space for each in mine if each.estimate is not None}
        said += [
            f"{name}: its space {space.name!r} has no way to {fused!r}, so its labels are not fused"
            for space in spaces
            if not reaches(space, fused)
        ]
    return said
