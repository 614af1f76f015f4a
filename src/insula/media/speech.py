"""Where someone speaks: the Silero detector that ships with faster-whisper.

    audio in blocks -> probability of speech every 32 ms -> on and off with hysteresis -> spans

The network is run here rather than through `faster_whisper.vad`, which takes the whole recording
at once, and whose import brings CTranslate2, tokenizers and the Hugging Face client (0.4 s). Its
memory of the past is carried from block to block, so the blocks leave no seam.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import onnxruntime

from insula.core.records import Recording
from insula.core.time import Span, merge_spans
from insula.core.track import Array
from insula.errors import MissingDependency
from insula.media.audio import SAMPLE_RATE

CHUNK = 512  # samples the network looks at for one answer, 32 ms
CONTEXT = 64  # samples before them that it sees too
BLOCK = 60 * SAMPLE_RATE // CHUNK  # answers computed at once: one minute keeps memory flat
STATE = (1, 1, 128)  # shape of each of its two memories

# Silero's own defaults: speech begins above the first and ends below the second.
BEGIN = 0.5
END = 0.35
SHORTEST = 0.25  # seconds; shorter ones are clicks and breaths (Silero's default)
# Seconds of silence that end a span. Silero's 0.1 cuts between words; pauses inside a sentence are
# mostly shorter than 0.3, and the voice channel wants phrases of a second or more.
PAUSE = 0.3
PADDING = 0.05  # seconds added on both sides, since soft first and last sounds score low


def speech(recording: Recording) -> tuple[Span, ...]:
    """The spans in which someone speaks, in order; () where there is no audio stream."""
    if "audio" not in recording.streams:
        return ()
    return recording.shared("speech", lambda: find_speech(recording))


def find_speech(recording: Recording) -> tuple[Span, ...]:
    """The spans in which someone speaks, computed anew."""
    blocks = [probabilities for _, probabilities in speech_probabilities(recording)]
    likely = np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
    start, step = recording.span.start, CHUNK / SAMPLE_RATE
    found = [Span(start + first * step, start + last * step) for first, last in _runs(likely)]
    joined = merge_spans(found, gap=PAUSE)
    padded = [
        Span(span.start - PADDING, span.end + PADDING)
        for span in joined
        if span.duration >= SHORTEST
    ]
    inside = (span & recording.span for span in merge_spans(padded))
    return tuple(span for span in inside if span.duration)


def speech_probabilities(recording: Recording) -> Iterator[tuple[float, Array]]:
    """Blocks of (second of the first chunk, probability of speech a chunk (N,) in [0, 1])."""
    session = _session()
    memory, cell = np.zeros(STATE, np.float32), np.zeros(STATE, np.float32)
    before = np.zeros(CONTEXT, np.float32)
    for piece in _blocks(recording.span):
        audio = recording.audio(piece)
        audio = np.pad(audio, (0, -len(audio) % CHUNK))
        if not len(audio):
            return
        behind = np.concatenate([before, audio])
        # Each row is a chunk with the CONTEXT samples before it. (N, CONTEXT + CHUNK)
        rows = np.lib.stride_tricks.sliding_window_view(behind, CONTEXT + CHUNK)[::CHUNK]
        likely, memory, cell = session.run(
            None, {"input": np.ascontiguousarray(rows), "h": memory, "c": cell}
        )
        before = audio[-CONTEXT:]
        yield piece.start, np.asarray(likely, np.float32).reshape(-1)


def _blocks(span: Span) -> Iterator[Span]:
    """Consecutive parts of whole chunks; the last one may end inside a chunk."""
    seconds = BLOCK * CHUNK / SAMPLE_RATE
    for number in range(int(np.ceil(round(span.duration / seconds, 6)))):
        yield Span(span.start + number * seconds, span.start + (number + 1) * seconds) & span


def _runs(likely: Array) -> list[tuple[int, int]]:
    """Half-open runs of chunks that begin above BEGIN and last until below END."""
    runs, first = [], None
    for number, value in enumerate(likely.tolist()):
        if first is None and value >= BEGIN:
            first = number
        elif first is not None and value < END:
            runs.append((first, number))
            first = None
    return runs if first is None else [*runs, (first, len(likely))]


@lru_cache(maxsize=1)
def _session() -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    # One thread: the network is a chain of small steps, and channels run side by side.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only
    return onnxruntime.InferenceSession(
        str(_detector()), options, providers=["CPUExecutionProvider"]
    )


def _detector() -> Path:
    """The network's file in the installed faster-whisper, found without importing it."""
    package = importlib.util.find_spec("faster_whisper")
    if package is None or not package.submodule_search_locations:
        raise MissingDependency("speech detection", "faster-whisper", None)
    return Path(package.submodule_search_locations[0]) / "assets" / "silero_vad_v6.onnx"
