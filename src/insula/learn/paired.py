"""The material "paired": opinions of three channels on samples that share a label.

    opinions of face, voice and words, of one half of each channel's samples -> made-up people
    -> what a fusion reads of each channel: its opinion and how well it saw or heard

Learnt from one half, judged on the other. What learns from it runs in the pipeline, since it reads
what channels say. All numbers are of synthetic pairing (`learn.pairing`).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from insula.core.space import EKMAN7
from insula.fusion.evidence import as_features
from insula.learn.material import Material
from insula.learn.pairing import (
    AS_IT_IS,
    CHANNELS,
    Opinions,
    cast,
    face_opinions,
    voice_opinions,
    words_opinions,
)
from insula.methods.batch import Batch
from insula.zoo.card import Learned

PEOPLE = {"train": 2000, "development": 700, "test": 2000}
MOST = (60, 24, 60)  # samples of a label in each half, of each channel: more cost time
KEPT = 4  # every fourth source of the half to learn from is for the development part
WEIGHTS = ("face-ferplus", "voice-ravdess", "words-goemotions")
READ = (face_opinions, voice_opinions, words_opinions)


def read_paired(data: Path) -> Material:
    """Made-up people of FER+ Valid, RAVDESS and GoEmotions dev, all labels equally frequent."""
    *own, rng = np.random.default_rng(0).spawn(len(CHANNELS) + 1)
    opinions = [
        read(data, weights, most, chance)
        for read, weights, most, chance in zip(READ, WEIGHTS, MOST, own, strict=True)
    ]
    learnt = [_only(each, ~each.half) for each in opinions]
    kept = [replace(each, half=np.isin(each.source, _fourth(each.source))) for each in learnt]
    whose = {"train": (kept, False), "development": (kept, True), "test": (opinions, True)}
    scores, trust, labels = [], [], []
    for part, (channels, half) in whose.items():
        made = cast(channels, np.full(len(EKMAN7), 1 / len(EKMAN7)), 2 * PEOPLE[part], rng)
        people = made.people([AS_IT_IS] * len(CHANNELS))
        for values, found in ((scores, people.scores), (trust, people.trust)):
            values.append(found[made.half == half])
        labels.append(people.label[made.half == half])
    samples = as_samples(np.concatenate(scores), np.concatenate(trust), np.concatenate(labels))
    # People share samples with others of their part, and with none of another part.
    part = np.repeat(list(PEOPLE), list(PEOPLE.values()))
    actors = tuple(f"{actor:02}" for actor in np.unique(opinions[1].source))
    learned = (
        Learned("ferplus", "valid"),
        Learned("ravdess", groups=actors),
        Learned("goemotions", "dev"),
    )
    groups = np.arange(len(part))
    return Material(samples, groups, part, len(EKMAN7), EKMAN7.labels, learned=learned)


def as_samples(scores: np.ndarray, trust: np.ndarray, label: np.ndarray) -> Batch:
    """What a fusion reads of people: scores (N, M, C), trust (N, M), label (N,)."""
    features, masks = {}, {}
    for column, name in enumerate(CHANNELS):
        there = trust[:, column] > 0
        said = as_features(scores[:, column], trust[:, column])
        features[name] = torch.from_numpy(np.where(there[:, None], said, 0)[:, None])  # [N, 1, C+1]
        masks[name] = torch.from_numpy(there[:, None])
    return Batch(features, masks, torch.from_numpy(label))


def _fourth(source: np.ndarray) -> np.ndarray:
    return np.unique(source)[::KEPT]


def _only(opinions: Opinions, rows: np.ndarray) -> Opinions:
    """These samples alone; rows: (N,) bool."""
    return Opinions(
        {fault: scores[rows] for fault, scores in opinions.scores.items()},
        {fault: quality[rows] for fault, quality in opinions.quality.items()},
        opinions.label[rows],
        opinions.half[rows],
        opinions.source[rows],
    )
