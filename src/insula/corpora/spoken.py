"""What corpora of transcribed speech have in common: a clip with its words, a label for all of it.

path of a clip + what is said in it -> recording with sound and text
values of a space + recording       -> estimate of the whole recording
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from insula.core.records import Estimate, Recording
from insula.core.space import Space
from insula.core.time import Mark, Span
from insula.core.track import Track
from insula.corpora.labelled_audio import open_clip
from insula.errors import UnreadableMedia
from insula.media.audio import AudioFile
from insula.media.container import probe
from insula.media.recording import MediaRecording


def open_spoken(path: Path, text: str, *, language: str) -> Recording:
    """The sound of `path`, decoded when asked for, and `text`, said from its start to its end.

    text: "" where nobody wrote it down; the recording then has no text. language: ISO 639-1 code.
    Where there is no sound, an `UnreadableRecording`.
    """
    return open_clip(path, lambda path: _open(path, text, language))


def of_whole(recording: Recording, space: Space, values: np.ndarray, *, corpus: str) -> Estimate:
    """What the annotators of `corpus` said of the whole recording; values: (C,) in `space`."""
    middle, length = recording.span.middle, recording.span.duration
    track = Track(np.array([middle]), values[None], space.labels, width=length)
    return Estimate(space, track, np.ones(1), f"annotators of {corpus}", basis="annotators")


def _open(path: Path, text: str, language: str) -> Recording:
    container = probe(path)
    if container.audio is None:
        raise UnreadableMedia(path, "it holds no sound", "Fetch that file of the corpus again.")
    span = Span(0.0, container.end)
    streams = {"audio": container.audio.line}
    marks: tuple[Mark, ...] = ()
    if text:
        streams["text"] = "transcript of the corpus"
        marks = (Mark(span, "sentence", text, language=language),)
    sound = AudioFile(container)
    return MediaRecording(path.name, span, streams, audio=sound, text=lambda: marks)
