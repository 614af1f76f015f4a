"""Metrics, as `methods.md` part E defines them.

Classification takes label numbers, (N,) int; probabilities are (N, C); several labels at once are
(N, L) bool. Regression takes (N,). Most are made of a function of sums over the samples, so that
`learn.resampling` can give their intervals quickly.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Sequence

import numpy as np

from insula.learn.resampling import Tally

BINS = 15  # of confidence, for the calibration error
LEAST = 1e-12  # probability, so that its logarithm is finite


# One label of several. A table is (..., C, C): how often class i was taken for class j.


def confusion(truth: np.ndarray, said: np.ndarray, classes: int) -> np.ndarray:
    """How often class i was taken for class j: (C, C) int."""
    counts = np.bincount(truth * classes + said, minlength=classes * classes)
    return counts.reshape(classes, classes)


def accuracy_of(table: np.ndarray) -> np.ndarray:
    """Share on the diagonal."""
    return _ratio(np.trace(table, axis1=-2, axis2=-1), table.sum(axis=(-2, -1)))


def recalls_of(table: np.ndarray) -> np.ndarray:
    """Recall of each class, (..., C); NaN for a class that the truth does not hold."""
    total = table.sum(axis=-1)
    return np.where(total > 0, _ratio(np.diagonal(table, axis1=-2, axis2=-1), total), np.nan)


def uar_of(table: np.ndarray) -> np.ndarray:
    """Mean recall of the classes that the truth holds."""
    present = table.sum(axis=-1) > 0
    recall = np.where(present, recalls_of(table), 0)
    return _ratio(recall.sum(axis=-1), present.sum(axis=-1))


def f1s_of(table: np.ndarray) -> np.ndarray:
    """F1 of each class, (..., C); 0 where it is never right, NaN where it never occurs at all."""
    both = table.sum(axis=-1) + table.sum(axis=-2)
    right = np.diagonal(table, axis1=-2, axis2=-1)
    return np.where(both > 0, _ratio(2 * right, both), np.nan)


def f1_macro_of(table: np.ndarray) -> np.ndarray:
    """Mean F1 of the classes in the truth or the answers."""
    f1 = f1s_of(table)
    present = ~np.isnan(f1)
    return _ratio(np.where(present, f1, 0).sum(axis=-1), present.sum(axis=-1))


def f1_weighted_of(table: np.ndarray) -> np.ndarray:
    """Mean F1 weighted by how often a class is true."""
    true = table.sum(axis=-1)
    return _ratio((np.nan_to_num(f1s_of(table)) * true).sum(axis=-1), true.sum(axis=-1))


def accuracy(truth: np.ndarray, said: np.ndarray) -> float:
    """Share of samples that are right."""
    return float((truth == said).mean())


def recalls(truth: np.ndarray, said: np.ndarray) -> dict[int, float]:
    """Share of right samples of each class that the truth holds."""
    return _known(recalls_of(_table(truth, said)))


def uar(truth: np.ndarray, said: np.ndarray) -> float:
    """Unweighted average recall: the mean of the recalls of the classes that the truth holds."""
    return float(uar_of(_table(truth, said)))


def f1_macro(truth: np.ndarray, said: np.ndarray) -> float:
    """Mean F1 over the classes in the truth or the answers."""
    return float(f1_macro_of(_table(truth, said)))


def f1_weighted(truth: np.ndarray, said: np.ndarray) -> float:
    """Mean F1 weighted by how often a class is true."""
    return float(f1_weighted_of(_table(truth, said)))


def _table(truth: np.ndarray, said: np.ndarray) -> np.ndarray:
    return confusion(truth, said, int(max(truth.max(), said.max())) + 1)


def _known(values: np.ndarray) -> dict[int, float]:
    return {c: float(value) for c, value in enumerate(values) if not np.isnan(value)}


def label_tallies(truth: np.ndarray, said: np.ndarray, classes: int) -> dict[str, Tally]:
    """accuracy, uar, f1_macro and f1_weighted; one-hot rows of the table of confusions."""
    rows = np.zeros((len(truth), classes * classes), np.float32)
    rows[np.arange(len(truth)), truth * classes + said] = 1

    def of_table(measure: Callable[[np.ndarray], np.ndarray]) -> Tally:
        return Tally(rows, lambda sums: measure(sums.reshape(*sums.shape[:-1], classes, classes)))

    return {
        "accuracy": of_table(accuracy_of),
        "uar": of_table(uar_of),
        "f1_macro": of_table(f1_macro_of),
        "f1_weighted": of_table(f1_weighted_of),
    }


# How sure, and how rightly.


def ece(right: np.ndarray, confidence: np.ndarray) -> float:
    """Expected calibration error: |share right - mean confidence| over 15 equal bins, weighted.

    right: (N,) bool, or the share of raters who agree. confidence: (N,) in [0, 1].
    """
    return ece_tally(right, confidence).value


def ece_tally(right: np.ndarray, confidence: np.ndarray) -> Tally:
    """`ece` as a tally: the gap in each bin, and the count."""
    rows = np.zeros((len(right), BINS + 1))
    rows[np.arange(len(right)), _bin(confidence)] = np.asarray(right, float) - confidence
    rows[:, BINS] = 1
    return Tally(rows, lambda sums: _ratio(np.abs(sums[..., :BINS]).sum(axis=-1), sums[..., BINS]))


def reliability(right: np.ndarray, confidence: np.ndarray) -> list[tuple[float, float, int]]:
    """Mean confidence, share right and count of each of the 15 bins that hold a sample."""
    index = _bin(confidence)
    return [
        (float(confidence[index == b].mean()), float(right[index == b].mean()), int(n))
        for b, n in enumerate(np.bincount(index, minlength=BINS))
        if n
    ]


def _bin(confidence: np.ndarray) -> np.ndarray:
    return np.clip((confidence * BINS).astype(int), 0, BINS - 1)


def brier(truth: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean squared distance to the one-hot truth, summed over classes: 0 best, 2 worst."""
    return mean_tally(squared_distance(np.eye(probabilities.shape[1])[truth], probabilities)).value


def squared_distance(target: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Of each sample, summed over classes: (N,)."""
    return np.square(probabilities - target).sum(axis=1)


def divergence(target: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Kullback-Leibler divergence of the answer from the target distribution, nats: (N,)."""
    ratio = np.log(np.maximum(target, LEAST)) - np.log(np.maximum(probabilities, LEAST))
    return np.where(target > 0, target * ratio, 0).sum(axis=1)


def mean_tally(values: np.ndarray) -> Tally:
    """The mean of (N,) numbers."""
    rows = np.stack([values, np.ones(len(values))], axis=1)
    return Tally(rows, lambda sums: _ratio(sums[..., 0], sums[..., 1]))


def risk_coverage(right: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """Share of errors among the k samples it is surest of, for k = 1 to N: (N,).

    Of equally sure samples each counts as the mean of them, so their order means nothing.
    """
    order = np.argsort(-confidence, kind="stable")
    sure, wrong = confidence[order], 1.0 - np.asarray(right, float)[order]
    _, first, count = np.unique(-sure, return_index=True, return_counts=True)
    wrong = np.repeat(np.add.reduceat(wrong, first) / count, count)
    return np.cumsum(wrong) / np.arange(1, len(wrong) + 1)


def aurc(right: np.ndarray, confidence: np.ndarray) -> float:
    """Area under the risk-coverage curve: the mean risk over all coverages; 0 best."""
    return float(risk_coverage(right, confidence).mean())


# Several labels at once: truth and answers (N, L) bool.


def multilabel_tallies(truth: np.ndarray, said: np.ndarray) -> dict[str, Tally]:
    """f1_macro, f1_micro, f1_weighted, uar, weighted accuracy (E.4) and Jaccard accuracy.

    F1 is that of the label being there; 0 for a label that is neither said nor there. uar and
    weighted accuracy are means over the labels that are there at least once.
    """
    labels = truth.shape[1]
    parts = (truth & said, truth, said, np.ones_like(truth))
    rows = np.concatenate(parts, axis=1).astype(np.float32)

    def of_counts(measure: Callable[..., np.ndarray]) -> Tally:
        return Tally(rows, lambda sums: measure(*np.split(sums, 4, axis=-1)))

    def f1(both: np.ndarray, true: np.ndarray, told: np.ndarray) -> np.ndarray:
        return _ratio(2 * both, true + told)

    def over_present(values: np.ndarray, true: np.ndarray) -> np.ndarray:
        return _ratio(np.where(true > 0, values, 0).sum(axis=-1), (true > 0).sum(axis=-1))

    def balanced(b: np.ndarray, t: np.ndarray, s: np.ndarray, n: np.ndarray) -> np.ndarray:
        return over_present((_ratio(b, t) + _ratio(n - t - s + b, n - t)) / 2, t)

    union = np.maximum((truth | said).sum(axis=1), 1)  # E.4: 1 where both are empty
    return {
        "f1_macro": of_counts(lambda b, t, s, n: f1(b, t, s).sum(axis=-1) / labels),
        "f1_micro": of_counts(lambda b, t, s, n: f1(b.sum(-1), t.sum(-1), s.sum(-1))),
        "f1_weighted": of_counts(
            lambda b, t, s, n: _ratio((f1(b, t, s) * t).sum(axis=-1), t.sum(axis=-1))
        ),
        "uar": of_counts(lambda b, t, s, n: over_present(_ratio(b, t), t)),
        "weighted_accuracy": of_counts(balanced),
        "jaccard": mean_tally((truth & said).sum(axis=1) / union),
    }


# Values on an axis.


def pcc(truth: np.ndarray, said: np.ndarray) -> float:
    """Pearson's correlation; 0 where one of both does not vary."""
    return axis_tallies(truth, said)["pcc"].value


def ccc(truth: np.ndarray, said: np.ndarray) -> float:
    """Lin's concordance with population moments; 0 where neither varies and both agree."""
    return axis_tallies(truth, said)["ccc"].value


def rmse(truth: np.ndarray, said: np.ndarray) -> float:
    """Root of the mean squared error."""
    return axis_tallies(truth, said)["rmse"].value


def axis_tallies(truth: np.ndarray, said: np.ndarray) -> dict[str, Tally]:
    """pcc, ccc and rmse of one axis from population moments."""
    truth, said = np.asarray(truth, np.float64), np.asarray(said, np.float64)
    middle = truth.mean()  # near zero, squares of sums lose no digits; none of these depends on it
    x, y = truth - middle, said - middle
    rows = np.stack([np.ones(len(x)), x, y, x * x, y * y, x * y], axis=1)

    def moments(sums: np.ndarray) -> tuple[np.ndarray, ...]:
        n, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
        mean_x, mean_y = _ratio(x, n), _ratio(y, n)
        spread_x = _positive(_ratio(xx, n) - mean_x**2)
        spread_y = _positive(_ratio(yy, n) - mean_y**2)
        return mean_x, mean_y, spread_x, spread_y, _ratio(xy, n) - mean_x * mean_y

    def pearson(sums: np.ndarray) -> np.ndarray:
        _, _, spread_x, spread_y, together = moments(sums)
        return _ratio(together, np.sqrt(spread_x * spread_y))

    def concordance(sums: np.ndarray) -> np.ndarray:
        mean_x, mean_y, spread_x, spread_y, together = moments(sums)
        return _ratio(2 * together, spread_x + spread_y + (mean_x - mean_y) ** 2)

    squares = mean_tally(np.square(truth - said))
    return {
        "pcc": Tally(rows, pearson),
        "ccc": Tally(rows, concordance),
        "rmse": Tally(squares.rows, lambda sums: np.sqrt(squares.measure(sums))),
    }


def _positive(variance: np.ndarray) -> np.ndarray:
    """What rounding leaves of a variance of zero is zero."""
    return np.where(variance > 1e-12, variance, 0.0)


# Words.


def word_error_rate(spoken: Sequence[str], recognised: Sequence[str]) -> float:
    """(substitutions + deletions + insertions) / words spoken, over all pairs of texts (E.5).

    Small letters, without punctuation.

    >>> word_error_rate(["I am here."], ["i am not her"])
    0.6666666666666666
    """
    edits = total = 0
    for reference, heard in zip(spoken, recognised, strict=True):
        words, other = _words(reference), _words(heard)
        row = np.arange(len(other) + 1)
        for number, word in enumerate(words, start=1):
            changed = row[:-1] + np.array([word != each for each in other], int)
            step = np.concatenate([[number], np.minimum(changed, row[1:] + 1)])
            # An insertion costs one a place: the least of what stands to the left, plus its way.
            places = np.arange(len(step))
            row = np.minimum.accumulate(step - places) + places
        edits += int(row[-1])
        total += len(words)
    return edits / max(total, 1)


def _words(text: str) -> list[str]:
    return re.sub(f"[{re.escape(string.punctuation)}«»“”„…—–]", "", text.casefold()).split()


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Above / below; 0 where below is 0."""
    below = np.asarray(below, np.float64)
    return np.where(below != 0, above / np.where(below != 0, below, 1), 0.0)
