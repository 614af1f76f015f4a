"""The channels' own nets: shapes, and changes of the input that must change nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from insula.media.spectral import SAMPLE_RATE, log_mel
from insula.methods.unimodal.mobile_face import STEM, WIDTHS, MobileFace, standardise
from insula.methods.unimodal.sound_texture import LAGS, SoundJudge, SoundStatistics
from insula.methods.unimodal.spectrogram import SpectrogramJudge, SpectrogramStatistics
from insula.methods.unimodal.voice_judge import VoiceJudge
from insula.methods.unimodal.voice_statistics import VoiceStatistics


@pytest.fixture(scope="module", params=[SpectrogramStatistics, SoundStatistics])
def statistics(request: pytest.FixtureRequest) -> SpectrogramStatistics | SoundStatistics:
    return request.param()  # type: ignore[no-any-return]


def heard(audio: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(log_mel(audio.astype(np.float32)))[None]


def voice(seconds: float, pitch: float = 150.0) -> np.ndarray:
    """Harmonics of a pitch, rising and falling four times a second."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    tones = sum(np.sin(2 * math.pi * k * pitch * time) / k for k in range(1, 20))
    return 0.05 * tones * (0.2 + np.square(np.sin(4 * math.pi * time)))


def test_face_shapes_and_light() -> None:
    torch.manual_seed(0)
    net = MobileFace(side=64, blocks=3, dropout=0.5, classes=8).eval()
    faces = torch.rand(3, 1, 48, 48)
    logits, embedding = net(faces)
    assert logits.shape == (3, 8)
    assert embedding.shape == (3, 128)
    for said, expected in zip(net(faces + 0.3), (logits, embedding), strict=True):
        assert torch.allclose(said, expected, atol=1e-4)
    assert not torch.allclose(net(faces.flip(2))[0], logits, atol=2e-4)
    one = net(faces[:1])[0]
    assert torch.allclose(one, logits[:1], atol=1e-5)
    assert net(faces[:, :, 4:44, 4:44])[0].shape == (3, 8)


def test_face_that_is_all_one_grey_is_finite() -> None:
    net = MobileFace(side=32, blocks=1, dropout=0.0, classes=8).eval()
    assert net(torch.full((1, 1, 48, 48), 0.5))[0].isfinite().all()


def test_a_face_net_starts_as_the_net_whose_arrays_it_is_given() -> None:
    """The arrays are run by hand, without norms; the net must give the same embedding."""
    rng = np.random.default_rng(0)
    net = MobileFace(side=32, blocks=2, dropout=0.0, classes=8)
    shapes = [(STEM, 3, 3, 3), (STEM, 1, 3, 3), (WIDTHS[0], STEM, 1, 1)]
    shapes += [(WIDTHS[0], 1, 3, 3), (WIDTHS[1], WIDTHS[0], 1, 1)]
    arrays = [
        (rng.normal(0, 0.3, shape).astype(np.float32), rng.normal(size=shape[0]).astype(np.float32))
        for shape in shapes
    ]
    faces = torch.rand(16, 1, 32, 32)
    net.start(arrays, faces)
    features = 60 * standardise(faces).expand(-1, 3, -1, -1)
    for (kernel, shift), stride in zip(arrays, (2, 1, 1, 2, 1), strict=True):
        if stride == 2:
            features = torch.nn.functional.pad(features, (0, 1, 0, 1))
        features = torch.nn.functional.conv2d(
            features,
            torch.from_numpy(kernel),
            torch.from_numpy(shift),
            stride,
            padding=kernel.shape[-1] // 2 if stride == 1 else 0,
            groups=features.shape[1] if kernel.shape[1] == 1 else 1,
        ).clamp(0, 6)
    expected = features.mean(dim=(2, 3))
    assert torch.allclose(net.eval()(faces)[1], expected, atol=1e-4)
    assert torch.allclose(net.train()(faces)[1], expected, atol=1e-2)
    assert expected.std() > 0.1


@pytest.mark.parametrize("rows", [1, 2, 33, 200])
def test_statistics_of_any_length_are_finite(
    statistics: SpectrogramStatistics | SoundStatistics, rows: int
) -> None:
    for spectrogram in (torch.randn(2, rows, 64), torch.full((2, rows, 64), -18.4)):
        numbers = statistics(spectrogram)
        assert numbers.shape == (2, statistics.width)
        assert numbers.isfinite().all()


def test_level_changes_nothing(statistics: SpectrogramStatistics | SoundStatistics) -> None:
    audio = voice(1.0) + np.random.default_rng(0).normal(0, 0.002, SAMPLE_RATE)
    quiet, loud = statistics(heard(0.1 * audio)), statistics(heard(audio))
    assert (quiet - loud).abs().max() < 0.05 * loud.abs().max()


def test_length_changes_little_and_pitch_much(
    statistics: SpectrogramStatistics | SoundStatistics,
) -> None:
    """The same voice for longer is the same voice; a higher one is not."""
    short, long = statistics(heard(voice(1.0))), statistics(heard(voice(3.0)))
    high = statistics(heard(voice(1.0, pitch=300.0)))
    assert (short - high).square().mean() > 5 * (short - long).square().mean()


def test_trailing_silence_changes_little() -> None:
    statistics = SpectrogramStatistics()
    audio = voice(1.0)
    padded = np.concatenate([audio, np.zeros(8000)])
    plain, silent = statistics(heard(audio)), statistics(heard(padded))
    other = statistics(heard(voice(1.0, pitch=300.0)))
    assert (plain - other).abs().median() > 4 * (plain - silent).abs().median()


def test_one_by_one_is_the_same_as_together(
    statistics: SpectrogramStatistics | SoundStatistics,
) -> None:
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


def test_rhythm_is_found_at_its_period() -> None:
    """Noise that swells every 80 ms is most alike after 80 ms, least after 40."""
    rows = torch.arange(300.0)
    swell = 1.5 * torch.cos(2 * math.pi * rows / 8)
    noise = 0.3 * torch.randn(300, 64, generator=torch.Generator().manual_seed(0))
    rhythm = SoundStatistics()(  # of the envelope of all bands: the last of nine
        (swell.unsqueeze(1) + noise).unsqueeze(0)
    )[0, SpectrogramStatistics().width :]
    alike = rhythm[len(LAGS) * 9 : 2 * len(LAGS) * 9].view(len(LAGS), 9)[:, 8]
    assert LAGS[int(alike[:12].argmin())] in (4, 12)
    assert LAGS[int(alike[2:12].argmax()) + 2] == 8


def test_sound_judge_mixes_what_it_is_given() -> None:
    torch.manual_seed(0)
    net = SoundJudge(hidden=4, drop_statistics=0, drop_hidden=0, answers=3, width=5).eval()
    numbers = torch.randn(2, 5)
    swapped = net(numbers, torch.tensor([1, 0]), torch.zeros(2, 1))
    assert torch.allclose(swapped, net(numbers).flip(0), atol=1e-6)
    alone = net(numbers, torch.tensor([1, 0]), torch.ones(2, 1))
    assert torch.allclose(alone, net(numbers), atol=1e-6)


def track(rows: int, pitch: float = 12.0) -> torch.Tensor:
    """A pitch track whose second half is voiced, rising by two semitones: [1, rows, 13]."""
    numbers = torch.zeros(1, rows, 13)
    half = rows // 2
    numbers[:, half:, 0] = pitch + torch.linspace(0, 2, rows - half)
    numbers[:, half:, 1] = 1
    numbers[:, half:, 2] = 0.9
    numbers[:, half:, 3:] = -2.3
    return numbers


@pytest.mark.parametrize("rows", [1, 2, 33, 200])
def test_voice_statistics_of_any_length_are_finite(rows: int) -> None:
    statistics = VoiceStatistics()
    for spectrogram in (torch.randn(2, rows, 64), torch.full((2, rows, 64), -18.4)):
        for pitch in (torch.zeros(2, rows, 13), track(rows).repeat(2, 1, 1)):
            numbers = statistics(spectrogram, pitch)
            assert numbers.shape == (2, statistics.width)
            assert numbers.isfinite().all()


def test_voice_statistics_hear_pitch_and_not_the_pauses() -> None:
    statistics = VoiceStatistics()
    mel = torch.randn(1, 100, 64)
    low, high = statistics(mel, track(100)), statistics(mel, track(100, pitch=24.0))
    first = SpectrogramStatistics().width  # of pitch: its mean
    assert low[0, first] == pytest.approx(13.0, abs=0.05)
    assert high[0, first] - low[0, first] == pytest.approx(12.0, abs=0.05)


def test_voice_judges_err_apart_and_answer_together() -> None:
    torch.manual_seed(0)
    net = VoiceJudge(
        members=3, hidden=8, drop_statistics=0.1, drop_hidden=0.1, heads={"a": 2}, width=5
    ).eval()
    said, embedding = net(torch.randn(4, 5))
    assert said["a"].shape == (3, 4, 2)
    assert embedding.shape == (4, 24)
    assert (said["a"][0] - said["a"][1]).abs().max() > 1e-3
