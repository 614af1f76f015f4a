"""Fusion by rule, against answers worked out by hand; wraps; promises swept over the registry."""

from __future__ import annotations

import numpy as np
import pytest

from insula.config import build_fusion
from insula.core.records import Estimate, Observation
from insula.core.space import EKMAN7, VA, get_space
from insula.core.time import Span
from insula.core.track import Track
from insula.errors import ConfigError
from insula.fusion.rules import Mean, Product, Reliability, VarianceWeighted, Vote
from insula.fusion.wrap import Calibrated, Smoothed
from insula.registry import fusions
from insula.testing import check_fusion

TIMES = Span(0, 4).grid(0.5)
HAPPY, SAD, ANGRY = (EKMAN7.index(label) for label in ("happiness", "sadness", "anger"))


def says(
    channel: str, scores: dict[int, float], *, quality: float = 1.0, space: str = "ekman7"
) -> Observation:
    """A channel that says the same all the time; what is not named shares the rest."""
    labels = get_space(space).labels
    rest = (1 - sum(scores.values())) / (len(labels) - len(scores))
    row = [scores.get(column, rest) for column in range(len(labels))]
    track = Track(TIMES, np.tile(row, (len(TIMES), 1)), labels, width=0.5)
    estimate = Estimate(get_space(space), track, np.full(len(TIMES), quality), channel)
    return Observation(channel, "person-1", Span(0, 4), estimate=estimate)


def test_the_mean_is_the_mean() -> None:
    fused = Mean().fuse([says("face", {HAPPY: 0.8}), says("voice", {SAD: 0.6})], times=TIMES)
    assert fused.track.values[0, HAPPY] == pytest.approx((0.8 + 0.4 / 6) / 2)
    assert fused.parts["face"] == pytest.approx(np.full(8, 0.5))


def test_the_product_of_equals_sharpens() -> None:
    fused = Product().fuse([says("face", {HAPPY: 0.4}), says("voice", {HAPPY: 0.4})], times=TIMES)
    assert fused.track.values[0, HAPPY] == pytest.approx(0.16 / (0.16 + 6 * 0.01))


def test_quality_and_reliability_weigh() -> None:
    face, voice = says("face", {HAPPY: 1.0}, quality=0.2), says("voice", {SAD: 1.0}, quality=0.6)
    assert Reliability().fuse([face, voice], times=TIMES).mean()[SAD] == pytest.approx(0.75)
    fused = Reliability(reliability={"face": 3.0}).fuse([face, voice], times=TIMES)
    assert fused.mean()[SAD] == pytest.approx(0.5)


def test_the_majority_wins_the_vote_and_the_mean_breaks_ties() -> None:
    voters = [says("a", {HAPPY: 0.3}), says("b", {HAPPY: 0.3}), says("c", {SAD: 0.99})]
    assert Vote().fuse(voters, times=TIMES).mean().argmax() == HAPPY
    assert Vote().fuse(voters[1:], times=TIMES).mean().argmax() == SAD


def test_an_undecided_channel_counts_less() -> None:
    sure, unsure = says("face", {HAPPY: 0.97}), says("voice", {SAD: 0.3})
    fused = VarianceWeighted().fuse([sure, unsure], times=TIMES)
    assert fused.parts["face"][0] > 0.85


def test_other_spaces_come_over_the_bridge() -> None:
    ravdess = get_space("ravdess8")
    calm = says("voice", {ravdess.index("calm"): 1.0}, space="ravdess8")
    assert Mean().fuse([calm], times=TIMES).top(1) == [("neutral", pytest.approx(1.0))]


def test_moments_that_nobody_saw_stay_empty() -> None:
    late = says("face", {HAPPY: 0.9})
    assert late.estimate is not None
    valid = TIMES > 2
    track = Track(TIMES, late.estimate.track.values, EKMAN7.labels, valid, 0.5)
    estimate = Estimate(EKMAN7, track, np.ones(8), "face")
    fused = Mean().fuse([Observation("face", "p", Span(0, 4), estimate=estimate)], times=TIMES)
    assert fused.track.mask.tolist() == valid.tolist()
    assert (fused.confidence[~valid] == 0).all()


def test_more_agreeing_channels_are_surer() -> None:
    face, voice = (says(name, {HAPPY: 0.8}, quality=0.5) for name in ("face", "voice"))
    alone = Reliability().fuse([face], times=TIMES).certainty
    assert Reliability().fuse([face, voice], times=TIMES).certainty > alone


def test_affect_is_fused_with_the_same_weights() -> None:
    fused = Reliability().fuse([says("face", {HAPPY: 1.0})], times=TIMES)
    assert fused.affect is not None
    assert fused.affect.mean() == pytest.approx([0.76, 0.48], abs=1e-5)
    assert "Russell" in fused.affect.basis


def test_temperature_one_changes_nothing_and_more_softens() -> None:
    face = [says("face", {HAPPY: 0.8})]
    plain = Mean().fuse(face, times=TIMES)
    same = Calibrated(Mean(), 1.0).fuse(face, times=TIMES)
    soft = Calibrated(Mean(), 2.0).fuse(face, times=TIMES)
    assert same.track.values == pytest.approx(plain.track.values, abs=1e-6)
    assert soft.mean()[HAPPY] < plain.mean()[HAPPY]
    assert soft.certainty < plain.certainty


@pytest.mark.parametrize("kind", ["box", "median", "gaussian"])
def test_smoothing_keeps_what_is_constant_and_removes_a_blip(kind: str) -> None:
    steady = says("face", {HAPPY: 0.8})
    fused = Smoothed(Mean(), kind=kind, width=2.0).fuse([steady], times=TIMES)  # type: ignore[arg-type]
    assert fused.track.values == pytest.approx(Mean().fuse([steady], times=TIMES).track.values)
    assert steady.estimate is not None
    values = steady.estimate.track.values.copy()
    values[4] = np.eye(7)[SAD]
    track = Track(TIMES, values, EKMAN7.labels, width=0.5)
    blip = Observation(
        "face", "p", Span(0, 4), estimate=Estimate(EKMAN7, track, np.ones(8), "face")
    )
    smooth = Smoothed(Mean(), kind=kind, width=2.0).fuse([blip], times=TIMES)  # type: ignore[arg-type]
    assert smooth.track.values[4, SAD] < 0.5
    assert smooth.track.values.sum(axis=1) == pytest.approx(np.ones(8), abs=1e-5)


def every_fusion() -> list[dict[str, object]]:
    wraps, trained = (
        {"calibrated", "smoothed"},
        {"laboratory"},
    )  # trained: tests/fusion/test_trained
    names = [name for name in fusions.names() if name not in wraps | trained]
    plain: list[dict[str, object]] = [{"name": name} for name in names]
    return plain + [{"name": name, "fusion": {"name": "mean"}} for name in sorted(wraps)]


@pytest.mark.parametrize("section", every_fusion(), ids=lambda section: str(section["name"]))
def test_every_registered_fusion_keeps_its_promises(section: dict[str, object]) -> None:
    observations = [
        says("face", {HAPPY: 0.7}, quality=0.9),
        says("voice", {ANGRY: 0.5}, quality=0.5),
        says("words", {SAD: 0.6}, quality=0.7),
    ]
    check_fusion(build_fusion(section), observations, TIMES)


def test_a_channel_of_axes_only_counts_for_valence_and_arousal() -> None:
    track = Track(TIMES, np.tile([-0.8, 0.6], (len(TIMES), 1)), VA.labels, width=0.5)
    heart = Observation("heart", "p", Span(0, 4), estimate=Estimate(VA, track, 1.0, "heart"))
    fused = Mean().fuse([heart], times=TIMES)
    assert not fused.track.mask.any()
    assert fused.affect is not None
    assert fused.affect.mean() == pytest.approx([-0.8, 0.6], abs=1e-5)
    both = Mean().fuse([heart, says("face", {HAPPY: 1.0})], times=TIMES)
    assert both.top(1) == [("happiness", pytest.approx(1.0))]
    assert both.affect is not None
    assert both.affect.mean() == pytest.approx([-0.02, 0.54], abs=1e-5)


def test_smoothing_leaves_positive_valence_and_arousal_as_they_are() -> None:
    fused = Smoothed(Mean(), kind="median", width=2.0).fuse(
        [says("face", {HAPPY: 1.0})], times=TIMES
    )
    assert fused.affect is not None
    assert fused.affect.mean() == pytest.approx([0.76, 0.48], abs=1e-5)


def test_a_fusion_refuses_a_space_of_axes() -> None:
    with pytest.raises(ConfigError, match="probabilities that sum to one"):
        Mean("va").fuse([says("face", {HAPPY: 1.0})], times=TIMES)


def test_smoothed_confidence_is_never_above_the_top_probability() -> None:
    steady = says("face", {HAPPY: 1.0})
    assert steady.estimate is not None
    values = np.eye(7)[[HAPPY, SAD] * 4]
    track = Track(TIMES, values, EKMAN7.labels, width=0.5)
    flicker = Observation("face", "p", Span(0, 4), estimate=Estimate(EKMAN7, track, 1.0, "face"))
    fused = Smoothed(Mean(), width=2.0).fuse([flicker], times=TIMES)
    assert (fused.confidence <= fused.track.values.max(axis=1) + 1e-6).all()


def test_the_pool_hears_channels_it_was_not_trained_with() -> None:
    pool = build_fusion({"name": "pool"})
    face, heart = says("face", {HAPPY: 0.4}), says("heart", {SAD: 0.9})
    alone = pool.fuse([face], times=TIMES).mean()
    both = pool.fuse([face, heart], times=TIMES)
    assert both.mean()[SAD] > 3 * alone[SAD]
    assert both.parts["heart"][0] > 0.1


def test_the_pool_listens_by_quality() -> None:
    pool = build_fusion({"name": "pool"})
    face = says("face", {HAPPY: 0.6})
    sad = [
        pool.fuse([face, says("voice", {SAD: 0.9}, quality=q)], times=TIMES).mean()[SAD]
        for q in (0.0, 0.3, 0.6, 1.0)
    ]
    assert sad == sorted(sad)
    assert sad[-1] > 3 * sad[0]


def test_an_unknown_kind_of_smoothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="'boks' is unknown"):
        Smoothed(Mean(), kind="boks")  # type: ignore[arg-type]
