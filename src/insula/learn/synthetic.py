"""Made-up tasks whose answer is known, to find out what a fusion can learn at all.

Every modality is a few steps of noise with something planted in it. Numbers measured on these say
"synthetic" wherever they are shown. Samples are drawn independently, so each is a group of its own.
What goes on over the turns of a dialogue or along a stream is in `synthetic_sequences`.

Specification: `methods.md` part L; each task says what the best classifier reaches.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from insula.methods.batch import Batch

STEPS = (4, 8)  # of a modality of a sample, at least and at most
NOISE = 0.5  # standard deviation, where what is planted has 1
TOLD = 0.8  # share of the samples whose class the dominant modality shows
LOUD = 2.0  # how much stronger it shows it
SMALL = (0.25, 0.5)  # size of the two numbers whose signs are the class in the weak modality
NUISANCES = 2  # numbers of size 1 that it shows beside them
HIDDEN = 16  # units in the middle of its map
FAINT = 0.05  # its noise, since it has less to spare
LATENT = 4  # dimensions that two views have in common
COMMON = 0.65  # share of ones in the second bit of two domains, so that 0 and 1 can be told apart
SCALE = 2.0  # of the second modality in the other domain
HONEST = (0.9, 0.5)  # how often the best and the worst of honest annotators are right
HOSTILE = 0.7  # how often the last annotator gives the class after the true one


def xor(
    samples: int,
    rng: np.random.Generator,
    *,
    modalities: Sequence[str] = ("audio", "video"),
    width: int = 6,
) -> Batch:
    """Each modality shows one bit; the class, 0 or 1, says whether an odd number of them is 1.

    Any modality alone, or any but all of them, leaves the class at even odds. All: 1.00.
    """
    bits = rng.integers(0, 2, (samples, len(modalities)))
    return _parity(bits, rng, modalities, width)


def dominant_pair(
    samples: int,
    rng: np.random.Generator,
    *,
    modalities: tuple[str, str] = ("audio", "video"),
    width: int = 6,
) -> Batch:
    """The first modality shows the class, 0 or 1, loudly in 80 % and not at all in the others.

    The second decides all of them, but faintly: the class is whether two small numbers among larger
    ones have the same sign, and all are behind a fixed map of two layers, so nothing linear helps.
    Best with the first alone: 0.90; with the second, or both: 1.00 but for noise (above 0.98).
    """
    strong, weak = modalities
    labels = rng.integers(0, 2, samples)
    sign = 2.0 * labels - 1
    told = rng.random(samples) < TOLD
    planted = LOUD * (told * sign)[:, None] * right_angled(1, width, seed=0)
    features, masks = {}, {}
    features[strong], masks[strong] = _steps(planted, rng)
    one = rng.choice((-1.0, 1.0), samples)
    sizes = rng.uniform(*SMALL, (samples, 2))
    nuisances = rng.normal(size=(samples, NUISANCES))
    mixed = np.column_stack([one * sizes[:, 0], one * sign * sizes[:, 1], nuisances])
    fixed = np.random.default_rng(1)
    inner = fixed.normal(size=(mixed.shape[1], HIDDEN))
    outer = fixed.normal(size=(HIDDEN, width)) / np.sqrt(HIDDEN)
    features[weak], masks[weak] = _steps(np.tanh(mixed @ inner) @ outer, rng, noise=FAINT)
    return Batch(features, masks, torch.from_numpy(labels))


def correlated_views(
    samples: int,
    rng: np.random.Generator,
    *,
    modalities: Sequence[str] = ("audio", "video"),
    width: int = 6,
) -> Batch:
    """Each modality is a view of the same four numbers, turned into `width` and in noise; one step.

    The class, 0 to 3, says whether the first and the second of them are positive: 2 * first +
    second. All maps keep lengths, so with noise of variance v the views correlate by 1 / (1 + v)
    in four directions and not at all in the others. Best of k views: (1 - arccos(r) / pi)^2 with
    r = sqrt(k / (k + v)), which is 0.727 of one and 0.795 of two.
    """
    latent = rng.normal(size=(samples, LATENT))
    features, masks = {}, {}
    for column, name in enumerate(modalities):
        turned = latent @ right_angled(LATENT, width, seed=column) / np.sqrt(width)
        values = turned + NOISE * rng.normal(size=turned.shape)
        features[name] = torch.from_numpy(values.astype(np.float32))[:, None]
        masks[name] = torch.ones(samples, 1, dtype=torch.bool)
    positive = (latent > 0).astype(np.int64)
    return Batch(features, masks, torch.from_numpy(2 * positive[:, 0] + positive[:, 1]))


def two_domains(
    samples: int,
    rng: np.random.Generator,
    *,
    modalities: tuple[str, str] = ("audio", "video"),
    width: int = 6,
) -> tuple[Batch, Batch]:
    """`xor` of two modalities, and again with the second one turned and twice as loud.

    In the second domain the bit is shown by a right angle to where it was. 65 % of the second bits
    are 1, or nobody could tell without labels which end is which; the classes stay at even odds.
    Best in the first domain: 1.00. What was learnt there and guesses the second bit in the other:
    0.65 at most. With both domains in line: 1.00.
    """
    domains = []
    for turned in (False, True):
        bits = (rng.random((samples, 2)) < (0.5, COMMON)).astype(np.int64)
        batch = _parity(bits, rng, modalities, width)
        if turned:
            rotation = SCALE * _right_angle(_bit_directions(2, width)[1])
            second = batch.features[modalities[1]] @ torch.from_numpy(rotation.T).float()
            features = {**batch.features, modalities[1]: second}
            batch = Batch(features, batch.masks, batch.labels)
        domains.append(batch)
    return domains[0], domains[1]


class Annotations(NamedTuple):
    """What several annotators say of the same items, and what was true.

    given: (N, K) int64 classes. truth: (N,) int64. confusions: (K, C, C), row c says what the
    annotator gives for class c. posterior: (N, C), how likely each class is to one who knows the
    confusions; its largest is the best guess there is, and what Dawid and Skene's method comes to.
    """

    given: np.ndarray
    truth: np.ndarray
    confusions: np.ndarray
    posterior: np.ndarray


def noisy_annotators(
    items: int, rng: np.random.Generator, *, annotators: int = 5, classes: int = 4
) -> Annotations:
    """Annotators from good to poor, the last of them hostile: the class after the true one.

    Errors of the honest are spread evenly. Best guess of five annotators and four classes: 0.950;
    the majority of them: 0.824.
    """
    truth = rng.integers(0, classes, items)
    right = np.linspace(*HONEST, annotators - 1)
    same, after = np.eye(classes), np.roll(np.eye(classes), 1, axis=1)
    confusions = np.stack(
        [_kept(share, same) for share in right] + [_kept(HOSTILE, after)]
    )  # [K, C, C]
    bounds = confusions.cumsum(axis=2)[:, truth]  # [K, N, C]
    drawn = rng.random((annotators, items, 1))
    given = np.minimum((drawn > bounds).sum(axis=2), classes - 1).T  # [N, K]
    likely = np.prod([confusions[k][:, given[:, k]] for k in range(annotators)], axis=0).T
    return Annotations(given, truth, confusions, likely / likely.sum(axis=1, keepdims=True))


def right_angled(count: int, width: int, *, seed: int) -> np.ndarray:
    """Directions at right angles to each other, (count, width), of length sqrt(width).

    The same seed gives the same ones, whatever has been drawn elsewhere.
    """
    drawn = np.random.default_rng(seed).normal(size=(width, width))
    return np.sqrt(width) * np.linalg.qr(drawn)[0][:count]


def _kept(share: float, favoured: np.ndarray) -> np.ndarray:
    """Rows that give the favoured class in `share`, and the others evenly in the rest."""
    others = (1 - favoured) * (1 - share) / (len(favoured) - 1)
    return share * favoured + others


def _parity(
    bits: np.ndarray, rng: np.random.Generator, modalities: Sequence[str], width: int
) -> Batch:
    """A modality shows each column of `bits`, (B, M) of 0 and 1; the class is their parity."""
    features, masks = {}, {}
    directions = _bit_directions(len(modalities), width)
    for column, name in enumerate(modalities):
        sign = 2.0 * bits[:, column] - 1
        planted = sign[:, None] * directions[column]  # [B, D]
        features[name], masks[name] = _steps(planted, rng)
    return Batch(features, masks, torch.from_numpy(bits.sum(axis=1) % 2))


def _bit_directions(count: int, width: int) -> np.ndarray:
    """Where each modality shows its bit, (count, width), of length sqrt(width); always the same."""
    directions = np.random.default_rng(0).normal(size=(count, width))
    return directions / (np.linalg.norm(directions, axis=1, keepdims=True) / np.sqrt(width))


def _right_angle(direction: np.ndarray) -> np.ndarray:
    """The rotation (D, D) of a direction to a fixed one at a right angle to it."""
    one = direction / np.linalg.norm(direction)
    drawn = np.random.default_rng(0).normal(size=len(one))
    other = drawn - (drawn @ one) * one
    other /= np.linalg.norm(other)
    turn = np.outer(other, one) - np.outer(one, other)
    return np.eye(len(one)) + turn - np.outer(one, one) - np.outer(other, other)


def _steps(
    planted: np.ndarray, rng: np.random.Generator, *, noise: float = NOISE
) -> tuple[torch.Tensor, torch.Tensor]:
    """The same vector at every step, each with its own noise; samples differ in length."""
    lengths = rng.integers(STEPS[0], STEPS[1] + 1, len(planted))
    valid = np.arange(STEPS[1]) < lengths[:, None]  # [B, T]
    drawn = noise * rng.normal(size=(*valid.shape, planted.shape[1]))
    values = (planted[:, None] + drawn) * valid[:, :, None]
    return torch.from_numpy(values.astype(np.float32)), torch.from_numpy(valid)
