"""A clip with its words: what it holds, what is opened when, what a silent file says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from insula.core.space import VAD
from insula.corpora.films import write_film
from insula.corpora.labelled_audio import write_clip
from insula.corpora.spoken import of_whole, open_spoken
from insula.errors import UnreadableMedia


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    write_clip(tmp_path / "clip.wav", np.random.default_rng(0), seconds=0.5)
    return tmp_path / "clip.wav"


def test_sound_and_words_are_as_long_as_the_clip(clip: Path) -> None:
    recording = open_spoken(clip, "Well.", language="en")
    (said,) = recording.text()
    assert (said.text, said.kind, said.language) == ("Well.", "sentence", "en")
    assert said.span == recording.span and recording.span.duration == pytest.approx(0.5)
    assert (len(recording.audio()), list(recording.streams)) == (8000, ["audio", "text"])


def test_nothing_written_is_no_text(clip: Path) -> None:
    recording = open_spoken(clip, "", language="en")
    assert (recording.text(), list(recording.streams)) == ((), ["audio"])


def test_the_truth_is_of_the_whole(clip: Path) -> None:
    recording = open_spoken(clip, "", language="en")
    truth = of_whole(recording, VAD, np.array([0.5, -1, 1]), corpus="A")
    assert truth.track.times.tolist() == pytest.approx([0.25])
    assert (truth.track.width, truth.source) == (pytest.approx(0.5), "annotators of A")
    assert truth.mean().tolist() == [0.5, -1, 1]


def test_a_film_without_sound_is_named(tmp_path: Path) -> None:
    write_film(tmp_path / "mute.mp4", np.random.default_rng(0), sound=False)
    recording = open_spoken(tmp_path / "mute.mp4", "Well.", language="en")
    with pytest.raises(UnreadableMedia, match=r"mute\.mp4.*no sound"):
        recording.audio()
