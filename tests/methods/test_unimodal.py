"""The channels' own nets: shapes, and changes of the input that must change nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from insula.media.spectral import SAMPLE_RATE, log_mel
from insula.methods.unimodal.residual_face import ResidualFace
from insula.methods.unimodal.spectrogram import SpectrogramJudge, SpectrogramStatistics


@pytest.fixture(scope="module")
def statistics() -> SpectrogramStatistics:
    return SpectrogramStatistics()


def heard(audio: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(log_mel(audio.astype(np.float32)))[None]


def voice(seconds: float, pitch: float = 150.0) -> np.ndarray:
    """Harmonics of a pitch, rising and falling four times a second."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    tones = sum(np.sin(2 * math.pi * k * pitch * time) / k for k in range(1, 20))
    return 0.05 * tones * (0.2 + np.square(np.sin(4 * math.pi * time)))


def test_face_shapes_and_light() -> None:
    torch.manual_seed(0)
    net = ResidualFace(stem=4, stages=[8, 12], blocks=2, dropout=0.5, classes=8).eval()
    faces = torch.rand(3, 1, 48, 48)
    logits, embedding = net(faces)
    assert logits.shape == (3, 8)
    assert embedding.shape == (3, 12)
    brighter, _ = net(faces + 0.3)
    assert torch.allclose(brighter, logits, atol=1e-4)
    one, _ = net(faces[:1])
    assert torch.allclose(one, logits[:1], atol=1e-5)


def test_face_that_is_all_one_grey_is_finite() -> None:
    net = ResidualFace(stem=4, stages=[8], blocks=1, dropout=0.0, classes=8).eval()
    assert net(torch.full((1, 1, 48, 48), 0.5))[0].isfinite().all()


@pytest.mark.parametrize("rows", [1, 2, 33, 200])
def test_statistics_of_any_length_are_finite(statistics: SpectrogramStatistics, rows: int) -> None:
    for spectrogram in (torch.randn(2, rows, 64), torch.full((2, rows, 64), -18.4)):
        numbers = statistics(spectrogram)
        assert numbers.shape == (2, statistics.width)
        assert numbers.isfinite().all()


def test_level_changes_nothing(statistics: SpectrogramStatistics) -> None:
    audio = voice(1.0) + np.random.default_rng(0).normal(0, 0.002, SAMPLE_RATE)
    quiet, loud = statistics(heard(0.1 * audio)), statistics(heard(audio))
    assert (quiet - loud).abs().max() < 0.05 * loud.abs().max()


def test_length_changes_little_and_pitch_much(statistics: SpectrogramStatistics) -> None:
    """The same voice for longer is the same voice; a higher one is not."""
    short, long = statistics(heard(voice(1.0))), statistics(heard(voice(3.0)))
    high = statistics(heard(voice(1.0, pitch=300.0)))
    assert (short - high).square().mean() > 5 * (short - long).square().mean()


def test_trailing_silence_changes_little(statistics: SpectrogramStatistics) -> None:
    audio = voice(1.0)
    padded = np.concatenate([audio, np.zeros(8000)])
    plain, silent = statistics(heard(audio)), statistics(heard(padded))
    other = statistics(heard(voice(1.0, pitch=300.0)))
    assert (plain - other).abs().median() > 4 * (plain - silent).abs().median()


def test_one_by_one_is_the_same_as_together(statistics: SpectrogramStatistics) -> None:
    both = torch.randn(2, 90, 64)
    apart = torch.cat([statistics(both[:1]), statistics(both[1:])])
    assert torch.allclose(statistics(both), apart, atol=1e-4)


def test_judge_learns_and_answers_every_question() -> None:
    torch.manual_seed(0)
    net = SpectrogramJudge(
        hidden=16, drop_statistics=0.1, drop_hidden=0.1, heads={"a": 2, "b": 3}, width=5
    )
    numbers = 5 + 2 * torch.randn(64, 5)
    truth = (numbers[:, 0] > 5).long()
    steering = torch.optim.Adam(net.parameters(), 0.02)
    for _ in range(150):
        loss = torch.nn.functional.cross_entropy(net(numbers)[0]["a"], truth)
        steering.zero_grad()
        loss.backward()
        steering.step()
    said, embedding = net.eval()(numbers)
    assert (said["a"].argmax(dim=1) == truth).float().mean() > 0.9
    assert said["b"].shape == (64, 3)
    assert embedding.shape == (64, 16)
