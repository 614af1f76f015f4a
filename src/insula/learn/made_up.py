"""Made-up tasks as materials of the laboratory: half to learn from, half to be judged on.

Each is drawn from a seed of its own and the same every time; nothing is read from disk.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from insula.learn import synthetic, synthetic_sequences
from insula.learn.material import Material
from insula.methods.batch import Batch

SAMPLES = 2000


def made_up(
    draw: Callable[[int, np.random.Generator], Batch], names: tuple[str, ...], data: Path
) -> Material:
    """The samples that `draw` makes; `data` is not looked at. names: of the classes."""
    samples = draw(SAMPLES, np.random.default_rng(0))
    part = np.repeat(["train", "test"], SAMPLES // 2)
    return Material(samples, np.arange(SAMPLES), part, len(names), names)


def two_domains(data: Path) -> Material:
    """Labelled samples of one domain; of the other some without labels, and some that judge."""
    source, target = synthetic.two_domains(SAMPLES, np.random.default_rng(0))
    both = {name: torch.cat([x, target.features[name]]) for name, x in source.features.items()}
    masks = {name: torch.cat([mask, target.masks[name]]) for name, mask in source.masks.items()}
    assert source.labels is not None and target.labels is not None
    labels = torch.cat([source.labels, target.labels])
    part = np.repeat(["train", "target", "test"], [SAMPLES, SAMPLES // 2, SAMPLES - SAMPLES // 2])
    groups = np.arange(2 * SAMPLES)
    return Material(Batch(both, masks, labels), groups, part, 2, ("even", "odd"))


def three_domains(data: Path) -> Material:
    """The same, half of the labelled samples with the second modality at half its loudness."""
    material = two_domains(data)
    samples = material.samples
    sources = torch.zeros(len(samples), dtype=torch.int64)
    sources[: SAMPLES // 2] = 1
    quiet = torch.where(sources[:, None, None] == 1, 0.5, 1.0)
    features = {**samples.features, "video": quiet * samples.features["video"]}
    return replace(material, samples=replace(samples, features=features, sources=sources))


PARITY = partial(made_up, synthetic.xor, ("even", "odd"))
DOMINANT = partial(made_up, synthetic.dominant_pair, ("below", "above"))
VIEWS = partial(made_up, synthetic.correlated_views, ("neither", "second", "first", "both"))
INERTIA = partial(made_up, synthetic_sequences.emotional_inertia, ("one", "two", "three", "four"))
DIALOGUE = partial(made_up, synthetic_sequences.dialogue, ("one", "two", "three", "four"))
SEGMENTS = partial(made_up, synthetic_sequences.planted_segments, ("nothing", "segment"))
