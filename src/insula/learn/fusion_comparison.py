"""Every way to fuse on the same synthetic people: the rules, what was trained, each channel alone.

Who is judged are pairs of few originals, so intervals resample the originals of each channel on
their own (pictures, actors, comments) and weigh a person by how often all of its originals were
drawn: the pigeonhole bootstrap (Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 1,
2007), which errs on the cautious side. Shapes: `N` people, `M` channels, `B` resamples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from insula.core.records import Estimate, Observation
from insula.core.roles import Fusion
from insula.core.space import EKMAN7
from insula.core.time import Span
from insula.core.track import Track
from insula.fusion.rules import Mean, Product, Reliability, Rule, VarianceWeighted, Vote
from insula.learn.metrics import ece_tally, label_tallies, mean_tally
from insula.learn.pairing import (
    ABSENT,
    AS_IT_IS,
    CHANNELS,
    CONTRADICTS,
    NOISE,
    SPOILT,
    Cast,
    Opinions,
    People,
    Treatments,
)
from insula.learn.resampling import INTERVAL, RESAMPLES, Tally

SPACING = 100.0  # seconds between people, so that no fusion carries one over to the next
LEAST = 1e-4  # probability, so that one lost bet does not decide the mean of the logarithms
SOME = 0.35  # chance that a channel is absent where "some" are


@dataclass(frozen=True, eq=False)
class Answers:
    """What someone says of N people. scores: (N, 7). confidence: (N,), that the top is right."""

    scores: np.ndarray
    confidence: np.ndarray

    def right(self, label: np.ndarray) -> np.ndarray:
        """Whether the top label is the true one, (N,) bool."""
        right: np.ndarray = self.scores.argmax(axis=1) == label
        return right


def single_faults() -> dict[str, Treatments]:
    """Conditions in which one thing at most is wrong, and it is said with which channel."""
    made: dict[str, Treatments] = {"all present": _treatments({})}
    made |= {f"without {name}": _treatments({name: ABSENT}) for name in CHANNELS}
    made |= {f"{name} is noise": _treatments({name: NOISE}) for name in CHANNELS}
    for name, faults in SPOILT.items():
        made |= {f"{name} with {fault}": _treatments({name: fault}) for fault in faults}
    made |= {f"{name} contradicts": _treatments({name: CONTRADICTS}) for name in CHANNELS}
    return made


def all_conditions(cast: Cast, rng: np.random.Generator) -> dict[str, Treatments]:
    """Those of `single_faults`, of unnamed channels, and of several faults at once."""
    made = single_faults()
    made["some absent"] = some_absent(len(cast.label), rng)
    for kind in (NOISE, CONTRADICTS):
        made[f"any channel {'is noise' if kind == NOISE else kind}"] = _anyone(cast, kind, rng)
    made |= {
        f"only {name}": _treatments({other: ABSENT for other in CHANNELS if other != name})
        for name in CHANNELS
    }
    made |= {
        f"without {name}, {other} is noise": _treatments({name: ABSENT, other: NOISE})
        for name in CHANNELS
        for other in CHANNELS
        if other != name
    }
    made |= {
        f"all but {name} are noise": _treatments({o: NOISE for o in CHANNELS if o != name})
        for name in CHANNELS
    }
    loud, heard = "noise 0 dB", "asr errors"
    made["voice with noise 0 dB, words with asr errors"] = _treatments(
        {"voice": loud, "words": heard}
    )
    made["face with low light, voice with noise 10 dB"] = _treatments(
        {"face": "low light", "voice": "noise 10 dB"}
    )
    made["face with occlusion, words with asr errors"] = _treatments(
        {"face": "occlusion", "words": heard}
    )
    made["all spoilt"] = _treatments({"face": "low light", "voice": loud, "words": heard})
    return made


def _treatments(named: Mapping[str, str]) -> Treatments:
    return [named.get(name, AS_IT_IS) for name in CHANNELS]


def some_absent(count: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Each channel absent with the chance SOME, but one at least is left to everyone."""
    absent = rng.random((count, len(CHANNELS))) < SOME
    absent[np.arange(count), rng.integers(0, len(CHANNELS), count)] = False
    return [np.where(column, ABSENT, AS_IT_IS).astype(object) for column in absent.T]


def _anyone(cast: Cast, kind: str, rng: np.random.Generator) -> Treatments:
    """One channel of each person has that treatment, nobody knows which."""
    who = rng.integers(0, len(CHANNELS), len(cast.label))
    return [np.where(who == m, kind, AS_IT_IS).astype(object) for m in range(len(CHANNELS))]


def fused(fusion: Fusion, people: People) -> Answers:
    """The answers of a fusion to people who speak one after the other, far apart."""
    times = SPACING * np.arange(len(people.label))
    span = Span(0.0, SPACING * len(times))
    observations = []
    for column, channel in enumerate(CHANNELS):
        trust = people.trust[:, column]
        track = Track(times, people.scores[:, column], EKMAN7.labels, trust > 0, SPACING)
        estimate = Estimate(EKMAN7, track, trust, channel)
        observations.append(Observation(channel, "", span, estimate=estimate))
    answer = fusion.fuse(observations, times=times)
    return _answers(answer.track.values, answer.track.mask, answer.confidence)


def alone(column: int, people: People) -> Answers:
    """What a channel says alone; nobody's guess is uniform where it is absent."""
    scores = people.scores[:, column]
    return _answers(scores, people.trust[:, column] > 0, scores.max(axis=1))


def _answers(scores: np.ndarray, there: np.ndarray, confidence: np.ndarray) -> Answers:
    uniform = 1 / len(EKMAN7)
    return Answers(np.where(there[:, None], scores, uniform), np.where(there, confidence, uniform))


def rules(opinions: Sequence[Opinions], half: bool) -> dict[str, Rule]:
    """The rules that need no training; reliabilities are the accuracies of channels in a half."""
    worth = {}
    for name, channel in zip(CHANNELS, opinions, strict=True):
        said = channel.scores[AS_IT_IS].argmax(axis=1)
        hits = [said[channel.of(label, half)] == label for label in range(len(EKMAN7))]
        worth[name] = float(np.mean([hit.mean() for hit in hits if len(hit)]))
    return {
        "mean": Mean(),
        "product": Product(),
        "reliability": Reliability(reliability=worth),
        "vote": Vote(),
        "variance": VarianceWeighted(),
    }


def judged(
    ways: Mapping[str, Answers], label: np.ndarray, weights: np.ndarray
) -> dict[str, object]:
    """The best single channel, and of every way its numbers and its lead over that channel.

    weights: (B, N), as `resampled_weights` gives them.
    """
    right = {name: each.right(label) for name, each in ways.items()}
    best = max(map(by_itself, CHANNELS), key=lambda name: right[name].mean())
    results = {}
    for name, each in ways.items():
        tallies = label_tallies(label, each.scores.argmax(axis=1), len(EKMAN7))
        chance = np.maximum(each.scores[np.arange(len(label)), label], LEAST)
        accuracy, low, high = with_interval(tallies["accuracy"], weights)
        ece = with_interval(ece_tally(right[name], each.confidence), weights)
        lead = with_interval(mean_tally(right[name].astype(float) - right[best]), weights)
        results[name] = {
            "n": len(label),
            "accuracy": accuracy,
            "low": low,
            "high": high,
            "uar": round(tallies["uar"].value, 4),
            "log_loss": round(float(-np.log(chance).mean()), 4),
            **dict(zip(("ece", "ece_low", "ece_high"), ece, strict=True)),
            **dict(zip(("lead", "lead_low", "lead_high"), lead, strict=True)),
        }
    return {"best single channel": best, "ways": results}


def by_itself(channel: str) -> str:
    """The name of the way in which a channel is asked alone."""
    return f"{channel} alone"


def resampled_sources(cast: Cast, rng: np.random.Generator) -> list[np.ndarray]:
    """How often each sample of each channel is drawn when its sources are: M tables (B, S)."""
    tables = []
    for channel in cast.opinions:
        table = np.zeros((RESAMPLES, len(channel.label)), np.float32)
        for side in (False, True):
            rows = channel.half == side
            names, number = np.unique(channel.source[rows], return_inverse=True)
            equal = np.full(len(names), 1 / len(names))
            table[:, rows] = rng.multinomial(len(names), equal, RESAMPLES)[:, number]
        tables.append(table)
    return tables


def resampled_weights(
    cast: Cast, treatments: Treatments, drawn: Sequence[np.ndarray]
) -> np.ndarray:
    """Weight of each person in each resample, (B, N): labels stay as frequent as they are."""
    weights = np.ones((RESAMPLES, len(cast.label)), np.float32)
    for column, table in enumerate(drawn):
        shown = cast.shown(column, treatments[column])
        weights *= np.where(shown >= 0, table[:, shown], 1)
    for label in np.unique(cast.label):
        for side in (False, True):
            rows = (cast.label == label) & (cast.half == side)
            total = weights[:, rows].sum(axis=1, keepdims=True)
            weights[:, rows] *= rows.sum() / np.maximum(total, 1e-9)
    return weights


def with_interval(tally: Tally, weights: np.ndarray) -> tuple[float, float, float]:
    """The metric of everyone, and the ends of its 95 % interval over the resamples."""
    value = tally.value
    low, high = np.percentile(tally.measure(weights @ tally.rows.astype(np.float32)), INTERVAL)
    # Of a skewed measure on few sources the interval can miss the value itself.
    return round(value, 4), round(min(float(low), value), 4), round(max(float(high), value), 4)
