"""Where someone speaks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import insula
from insula.core.time import Span
from insula.media import speech as module
from insula.media.speech import find_speech, speech, speech_marks
from insula.testing.synthetic import noise, silence, tone


def recording_of(*parts: np.ndarray) -> insula.Recording:
    return insula.from_arrays("x", audio=np.concatenate(parts))


def test_no_speech_in_silence_noise_and_tones() -> None:
    hiss = noise(5.0, np.random.default_rng(0))
    assert speech(recording_of(silence(3.0), hiss, tone(3.0), silence(2.0))) == ()


def test_nothing_to_hear() -> None:
    assert speech(insula.from_arrays("x", span=Span(0, 5))) == ()
    assert speech(recording_of(silence(0.0))) == ()
    assert speech(recording_of(silence(0.01))) == ()


def test_speech_at_a_known_second(demo: Path) -> None:
    spans = speech(insula.open(demo))
    assert len(spans) == 2
    assert abs(spans[0].start - 0.6) < 0.15 and abs(spans[1].start - 4.9) < 0.15
    assert 3.4 < spans[0].end < 4.2 and 7.0 < spans[1].end < 7.8


def test_the_clock_of_a_crop_is_kept(demo: Path) -> None:
    (span,) = speech(insula.open(demo).crop(Span(4.0, 8.0)))
    assert abs(span.start - 4.9) < 0.15


def test_blocks_leave_no_seam(demo: Path) -> None:
    """A sentence that runs across the end of a block is found as it is anywhere else."""
    sentence = insula.open(demo).audio(Span(0.6, 2.0))
    for start in (25.0, 28.9, 29.3, 29.9):
        (mark,) = find_speech(recording_of(silence(start), sentence, silence(5.0)))
        assert mark.span.start == pytest.approx(start, abs=0.1)
        assert mark.span.end == pytest.approx(start + 1.35, abs=0.15)


def test_the_score_is_the_probability_of_speech(demo: Path) -> None:
    recording = insula.open(demo)
    marks = speech_marks(recording)
    assert tuple(mark.span for mark in marks) == speech(recording)
    likely = np.concatenate(list(module.speech_probabilities(recording)))
    for mark in marks:
        inside = likely[round(mark.span.start / 0.032) : round(mark.span.end / 0.032)]
        assert mark.score == pytest.approx(float(inside.mean()), abs=0.02)
        assert mark.kind == "speech" and 0.5 < mark.score < 1


def test_made_once(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    real = module.find_speech
    monkeypatch.setattr(module, "find_speech", lambda r: calls.append(r) or real(r))
    recording = insula.open(demo)
    first, *views = recording, *recording.views(2)
    assert speech(first) == speech(views[0]) == speech(views[1])
    assert len(calls) == 1


def test_importing_it_stays_light() -> None:
    code = "import sys, insula.media.speech; print(*sorted(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    loaded = set(run.stdout.split())
    assert not loaded & {"faster_whisper", "ctranslate2", "tokenizers", "huggingface_hub", "torch"}
