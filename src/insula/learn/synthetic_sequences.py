"""Made-up tasks that go on in time: turns of a dialogue, and segments of a stream.

Every step has a label of its own, so labels are [B, T] int64; at steps that hold nothing they are 0
and count for nothing, as the masks say. Steps are those of all modalities alike. Each dialogue or
stream is drawn independently, so it is a group of its own, and who speaks says nothing of labels.

Specification: `methods.md` part L; each task says what the best classifier reaches.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from insula.learn.synthetic import NOISE, right_angled
from insula.methods.batch import Batch

CLASSES = 4  # emotions of a dialogue
TURNS = (12, 16)  # of a dialogue, at least and at most
STAYS = 0.9  # how often a speaker's next turn has the same emotion
HAZE = 2.5  # noise of a turn where emotions have inertia; its classes lie 3.5 apart
STREAM = (60, 80)  # steps of a stream, at least and at most
SEGMENTS = (1, 3)  # of a stream, at least and at most
SEGMENT = (5, 12)  # steps of a segment, at least and at most


def dialogue(
    samples: int,
    rng: np.random.Generator,
    *,
    modalities: Sequence[str] = ("text", "audio"),
    width: int = 6,
) -> Batch:
    """Two speakers in random order; each turn shows a class, and has the label of another turn.

    The label is the class that the *other* speaker showed in the latest turn before; 0 as long as
    the other has not spoken, which is the first turn only. Best with nothing but the turn itself:
    always 0, right in 0.25 of the turns and in all first ones, 0.30 together; with the turns
    before: 1.00.
    """
    shown = rng.integers(0, CLASSES, (samples, TURNS[1]))
    speakers = rng.integers(0, 2, shown.shape)
    speakers[:, 1] = 1 - speakers[:, 0]
    labels = np.zeros_like(shown)
    latest = np.zeros((samples, 2), np.int64)  # class that each speaker showed last
    rows = np.arange(samples)
    for turn in range(TURNS[1]):
        labels[:, turn] = latest[rows, 1 - speakers[:, turn]]
        latest[rows, speakers[:, turn]] = shown[:, turn]
    return _told(shown, labels, speakers, _valid(samples, TURNS, rng), rng, modalities, width)


def emotional_inertia(
    samples: int,
    rng: np.random.Generator,
    *,
    modalities: Sequence[str] = ("text", "audio"),
    width: int = 6,
) -> Batch:
    """Two speakers whose emotion, the label, mostly stays from one of their turns to their next.

    It stays in 90 % and else becomes any of the others; the first is any of four. What a turn shows
    of it is full of noise. Best with nothing but the turn itself: 0.67 of two modalities and 0.54
    of one; with the turns before, as `inertia_posterior` has it: 0.81 and 0.69.
    """
    speakers = rng.integers(0, 2, (samples, TURNS[1]))
    labels = np.zeros_like(speakers)
    latest = rng.integers(0, CLASSES, (samples, 2))  # emotion of each speaker
    rows = np.arange(samples)
    for turn in range(TURNS[1]):
        who = speakers[:, turn]
        step = np.where(rng.random(samples) < STAYS, 0, rng.integers(1, CLASSES, samples))
        latest[rows, who] = (latest[rows, who] + step) % CLASSES
        labels[:, turn] = latest[rows, who]
    valid = _valid(samples, TURNS, rng)
    return _told(labels, labels, speakers, valid, rng, modalities, width, noise=HAZE)


def inertia_posterior(samples: Batch) -> torch.Tensor:
    """How likely each emotion is at each turn of `emotional_inertia`, [B, T, C] float64.

    The forward recursion with everything known but the emotions: no classifier that looks at a turn
    and those before it can be right more often than its largest is.
    """
    assert samples.speakers is not None
    others = (1 - STAYS) / (CLASSES - 1)
    transition = torch.full((CLASSES, CLASSES), others, dtype=torch.float64)
    transition.fill_diagonal_(STAYS)
    evidence = torch.zeros(*samples.speakers.shape, CLASSES, dtype=torch.float64)
    for column, values in enumerate(samples.features.values()):
        shows = torch.from_numpy(right_angled(CLASSES, values.shape[2], seed=column))
        distance = torch.cdist(values.double(), shows.expand(len(values), -1, -1))
        evidence -= distance.square() / (2 * HAZE**2)  # log of a Gaussian, but for a constant
    rows = torch.arange(len(samples))
    belief = torch.full((len(samples), 2, CLASSES), 1 / CLASSES, dtype=torch.float64)
    posterior = torch.zeros_like(evidence)
    for turn in range(evidence.shape[1]):
        who = samples.speakers[:, turn]
        prior = belief[rows, who] @ transition
        posterior[:, turn] = torch.softmax(prior.log() + evidence[:, turn], dim=1)
        belief[rows, who] = posterior[:, turn]
    return posterior


def planted_segments(
    samples: int,
    rng: np.random.Generator,
    *,
    modalities: Sequence[str] = ("audio", "video"),
    width: int = 6,
) -> Batch:
    """Streams of noise with one to three segments in which every modality shows an emotion.

    The label of a step, 0 or 1, says whether it is in a segment; segments never touch. Best with
    nothing but the step itself: 0.993 with one modality, 1.00 with two; so the segments can be
    found with an overlap (intersection over union) of 1.
    """
    labels = np.zeros((samples, STREAM[1]), np.int64)
    valid = _valid(samples, STREAM, rng)
    for row, length in enumerate(valid.sum(axis=1)):
        count = int(rng.integers(SEGMENTS[0], SEGMENTS[1] + 1))
        lasting = rng.integers(SEGMENT[0], SEGMENT[1] + 1, count)
        # Steps that are left are shared out among the gaps before, between and after.
        spare = length - lasting.sum() - (count - 1)
        gaps = np.diff(np.sort(rng.integers(0, spare + 1, count)), prepend=0)
        start = 0
        for gap, steps in zip(gaps, lasting, strict=True):
            labels[row, start + gap : start + gap + steps] = 1
            start += gap + steps + 1
    features, masks = {}, {}
    for column, name in enumerate(modalities):
        planted = labels[:, :, None] * right_angled(1, width, seed=column)
        features[name], masks[name] = _hazed(planted, valid, rng, NOISE)
    return Batch(features, masks, torch.from_numpy(labels))


def _told(
    shown: np.ndarray,
    labels: np.ndarray,
    speakers: np.ndarray,
    valid: np.ndarray,
    rng: np.random.Generator,
    modalities: Sequence[str],
    width: int,
    *,
    noise: float = NOISE,
) -> Batch:
    """A dialogue whose turns show the classes `shown`, [B, T], in every modality."""
    features, masks = {}, {}
    for column, name in enumerate(modalities):
        planted = right_angled(CLASSES, width, seed=column)[shown]
        features[name], masks[name] = _hazed(planted, valid, rng, noise)
    told = torch.from_numpy(np.where(valid, labels, 0))
    return Batch(features, masks, told, speakers=torch.from_numpy(speakers))


def _valid(samples: int, bounds: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Which steps hold something: random lengths within `bounds`, [B, T] bool."""
    lengths = rng.integers(bounds[0], bounds[1] + 1, samples)
    return np.arange(bounds[1]) < lengths[:, None]


def _hazed(
    planted: np.ndarray, valid: np.ndarray, rng: np.random.Generator, noise: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """What is planted, [B, T, D], in noise; zeros where nothing is."""
    values = (planted + noise * rng.normal(size=planted.shape)) * valid[:, :, None]
    return torch.from_numpy(values.astype(np.float32)), torch.from_numpy(valid.copy())
