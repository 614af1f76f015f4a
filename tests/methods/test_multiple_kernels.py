"""Kernels: proper ones, weighed by how well they agree with the labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from insula.errors import ConfigError
from insula.learn.synthetic import xor
from insula.methods.batch import Batch
from insula.methods.late.multiple_kernels import MultipleKernels, aligned

WIDTHS = {"audio": 6, "video": 6}
Telling = Callable[[int, int], Batch]


def test_noise_gets_next_to_no_weight(telling: Telling) -> None:
    net, new = MultipleKernels(WIDTHS, 2).fit(telling(120, 0)), telling(100, 1)
    assert net.weights.sum() == pytest.approx(1)
    assert (net.weights >= 0).all() and net.weights[1] < 0.1
    assert (net.predict(new).values.argmax(dim=1) == new.labels).float().mean() > 0.95


def test_the_sum_is_positive_semidefinite_even_where_modalities_are_missing(
    telling: Telling,
) -> None:
    batch = telling(60, 0)
    batch.masks["audio"][:20] = False
    batch.masks["video"][15:40] = False
    net = MultipleKernels(WIDTHS, 2).fit(batch)
    net.weights = np.array([0.6, 0.4])
    kernel = net.kernel(batch)
    np.testing.assert_allclose(kernel, kernel.T)
    assert np.linalg.eigvalsh(kernel).min() > -1e-9
    there = batch.present.any(dim=1).numpy()
    np.testing.assert_allclose(np.diag(kernel)[there], 1)
    assert net.predict(batch.without(*WIDTHS)).values.isfinite().all()


def test_weights_are_those_of_the_best_alignment() -> None:
    """No other weights make the cosine between the centred kernels and the labels' greater."""
    rng = np.random.default_rng(0)
    right = np.eye(3)[rng.integers(0, 3, 40)]
    # Each is as good as its noise allows, wherever its zero lies.
    sizes = ((0.5, 5.0), (1.0, 0.0), (3.0, 2.0))
    seen = [right + noise * rng.normal(size=right.shape) + zero for noise, zero in sizes]
    kernels = np.stack([rows @ rows.T for rows in seen])
    middle = np.eye(40) - 1 / 40

    def cosine(weights: np.ndarray) -> float:
        kernel = middle @ np.einsum("m,mnk->nk", weights, kernels) @ middle
        wanted = middle @ right @ right.T @ middle
        return float((kernel * wanted).sum() / np.linalg.norm(kernel) / np.linalg.norm(wanted))

    best = cosine(aligned(kernels, right))
    assert all(cosine(rng.dirichlet(np.ones(3))) <= best + 1e-9 for _ in range(200))


def test_a_class_that_was_never_seen_is_never_said(telling: Telling) -> None:
    batch = telling(40, 0)
    values = MultipleKernels(WIDTHS, 4).fit(batch).predict(batch).values
    assert values.shape == (40, 4) and values.argmax(dim=1).max() == 1
    with pytest.raises(ConfigError, match="one class a sample"):
        MultipleKernels(WIDTHS, 2).fit(replace(batch, labels=None))


def test_a_sum_of_kernels_cannot_tell_parity() -> None:
    """What it says is a sum of what each modality says, as in late fusion."""
    rng = np.random.default_rng(0)
    train, new = xor(150, rng), xor(200, rng)
    said = MultipleKernels(WIDTHS, 2).fit(train).predict(new).values.argmax(dim=1)
    assert (said == new.labels).float().mean() < 0.65
