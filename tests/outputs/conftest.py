"""Analyses to write out: the usual one and the corner cases."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from insula.core.records import Analysis, Estimate
from insula.core.track import Track
from insula.testing.samples import sample_analysis


def unseen() -> Analysis:
    """One person of whom nothing was ever seen: every moment invalid."""
    analysis = sample_analysis(people=1, seconds=5)
    person = analysis.people[0]
    nothing = Track(person.track.times, person.track.values * 0, person.track.names,
                    np.zeros(len(person.track), bool), person.track.width)  # fmt: skip
    empty = Estimate(person.space, nothing, 0.0, person.source, person.person)
    return replace(analysis, people=(empty,))


def cautious(least: float) -> Analysis:
    """Two people, labelled only where the confidence is at least so much."""
    analysis = sample_analysis(people=2)
    return replace(analysis, people=tuple(person.withholding(least) for person in analysis.people))


CASES = {
    "two people": lambda: sample_analysis(people=2),
    "three people, Russian": lambda: sample_analysis(people=3, language="ru"),
    "one channel, Chinese": lambda: sample_analysis(people=1, channels=("face",), language="zh"),
    "text only": lambda: sample_analysis(people=1, channels=("words",)),
    "nobody": lambda: sample_analysis(people=0),
    "nothing seen": unseen,
    "partly unsure": lambda: cautious(0.5),
    "never sure": lambda: cautious(1.0),
    "half a second": lambda: sample_analysis(people=1, seconds=0.5),
    "no length": lambda: sample_analysis(people=0, seconds=0.0),
}


@pytest.fixture
def analysis() -> Analysis:
    """Two people, twenty seconds, three channels."""
    return sample_analysis()


@pytest.fixture(params=CASES)
def any_analysis(request: pytest.FixtureRequest) -> Analysis:
    """The usual one and each corner case."""
    return CASES[request.param]()
