"""Sequences on a common grid of steps."""

from __future__ import annotations

import torch

from insula.methods.encoders import Tokens
from insula.methods.resampling import resampled


def test_as_many_steps_as_tokens_change_nothing() -> None:
    values = torch.rand(2, 5, 3)
    tokens = Tokens(values, torch.ones(2, 5, dtype=torch.bool))
    torch.testing.assert_close(resampled(tokens, 5), values)


def test_fewer_and_more_steps() -> None:
    tokens = Tokens(torch.tensor([[[1.0], [3], [8]]]), torch.ones(1, 3, dtype=torch.bool))
    assert resampled(tokens, 1).flatten().tolist() == [4]
    assert resampled(tokens, 6).flatten().tolist() == [1, 1, 3, 3, 8, 8]
    torch.testing.assert_close(resampled(tokens, 2).flatten(), torch.tensor([5 / 3, 19 / 3]))


def test_gaps_are_closed_and_nothing_is_zeros() -> None:
    values = torch.tensor([[[0.0], [2], [0], [4]], [[0], [0], [0], [0]]])
    valid = torch.tensor([[False, True, False, True], [False] * 4])
    assert resampled(Tokens(values, valid), 2).flatten().tolist() == [2, 4, 0, 0]
