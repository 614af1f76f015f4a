"""Abstention: unsure moments lose their label and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from insula.core.records import Estimate, Observation
from insula.core.space import EKMAN7
from insula.core.time import Span
from insula.core.track import Track
from insula.fusion.rules import Mean
from insula.fusion.wrap import Cautious, Smoothed

TIMES = Span(0, 4).grid(0.5)


@pytest.fixture
def fading() -> Observation:
    """A face that is less and less sure: 0.9 to 0.2 for happiness."""
    top = np.linspace(0.9, 0.2, len(TIMES))
    values = np.tile(((1 - top) / 6)[:, None], (1, 7))
    values[:, EKMAN7.index("happiness")] = top
    track = Track(TIMES, values, EKMAN7.labels, width=0.5)
    return Observation("face", "p", Span(0, 4), estimate=Estimate(EKMAN7, track, 1.0, "face"))


def test_only_sure_moments_are_labelled(fading: Observation) -> None:
    plain = Mean().fuse([fading], times=TIMES)
    careful = Cautious(Mean(), 0.5).fuse([fading], times=TIMES)
    assert careful.track.mask.tolist() == (plain.confidence >= 0.5).tolist()
    assert careful.withheld.tolist() == (plain.confidence < 0.5).tolist()
    assert careful.confidence == pytest.approx(plain.confidence)
    assert careful.unlabelled == pytest.approx((plain.confidence < 0.5).mean())
    assert careful.mean().max() > plain.mean().max()  # what was unsure weighs nothing now


def test_zero_withholds_nothing_and_one_everything(fading: Observation) -> None:
    assert Cautious(Mean(), 0.0).fuse([fading], times=TIMES).unlabelled == 0.0
    nothing = Cautious(Mean(), 1.0).fuse([fading], times=TIMES)
    assert nothing.unlabelled == 1.0
    assert nothing.top() == []
    assert nothing.certainty == 0.0
    assert nothing.affect is not None
    assert nothing.affect.track.mask.all()  # the confidence is in the label


def test_what_was_never_seen_is_not_withheld() -> None:
    empty = Cautious(Mean(), 0.5).fuse([], times=TIMES)
    assert not empty.withheld.any()
    assert empty.unlabelled == 0.0


def test_it_judges_what_smoothing_leaves(fading: Observation) -> None:
    smooth = Smoothed(Mean(), width=2.0)
    least = 0.5
    careful = Cautious(smooth, least).fuse([fading], times=TIMES)
    sure = smooth.fuse([fading], times=TIMES).confidence >= least
    assert careful.track.mask.tolist() == sure.tolist()
