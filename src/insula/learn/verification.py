"""Is it the same person: trials, and how often the answer is wrong.

A trial is a pair with a score, here the cosine of two embeddings of length 1, and the truth.
Shapes: `N` samples, `P` people, `D` columns of an embedding, `K` trials.
"""

from __future__ import annotations

import numpy as np


def pairs(
    embeddings: np.ndarray, person: np.ndarray, source: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of samples of different sources (clips): scores and whether one person's, (K,).

    embeddings: (N, D). person, source: (N,).
    """
    one, other = np.triu_indices(len(embeddings), 1)
    apart = source[one] != source[other]
    one, other = one[apart], other[apart]
    scores = (embeddings @ embeddings.T)[one, other]
    return scores, person[one] == person[other]


def enrolled(
    embeddings: np.ndarray, person: np.ndarray, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each sample against the mean of `count` others of every person.

    Returns the numbers of the samples that were not enrolled (N',), their scores (N', P) and
    whether each person is theirs, (N', P). A person with no more than `count` samples is left out.
    """
    names, number = np.unique(person, return_inverse=True)
    people, taken = [], []
    for each in range(len(names)):
        mine = rng.permutation(np.flatnonzero(number == each))
        if len(mine) > count:
            people.append(each)
            taken.append(mine[:count])
    known = np.array([embeddings[rows].mean(axis=0) for rows in taken])
    known = known.reshape(len(people), embeddings.shape[1])
    known /= np.linalg.norm(known, axis=1, keepdims=True)
    rest = np.setdiff1d(np.flatnonzero(np.isin(number, people)), np.concatenate([[], *taken]))
    rest = rest.astype(np.int64)
    return rest, embeddings[rest] @ known.T, number[rest][:, None] == np.array(people)


def equal_error_rate(scores: np.ndarray, same: np.ndarray) -> float:
    """The rate at which false accepts and false rejects are equally frequent; nan without both.

    >>> equal_error_rate(np.array([0.9, 0.8, 0.7, 0.1]), np.array([True, False, True, False]))
    0.5
    """
    accepted, rejected = _rates(scores, same)
    nearest = np.argmin(np.abs(accepted - rejected))
    return float((accepted[nearest] + rejected[nearest]) / 2)


def auc(scores: np.ndarray, same: np.ndarray) -> float:
    """The chance that a random true pair scores higher than a random false one; ties count half.

    >>> auc(np.array([0.9, 0.8, 0.7, 0.1]), np.array([True, False, True, False]))
    0.75
    """
    accepted, rejected = _rates(scores, same)
    return float(np.trapezoid(1 - rejected, accepted))


def _rates(scores: np.ndarray, same: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """False accepts and false rejects as the threshold falls, one value a distinct score and one
    before the first."""
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.diff(scores[order]) != 0, True)  # of those with one score
    right = np.cumsum(same[order])[last]
    wrong = np.cumsum(~same[order])[last]
    with np.errstate(invalid="ignore"):
        accepted, kept = wrong / wrong[-1], right / right[-1]
    return np.append(0.0, accepted), 1 - np.append(0.0, kept)
