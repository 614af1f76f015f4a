"""Speech to text by faster-whisper (CTranslate2), with weights that were pulled."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

import numpy as np
from faster_whisper import WhisperModel

from insula.core.records import Recording
from insula.core.time import Mark, Span
from insula.zoo.store import weights_path

# CTranslate2 is the one engine here that gains from a second thread; it dwarfs the other channels.
THREADS = 2


def listen(
    recording: Recording, spans: Sequence[Span], engine: str, language: str
) -> Iterator[Mark]:
    """Sentences spoken in `spans`. engine: the weights' card. language: "" to find out."""
    for span in spans:
        segments, info = _model(engine).transcribe(
            recording.audio(span), language=language or None, condition_on_previous_text=False
        )
        for segment in segments:
            heard = Span(segment.start, max(segment.end, segment.start)).shifted(span.start)
            confidence = float(np.exp(segment.avg_logprob)) * (1 - segment.no_speech_prob)
            if segment.text.strip():
                yield Mark(
                    heard & span, "sentence", segment.text.strip(), confidence, info.language
                )


@functools.cache
def _model(name: str) -> WhisperModel:
    return WhisperModel(
        str(weights_path(name)),
        device="cpu",
        compute_type="int8",
        cpu_threads=THREADS,
        local_files_only=True,
    )
