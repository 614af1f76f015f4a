"""Cross-attention: shapes, shares, and that one modality is really read by the other."""

from __future__ import annotations

import numpy as np
import torch

from insula.learn.synthetic import xor
from insula.methods.batch import Batch
from insula.methods.mid.attention import Attention, masked_softmax
from insula.methods.mid.cross_attention import CrossAttention

NAMES = ("audio", "text")


def batch_of(*, steps: int) -> Batch:
    """Audio of `steps` steps of which the last two are padding, text of 8 or fewer."""
    batch = xor(5, np.random.default_rng(0), modalities=NAMES)
    features = {**batch.features, "audio": torch.randn(5, steps, 6)}
    valid = (torch.arange(steps) < steps - 2).expand(5, steps)
    return Batch(features, {**batch.masks, "audio": valid})


def test_every_step_of_one_asks_the_valid_steps_of_the_other() -> None:
    torch.manual_seed(0)
    batch = batch_of(steps=11)
    weights = CrossAttention(dict.fromkeys(NAMES, 6), 2).eval()(batch).weights
    assert weights["audio|text"].shape == (5, 4, 11, 8)
    assert weights["text|audio"].shape == (5, 4, 8, 11)
    for name, asked in (("audio|text", "text"), ("text|audio", "audio")):
        assert torch.allclose(weights[name].sum(dim=3), torch.ones(()))
        padded = ~batch.masks[asked][:, None, None].expand_as(weights[name])
        assert not weights[name][padded].any()


def test_what_is_asked_finds_what_looks_like_it() -> None:
    """With projections that change nothing, a token finds the like of itself, and reads it."""
    attention = Attention(4, heads=1, dropout=0.0)
    for layer in (attention.asked, attention.offered, attention.held, attention.out):
        torch.nn.init.eye_(layer.weight)
        if layer.bias is not None:
            torch.nn.init.zeros_(layer.bias)
    tokens = 20 * torch.eye(4).unsqueeze(0)
    asking = tokens[:, [2, 0]]
    found, weights = attention(asking, tokens, torch.ones(1, 4, dtype=torch.bool))
    assert weights[0, 0].argmax(dim=1).tolist() == [2, 0]
    assert torch.allclose(found, asking, atol=1e-4)


def test_where_nothing_is_valid_nothing_is_found() -> None:
    valid = torch.zeros(2, 3, dtype=torch.bool)
    assert not masked_softmax(torch.randn(2, 3), valid).any()
    found, _ = Attention(8)(torch.randn(2, 5, 8), torch.randn(2, 3, 8), valid)
    assert not found.any()


def test_the_words_of_another_change_what_the_voice_means() -> None:
    """The mean of the asking modality is all that is read, so only attention can carry this."""
    torch.manual_seed(0)
    batch = batch_of(steps=6)
    net = CrossAttention(dict.fromkeys(NAMES, 6), 2).eval()
    net.pairs, net.attend = net.pairs[:1], net.attend[:1]  # audio asks text, and nothing else
    net.joint[0] = torch.nn.Linear(64, 64)
    swapped = Batch({**batch.features, "text": batch.features["text"].flip(0)}, batch.masks)
    assert (net(batch).values - net(swapped).values).abs().max() > 1e-4
