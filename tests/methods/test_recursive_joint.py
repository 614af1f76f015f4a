"""Recursive joint attention: zero rounds are concatenation, and all correlate with all."""

from __future__ import annotations

import numpy as np
import torch

from insula.learn.synthetic import xor
from insula.methods.mid.recursive_joint import JointCorrelation, RecursiveJointAttention

NAMES = ("audio", "video", "text")
WIDTHS = dict.fromkeys(NAMES, 6)


def test_without_a_round_it_is_concatenation() -> None:
    torch.manual_seed(0)
    batch = xor(5, np.random.default_rng(0), modalities=NAMES)
    plain = RecursiveJointAttention(WIDTHS, 2, rounds=0).eval()
    means = plain.encoders.vectors(batch).flatten(start_dim=1)  # on the grid a mean stays a mean
    assert torch.allclose(plain(batch).values, plain.joint(means), atol=1e-5)
    twice = RecursiveJointAttention(WIDTHS, 2, rounds=2).eval()
    twice.load_state_dict(plain.state_dict(), strict=False)
    assert (twice(batch).values - plain(batch).values).abs().max() > 1e-3


def test_removing_text_changes_how_audio_correlates() -> None:
    torch.manual_seed(0)
    net = RecursiveJointAttention(WIDTHS, 2, rounds=1).eval()
    batch = xor(5, np.random.default_rng(0), modalities=NAMES)
    whole = net(batch).weights["audio"]
    without = net(batch.without("text")).weights["audio"]
    assert whole.shape == (5, 64, 3 * 64)
    # In one round the columns of audio and video stay, those of text do not.
    assert torch.allclose(whole[:, :, :128], without[:, :, :128], atol=1e-6)
    assert (whole[:, :, 128:] - without[:, :, 128:]).abs().max() > 1e-2


def test_rounds_have_weights_of_their_own_and_build_on_each_other() -> None:
    torch.manual_seed(0)
    net = RecursiveJointAttention(WIDTHS, 2, rounds=2).eval()
    batch = xor(5, np.random.default_rng(0), modalities=NAMES)
    second = net(batch).weights["audio"]
    assert net.rounds[0]["audio"].over_steps.weight is not net.rounds[1]["audio"].over_steps.weight
    # After one round audio knows of text, so in the next even its own columns depend on it.
    changed = net(batch.without("text")).weights["audio"]
    assert (second[:, :, :64] - changed[:, :, :64]).abs().max() > 1e-4


def test_the_correlation_by_hand() -> None:
    one_round = JointCorrelation(1, 2, 2, dropout=0.0)
    torch.nn.init.eye_(one_round.over_steps.weight)
    values = torch.tensor([[[1.0], [2.0]]])
    joint = torch.tensor([[[1.0, 0.0], [2.0, 1.0]]])
    _, correlation = one_round(values, joint)
    expected = torch.tanh(torch.tensor([[5.0, 2.0]]) / 2**0.5)
    assert torch.allclose(correlation[0], expected)


def test_a_grid_of_another_size() -> None:
    net = RecursiveJointAttention(WIDTHS, 2, window=3)
    batch = xor(5, np.random.default_rng(0), modalities=NAMES)
    assert {steps.shape[1] for steps in net.on_grid(batch).values()} == {3}
    assert net(batch).values.isfinite().all()
