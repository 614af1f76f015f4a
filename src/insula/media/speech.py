"""Where someone speaks: the Silero detector that ships with faster-whisper.

    audio in blocks -> probability of speech every 32 ms -> on and off with hysteresis -> spans

The network is run here rather than through `faster_whisper.vad`, which takes the whole recording
at once, and whose import brings CTranslate2, tokenizers and the Hugging Face client (0.4 s).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import onnxruntime

from insula.core.records import Recording
from insula.core.time import Mark, Span, merge_spans
from insula.core.track import Array
from insula.errors import MissingDependency
from insula.media.audio import SAMPLE_RATE

CHUNK = 512  # samples the network looks at for one answer, 32 ms
CONTEXT = 64  # samples before them that it sees too
# Chunks answered at once, 30 s. The network begins each block afresh: its memory grows stale, and
# over ten minutes it lost 12 % of the speech, with blocks of 60 s 7 %, of 20 s 5 %.
BLOCK = 30 * SAMPLE_RATE // CHUNK
LEAD_IN = SAMPLE_RATE // CHUNK  # chunks before a block that it only listens to, 1 s
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
    return tuple(mark.span for mark in speech_marks(recording))


def speech_marks(recording: Recording) -> tuple[Mark, ...]:
    """The same as marks of the kind "speech"; score: mean probability of speech in the span."""
    if "audio" not in recording.streams:
        return ()
    return recording.shared("speech", lambda: find_speech(recording))


def find_speech(recording: Recording) -> tuple[Mark, ...]:
    """The marks of `speech_marks`, computed anew."""
    likely = np.concatenate([np.zeros(0, np.float32), *speech_probabilities(recording)])
    found = [_seconds(recording.span, first, last) for first, last in _runs(likely)]
    joined = merge_spans(found, gap=PAUSE)
    padded = [
        Span(span.start - PADDING, span.end + PADDING)
        for span in joined
        if span.duration >= SHORTEST
    ]
    inside = (span & recording.span for span in merge_spans(padded))
    times = recording.span.start + (np.arange(len(likely)) + 0.5) * CHUNK / SAMPLE_RATE
    marks = []
    for span in inside:
        first, last = np.searchsorted(times, [span.start, span.end])
        if first < last:
            marks.append(Mark(span, "speech", score=float(likely[first:last].mean())))
    return tuple(marks)


def speech_probabilities(recording: Recording) -> Iterator[Array]:
    """The probability of speech in each chunk of 32 ms, in [0, 1]; block after block of (N,)."""
    chunks = int(np.ceil(round(recording.span.duration * SAMPLE_RATE, 3) / CHUNK))
    for first in range(0, chunks, BLOCK):
        heard = max(0, first - LEAD_IN)
        audio = recording.audio(_seconds(recording.span, heard, min(first + BLOCK, chunks)))
        yield _listen(audio)[first - heard :]


def _seconds(span: Span, first: int, last: int) -> Span:
    """The chunks from `first` to `last` as a span."""
    step = CHUNK / SAMPLE_RATE
    return Span(span.start + first * step, span.start + last * step) & span


def _listen(audio: Array) -> Array:
    """The network's answer to each chunk of (N * CHUNK,) samples, the last one padded; (N,)."""
    padded = np.pad(audio, (CONTEXT, -len(audio) % CHUNK))
    # Each row is a chunk with the CONTEXT samples before it. (N, CONTEXT + CHUNK)
    rows = np.lib.stride_tricks.sliding_window_view(padded, CONTEXT + CHUNK)[::CHUNK]
    blank = np.zeros(STATE, np.float32)
    feeds = {"input": np.ascontiguousarray(rows), "h": blank, "c": blank}
    return np.asarray(_session().run(None, feeds)[0], np.float32).reshape(-1)


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
    options.enable_mem_pattern = False  # no plan kept for every length of audio
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
