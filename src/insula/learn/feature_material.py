"""From stored observations to what the laboratory learns from.

    corpus, channels, store -> read -> columns of each channel, pooled to a bounded number of steps
    -> features [B, T, D] and masks [B, T] a channel; labels, groups and parts from the corpus

The columns of a channel: its opinion (a label a column), its affect, its quality, and the track
"embedding" where it gives one; of a channel without opinion and embedding, such as sounds, the
scores of its marks, a column each text. Of several people in a recording it is the one of whom the
channel knows most. An example on which a channel failed, or found nothing, lacks that modality.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from insula.config import build_channel
from insula.core.records import Observation
from insula.core.roles import Channel, Corpus, Example
from insula.core.space import Space, get_space
from insula.core.time import Mark, Span
from insula.core.track import Track, paint
from insula.corpora import open_corpus
from insula.errors import ConfigError, Leak
from insula.learn.evaluate.leaks import judge_of
from insula.learn.features import read
from insula.learn.material import Material
from insula.learn.recipe import Recipe
from insula.methods.batch import Batch as Samples
from insula.methods.batch import Kind
from insula.zoo.card import Learned, find_card

KINDS: Mapping[str, Kind] = {"exclusive": "single", "independent": "multi", "axes": "axes"}
EMBEDDING = "embedding"  # the track of a channel's own inner values, where it gives them
PRESENT = 0.5  # share of the annotators, or of the time, from which a label counts as present
TRAIN, DEVELOPMENT, TEST = "train", "development", "test"
STEPS = 32  # of a recording; with the half second of voice and words, 16 s in full detail


@dataclass(frozen=True)
class Features:
    """The section [features] of a recipe of the laboratory."""

    channels: tuple[str, ...]
    """Each is a modality."""
    protocol: str
    """Its first fold says who is to learn from and who judges; "" for the published parts."""
    store: str
    """The folder that `insula features` filled."""
    steps: int
    """Most steps of a recording; longer ones are pooled."""


def read_features(recipe: Recipe, data: Path) -> Material:
    """The corpus of a recipe as its section [features] says; `data` holds the corpus's folder."""
    wish = recipe.section("features", Features)
    (name,) = recipe.corpora
    return _read(name, data, wish)


@functools.cache
def _read(name: str, data: Path, wish: Features) -> Material:
    """Once a process: a sweep trains many times, and every recording is hashed for its key."""
    corpus = open_corpus(name, data)
    channels = [build_channel(each, {}) for each in wish.channels]
    return material(corpus, channels, wish.store, wish.protocol, steps=wish.steps)


def material(
    corpus: Corpus,
    channels: Sequence[Channel],
    store: str | Path,
    protocol: str = "",
    *,
    steps: int = STEPS,
) -> Material:
    """What the channels observed of the corpus, as samples of a fusion.

    protocol: one that the corpus knows, whose first fold is taken; "" for its published parts, of
    which "test", or else the last there is, judges. steps: longer recordings are pooled to so many,
    by the mean over equal spans. Examples of no part, or without truth, are left out.

    Raises ConfigError where the store lacks an example, where nothing is left to learn from or to
    judge by, or a channel observed nothing at all; Leak where weights of a channel learnt from an
    example that is to judge.
    """
    if not isinstance(steps, int) or steps < 1:  # a recipe may say anything
        raise ConfigError(f"steps is {steps!r}; it counts from 1. Give {STEPS}, for example.")
    fold = _fold(corpus, protocol) if protocol else None
    space = get_space(corpus.space)
    seen: dict[str, list[list[Track]]] = {channel.name: [] for channel in channels}
    labels, groups, sides, leaks = [], [], [], []
    for number, (example, found) in enumerate(read(store, corpus, channels)):
        side = example.groups.get("split", "") if fold is None else fold.get(number, "")
        truth = example.truth.get(space.name)
        if not side or truth is None or not truth.track.mask.any():
            continue
        span = example.recording.span
        for channel in channels:
            tracks = columns(channel, found.get(channel.name, ()), span)
            seen[channel.name].append(pooled(tracks, span, hop=channel.hop, steps=steps))
        labels.append(truth.mean())
        groups.append(example.groups.get(corpus.group, str(number)))
        sides.append(side)
        leaks.append(_leak(corpus, channels, example))
    group, part = np.array(groups), np.array(sides)
    learned: tuple[Learned, ...]
    if fold is None:
        part, learned = _published(corpus, part)
    else:
        learned = (Learned(corpus.name, groups=tuple(sorted(set(group[part == TRAIN])))),)
    _check_parts(corpus, protocol, group, part)
    for leak, judges in zip(leaks, part == TEST, strict=True):
        if leak is not None and judges:
            raise leak
    stacked = {name: stack(tracks, name, corpus) for name, tracks in seen.items()}
    samples = Samples(
        {name: values for name, (values, _) in stacked.items()},
        {name: mask for name, (_, mask) in stacked.items()},
        _answers(space, np.stack(labels)),
        KINDS[space.kind],
    )
    return Material(samples, group, part, len(space), space.labels, learned=learned)


def columns(channel: Channel, found: Sequence[Observation], span: Span) -> list[Track]:
    """What one channel observed, as tracks whose columns have names of their own."""
    if not found:
        return []
    best = max(found, key=_weight)
    tracks = []
    estimate = best.estimate
    if estimate is not None:
        times, mask, width = estimate.track.times, estimate.track.mask, estimate.track.width
        quality = Track(times, estimate.confidence[:, None], ("quality",), mask, width)
        tracks = [_named(estimate.space.name, estimate.track), quality]
        if estimate.affect is not None:
            tracks.append(_named(estimate.affect.space.name, estimate.affect.track))
    if EMBEDDING in best.tracks:
        tracks.append(_named(EMBEDDING, best.tracks[EMBEDDING]))
    if channel.space is None and not tracks and best.marks:
        tracks.append(_of_marks(best.marks, span, channel.hop))
    return tracks


def pooled(tracks: Sequence[Track], span: Span, *, hop: float, steps: int) -> list[Track]:
    """The tracks on one grid over `span`: a step a row of theirs, or `steps` equal ones.

    hop: seconds from row to row; a row that stands for more counts as one step all the same. A
    step takes the mean of the rows within it.
    """
    width = max([hop, *(track.width for track in tracks)])
    times = span.grid(width)
    if len(times) > steps:
        width = span.duration / steps
        times = span.start + width * (np.arange(steps) + 0.5)
    return [track.resample(times, width=width, max_gap=0.0) for track in tracks]


def stack(
    seen: Sequence[Sequence[Track]], channel: str, corpus: Corpus
) -> tuple[torch.Tensor, torch.Tensor]:
    """Features [B, T, D] float32 and masks [B, T]; a column for every name in any example."""
    names = list(dict.fromkeys(n for tracks in seen for track in tracks for n in track.names))
    if not names:
        raise ConfigError(
            f"The channel {channel!r} observed nothing in any of the {len(seen)} examples of "
            f"{corpus.name}. Look at or listen to one of them, and leave that channel out."
        )
    place = {name: column for column, name in enumerate(names)}
    longest = max((len(track) for tracks in seen for track in tracks), default=1)
    values = np.zeros((len(seen), longest, len(names)), np.float32)
    mask = np.zeros((len(seen), longest), bool)
    for row, tracks in enumerate(seen):
        for track in tracks:
            values[row, : len(track), [place[name] for name in track.names]] = track.values.T
            mask[row, : len(track)] |= track.mask
    return torch.from_numpy(values), torch.from_numpy(mask)


def _weight(found: Observation) -> float:
    """How much the channel knows of that person: its confidence over time."""
    return float(found.estimate.confidence.sum()) if found.estimate is not None else 0.0


def _named(prefix: str, track: Track) -> Track:
    """The track with names that no other source of the channel has."""
    names = tuple(f"{prefix} {name}" for name in track.names)
    return Track(track.times, track.values, names, track.mask, track.width)


def _of_marks(marks: Sequence[Mark], span: Span, hop: float) -> Track:
    """Scores of marks over time, a column each text; 0 where there is none, which counts too."""
    texts = tuple(sorted({mark.text for mark in marks}))
    times = span.grid(hop)
    values = np.zeros((len(times), len(texts)), np.float32)
    for column, text in enumerate(texts):
        mine = sorted((mark for mark in marks if mark.text == text), key=lambda mark: mark.span)
        scores = np.array([mark.score for mark in mine])
        painted = paint(span, [mark.span for mark in mine], scores, (text,), hop=hop)
        values[:, column] = painted.column(text)
    return Track(times, values, texts, width=hop)


def _answers(space: Space, means: np.ndarray) -> torch.Tensor:
    """Labels as the kind of the space has them. means: (B, C), the truth over time."""
    if space.kind == "exclusive":
        return torch.from_numpy(means.argmax(axis=1).astype(np.int64))
    if space.kind == "independent":
        return torch.from_numpy((means >= PRESENT).astype(np.float32))
    return torch.from_numpy(means.astype(np.float32))


def _fold(corpus: Corpus, protocol: str) -> dict[int, str]:
    """Number of an example -> its part, in the first fold of the protocol."""
    train, test = next(iter(corpus.split(protocol)))
    return dict.fromkeys(train, TRAIN) | dict.fromkeys(test, TEST)


def _published(corpus: Corpus, split: np.ndarray) -> tuple[np.ndarray, tuple[Learned, ...]]:
    """Part of each example by its published split, (N,), and what is learnt or tuned from.

    "test" judges, or else the last part that is there; the others beside "train" are for choosing.
    """
    others = [name for name in corpus.splits if name != TRAIN and name in split]
    judging = TEST if TEST in others else "".join(others[-1:])
    part_of = dict.fromkeys(others, DEVELOPMENT) | {TRAIN: TRAIN, judging: TEST}
    part = np.array([part_of[name] for name in split])
    learned = (Learned(corpus.name, name) for name in (TRAIN, *others) if name != judging)
    return part, tuple(learned)


def _check_parts(corpus: Corpus, protocol: str, group: np.ndarray, part: np.ndarray) -> None:
    """Both sides are there and share nobody."""
    how = f"the protocol {protocol!r}" if protocol else "its published parts"
    protocols = f"Protocols of {corpus.name}: {', '.join(corpus.protocols) or 'none'}."
    missing = [each for each in (TRAIN, TEST) if each not in part]
    if missing:
        raise ConfigError(
            f"By {how}, {corpus.name} in {str(corpus.root)!r} has no examples for "
            f"{' and '.join(missing)}. Both need some: get the whole corpus, or name a protocol. "
            f"{protocols}"
        )
    shared = sorted(set(group[part == TRAIN]) & set(group[part == TEST]))
    if shared:
        raise ConfigError(
            f"By {how}, {corpus.name} learns from and judges by the same {corpus.group} "
            f"({', '.join(shared[:3])}, ...), which flatters. Name a protocol that holds out whole "
            f"groups. {protocols}"
        )


def _leak(corpus: Corpus, channels: Sequence[Channel], example: Example) -> Leak | None:
    """Why this example may not judge: weights of a channel learnt from it; None where none did."""
    try:
        for channel in channels:
            for name in channel.weights:
                judge_of(find_card(name), corpus, example)
    except Leak as leak:
        return leak
    return None
