"""The text models at work: sentences in, a row of every answer out.

Which of two ways a model reads is in its card: numbers of pieces of words, whose vocabulary lies in
the weight file, or hashed n-grams with their weights.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from insula.channels.words.ngrams import encode
from insula.channels.words.pieces import Pieces
from insula.core.track import Array
from insula.zoo.session import Model

BATCH = 32  # sentences a call; keeps memory flat on long recordings
VOCABULARY = "vocabulary"  # the note in the weight file that holds the pieces, one a line


def read(model: str, texts: Sequence[str]) -> dict[str, Array]:
    """The model's outputs by name, a row a text.

    In batches of texts of like length, so that one long text pads but a few others.
    """
    weights = Model.shared(model)
    order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
    found: dict[str, list[Array]] = {}
    for first in range(0, len(texts), BATCH):
        batch = [texts[row] for row in order[first : first + BATCH]]
        for name, rows in weights.run(**_inputs(weights, batch)).items():
            found.setdefault(name, []).append(rows)
    back = np.argsort(order)
    return {name: np.concatenate(rows)[back] for name, rows in found.items()}


def _inputs(weights: Model, texts: Sequence[str]) -> dict[str, Array]:
    if "weights" in weights.card.inputs:
        ids, shares = encode(texts)
        return {"ids": ids, "weights": shares}
    return {"ids": _pieces(weights.notes[VOCABULARY]).encode(texts)}


@functools.lru_cache(maxsize=4)
def _pieces(vocabulary: str) -> Pieces:
    return Pieces(vocabulary.split("\n"))
