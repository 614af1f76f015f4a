"""From truth and answers in one space to everything that is reported of them.

Shapes: `N` examples, `C` labels or axes. The formulas are those of `learn.metrics`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from insula.learn import metrics
from insula.learn.evaluate.matching import Matched
from insula.learn.resampling import Tally, Value, interval, with_intervals

POINTS = 100  # of the risk-coverage curve that are kept
NEAR_MAJORITY = 0.005  # accuracy above the majority rate from which a model has learnt something
DEFAULT_THRESHOLD = 0.5  # from which a label counts as present where the card says none
OF_LABEL = ":"  # between the name of a metric and the label that it is of
MOST_GROUPS = 100  # values of a key; with more of them, results by group tell nothing
LEAST_IN_GROUP = 5  # examples of a group, on average, likewise


@dataclass(frozen=True, eq=False)
class Judgement:
    """What the answers amount to.

    kind, labels, way: as in `Matched`. metrics: name -> value with its interval. n: examples
    judged; groups: independent ones among them (speakers, pictures); unanswered: judged as the
    prior. majority: the most frequent label and how frequent it is; None for axes. recall, f1,
    counts: of each label. confusion: (C, C), true i taken for j; None unless labels exclude each
    other. coverage, risk: the share answered if it keeps silent where it is least sure, and the
    share of errors among those. reliability: confidence, share right, count of each bin.
    by_group: key -> group -> metric -> value.
    """

    kind: str
    labels: tuple[str, ...]
    way: str
    metrics: Mapping[str, Value]
    n: int
    groups: int
    unanswered: int
    majority: tuple[str, float] | None = None
    recall: Mapping[str, Value] = field(default_factory=dict)
    f1: Mapping[str, Value] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    confusion: np.ndarray | None = None
    coverage: Sequence[float] = ()
    risk: Sequence[float] = ()
    reliability: Sequence[tuple[float, float, int]] = ()
    by_group: Mapping[str, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)

    @property
    def near_majority(self) -> bool:
        """Whether it is hardly better than always saying the most frequent label."""
        if self.majority is None:
            return False
        return self.metrics["accuracy"].value < self.majority[1] + NEAR_MAJORITY


def judge(
    matched: Matched,
    group: Sequence[str],
    keys: Sequence[Mapping[str, str]],
    *,
    limits: Sequence[Mapping[str, float]] = (),
    rng: np.random.Generator,
) -> Judgement:
    """Judge the answers of those examples whose truth has a counterpart.

    group: (N,) which examples are independent of each other. keys: (N,) all groups of each.
    limits: (N,) label -> the score from which it counts as present; 0.5 where none is told.
    """
    kept = np.flatnonzero(matched.rows)
    truth, said = matched.truth[kept], matched.said[kept].astype(np.float64)
    names = np.array(group)[kept]
    silent = np.isnan(said).all(axis=1)
    judges = {"exclusive": _labels, "independent": _several, "axes": _axes}
    said[silent] = _prior(matched, int(silent.sum()), rng)
    said = np.nan_to_num(said)
    thresholds = _thresholds(matched.labels, [limits[row] for row in kept] if limits else [])
    found = judges[matched.kind](matched, truth, said, thresholds)
    values = with_intervals(found.tallies, names, rng)
    judgement = Judgement(
        matched.kind,
        matched.labels,
        matched.way,
        {name: value for name, value in values.items() if OF_LABEL not in name},
        len(kept),
        len(np.unique(names)),
        int(silent.sum()),
        recall=_of_labels("recall", values),
        f1=_of_labels("f1", values),
        confusion=found.confusion,
        by_group=_by_group([keys[row] for row in kept], found.tallies),
    )
    return _surely(judgement, found, names, rng)


@dataclass(eq=False)
class _Found:
    """Metrics as tallies ("recall:anger" is one of a label), and what only labels have.

    right: (N,) whether the top label is right; confidence: (N,) its probability. counts: (C,).
    """

    tallies: dict[str, Tally]
    right: np.ndarray | None = None
    confidence: np.ndarray | None = None
    counts: np.ndarray | None = None
    confusion: np.ndarray | None = None


def _labels(matched: Matched, truth: np.ndarray, said: np.ndarray, _: np.ndarray) -> _Found:
    """Labels that exclude each other: truth are shares of votes, the largest is the label."""
    classes = len(matched.labels)
    label, top = truth.argmax(axis=1), said.argmax(axis=1)
    confidence = said.max(axis=1)
    tallies = metrics.label_tallies(label, top, classes)
    table = tallies["accuracy"].rows
    for number, name in enumerate(matched.labels):
        tallies[f"recall{OF_LABEL}{name}"] = _of_label(table, metrics.recalls_of, number, classes)
        tallies[f"f1{OF_LABEL}{name}"] = _of_label(table, metrics.f1s_of, number, classes)
    one_hot = np.eye(classes)[label]
    tallies["ece"] = metrics.ece_tally(top == label, confidence)
    tallies["brier"] = metrics.mean_tally(metrics.squared_distance(one_hot, said))
    tallies["log_loss"] = metrics.mean_tally(metrics.divergence(one_hot, said))
    if truth.max(initial=0.0) > 0 and (truth.max(axis=1) < 0.999).any():  # several raters
        agree = truth[np.arange(len(top)), top]
        tallies["ece_raters"] = metrics.ece_tally(agree, confidence)
        tallies["kl"] = metrics.mean_tally(metrics.divergence(truth, said))
    counts = np.bincount(label, minlength=classes)
    return _Found(tallies, top == label, confidence, counts, metrics.confusion(label, top, classes))


def _several(
    matched: Matched, truth: np.ndarray, said: np.ndarray, thresholds: np.ndarray
) -> _Found:
    """Labels that can apply together: present from a threshold on; the top one is right where it
    is one of them.
    """
    true = truth > 0
    told = said >= thresholds
    tallies = metrics.multilabel_tallies(true, told)
    top, confidence = said.argmax(axis=1), said.max(axis=1)
    right = true[np.arange(len(top)), top]
    tallies["accuracy"] = metrics.mean_tally(right.astype(float))
    tallies["ece"] = metrics.ece_tally(right, confidence)
    tallies["brier"] = metrics.mean_tally(metrics.squared_distance(true.astype(float), said))
    for number, name in enumerate(matched.labels):
        both, all_true, all_told = (
            true[:, number] & told[:, number],
            true[:, number],
            told[:, number],
        )
        rows = np.stack([both, all_true, all_told], axis=1).astype(float)
        tallies[f"recall{OF_LABEL}{name}"] = Tally(
            rows, lambda sums: _share(sums[..., 0], sums[..., 1])
        )
        tallies[f"f1{OF_LABEL}{name}"] = Tally(
            rows, lambda sums: _share(2 * sums[..., 0], sums[..., 1] + sums[..., 2])
        )
    return _Found(tallies, right, confidence, true.sum(axis=0))


def _axes(matched: Matched, truth: np.ndarray, said: np.ndarray, _: np.ndarray) -> _Found:
    """Values on axes; `ccc_va` is the mean of both of them (E.2)."""
    tallies = {}
    for column, axis in enumerate(matched.labels):
        for name, tally in metrics.axis_tallies(truth[:, column], said[:, column]).items():
            tallies[f"{name}_{axis}"] = tally
    if {"ccc_valence", "ccc_arousal"} <= set(tallies):
        one, other = tallies["ccc_valence"], tallies["ccc_arousal"]
        width = one.rows.shape[1]
        tallies["ccc_va"] = Tally(
            np.hstack([one.rows, other.rows]),
            lambda sums: (one.measure(sums[..., :width]) + other.measure(sums[..., width:])) / 2,
        )
    return _Found(tallies)


def _thresholds(labels: Sequence[str], limits: Sequence[Mapping[str, float]]) -> np.ndarray:
    """A row an example, or one for all: (N, C) or (1, C)."""
    rows = [[each.get(label, DEFAULT_THRESHOLD) for label in labels] for each in limits or [{}]]
    return np.array(rows)


def _prior(matched: Matched, count: int, rng: np.random.Generator) -> np.ndarray:
    """The answer where there was none: equally likely labels, one of them drawn; else zero."""
    classes = len(matched.labels)
    if matched.kind != "exclusive":
        return np.zeros((count, classes))
    prior = np.full((count, classes), 1 / classes)
    prior[np.arange(count), rng.integers(0, classes, count)] += 1e-9
    return prior


def _surely(
    judgement: Judgement, found: _Found, names: np.ndarray, rng: np.random.Generator
) -> Judgement:
    """With what only labels have: the majority, and how confidence and errors go together.

    The area under the risk-coverage curve is no function of sums, so its interval takes longer.
    """
    right, confidence, counts = found.right, found.confidence, found.counts
    if right is None or confidence is None or counts is None:
        return judgement
    risk = metrics.risk_coverage(right, confidence)
    places = np.unique(np.linspace(0, len(risk) - 1, min(POINTS, len(risk))).round().astype(int))
    area = float(risk.mean())
    low, high = interval(lambda rows: metrics.aurc(right[rows], confidence[rows]), names, rng)
    return replace(
        judgement,
        metrics={**judgement.metrics, "aurc": Value(area, min(low, area), max(high, area))},
        majority=(judgement.labels[int(counts.argmax())], float(counts.max() / len(right))),
        counts=dict(zip(judgement.labels, counts.tolist(), strict=True)),
        coverage=((places + 1) / len(risk)).tolist(),
        risk=risk[places].tolist(),
        reliability=metrics.reliability(right, confidence),
    )


def _of_labels(kind: str, values: Mapping[str, Value]) -> dict[str, Value]:
    """The values of one kind, by label."""
    start = kind + OF_LABEL
    return {
        name.removeprefix(start): value for name, value in values.items() if name.startswith(start)
    }


def _by_group(
    keys: Sequence[Mapping[str, str]], tallies: Mapping[str, Tally]
) -> dict[str, dict[str, dict[str, float]]]:
    """The metrics within each sex, speaker, fold, ... that the corpus tells of."""
    shown = [name for name in tallies if OF_LABEL not in name]
    found = {}
    for key in dict.fromkeys(key for each in keys for key in each):
        values = np.array([each.get(key, "") for each in keys])
        names = sorted(set(values.tolist()) - {""})
        if not 1 < len(names) <= min(MOST_GROUPS, len(keys) // LEAST_IN_GROUP):
            continue
        found[key] = {
            name: {"n": float((values == name).sum())}
            | {
                metric: float(tallies[metric].measure(tallies[metric].rows[values == name].sum(0)))
                for metric in shown
            }
            for name in names
        }
    return dict(sorted(found.items(), key=lambda item: len(item[1])))


def _of_label(
    table: np.ndarray, measure: Callable[[np.ndarray], np.ndarray], number: int, classes: int
) -> Tally:
    """A metric of all classes, of which one is wanted."""
    return Tally(
        table, lambda sums: measure(sums.reshape(*sums.shape[:-1], classes, classes))[..., number]
    )


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Part of the whole; NaN where there is none."""
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1), np.nan)
