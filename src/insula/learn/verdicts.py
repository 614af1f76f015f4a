"""How good answers of the laboratory are, by the kind of labels."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from insula.learn.calibration import softmax
from insula.learn.metrics import (
    accuracy,
    ccc,
    divergence,
    ece,
    f1_macro,
    f1_weighted,
    multilabel_tallies,
    pcc,
    uar,
)
from insula.methods.batch import Kind
from insula.methods.training.label_distributions import (
    canberra,
    chebyshev,
    clark,
    cosine,
    intersection,
)

METRIC: Mapping[Kind, str] = {
    "single": "uar",
    "multi": "f1_macro",
    "distribution": "intersection",
    "axes": "pcc",
}
"""By which the best epoch is chosen; more is better."""

OF_SHARES = (divergence, chebyshev, clark, canberra, cosine, intersection)


def metric_of(kind: Kind, truth: np.ndarray, said: np.ndarray) -> float:
    """METRIC[kind] alone; as in `measures`, and far faster."""
    if kind == "single":
        return uar(truth, said.argmax(axis=1))
    if kind == "axes":
        return float(np.mean([pcc(*column) for column in zip(truth.T, said.T, strict=True)]))
    return measures(kind, truth, said)[METRIC[kind]]


def measures(kind: Kind, truth: np.ndarray, said: np.ndarray) -> dict[str, float]:
    """The metrics of N answers.

    truth: (N,) classes of kind "single", else (N, C). said: (N, C) logits, or values of axes.
    Several labels are said where the logit is above 0. Of axes the mean over them; of a single one
    also how often its sign is right. "majority" is the accuracy of always saying the most frequent
    class: who is no better than that has learnt nothing.
    """
    if kind == "single":
        top = said.argmax(axis=1)
        return {
            "accuracy": accuracy(truth, top),
            "uar": uar(truth, top),
            "f1_macro": f1_macro(truth, top),
            "f1_weighted": f1_weighted(truth, top),
            "ece": ece(top == truth, softmax(said).max(axis=1)),
            "majority": float(np.bincount(truth).max() / len(truth)),
        }
    if kind == "multi":
        tallies = multilabel_tallies(truth > 0.5, said > 0)
        return {name: tally.value for name, tally in tallies.items()}
    if kind == "distribution":
        top = accuracy(truth.argmax(axis=1), said.argmax(axis=1))
        shares = softmax(said)
        return {"accuracy": top} | {
            measure.__name__: float(measure(truth, shares).mean()) for measure in OF_SHARES
        }
    columns = list(zip(truth.T, said.T, strict=True))
    found = {
        "mae": float(np.abs(truth - said).mean()),
        "pcc": float(np.mean([pcc(*column) for column in columns])),
        "ccc": float(np.mean([ccc(*column) for column in columns])),
    }
    if len(columns) == 1:
        clear = truth[:, 0] != 0
        signs = (truth[clear, 0] > 0).astype(int), (said[clear, 0] > 0).astype(int)
        found |= {"accuracy": accuracy(*signs), "f1_weighted": f1_weighted(*signs)}
    return found
