"""What else is to be heard: audio events with times, speech and silence among them.

audio -> overlapping windows -> log-mel -> network (independent scores) -> marks where a class
stays above its threshold. Events are context for people; they are no one's emotion, so this
channel gives marks and no estimate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from insula.core.records import Observation, Recording
from insula.core.roles import Channel
from insula.core.time import Mark, Span, merge_spans
from insula.core.track import Array, Track, paint
from insula.media.audio import SAMPLE_RATE
from insula.media.spectral import log_mel
from insula.media.speech import speech_marks
from insula.zoo.card import Card
from insula.zoo.session import Model

BATCH = 16  # windows a call
SILENCE = 1e-3  # root mean square of full scale, -60 dB, below which nothing is to be heard
LEAST_SILENCE = 1.0  # seconds
THRESHOLD = 0.5  # where a card names none


class Sounds(Channel):
    """Audio events of the classes of its weights, beside speech (Silero) and silence (level).

    The score of a mark is the mean score of its class over its time; of speech the mean probability
    of Silero. Silence is measured, not guessed: its score is 1.

    model: a weight name or folder. threshold: score from which a window counts; by default the
    card's, which keeps false events on speech rare. window, hop: seconds.
    """

    name = "sounds"
    needs = frozenset({"audio"})
    gives = frozenset({"sound"})
    seeks = "sounds"
    space = None

    def __init__(
        self,
        model: str = "sounds-esc10",
        threshold: float | None = None,
        window: float = 2.0,
        hop: float = 1.0,
    ) -> None:
        self.model = model
        self.threshold = threshold
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
        """One observation of the scene, of no person."""
        model = Model.shared(self.model)
        labels = model.card.labels
        spans: list[Span] = []
        scores: list[Array] = []
        quiet: list[Span] = []
        for batch in self._batches(recording):
            loud = [(span, samples) for span, samples in batch if _level(samples) >= SILENCE]
            quiet += [span for span, samples in batch if _level(samples) < SILENCE]
            if loud:
                mels = np.stack([log_mel(samples) for _, samples in loud])
                scores.append(model.run(log_mel=mels)["probabilities"])
                spans += [span for span, _ in loud]
        silences = merge_spans(quiet, gap=1e-3)
        marks = [replace(each, kind="sound", text="speech") for each in speech_marks(recording)]
        marks += [
            Mark(span, "sound", "silence")
            for span in silences
            if span.duration >= min(LEAST_SILENCE, recording.span.duration)
        ]
        if scores:
            judged = paint(recording.span, spans, np.concatenate(scores), labels, hop=self.hop)
            silent = [any(time in span for span in silences) for time in judged.times]
            audible = judged.mask & ~np.array(silent)
            marks += self._events(recording.span, judged, audible, self._threshold(model.card))
        if not marks:
            return []
        marks.sort(key=lambda mark: (mark.span, mark.text))
        return [Observation(self.name, "", recording.span, {}, tuple(marks))]

    def score(self, pieces: Sequence[Array]) -> Mapping[str, Array]:
        """What the weights say of whole clips, each judged at once instead of window by window.

        pieces: P of them, mono at 16 kHz. Returns "probabilities" (P, labels of the card).
        """
        model = Model.shared(self.model)
        rows = [model.run(log_mel=log_mel(piece)[None])["probabilities"] for piece in pieces]
        return {"probabilities": np.concatenate(rows)}

    def _batches(self, recording: Recording) -> Iterator[list[tuple[Span, Array]]]:
        """Windows with their samples, a batch at a time; the last is padded with zeros."""
        length = round(self.window * SAMPLE_RATE)
        last = max(recording.span.duration - self.window, 0)
        starts = recording.span.start + np.append(np.arange(0, last - 1e-6, self.hop), last)
        for first in range(0, len(starts), BATCH):
            batch = []
            for start in starts[first : first + BATCH]:
                span = Span(start, min(start + self.window, recording.span.end))
                samples = recording.audio(span)[:length]
                batch.append((span, np.pad(samples, (0, length - len(samples)))))
            yield batch

    def _threshold(self, card: Card) -> float:
        if self.threshold is not None:
            return self.threshold
        return THRESHOLD if card.threshold is None else card.threshold

    def _events(self, whole: Span, judged: Track, audible: Array, threshold: float) -> list[Mark]:
        """A mark for each stretch in which a class is above the threshold.

        Windows overlap, so nearly every moment is judged twice; the mean of the judgements
        counts, so that one window's mistake rarely becomes an event.
        """
        marks = []
        for column, label in enumerate(judged.names):
            if label == "speech":  # Silero answers that, and with exact times
                continue
            heard = np.flatnonzero(audible & (judged.values[:, column] >= threshold))
            for run in np.split(heard, np.flatnonzero(np.diff(heard) > 1) + 1):
                if len(run):
                    start, end = judged.times[run[[0, -1]]] + [-self.hop / 2, self.hop / 2]
                    score = float(judged.values[run, column].mean())
                    marks.append(Mark(Span(start, end) & whole, "sound", label, score))
        return marks


def _level(samples: Array) -> float:
    """Root mean square, of full scale 1."""
    return float(np.sqrt(np.mean(samples.astype(np.float64) ** 2))) if len(samples) else 0.0
