"""Held-out opinions of each channel, and people made of opinions that share a label.

    corpus of a channel -> samples its net never learnt from -> distributions in ekman7
    -> for a label: one sample of each channel at random -> a synthetic person

No labelled clips with face and voice are at hand, so face, voice and words of one made-up person
come from three people; every number from such pairs says "synthetic pairing". It leaves out what
real channels share: a person's own way of showing it, and a moment that all channels miss.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from insula.channels.words.ngrams import encode
from insula.core.space import EKMAN7, EKMAN8, GOEMOTIONS, RAVDESS8, bridge
from insula.corpora.ferplus import read_faces
from insula.corpora.goemotions import read_part
from insula.learn.calibration import softmax
from insula.learn.recipe import read_recipe
from insula.learn.train import Optimiser, fit
from insula.learn.voice import VoiceTask
from insula.zoo.session import Model

CHANNELS = ("face", "voice", "words")
BATCH = 256  # samples a call of a model


@dataclass(frozen=True, eq=False)
class Opinions:
    """What one channel says of samples it never learnt from.

    scores: (N, 7) distributions in ekman7. label: (N,) the truth, a column of ekman7. half: (N,)
    bool, False to train the fusion on and True to judge it; no person is in both.
    """

    scores: np.ndarray
    label: np.ndarray
    half: np.ndarray

    def of(self, label: int, half: bool) -> np.ndarray:
        """Positions of the samples of a label in a half."""
        return np.flatnonzero((self.label == label) & (self.half == half))


@dataclass(frozen=True, eq=False)
class People:
    """Synthetic people. scores: (N, M, 7), 0 where absent. present: (N, M) bool. label: (N,)."""

    scores: np.ndarray
    present: np.ndarray
    label: np.ndarray


def face_opinions(data: Path, rng: np.random.Generator) -> Opinions:
    """The bundled face net on FER+ Valid; faces of contempt have no label here."""
    faces = read_faces(data / "ferplus", "valid")
    model = Model.shared("face-ferplus")
    inputs = faces.images[:, None].astype(np.float32) / 255
    said = [model.run(faces=part)["probabilities"] for part in _parts(inputs)]
    way = bridge(EKMAN8, EKMAN7)
    known = way.kept[faces.label]
    label = way.matrix[faces.label].argmax(axis=1)[known]
    return Opinions(way.apply(np.concatenate(said))[known], label, _halves(label, rng))


def voice_opinions(data: Path, recipe: Path) -> Opinions:
    """Nets trained as the recipe says, each on the actors that it did not hear."""
    plan = read_recipe(recipe)
    task = VoiceTask(plan, data)
    optimiser = plan.section("optimiser", Optimiser)
    told = [
        fit(task, fold, optimiser, seed=plan.seed, log=lambda line: None)[1] for fold in task.folds
    ]
    pooled = {key: np.concatenate([each[key] for each in told if each]) for key in told[0] or {}}
    temperature = task.calibrate(pooled)["temperature"]
    acted = task.acted[pooled["indices"]]
    indices = pooled["indices"][acted]
    way = bridge(RAVDESS8, EKMAN7)
    label = way.matrix[task.label[indices]].argmax(axis=1)
    _, speaker = np.unique(task.speaker[indices], return_inverse=True)
    # Pairs of neighbours, one man and one woman each, go to one side.
    half = speaker // 2 % 2 == 1
    return Opinions(way.apply(softmax(pooled["emotion"][acted] / temperature)), label, half)


def words_opinions(data: Path, rng: np.random.Generator) -> Opinions:
    """The bundled words net on GoEmotions dev, comments of one of Ekman's groups only."""
    part = read_part(data / "text/goemotions", "dev")
    groups = part.values @ bridge(GOEMOTIONS, EKMAN7).matrix > 0
    alone = np.flatnonzero(groups.sum(axis=1) == 1)
    model = Model.shared("words-goemotions")
    said = []
    for positions in _parts(alone):
        ids, weights = encode([part.texts[i] for i in positions])
        said.append(model.run(ids=ids, weights=weights)["probabilities"])
    label = groups[alone].argmax(axis=1)
    return Opinions(np.concatenate(said), label, _halves(label, rng))


def pair(
    opinions: Sequence[Opinions],
    frequencies: Sequence[float],
    count: int,
    *,
    half: bool,
    rng: np.random.Generator,
) -> People:
    """`count` people, labels of ekman7 as frequent as said, every channel present."""
    label = rng.choice(len(EKMAN7), count, p=frequencies)
    scores = np.empty((count, len(opinions), len(EKMAN7)), np.float32)
    for column, channel in enumerate(opinions):
        scores[:, column] = channel.scores[draw(channel, label, half=half, rng=rng)]
    return People(scores, np.ones((count, len(opinions)), bool), label)


def draw(
    channel: Opinions, labels: np.ndarray, *, half: bool, rng: np.random.Generator
) -> np.ndarray:
    """Position of a random sample of each label."""
    drawn = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        drawn[rows] = rng.choice(channel.of(int(label), half), len(rows))
    return drawn


def drop(people: People, chance: float, rng: np.random.Generator) -> People:
    """Each channel absent with this chance, but one at least is left to everyone."""
    present = people.present & (rng.random(people.present.shape) >= chance)
    alone = ~present.any(axis=1)
    present[np.flatnonzero(alone), rng.integers(0, present.shape[1], alone.sum())] = True
    return People(people.scores * present[..., None], present, people.label)


def noise(people: People, column: int, rng: np.random.Generator) -> People:
    """One channel says anything, as surely as may be: a flat Dirichlet distribution."""
    scores = people.scores.copy()
    scores[:, column] = rng.dirichlet(np.ones(len(EKMAN7)), len(scores))
    return People(scores, people.present, people.label)


def contradict(
    people: People,
    column: int,
    opinions: Sequence[Opinions],
    *,
    half: bool,
    rng: np.random.Generator,
) -> People:
    """One channel shows another label than the others do."""
    other = (people.label + rng.integers(1, len(EKMAN7), len(people.label))) % len(EKMAN7)
    scores = people.scores.copy()
    scores[:, column] = opinions[column].scores[draw(opinions[column], other, half=half, rng=rng)]
    return People(scores, people.present, people.label)


def _halves(label: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random half of the samples of each label: (N,) bool."""
    half = np.empty(len(label), bool)
    for each in np.unique(label):
        rows = rng.permutation(np.flatnonzero(label == each))
        half[rows] = np.arange(len(rows)) % 2 == 1
    return half


def _parts(samples: np.ndarray) -> list[np.ndarray]:
    return [samples[start : start + BATCH] for start in range(0, len(samples), BATCH)]
