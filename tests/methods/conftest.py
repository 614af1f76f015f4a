"""What tests of several fusions share: samples of which one modality tells the class."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from insula.learn.synthetic import xor
from insula.methods.batch import Batch


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Nets this small only wait for each other on several."""
    torch.set_num_threads(1)


@pytest.fixture
def telling() -> Callable[[int, int], Batch]:
    """Samples by their count and seed: "audio" shows the class, "video" a bit of its own."""

    def made(count: int, seed: int) -> Batch:
        rng = np.random.default_rng(seed)
        audio, video = (xor(count, rng, modalities=(name,)) for name in ("audio", "video"))
        return replace(
            audio,
            features={**audio.features, **video.features},
            masks={**audio.masks, **video.masks},
        )

    return made
