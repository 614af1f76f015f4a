"""What a channel, or a fusion of several, says of whole examples, just as the pipeline uses it.

    recordings -> the channel's own code -> for each the values in every space it answers in

A channel that gives estimates is asked as the pipeline asks it: `observe`, and the mean over time.
Where an example is less than a recording (a face already cut out, a sentence), or the channel gives
marks and no estimate, its batch method `score` is asked, which `observe` is built on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias, cast

import numpy as np

from insula.channels.face import Face
from insula.channels.face.expression import expression, grey_faces
from insula.channels.sounds import Sounds
from insula.channels.voice import Voice
from insula.channels.words import Words
from insula.config import build_channel
from insula.core.records import Estimate, Recording
from insula.core.roles import Channel, Fusion
from insula.core.space import VA, Space, get_space
from insula.core.track import Array
from insula.errors import ConfigError
from insula.pipeline import Pipeline
from insula.registry import spaces
from insula.zoo.card import Card, find_card
from insula.zoo.session import Model

Opinion: TypeAlias = Mapping[Space, Array]
"""Values in each space that was answered in, (C,) each, the main one first; {} for no answer."""

Opinions: TypeAlias = Callable[[Sequence[Recording]], list[Opinion]]


def channel_opinions(name: str, model: str, unit: str) -> Opinions:
    """Asks one channel. model: its weights, or one net of them; unit: as in `Corpus`."""
    channel = build_channel(name, {"model": model} if model else {})
    if isinstance(channel, Face) and unit == "face":
        return _Crops(channel.model, get_space(channel.space))
    if isinstance(channel, Sounds):
        return _Sounds(channel)
    if isinstance(channel, Words):
        return _Sentences(channel)
    if isinstance(channel, Voice):
        return _Voices(channel)
    return _Observed(channel)


def fusion_opinions(fusion: Fusion, models: Mapping[str, str]) -> Opinions:
    """Asks a pipeline. models: channel -> its weights, or one net of them."""
    channels = [
        build_channel(name, {"model": model} if model else {}) for name, model in models.items()
    ]
    return _Fused(Pipeline(channels, fusion, on_missing="raise"))


class _Observed:
    """Any channel, as the pipeline asks it."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel

    def __call__(self, recordings: Sequence[Recording]) -> list[Opinion]:
        self.channel.open()
        return [self._of(recording) for recording in recordings]

    def _of(self, recording: Recording) -> Opinion:
        found = self.channel.observe(recording)
        return _said([each.estimate for each in found if each.estimate is not None])


class _Voices(_Observed):
    """The voice channel; a clip in which it finds no speech is judged as a whole."""

    def _of(self, recording: Recording) -> Opinion:
        said = super()._of(recording)
        if said:
            return said
        channel = cast(Voice, self.channel)
        out = channel.score([recording.audio()])
        opinion = {get_space(channel.space or ""): out["probabilities"][0]}
        if "arousal" in out:  # of valence it would say nothing but what the labels say
            opinion[VA] = np.array([np.nan, np.ravel(out["arousal"])[0]], np.float32)
        return opinion


class _Sentences(_Observed):
    """The words channel: written sentences in one batch; speech is recognised first.

    The channel's own space comes first, then those of its other heads.
    """

    def __call__(self, recordings: Sequence[Recording]) -> list[Opinion]:
        if not all("text" in recording.streams for recording in recordings):
            return super().__call__(recordings)
        channel = cast(Words, self.channel)
        sentences = [(row, mark) for row, r in enumerate(recordings) for mark in r.text()]
        opinions: list[dict[Space, Array]] = [{} for _ in recordings]
        for language in sorted({mark.language for _, mark in sentences}):
            mine = [(row, mark.text) for row, mark in sentences if mark.language == language]
            out = channel.score([text for _, text in mine], language=language)
            names = sorted(set(out) & set(spaces), key=lambda name: (name != channel.space, name))
            for place, (row, _) in enumerate(mine):
                opinions[row] = {get_space(name): out[name][place] for name in names}
        return list(opinions)


class _Crops:
    """Faces that are cut out already; beside the answer the shares of votes, where it has them."""

    def __init__(self, model: str, space: Space) -> None:
        self.model, self.space, self.read = model, space, expression(model)
        self.votes = Space("votes", space.labels, "exclusive", f"raters' shares; {space.source}")

    def __call__(self, recordings: Sequence[Recording]) -> list[Opinion]:
        crops = [next(iter(recording.frames(rate=1.0))).images[0] for recording in recordings]
        scores, affect = self.read(crops)
        opinions = [{self.space: row} for row in scores]
        more = {} if affect is None else {VA: affect}
        if "votes" in find_card(self.model).outputs:
            out = Model.shared(self.model).run(faces=grey_faces(crops)[:, None])
            more[self.votes] = out["votes"]
        for space, values in more.items():
            for opinion, row in zip(opinions, values, strict=True):
                opinion[space] = row
        return list(opinions)


class _Sounds:
    """Clips of one sound each."""

    def __init__(self, channel: Sounds) -> None:
        self.channel, self.space = channel, _space_of(find_card(channel.model))

    def __call__(self, recordings: Sequence[Recording]) -> list[Opinion]:
        self.channel.open()
        out = self.channel.score([recording.audio() for recording in recordings])
        return [{self.space: row} for row in out["probabilities"]]


class _Fused:
    """The whole pipeline; of several people the one of whom it knows most."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline

    def __call__(self, recordings: Sequence[Recording]) -> list[Opinion]:
        return [_said(self.pipeline(recording).people) for recording in recordings]


def _said(estimates: Sequence[Estimate]) -> Opinion:
    """The estimate with most confidence over time, as one answer for the whole."""
    seen = [each for each in estimates if each.track.mask.any()]
    if not seen:
        return {}
    best = max(seen, key=lambda each: float(each.confidence.sum()))
    opinion = {best.space: best.mean()}
    if best.affect is not None and best.affect.track.mask.any():
        opinion[best.affect.space] = best.affect.mean()
    return opinion


def _space_of(card: Card) -> Space:
    """The space of the card, or one made of its labels, each for itself."""
    if card.space in spaces:
        return get_space(card.space)
    if not card.labels:
        raise ConfigError(
            f"The weights {card.name!r} answer in no labels, so there is nothing to judge. "
            f"Name weights whose card lists `labels`."
        )
    return Space(card.space, card.labels, "independent", card.title)
