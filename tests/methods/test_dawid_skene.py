"""Dawid-Skene: the truth of annotators of whom one misleads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from insula.errors import ConfigError
from insula.methods.batch import Batch, Kind
from insula.methods.early.concatenation import Concatenation
from insula.methods.training.dawid_skene import DawidSkene, fit_dawid_skene
from insula.methods.training.method import Setting

ITEMS, CLASSES = 400, 3


def annotated(*, skipped: float = 0.0) -> tuple[Tensor, Tensor]:
    """The truth, [N], and what four who are right in 65 % say of it, and one who misleads."""
    rng = np.random.default_rng(0)
    truth = rng.choice(CLASSES, ITEMS, p=(0.5, 0.3, 0.2))
    said = np.where(
        rng.random((ITEMS, 5)) < 0.65, truth[:, None], rng.integers(0, CLASSES, (ITEMS, 5))
    )
    said[:, 4] = (truth + 1) % CLASSES  # always the same wrong one
    said[rng.random(said.shape) < skipped] = -1
    return torch.from_numpy(truth), torch.from_numpy(said)


def made(annotations: Tensor | None, kind: Kind = "single") -> DawidSkene:
    masks = {"audio": torch.ones(2, 1, dtype=torch.bool)}
    example = Batch({"audio": torch.randn(2, 1, 3)}, masks)
    net = Concatenation({"audio": 3}, CLASSES, hidden=4)
    setting = Setting(net, CLASSES, kind, torch.zeros(2, dtype=torch.int64), (), example)
    return DawidSkene(replace(setting, annotations=annotations))


@pytest.mark.parametrize("skipped", [0.0, 0.2])
def test_labels_are_recovered_though_one_of_five_misleads(skipped: float) -> None:
    truth, said = annotated(skipped=skipped)
    votes = functional.one_hot(said.clamp(min=0), CLASSES) * (said >= 0).unsqueeze(2)
    majority = votes.sum(dim=1).argmax(dim=1)
    found = made(said).relabel(torch.zeros(ITEMS, dtype=torch.int64))
    right = (found == truth).float().mean()
    assert right > 0.95
    assert right > (majority == truth).float().mean() + 0.1


def test_annotators_are_known_by_their_answers() -> None:
    truth, said = annotated()
    found = fit_dawid_skene(said, CLASSES)
    assert found.answers.shape == (5, CLASSES, CLASSES)
    assert torch.allclose(found.answers.sum(dim=2), torch.ones(5, CLASSES).double())
    assert (found.answers[4] - torch.eye(CLASSES).roll(1, dims=1)).abs().max() < 0.05
    honest = found.answers[:4].diagonal(dim1=1, dim2=2)
    assert (honest - (0.65 + 0.35 / 3)).abs().max() < 0.1
    shares = torch.bincount(truth, minlength=CLASSES) / ITEMS
    assert (found.truth.mean(dim=0) - shares).abs().max() < 0.02


def test_one_round_by_hand() -> None:
    said = torch.tensor([[0, 0], [1, 1]])  # two who always agree
    found = fit_dawid_skene(said, 2, rounds=1)
    start = (2 + 0.01) / (2 + 2 * 0.01)  # of the majority
    right = (start + 0.01) / (1 + 2 * 0.01)
    assert found.answers[0, 0, 0].item() == pytest.approx(right)
    sure = right**2 / (right**2 + (1 - right) ** 2)
    assert found.truth.tolist() == [
        pytest.approx([sure, 1 - sure]),
        pytest.approx([1 - sure, sure]),
    ]


def test_what_nobody_annotated_keeps_its_label() -> None:
    _, said = annotated()
    said[:2] = -1
    labels = torch.full((ITEMS,), 2)
    assert made(said).relabel(labels)[:2].tolist() == [2, 2]
    shares = functional.one_hot(labels, CLASSES).float()
    found = made(said, "distribution").relabel(shares)
    assert torch.equal(found[:2], shares[:2])
    assert torch.allclose(found.sum(dim=1), torch.ones(ITEMS))


def test_it_needs_annotators() -> None:
    with pytest.raises(ConfigError, match="of this corpus only the truth is known"):
        made(None)
