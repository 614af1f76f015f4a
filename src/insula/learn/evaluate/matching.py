"""Truth and answers brought into one space, so that they can be compared.

    truth (N, S) in a corpus's space, answers (N, T) in a channel's -> Matched, in common columns

In order: the same space; a published bridge from the answers' space; one from the truth's; else the
labels that both know, where the rest of an exclusive answer shares out what was left out. Examples
whose truth has no counterpart are left out and counted, never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from insula.core.space import BRIDGES, Bridge, Kind, Space, bridge, reaches
from insula.errors import UnknownName


@dataclass(frozen=True, eq=False)
class Matched:
    """Truth and answers in the same columns.

    kind: how the truth is meant. name: of the space of the answers as they came. labels: the C
    columns. truth: (N, C): shares of votes where labels exclude each other, 0 or 1 where several
    can apply, values for axes. said: (N, C); NaN rows where there was no answer. rows: (N,) bool,
    the examples whose truth has a counterpart. way: how both were brought together, "" where they
    were in one space.
    """

    kind: Kind
    name: str
    labels: tuple[str, ...]
    truth: np.ndarray
    said: np.ndarray
    rows: np.ndarray
    way: str = ""


def can_match(truth: Space, answers: Space) -> bool:
    """Whether answers in that space can be judged by truth in the other."""
    shared = len(set(truth.labels) & set(answers.labels))
    if "axes" in (truth.kind, answers.kind):
        return truth.kind == answers.kind and shared > 0
    return reaches(answers, truth) or reaches(truth, answers) or shared > 1


def first_match(truth: Space, answered: Iterable[Space]) -> Space:
    """The first of the spaces that were answered in that this truth can judge."""
    answered = list(answered)
    for space in answered:
        if can_match(truth, space):
            return space
    names = ", ".join(space.name for space in answered) or "nothing"
    known = [f"{start} -> {end}" for start, end in BRIDGES]
    raise UnknownName("bridge", f"{names} -> {truth.name}", known)


def match(truth_space: Space, truth: np.ndarray, space: Space, said: np.ndarray) -> Matched:
    """Both in common columns. truth: (N, S); said: (N, T)."""
    name, kind, labels, way = space.name, truth_space.kind, truth_space.labels, ""
    reachable = np.ones(len(labels), bool)
    rows = np.ones(len(truth), bool)
    if kind != "axes" and space != truth_space:
        if reaches(space, truth_space):
            over = bridge(space, truth_space)
            said, space, way = _moved(over, said), truth_space, over.source
        elif reaches(truth_space, space):
            over = bridge(truth_space, space)
            rows = over.kept[truth.argmax(axis=1)]
            truth, labels, way = truth @ over.matrix, space.labels, over.source
            reachable = over.matrix.any(axis=0)
    shared = tuple(
        label for label, ok in zip(labels, reachable, strict=True) if ok and label in space.labels
    )
    mine = [labels.index(label) for label in shared]
    theirs = [space.labels.index(label) for label in shared]
    if kind == "exclusive":
        rows = rows & np.isin(truth.argmax(axis=1), mine)
    elif kind == "independent" and len(shared) < len(truth_space):
        rows = (truth[:, mine] > 0).any(axis=1)
    left_out = [label for label in space.labels if label not in shared]
    if kind != "axes" and left_out and space.kind == "exclusive":
        way = "; ".join(filter(None, [way, f"{', '.join(left_out)} left out, the rest shared out"]))
        said = _shared_out(said[:, theirs])
    else:
        said = said[:, theirs]
    return Matched(kind, name, shared, _shares(kind, truth[:, mine]), said, rows, way)


def _moved(over: Bridge, said: np.ndarray) -> np.ndarray:
    """Answers over a bridge; what was no answer stays none."""
    moved = over.apply(np.nan_to_num(said)).astype(np.float64)
    moved[np.isnan(said).any(axis=1)] = np.nan
    return moved


def _shared_out(said: np.ndarray) -> np.ndarray:
    """Rows that sum to one again; uniform where nothing is left, NaN where nothing was."""
    total = said.sum(axis=1, keepdims=True)
    shares = said / np.where(total > 0, total, 1)
    return np.where(total == 0, 1 / said.shape[1], shares)


def _shares(kind: Kind, truth: np.ndarray) -> np.ndarray:
    if kind == "independent":
        return (truth > 0).astype(np.float64)
    if kind == "exclusive":
        return truth / np.maximum(truth.sum(axis=1, keepdims=True), 1e-9)
    return truth
