"""The network of voices: shapes, and what must not change its answer."""

from __future__ import annotations

import pytest
import torch

from insula.methods.unimodal.speaker_tdnn import SpeakerTDNN


@pytest.fixture
def net() -> SpeakerTDNN:
    torch.manual_seed(0)
    return SpeakerTDNN(channels=8, wide=12, width=6).eval()


def test_shapes_and_lengths(net: SpeakerTDNN) -> None:
    for rows in (150, 151):
        embedding, overlap = net(torch.randn(3, rows, 64))
        assert embedding.shape == (3, 6)
        assert overlap.shape == (3, (rows + 1) // 2)
        assert torch.allclose(embedding.norm(dim=1), torch.ones(3))


def test_loudness_changes_nothing_and_the_spectrum_does(net: SpeakerTDNN) -> None:
    heard = torch.randn(2, 150, 64)
    embedding, overlap = net(heard)
    louder = net(heard + 3)
    assert torch.allclose(louder[0], embedding, atol=1e-4)
    assert torch.allclose(louder[1], overlap, atol=1e-4)
    brighter = net(heard + torch.linspace(-2, 2, 64))[0]
    assert not torch.allclose(brighter, embedding, atol=1e-2)


def test_one_alone_is_as_in_a_batch(net: SpeakerTDNN) -> None:
    heard = torch.randn(4, 150, 64)
    assert torch.allclose(net(heard)[0][:1], net(heard[:1])[0], atol=1e-5)


def test_digital_silence_is_finite(net: SpeakerTDNN) -> None:
    embedding, overlap = net(torch.full((1, 150, 64), -18.4))
    assert embedding.isfinite().all() and overlap.isfinite().all()
