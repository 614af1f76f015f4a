"""Made-up tasks whose answer is known, to find out what a fusion can learn at all.

Every modality is a few steps of noise with something planted in it. Numbers measured on these say
"synthetic" wherever they are shown.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from insula.methods.batch import Batch

STEPS = (4, 8)  # of a modality of a sample, at least and at most
NOISE = 0.5  # standard deviation, where what is planted has 1


def xor(
    samples: int,
    rng: np.random.Generator,
    *,
    modalities: Sequence[str] = ("audio", "video"),
    width: int = 6,
) -> Batch:
    """Each modality shows one bit; the class, 0 or 1, says whether an odd number of them is 1.

    Any modality alone, or any but all of them, leaves the class at even odds.
    """
    bits = rng.integers(0, 2, (samples, len(modalities)))
    directions = np.random.default_rng(0).normal(size=(len(modalities), width))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True) / np.sqrt(width)
    features, masks = {}, {}
    for column, name in enumerate(modalities):
        sign = 2.0 * bits[:, column] - 1
        planted = sign[:, None] * directions[column]  # [B, D]
        features[name], masks[name] = _steps(planted, rng)
    labels = torch.from_numpy(bits.sum(axis=1) % 2)
    return Batch(features, masks, labels)


def _steps(planted: np.ndarray, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """The same vector at every step, each with its own noise; samples differ in length."""
    lengths = rng.integers(STEPS[0], STEPS[1] + 1, len(planted))
    valid = np.arange(STEPS[1]) < lengths[:, None]  # [B, T]
    noise = NOISE * rng.normal(size=(*valid.shape, planted.shape[1]))
    values = (planted[:, None] + noise) * valid[:, :, None]
    return torch.from_numpy(values.astype(np.float32)), torch.from_numpy(valid)
