"""Who speaks when: the turns of each speaker, told apart by voice alone.

    speech (Silero) -> windows -> log-mel -> network -> an embedding a window, overlap a frame
        -> neighbours averaged -> clusters (`clustering`)
        -> the likeliest speaker of each moment, two where voices overlap

Nothing is known of the speakers beforehand, nor how many there are; one is the common case. The
embedding tells voices apart within a recording and is not kept. Diarisation by clustering: Garcia-
Romero et al., "Speaker diarization using deep neural network embeddings", ICASSP 2017.
Shapes: `N` windows, `D` columns of an embedding, `S` speakers, `T` moments.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from insula.channels.speakers.clustering import cluster, likeliest
from insula.core.records import Observation, Recording
from insula.core.roles import Channel
from insula.core.time import Mark, Span, merge_spans
from insula.core.track import Array
from insula.media.spectral import HOP, log_mel
from insula.media.speech import speech
from insula.zoo.session import Model

BATCH = 64  # windows a call
STEP = 0.1  # seconds from moment to moment
FRAME = 2 * HOP  # seconds that one value of the network's overlap stands for
# Seconds of silence inside a turn: shorter ones do not end it, as in the reference turns of AMI.
PAUSE = 1.0
LEAST_WINDOW = 0.2  # seconds; a shorter stretch of speech tells no voice
NEIGHBOURHOOD = 1.0  # seconds, standard deviation of the weights of neighbouring windows
LEAST_SPEAKER = 1.5  # seconds of speech; fewer are not held for a speaker of their own
LEAST_TURN = 0.3  # seconds
CHANGE = 1.0  # what a change of speaker costs: this much likeness times moments
TEMPERATURE = 0.1  # of likeness, for the score of a turn


class Heard(NamedTuple):
    """What the network says of one window.

    stretch: number of the stretch of speech it lies in. frames: (F,) probability of two voices.
    """

    span: Span
    stretch: int
    embedding: Array
    frames: Array


class Speakers(Channel):
    """Turns of speakers "speaker-0", "speaker-1", ..., in the order in which they begin.

    model: a weight name or folder. threshold: mean cosine under which voices are two speakers'.
    overlap: probability from which two speak at once. window, hop: seconds.
    """

    name = "speakers"
    needs = frozenset({"audio"})
    gives = frozenset({"turn", "overlap"})
    seeks = "speech"
    space = None

    def __init__(
        self,
        model: str = "speaker-embedding",
        threshold: float = 0.45,
        overlap: float = 0.2,
        window: float = 1.5,
        hop: float = 0.25,
    ) -> None:
        self.model = model
        self.threshold = threshold
        self.overlap = overlap
        self.window = window
        self.hop = hop

    @property
    def weights(self) -> tuple[str, ...]:
        """The one weight file it runs."""
        return (self.model,)

    def open(self) -> None:
        """Load the weights."""
        Model.shared(self.model)

    def observe(self, recording: Recording) -> list[Observation]:
        """One observation a speaker, and one of the scene where two speak at once."""
        spans = speech(recording)
        heard = list(self._listen(recording, spans))
        if not heard:
            return []
        times = recording.span.start + STEP * (
            np.arange(int(np.ceil(recording.span.duration / STEP))) + 0.5
        )
        likeness = _likeness(heard, self._voices(heard), times)
        talking = _inside(times, merge_spans(spans, gap=PAUSE))
        both = talking & (_overlap(heard, times) >= self.overlap)
        return [
            Observation(self.name, person, recording.span, {}, marks)
            for person, marks in _turns(recording.span, times, likeness, talking, both)
        ]

    def _listen(self, recording: Recording, spans: Sequence[Span]) -> Iterator[Heard]:
        """What the network says of windows of speech, batch after batch."""
        rows = round(self.window / HOP)
        waiting: list[tuple[Span, int, Array]] = []
        for number, span in enumerate(spans):
            if span.duration < LEAST_WINDOW:
                continue
            mel = log_mel(recording.audio(span))
            last = max(0, len(mel) - rows)
            for first in {*range(0, last, round(self.hop / HOP)), last}:
                piece = mel[first : first + rows]
                start = span.start + first * HOP
                # A stretch shorter than a window is repeated to fill it, as in training.
                filled = np.resize(piece, (rows, mel.shape[1]))
                waiting.append((Span(start, start + len(piece) * HOP), number, filled))
            if len(waiting) >= BATCH:
                yield from self._answer(waiting)
                waiting = []
        yield from self._answer(waiting)

    def _answer(self, windows: Sequence[tuple[Span, int, Array]]) -> Iterator[Heard]:
        if not windows:
            return
        out = Model.shared(self.model).run(log_mel=np.stack([mel for _, _, mel in windows]))
        for (span, stretch, _), embedding, frames in zip(
            windows, out["embedding"], out["overlap"], strict=True
        ):
            yield Heard(span, stretch, embedding, frames[: round(span.duration / FRAME)])

    def _voices(self, heard: Sequence[Heard]) -> Array:
        """The mean embedding of each speaker, (S, D)."""
        embeddings = np.stack([each.embedding for each in heard])
        seconds = np.array([min(each.span.duration, self.hop) for each in heard])
        speaker = cluster(_averaged(heard, embeddings), self.threshold)
        spoken = np.bincount(speaker, seconds)
        kept = np.flatnonzero((spoken >= LEAST_SPEAKER) | (spoken == spoken.max()))
        voices = np.stack([embeddings[speaker == each].mean(axis=0) for each in kept])
        unit: Array = voices / np.linalg.norm(voices, axis=1, keepdims=True)
        return unit


def _averaged(heard: Sequence[Heard], embeddings: Array) -> Array:
    """Each window with its neighbours in the same stretch of speech, (N, D) of length 1.

    A second and a half tells a voice poorly; within a stretch it is mostly one person's.
    """
    stretch = np.array([each.stretch for each in heard])
    middle = np.array([each.span.middle for each in heard])
    averaged = np.empty_like(embeddings)
    for number in np.unique(stretch):
        rows = np.flatnonzero(stretch == number)
        apart = (middle[rows, None] - middle[rows]) / NEIGHBOURHOOD
        averaged[rows] = np.exp(-(apart**2) / 2) @ embeddings[rows]
    unit: Array = averaged / np.linalg.norm(averaged, axis=1, keepdims=True)
    return unit


def _likeness(heard: Sequence[Heard], voices: Array, times: Array) -> Array:
    """How like each speaker it sounds at each moment, (T, S) mean cosine of the windows there.

    0 for all speakers where no window is.
    """
    total, count = np.zeros((len(times), len(voices))), np.zeros((len(times), 1))
    for each in heard:
        first, last = np.searchsorted(times, [each.span.start, each.span.end])
        total[first:last] += voices @ each.embedding
        count[first:last] += 1
    mean: Array = total / np.maximum(count, 1)
    return mean


def _overlap(heard: Sequence[Heard], times: Array) -> Array:
    """Probability that two speak at each moment, (T,): the mean of the windows there."""
    total, count = np.zeros(len(times)), np.zeros(len(times))
    for each in heard:
        frames = each.span.start + FRAME * (np.arange(len(each.frames)) + 0.5)
        moments = np.minimum(np.searchsorted(times + STEP / 2, frames), len(times) - 1)
        np.add.at(total, moments, each.frames)
        np.add.at(count, moments, 1)
    mean: Array = total / np.maximum(count, 1)
    return mean


def _turns(
    whole: Span, times: Array, likeness: Array, talking: Array, both: Array
) -> list[tuple[str, tuple[Mark, ...]]]:
    """The marks of each speaker by name, and of the scene where two speak at once."""
    first = likeliest(likeness, CHANGE)
    sure = np.exp(likeness / TEMPERATURE)
    sure /= sure.sum(axis=1, keepdims=True)
    speaks = np.zeros(likeness.shape, bool)
    speaks[np.arange(len(times)), first] = talking
    both = both & (likeness.shape[1] > 1)
    others = np.where(np.arange(likeness.shape[1]) == first[:, None], -np.inf, likeness)
    speaks[np.flatnonzero(both), others.argmax(axis=1)[both]] = True
    turns = [
        _marks(whole, times, speaks[:, speaker], "turn", sure[:, speaker])
        for speaker in range(likeness.shape[1])
    ]
    found = sorted((each for each in turns if each), key=lambda marks: marks[0].span)
    named = [(f"speaker-{number}", marks) for number, marks in enumerate(found)]
    at_once = _marks(whole, times, both, "overlap", np.ones(len(times)))
    return [*named, ("", at_once)] if at_once else named


def _marks(whole: Span, times: Array, active: Array, kind: str, score: Array) -> tuple[Mark, ...]:
    """A mark for each run of active moments that is long enough."""
    moments = np.flatnonzero(active)
    marks = []
    for run in np.split(moments, np.flatnonzero(np.diff(moments) > 1) + 1):
        if len(run) * STEP >= LEAST_TURN:
            span = Span(times[run[0]] - STEP / 2, times[run[-1]] + STEP / 2) & whole
            marks.append(Mark(span, kind, score=float(score[run].mean())))
    return tuple(marks)


def _inside(times: Array, spans: Sequence[Span]) -> Array:
    """Whether each moment lies in one of the spans, (T,) bool."""
    inside = np.zeros(len(times), bool)
    for span in spans:
        first, last = np.searchsorted(times, [span.start, span.end])
        inside[first:last] = True
    return inside
