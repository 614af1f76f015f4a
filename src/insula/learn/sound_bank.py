"""Statistics of sounds, computed once: each clip as it is, and changed copies of it.

    spectrograms -> changed copies -> statistics -> bank (copies + 1, N, F)

The statistics have nothing to learn, so an epoch of training only draws one copy of each clip.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from insula.learn.recipe import Recipe
from insula.registry import load_object

QUIET = 7.0  # natural-log units (30 dB) under the loudest row: the pauses around a clip
MARGIN = 12  # rows of 10 ms that are left of them

Maker = Callable[[int, int], np.ndarray]
"""Makes the changed copy of this number of the clip of this number: (T, 64)."""


class Statistics(Protocol):
    """What `statistics` of a recipe names: fixed numbers of a spectrogram."""

    width: int

    def __call__(self, spectrogram: Tensor) -> Tensor: ...


def make_statistics(recipe: Recipe) -> nn.Module:
    """The module that the recipe's [front] names."""
    address = str(recipe.mapping("front")["statistics"])
    kind = cast(Callable[[], nn.Module], load_object(address, needed_by=recipe.name))
    return kind().eval()


def without_pauses(rows: np.ndarray) -> np.ndarray:
    """What is left of a spectrogram, (T, 64), from its first loud moment to its last."""
    loud = rows.max(axis=1)
    heard = np.flatnonzero(loud > loud.max() - QUIET)
    return rows[max(0, heard[0] - MARGIN) : heard[-1] + 1 + MARGIN]


def make_bank(
    statistics: nn.Module,
    clips: Sequence[np.ndarray],
    changed: Maker,
    copies: int,
) -> Tensor:
    """Statistics (copies + 1, N, F): at 0 of the clips themselves, then of changed copies."""
    bank = torch.empty(copies + 1, len(clips), cast(int, statistics.width))
    with torch.inference_mode():
        for number, clip in enumerate(clips):
            bank[0, number] = statistics(torch.from_numpy(clip)[None])[0]
            for copy in range(1, copies + 1):
                bank[copy, number] = statistics(torch.from_numpy(changed(number, copy))[None])[0]
    return bank


def smooth_cross_entropy(logits: Tensor, labels: Tensor, *, smoothing: float, total: int) -> Tensor:
    """Cross-entropy with smoothed labels, as a part of a mean over `total` samples."""
    loss = functional.cross_entropy(logits, labels, label_smoothing=smoothing, reduction="sum")
    return loss / total
