"""From voices of short windows to speakers: clustering, then who speaks from moment to moment.

    embeddings (N, D) -> average linkage -> the speaker of each window
        -> likeness of each moment to each speaker -> the likeliest sequence of speakers

Average linkage of unit vectors needs their sums alone: the mean cosine between two groups is the
product of their sums over the product of their sizes. So groups cluster just as windows do, and a
long recording is clustered block by block, then the groups of all blocks together.

Shapes: `N` windows, `D` columns of an embedding, `S` speakers, `T` moments.
"""

from __future__ import annotations

import numpy as np

from insula.core.track import Array

BLOCK = 400  # windows clustered at once; the work grows with the square of them


def cluster(embeddings: Array, threshold: float) -> Array:
    """The speaker of each window, (N,) from 0 on, the one heard most first.

    embeddings: (N, D), each of length 1. threshold: groups whose mean cosine is lower stay apart.
    """
    sums, sizes = embeddings.astype(np.float64), np.ones(len(embeddings))
    speakers = np.arange(len(embeddings))
    while True:
        blocks = np.array_split(np.arange(len(sums)), -(-len(sums) // BLOCK) or 1)
        groups = np.zeros(len(sums), np.int64)
        count = 0
        for block in blocks:
            merged = _merge(sums[block], sizes[block], threshold)
            groups[block] = merged + count
            count += merged.max(initial=-1) + 1
        done = len(blocks) == 1 or count == len(sums)
        sums, sizes = _added(sums, groups, count), _added(sizes, groups, count)
        speakers = groups[speakers]
        if done:
            break
    rank = np.empty(count, np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(count)
    ranked: Array = rank[speakers]
    return ranked


def likeliest(likeness: Array, change: float) -> Array:
    """The sequence of speakers whose likeness adds up to most, (T,), by Viterbi's algorithm.

    likeness: (T, S). change: what each change of speaker costs.
    """
    moments, speakers = likeness.shape
    best, before = likeness[0].copy(), np.zeros((moments, speakers), np.int64)
    for moment in range(1, moments):
        leader = best.argmax()
        stays = best >= best[leader] - change
        before[moment] = np.where(stays, np.arange(speakers), leader)
        best = np.where(stays, best, best[leader] - change) + likeness[moment]
    path = np.empty(moments, np.int64)
    path[-1] = best.argmax()
    for moment in range(moments - 1, 0, -1):
        path[moment - 1] = before[moment, path[moment]]
    return path


def _merge(sums: Array, sizes: Array, threshold: float) -> Array:
    """Join the two most alike groups until none are as alike as the threshold: (N,) from 0 on."""
    sums, sizes, groups = sums.copy(), sizes.copy(), np.arange(len(sums))
    alike = sums @ sums.T / np.outer(sizes, sizes)
    np.fill_diagonal(alike, -np.inf)
    while len(sums):
        one, other = np.unravel_index(alike.argmax(), alike.shape)
        if alike[one, other] < threshold:
            break
        groups[groups == other] = one
        sums[one] += sums[other]
        sizes[one] += sizes[other]
        gone = np.isinf(alike[one])  # itself, and those that were joined to others
        row = np.where(gone, -np.inf, sums @ sums[one] / (sizes * sizes[one]))
        alike[one] = alike[:, one] = row
        alike[other] = alike[:, other] = -np.inf
    numbered: Array = np.unique(groups, return_inverse=True)[1]
    return numbered


def _added(values: Array, groups: Array, count: int) -> Array:
    """The sum of the rows of each group."""
    total = np.zeros((count, *values.shape[1:]))
    np.add.at(total, groups, values)
    return total
