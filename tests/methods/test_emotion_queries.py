"""Emotion queries: a question and a score belong to one emotion, and the whole memory is asked."""

from __future__ import annotations

import numpy as np
import torch

from insula.learn.synthetic import xor
from insula.methods.encoders import Tokens
from insula.methods.mid.emotion_queries import EmotionQueries

NAMES = ("audio", "video")
EMOTIONS = 6


def made() -> EmotionQueries:
    torch.manual_seed(0)
    return EmotionQueries(dict.fromkeys(NAMES, 6), EMOTIONS).eval()


def test_permuting_questions_and_head_rows_permutes_the_logits() -> None:
    net, batch = made(), xor(5, np.random.default_rng(0))
    before = net(batch).values
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    for weights in (net.queries, net.heads.weight, net.heads.bias):
        weights.data = weights.data[order]
    assert torch.allclose(net(batch).values, before[:, order], atol=1e-6)
    net.queries.data = net.queries.data[order]  # the questions alone: no longer
    assert not torch.allclose(net(batch).values, before[:, order][:, order], atol=1e-3)


def test_every_step_is_memory_and_the_summary_token_is_not() -> None:
    net, batch = made(), xor(5, np.random.default_rng(0))
    (row, valid), _ = net.together(net.encoders(batch))
    row[:, 0] = 0.0  # the summary
    answer = net.decoded(Tokens(row[:, 1:], valid[:, 1:]))
    assert torch.equal(answer.values, net(batch).values)
    assert torch.equal(answer.weights["memory"] > 0, valid[:, None, 1:].expand(-1, EMOTIONS, -1))
    for step in range(1, row.shape[1]):
        other = row.clone()
        other[:, step] = other[:, step].flip(1)
        changed = net.decoded(Tokens(other[:, 1:], valid[:, 1:])).values - answer.values
        assert torch.equal(changed.abs().amax(dim=1) > 1e-6, valid[:, step])


def test_emotions_look_at_different_places() -> None:
    looked = made()(xor(5, np.random.default_rng(0))).weights["memory"]
    assert (looked[:, 0] - looked[:, 1]).abs().max() > 1e-3
    assert torch.allclose(looked.sum(dim=2), torch.ones(5, EMOTIONS))


def test_a_score_reads_the_answer_to_its_own_question_alone() -> None:
    net, batch = made(), xor(5, np.random.default_rng(0))
    for weights in net.decoder[0].among.out.parameters():
        torch.nn.init.zeros_(weights)  # questions no longer hear each other
    before = net(batch).values
    net.queries.data[2] = net.queries.data[2].flip(0)
    moved = (net(batch).values - before).abs().amax(dim=0) > 1e-6
    assert moved.tolist() == [emotion == 2 for emotion in range(EMOTIONS)]


def test_nothing_is_kept_of_single_samples() -> None:
    """Questions belong to emotions: the weights do not know how many videos there are."""
    net = made()
    assert net.queries.shape == (EMOTIONS, 64)
    batch = xor(5, np.random.default_rng(0))
    backwards = net(batch.map(lambda values: values.flip(0))).values
    assert torch.allclose(backwards.flip(0), net(batch).values, atol=1e-6)
