"""Speech to text by pocketsphinx: English, small, old, and always there."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from pocketsphinx import Decoder, Segment

from insula.core.records import Recording
from insula.core.time import Mark, Span, merge_spans
from insula.media.audio import SAMPLE_RATE

FRAMES_PER_SECOND = 100  # of pocketsphinx
LONGEST_UTTERANCE = 15.0  # seconds; its search slows and loses its way in longer ones
PAUSE = 0.6  # seconds between words at which a new sentence begins: it has no punctuation
ONE_UTTERANCE = 1.2  # seconds of silence that stay inside an utterance: context helps it
MARGIN = 0.1  # seconds of context on either side of a spoken span

_lock = threading.Lock()


def listen(recording: Recording, spans: Sequence[Span]) -> Iterator[Mark]:
    """Sentences spoken in `spans`; a word's posterior probability is its confidence."""
    for span in merge_spans(spans, gap=ONE_UTTERANCE):
        pieces = max(1, int(np.ceil(span.duration / LONGEST_UTTERANCE)))
        edges = np.linspace(span.start, span.end, pieces + 1)
        for start, end in pairwise(edges):
            yield from _utterance(recording, Span(start - MARGIN, end + MARGIN) & recording.span)


@functools.cache
def _decoder() -> Decoder:
    return Decoder(samprate=SAMPLE_RATE, loglevel="FATAL")


def _utterance(recording: Recording, span: Span) -> Iterator[Mark]:
    samples = np.clip(recording.audio(span) * 32767, -32768, 32767).astype("<i2")
    if len(samples) < SAMPLE_RATE // 10:
        return
    words: list[tuple[Span, str, float]] = []
    for word in _recognise(samples.tobytes()):
        if word.word[0] in "<[+":  # silence, noise, fillers
            continue
        start = span.start + word.start_frame / FRAMES_PER_SECOND
        end = max(start, min(span.end, span.start + (word.end_frame + 1) / FRAMES_PER_SECOND))
        if words and start - words[-1][0].end > PAUSE:
            yield _sentence(words)
            words = []
        # "read(2)" is the second pronunciation of "read".
        words.append((Span(start, end), word.word.partition("(")[0], word.prob))
    if words:
        yield _sentence(words)


def _recognise(samples: bytes) -> list[Segment]:
    """Words and silences in 16-bit samples; one utterance at a time, whoever asks."""
    with _lock:
        decoder = _decoder()
        decoder.reinit_feat()  # else the last utterance's final sample colours this one
        decoder.start_utt()
        decoder.process_raw(samples, full_utt=True)
        decoder.end_utt()
        return list(decoder.seg() or ())


def _sentence(words: Sequence[tuple[Span, str, float]]) -> Mark:
    text = " ".join(word for _, word, _ in words)
    score = float(np.clip(np.mean([probability for *_, probability in words]), 0, 1))
    span = Span(words[0][0].start, words[-1][0].end)
    return Mark(span, "sentence", text[:1].upper() + text[1:], score, "en")
