"""Speech to text: faster-whisper where its weights were pulled, else pocketsphinx (English).

Both give `Mark(kind="sentence")` with times, a confidence in [0, 1] and a language. Only spans
in which someone speaks are listened to, so that no text is invented on silence.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from faster_whisper import WhisperModel
from pocketsphinx import Decoder

from insula.core.records import Recording
from insula.core.time import Mark, Span
from insula.media.audio import SAMPLE_RATE
from insula.zoo.card import find_card
from insula.zoo.store import place, weights_path

# Best first: what `engine="auto"` takes of those that are on this machine.
WHISPER_SIZES = ("whisper-small", "whisper-base", "whisper-tiny")
SPHINX_LANGUAGES = ("en",)
FRAMES_PER_SECOND = 100  # of pocketsphinx
LONGEST_UTTERANCE = 15.0  # seconds; its search slows and loses its way in longer ones
PAUSE = 0.6  # seconds between words at which a new sentence begins: it has no punctuation
MARGIN = 0.1  # seconds of context on either side of a spoken span


def choose_engine(wanted: str, language: str) -> tuple[str, str]:
    """The engine to use and "", or "" and the reason why there is none."""
    if wanted.startswith("whisper"):
        return wanted, ""
    if wanted == "auto":
        for name in WHISPER_SIZES:
            if _is_here(name):
                return name, ""
    if language in ("", *SPHINX_LANGUAGES):
        return "pocketsphinx", ""
    return "", (
        f"no speech-to-text engine here knows the language {language!r}; pocketsphinx knows "
        f"{', '.join(SPHINX_LANGUAGES)}. For others run: insula models pull whisper-small"
    )


def _is_here(name: str) -> bool:
    card = find_card(name)
    return all((place(card) / file.name).is_file() for file in card.files)


def transcribe(
    recording: Recording, spans: Sequence[Span], *, engine: str, language: str
) -> Iterator[Mark]:
    """Sentences spoken in `spans`."""
    if engine == "pocketsphinx":
        for span in _cut(spans):
            yield from _sphinx(recording, span)
    else:
        for span in spans:
            yield from _whisper(recording, span, engine, language)


def _cut(spans: Sequence[Span]) -> Iterator[Span]:
    for span in spans:
        pieces = max(1, int(np.ceil(span.duration / LONGEST_UTTERANCE)))
        edges = np.linspace(span.start, span.end, pieces + 1)
        yield from (Span(start, end) for start, end in pairwise(edges))


@functools.cache
def _sphinx_decoder() -> Decoder:
    return Decoder(samprate=SAMPLE_RATE, loglevel="FATAL")


def _sphinx(recording: Recording, span: Span) -> Iterator[Mark]:
    """Sentences of one utterance; a word's posterior probability is its confidence."""
    span = Span(span.start - MARGIN, span.end + MARGIN) & recording.span
    samples = np.clip(recording.audio(span) * 32767, -32768, 32767).astype("<i2")
    if len(samples) < SAMPLE_RATE // 10:
        return
    decoder = _sphinx_decoder()
    decoder.start_utt()
    decoder.process_raw(samples.tobytes(), full_utt=True)
    decoder.end_utt()
    words: list[tuple[float, float, str, float]] = []
    for word in decoder.seg() or ():
        if word.word[0] in "<[+":  # silence, noise, fillers
            continue
        start = span.start + word.start_frame / FRAMES_PER_SECOND
        end = span.start + (word.end_frame + 1) / FRAMES_PER_SECOND
        if words and start - words[-1][1] > PAUSE:
            yield _sentence(words)
            words = []
        words.append((start, min(end, span.end), word.word.partition("(")[0], word.prob))
    if words:
        yield _sentence(words)


def _sentence(words: Sequence[tuple[float, float, str, float]]) -> Mark:
    text = " ".join(word for _, _, word, _ in words)
    score = float(np.clip(np.mean([probability for *_, probability in words]), 0, 1))
    span = Span(words[0][0], max(words[-1][1], words[0][0]))
    return Mark(span, "sentence", text[:1].upper() + text[1:], score, "en")


@functools.cache
def _whisper_model(name: str) -> WhisperModel:
    return WhisperModel(
        str(weights_path(name)),
        device="cpu",
        compute_type="int8",
        cpu_threads=2,
        local_files_only=True,
    )


def _whisper(recording: Recording, span: Span, engine: str, language: str) -> Iterator[Mark]:
    segments, info = _whisper_model(engine).transcribe(
        recording.audio(span), language=language or None, condition_on_previous_text=False
    )
    for segment in segments:
        inside = Span(segment.start, max(segment.end, segment.start)).shifted(span.start) & span
        confidence = float(np.exp(segment.avg_logprob)) * (1 - segment.no_speech_prob)
        if segment.text.strip():
            yield Mark(inside, "sentence", segment.text.strip(), confidence, info.language)
