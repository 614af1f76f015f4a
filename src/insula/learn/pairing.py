"""Held-out opinions of each channel, and people made of opinions that share a label.

    corpus of a channel -> samples its weights never learnt from, as they are and spoilt
    -> the channel itself: distributions in ekman7, and the quality that it measures
    -> for a label: one sample of each channel at random -> a synthetic person
    -> treatments: a channel is absent, spoilt, noise, or shows another label than the others

No labelled clips with face and voice are at hand, so face, voice and words of one made-up person
come from three people; every number from such pairs says "synthetic pairing". It leaves out what
real channels share: a person's own way of showing it, and a moment that all channels miss.
Shapes: `N` samples or people, `M` channels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, TypeVar

import numpy as np

from insula.channels.face.expression import expression, grey_faces
from insula.channels.face.quality import face_quality
from insula.channels.voice import Voice
from insula.channels.words import Words
from insula.core.records import Observation
from insula.core.space import EKMAN7, EKMAN8, GOEMOTIONS, RAVDESS8, bridge
from insula.core.time import Mark, Span
from insula.corpora import ravdess
from insula.corpora.ferplus import SIDE, read_faces
from insula.corpora.goemotions import read_part
from insula.errors import ConfigError
from insula.learn.corrupt import CORRUPTIONS
from insula.media.recording import from_arrays
from insula.zoo.card import find_card

CHANNELS = ("face", "voice", "words")
Sample = TypeVar("Sample")

AS_IT_IS = "as it is"
ABSENT, NOISE, CONTRADICTS = "absent", "noise", "contradicts"

# What may befall the samples of each channel before it sees them; names of `corrupt.CORRUPTIONS`.
SPOILT: Mapping[str, Sequence[str]] = {
    "face": ("blur", "low light", "occlusion"),
    "voice": ("noise 20 dB", "noise 10 dB", "noise 0 dB", "telephone"),
    "words": ("asr errors",),
}


Treatments: TypeAlias = Sequence[str | np.ndarray]
"""What befalls each channel, in the order of CHANNELS: one for all, or (N,) one a person.

AS_IT_IS, ABSENT, NOISE, CONTRADICTS, or a fault of SPOILT.
"""


@dataclass(frozen=True, eq=False)
class Opinions:
    """What one channel says of samples it never learnt from.

    scores: as it is or how spoilt -> (N, 7) distributions in ekman7. quality: the same -> (N,) as
    the channel measured it, 0 where it has no opinion. label: (N,) the truth, a column of ekman7.
    half: (N,) bool; a fusion that learnt from one half is judged on the other, and no one is in
    both. source: (N,) int, whose sample it is: samples of one source are not independent.
    """

    scores: Mapping[str, np.ndarray]
    quality: Mapping[str, np.ndarray]
    label: np.ndarray
    half: np.ndarray
    source: np.ndarray

    def of(self, label: int, half: bool) -> np.ndarray:
        """Positions of the samples of a label in a half."""
        return np.flatnonzero((self.label == label) & (self.half == half))


@dataclass(frozen=True, eq=False)
class People:
    """Synthetic people.

    scores: (N, M, 7), 0 where a channel is absent. trust: (N, M), the quality, 0 where absent.
    label: (N,).
    """

    scores: np.ndarray
    trust: np.ndarray
    label: np.ndarray


def face_opinions(data: Path, model: str, most: int, rng: np.random.Generator) -> Opinions:
    """FER+ Valid; faces of contempt have no label here. most: samples of a label in each half."""
    faces = read_faces(data / "ferplus", "valid")
    way = bridge(EKMAN8, EKMAN7)
    label, half = way.matrix[faces.label].argmax(axis=1), _halves(faces.label, rng)
    rows = _few(np.where(way.kept[faces.label], label, -1), half, most, rng)
    read = expression(model)

    def say(crops: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        scores, _ = read(crops)
        quality = face_quality(grey_faces(crops), np.full(len(crops), float(SIDE)))
        return way.apply(scores), quality * way.mass(scores)

    crops = [np.repeat(faces.images[row][:, :, None], 3, axis=2) for row in rows]
    scores, quality = _said(say, crops, SPOILT["face"], rng)
    return Opinions(scores, quality, label[rows], half[rows], rows)


def voice_opinions(data: Path, model: str, most: int, rng: np.random.Generator) -> Opinions:
    """RAVDESS, each clip heard by the one net of the ensemble that never heard its actor."""
    clips = ravdess.read_clips(data / "ravdess")
    folds = [fold.held_out for fold in find_card(model).folds if fold.corpus == "ravdess"]
    judge = {actor: f"{model}#{net}" for net, actors in enumerate(folds) for actor in actors}
    way = bridge(RAVDESS8, EKMAN7)
    label = way.matrix[[int(clip.label) for clip in clips]].argmax(axis=1)
    actor = np.array([int(clip.groups["speaker"]) for clip in clips])
    # Pairs of neighbours, one man and one woman each, go to one side.
    half = (actor - 1) // 2 % 2 == 1
    known = np.array([clip.groups["speaker"] in judge for clip in clips])
    if not known.all():
        raise ConfigError(
            f"The weights {model!r} name no net for {(~known).sum()} of {len(clips)} clips of "
            f"RAVDESS; its card must say in [[folds]] who was held out. Train them by their recipe."
        )
    rows = _few(label, half, most, rng)
    nets = [Voice(judge[clips[row].groups["speaker"]]) for row in rows]

    def say(heard: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        seen = [
            net.observe(from_arrays("clip", audio=audio))
            for net, audio in zip(nets, heard, strict=True)
        ]
        return _means(seen)

    scores, quality = _said(say, [clips[row].audio() for row in rows], SPOILT["voice"], rng)
    return Opinions(scores, quality, label[rows], half[rows], actor[rows])


def words_opinions(data: Path, model: str, most: int, rng: np.random.Generator) -> Opinions:
    """GoEmotions dev, comments of one of Ekman's groups only; each is one sentence spoken."""
    part = read_part(data / "text/goemotions", "dev")
    groups = part.values @ bridge(GOEMOTIONS, EKMAN7).matrix > 0
    label = np.where(groups.sum(axis=1) == 1, groups.argmax(axis=1), -1)
    half = _halves(label, rng)
    rows = _few(label, half, most, rng)
    words = Words(model)

    def say(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        marks = [Mark(Span(0.0, 3.0), "sentence", text, language="en") for text in texts]
        return _means([words.observe(from_arrays("text", text=[mark])) for mark in marks])

    texts = [part.texts[row] for row in rows]
    scores, quality = _said(say, texts, SPOILT["words"], rng, language="en")
    return Opinions(scores, quality, label[rows], half[rows], rows)


def _said(
    say: Callable[[Sequence[Sample]], tuple[np.ndarray, np.ndarray]],
    samples: Sequence[Sample],
    faults: Sequence[str],
    rng: np.random.Generator,
    **more: str,
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Scores and quality of the samples as they are, and under each fault. more: what it takes."""
    scores, quality = {}, {}
    scores[AS_IT_IS], quality[AS_IT_IS] = say(samples)
    for name in faults:
        apply = CORRUPTIONS[name].apply
        scores[name], quality[name] = say([apply(sample, rng=rng, **more) for sample in samples])
    return scores, quality


def _means(seen: Sequence[Sequence[Observation]]) -> tuple[np.ndarray, np.ndarray]:
    """What a channel says of each recording as a whole, and its quality; 0 where it is silent."""
    scores, quality = np.full((len(seen), len(EKMAN7)), 1 / len(EKMAN7)), np.zeros(len(seen))
    for row, observations in enumerate(seen):
        for each in observations:
            if each.estimate is not None:
                whole = each.estimate.into(EKMAN7)
                scores[row], quality[row] = whole.mean(), whole.quality
    return scores, quality


def _halves(label: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random half of the samples of each label: (N,) bool."""
    half = np.empty(len(label), bool)
    for each in np.unique(label):
        rows = rng.permutation(np.flatnonzero(label == each))
        half[rows] = np.arange(len(rows)) % 2 == 1
    return half


def _few(label: np.ndarray, half: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    """At most so many samples of each label in each half, at random, in order; none of label -1."""
    kept = []
    for each in range(len(EKMAN7)):
        for side in (False, True):
            rows = np.flatnonzero((label == each) & (half == side))
            kept.append(rng.permutation(rows)[:most])
    return np.sort(np.concatenate(kept))


@dataclass(frozen=True, eq=False)
class Cast:
    """Whose samples make up the people, before anything befalls a channel.

    label: (N,). half: (N,) bool, the half that all samples of a person are from. sample: (N, M)
    positions of samples of the label. other: (N, M) positions of samples of some other label, which
    a channel that contradicts shows. babble: (N, M, 7), what a channel that is noise says:
    anything, as surely as may be (a flat Dirichlet distribution).
    """

    opinions: Sequence[Opinions]
    label: np.ndarray
    half: np.ndarray
    sample: np.ndarray
    other: np.ndarray
    babble: np.ndarray

    def people(self, treatments: Treatments) -> People:
        """The people after the treatment of each channel.

        Noise and contradiction come with the quality of samples as they are: nothing gives them
        away.
        """
        scores = np.zeros((*self.sample.shape, len(EKMAN7)))
        trust = np.zeros(self.sample.shape)
        for column, (channel, treatment) in enumerate(zip(self.opinions, treatments, strict=True)):
            each = self._each(treatment)
            shown = np.where(each == CONTRADICTS, self.other[:, column], self.sample[:, column])
            for kind in set(each) - {ABSENT}:
                rows = np.flatnonzero(each == kind)
                fault = AS_IT_IS if kind in (NOISE, CONTRADICTS) else kind
                scores[rows, column] = channel.scores[fault][shown[rows]]
                trust[rows, column] = channel.quality[fault][shown[rows]]
            noise = each == NOISE
            scores[noise, column] = self.babble[noise, column]
        return People(scores * (trust > 0)[..., None], trust, self.label)

    def shown(self, column: int, treatment: str | np.ndarray) -> np.ndarray:
        """Positions of the samples that a channel shows; -1 where it shows none."""
        each = self._each(treatment)
        shown = np.where(each == CONTRADICTS, self.other[:, column], self.sample[:, column])
        return np.where((each == ABSENT) | (each == NOISE), -1, shown)

    def _each(self, treatment: str | np.ndarray) -> np.ndarray:
        return np.broadcast_to(np.asarray(treatment, dtype=object), self.label.shape)


def cast(
    opinions: Sequence[Opinions],
    frequencies: Sequence[float],
    count: int,
    rng: np.random.Generator,
) -> Cast:
    """`count` people, every second one of each half, labels of ekman7 as frequent as said."""
    label, half = rng.choice(len(EKMAN7), count, p=frequencies), np.arange(count) % 2 == 1
    shape = (count, len(opinions))
    others = (label[:, None] + rng.integers(1, len(EKMAN7), shape)) % len(EKMAN7)
    sample, other = np.empty(shape, np.int64), np.empty(shape, np.int64)
    for column, channel in enumerate(opinions):
        sample[:, column] = _draw(channel, label, half, rng)
        other[:, column] = _draw(channel, others[:, column], half, rng)
    babble = rng.dirichlet(np.ones(len(EKMAN7)), shape)
    return Cast(opinions, label, half, sample, other, babble)


def _draw(
    channel: Opinions, labels: np.ndarray, half: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Position of a random sample of each label, from the half."""
    drawn = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        for side in (False, True):
            rows = np.flatnonzero((labels == label) & (half == side))
            drawn[rows] = rng.choice(channel.of(int(label), side), len(rows))
    return drawn
