"""Speech to text by faster-whisper (CTranslate2), with weights that were pulled."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

import numpy as np
from faster_whisper import WhisperModel

from insula.core.records import Recording
from insula.core.time import Mark, Span, overlap
from insula.zoo.store import weights_path

# CTranslate2 is the one engine here that gains from a second thread; it dwarfs the other channels.
THREADS = 2
# Seconds heard in one call. Whisper looks at 30 at once, however few it gets, and it hears a phrase
# better among its neighbours.
LONGEST_PIECE = 28.0


def listen(
    recording: Recording, spans: Sequence[Span], engine: str, language: str
) -> Iterator[Mark]:
    """Sentences spoken in `spans`. engine: the weights' card. language: "" to find out, once."""
    model = _model(engine)
    heard = pieces(spans)
    if heard and not language:
        fullest = max(heard, key=lambda piece: overlap([piece], spans))
        language = model.detect_language(recording.audio(fullest))[0]
    for piece in heard:
        segments, _ = model.transcribe(
            recording.audio(piece), language=language, condition_on_previous_text=False
        )
        for segment in segments:
            span = Span(segment.start, max(segment.end, segment.start)).shifted(piece.start) & piece
            confidence = float(np.exp(segment.avg_logprob)) * (1 - segment.no_speech_prob)
            # What it hears where nobody speaks, between the spans, is invented.
            if segment.text.strip() and overlap([span], spans):
                yield Mark(span, "sentence", segment.text.strip(), confidence, language)


def pieces(spans: Sequence[Span]) -> list[Span]:
    """`spans` in order, joined as far as `LONGEST_PIECE` allows; a longer one stays whole."""
    joined: list[Span] = []
    for span in sorted(spans):
        if joined and span.end - joined[-1].start <= LONGEST_PIECE:
            joined[-1] = Span(joined[-1].start, max(joined[-1].end, span.end))
        else:
            joined.append(span)
    return joined


@functools.cache
def _model(name: str) -> WhisperModel:
    return WhisperModel(
        str(weights_path(name)),
        device="cpu",
        compute_type="int8",
        cpu_threads=THREADS,
        local_files_only=True,
    )
