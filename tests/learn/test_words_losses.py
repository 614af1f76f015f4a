"""The losses of the words nets on cases whose answer is known."""

from __future__ import annotations

import pytest
import torch

from insula.core.space import GOEMOTIONS
from insula.learn import words_losses


def test_lines_without_neutral_say_nothing_about_neutral() -> None:
    logits = torch.randn(1, 28, generator=torch.manual_seed(0))
    joy = torch.zeros(1, 8)
    joy[0, 4] = 1
    neutral = torch.zeros(1, 28)
    neutral[0, GOEMOTIONS.index("neutral")] = 2.0
    one, other, wrong = (
        words_losses.shared_emotions_loss({"goemotions": each}, {"plutchik8": joy}).item()
        for each in (logits, logits + neutral, logits.roll(-1, dims=1))
    )
    assert one == pytest.approx(other, abs=1e-4)
    assert one != pytest.approx(wrong, abs=1e-2)


def test_a_pupil_that_agrees_costs_nothing() -> None:
    logits = torch.randn(3, 28, generator=torch.manual_seed(0))
    batch = {"asked": torch.tensor([True, False, True]), "teacher": logits.softmax(dim=1)}
    loss = words_losses.teacher_loss
    assert loss({"goemotions": logits}, batch).item() == pytest.approx(0, abs=1e-5)
    assert loss({"goemotions": logits.roll(1, dims=1)}, batch).item() > 0.1
    moved = logits.clone()
    moved[1] += torch.arange(28)  # nobody asked there
    assert loss({"goemotions": moved}, batch).item() == pytest.approx(0, abs=1e-5)


def test_axes_are_weighed_by_their_variance() -> None:
    batch = {"knows_vad": torch.tensor([True]), "vad": torch.zeros(1, 3)}
    said = {"vad": torch.tensor([[0.2, 0.2, 0.2]])}
    spread = torch.tensor([0.04, 0.04, 0.01])
    assert words_losses.vad_loss(said, batch, spread).item() == pytest.approx(1 + 1 + 4)


def test_an_embedding_that_stayed_costs_nothing() -> None:
    kept = torch.nn.functional.normalize(torch.randn(2, 8), dim=1)
    batch = {"asked": torch.tensor([True, False]), "original": kept}
    assert words_losses.embedding_loss({"embedding": kept}, batch).item() == pytest.approx(
        0, abs=1e-5
    )
    assert words_losses.embedding_loss({"embedding": -kept}, batch).item() == pytest.approx(2)
