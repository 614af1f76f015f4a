"""How someone sounds: vocal emotion and arousal of each stretch of speech.

speech spans -> windows of a few seconds -> log-mel, pitch -> network -> scores on a grid.
Speech activity comes from `media.speech` (Silero). The weights' card says what they were trained
on. Shapes: `S` windows, `C` labels, `T` grid cells.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from insula.core.records import Estimate, Observation, Recording
from insula.core.roles import Channel
from insula.core.space import VA, bridge, get_space
from insula.core.time import Span
from insula.core.track import Array, Track, paint
from insula.media.audio import SAMPLE_RATE
from insula.media.pitch import pitch_track
from insula.media.recording import from_arrays
from insula.media.spectral import log_mel
from insula.media.speech import speech_marks
from insula.zoo.session import Model

LEAST_SPEECH = 0.4  # seconds; less than a syllable or two says nothing about a voice
FULL_LENGTH = 1.5  # seconds of speech from which length no longer limits quality
BATCH = 32  # windows a call; keeps memory flat on long recordings
NOISE_MARGIN = 1.0  # seconds around a stretch of speech in which its background is measured
ENERGY_FRAME = 0.05  # seconds
# Signal-to-noise ratios, in dB, at which quality is 0 and 1.
SNR_USELESS, SNR_CLEAN = 0.0, 20.0


class Voice(Channel):
    """Vocal emotion, and arousal by a head of its own where the weights have one.

    model: a weight name or a folder that training wrote. window, hop: seconds.
    """

    name = "voice"
    needs = frozenset({"audio"})
    gives = frozenset({"speech"})
    seeks = "speech"
    space = "ravdess8"

    def __init__(self, model: str = "voice-ravdess", window: float = 3.0, hop: float = 0.5) -> None:
        self.model = model
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
        """One observation for all speech: whose it is, `people` decides."""
        heard = speech_marks(recording)
        marks = tuple(mark for mark in heard if mark.span.duration >= LEAST_SPEECH)
        if not marks:
            longest = max((mark.span.duration for mark in heard), default=0.0)
            note = f"too little speech to judge a voice by ({longest:.1f} s)"
            return [Observation(self.name, "", recording.span, notes=(note,))] if heard else []
        spoken = [mark.span for mark in marks]
        pieces = [self._windows(span) for span in spoken]
        windows = [window for piece in pieces for window in piece]
        scores, arousal = self._classify(recording, windows)
        quality = np.repeat(
            [speech_quality(recording, span, spoken) for span in spoken],
            [len(each) for each in pieces],
        )
        space = get_space(self.space or "")
        track = paint(recording.span, windows, scores, space.labels, hop=self.hop)
        trust = paint(recording.span, windows, quality[:, None], ("quality",), hop=self.hop)
        valence = bridge(space, VA).apply(track.values)[:, :1]
        aroused = paint(recording.span, windows, arousal[:, None], ("arousal",), hop=self.hop)
        affect = Estimate(
            VA,
            Track(
                track.times, np.hstack([valence, aroused.values]), VA.labels, track.mask, self.hop
            ),
            trust.column("quality"),
            self.name,
            basis=f"arousal by a learned head, valence by a bridge: {bridge(space, VA).source}",
        )
        estimate = Estimate(
            space, track, trust.column("quality"), self.name, affect=affect, basis=self.model
        )
        return [Observation(self.name, "voice", recording.span, {}, marks, estimate)]

    def score(self, pieces: Sequence[Array]) -> Mapping[str, Array]:
        """What the net says of pieces of sound that are known to be speech, a row each.

        pieces: samples at 16 kHz, (N,) each. "probabilities" (S, C), "arousal" (S,): the mean over
        the windows of a piece, as `observe` looks at a stretch of speech.
        """
        self.open()
        scores, arousal = [], []
        for piece in pieces:
            short = max(0, round(LEAST_SPEECH * SAMPLE_RATE) - len(piece))
            whole = from_arrays("a piece", audio=np.pad(piece, (0, short)))
            said, aroused = self._classify(whole, self._windows(whole.span))
            scores.append(said.mean(axis=0))
            arousal.append(aroused.mean())
        return {"probabilities": np.stack(scores), "arousal": np.array(arousal)}

    def _windows(self, span: Span) -> list[Span]:
        """A stretch of speech as windows of one length, overlapping as little as possible."""
        if span.duration <= self.window:
            return [span]
        count = int(np.ceil(span.duration / self.window - 1e-6))
        starts = np.linspace(span.start, span.end - self.window, count)
        return [Span(start, start + self.window) for start in starts]

    def _classify(self, recording: Recording, windows: Sequence[Span]) -> tuple[Array, Array]:
        """Scores (S, C) and arousal (S,); windows of one length go through in one batch."""
        model = Model.shared(self.model)
        scores = np.zeros((len(windows), len(get_space(self.space or ""))), np.float32)
        arousal = np.zeros(len(windows), np.float32)
        for first in range(0, len(windows), BATCH):
            by_length: dict[int, list[tuple[int, Array, Array]]] = defaultdict(list)
            for row, window in enumerate(windows[first : first + BATCH], first):
                audio = recording.audio(window)
                mel = log_mel(audio)
                by_length[len(mel)].append((row, mel, pitch_track(audio, rows=len(mel))))
            for items in by_length.values():
                rows = [row for row, _, _ in items]
                mels = np.stack([mel for _, mel, _ in items])
                out = model.run(log_mel=mels, pitch=np.stack([track for _, _, track in items]))
                scores[rows] = out["probabilities"]
                arousal[rows] = out["arousal"].reshape(len(rows))
        return scores, arousal


def speech_quality(recording: Recording, span: Span, spoken: Sequence[Span]) -> float:
    """Quality of a stretch of speech in [0, 1], from signal-to-noise ratio and length.

    spoken: all stretches, in order and apart; those around this one are not its background.
    """
    around = Span(span.start - NOISE_MARGIN, span.end + NOISE_MARGIN) & recording.span
    samples = recording.audio(around)
    step = round(ENERGY_FRAME * SAMPLE_RATE)
    frames = samples[: len(samples) // step * step].reshape(-1, step)
    if not len(frames):
        return 0.0
    power = (frames.astype(np.float64) ** 2).mean(axis=1) + 1e-10
    times = around.start + ENERGY_FRAME * (np.arange(len(frames)) + 0.5)
    speaking = np.zeros(len(frames), bool)
    first = bisect_right(spoken, around.start, key=lambda each: each.end)
    last = bisect_left(spoken, around.end, key=lambda each: each.start)
    for each in spoken[first:last]:
        speaking |= (times >= each.start) & (times < each.end)
    inside = (times >= span.start) & (times < span.end)
    # Pauses inside speech count as background too: a detector pads what it finds.
    background = np.percentile(power[~speaking] if (~speaking).any() else power, 10)
    background = min(background, np.percentile(power[inside], 10) if inside.any() else background)
    level = np.percentile(power[inside], 75) if inside.any() else background
    ratio = 10 * np.log10(level / background)
    clean = float(np.clip((ratio - SNR_USELESS) / (SNR_CLEAN - SNR_USELESS), 0, 1))
    return clean * min(1.0, span.duration / FULL_LENGTH)
