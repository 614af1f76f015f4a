"""Pieces of voices to learn from: clips at several speeds, cut up, with the teacher's opinion.

    clip -> pauses around it cut off -> faster and slower, as new speakers -> log-mel
        -> pieces of 1.6 s -> the teacher's embedding of each

A voice played faster is another voice: higher, with a shorter throat. Log-mels are kept as float16.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from insula.corpora import ased, baved, ravdess
from insula.learn.voice_teacher import PIECE, VoiceTeacher
from insula.media.audio import SAMPLE_RATE
from insula.media.spectral import HOP, log_mel

READERS = {"ravdess": ravdess.read_clips, "ased": ased.read_clips, "baved": baved.read_clips}
ROWS = round(PIECE / SAMPLE_RATE / HOP)  # of a piece's log-mel
FRAME = 400  # samples, 25 ms
QUIET = 35.0  # dB under the loudest frame: the pauses around a clip
MARGIN = 4  # frames that are left of them


@dataclass(frozen=True)
class Bank:
    """N pieces of M log-mels.

    spectra: M of (T, 64) float16. spectrum, row: of which of them each piece is, and where in it
    it begins, (N,) int. corpus, speaker, sex: (N,) str. clip: number of its clip, speed: number of
    its speed, (N,) int. teacher: (N, 256) float32, or (N, 0) where none was asked.
    """

    spectra: Sequence[np.ndarray]
    spectrum: np.ndarray
    row: np.ndarray
    corpus: np.ndarray
    speaker: np.ndarray
    sex: np.ndarray
    clip: np.ndarray
    speed: np.ndarray
    teacher: np.ndarray

    def piece(self, number: int) -> np.ndarray:
        """The log-mel of a piece, repeated where the clip is shorter: (160, 64) float32."""
        first = self.row[number]
        found = self.spectra[self.spectrum[number]][first : first + ROWS]
        return np.resize(found, (ROWS, found.shape[1])).astype(np.float32)


def make_bank(
    corpora: Sequence[str], data: Path, speeds: Sequence[float], teacher: VoiceTeacher | None
) -> Bank:
    """All clips of the corpora at all speeds."""
    clips = [(name, clip) for name in corpora for clip in READERS[name](data / name)]
    spectra: list[np.ndarray] = []
    heard: list[np.ndarray] = []
    rows: list[tuple[object, ...]] = []
    for number, (corpus, clip) in enumerate(clips):
        said = spoken(clip.audio())
        for speed, factor in enumerate(speeds):
            audio = said if factor == 1 else _faster(said, factor)
            for first in _starts(len(audio)):
                if teacher is not None:
                    heard.append(teacher.spectrum(audio[first : first + PIECE]))
                place = first // round(HOP * SAMPLE_RATE)
                who = (corpus, clip.groups["speaker"], clip.groups["sex"])
                rows.append((len(spectra), place, *who, number, speed))
            spectra.append(log_mel(audio).astype(np.float16))
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    taught = np.zeros((len(rows), 0), np.float32) if teacher is None else teacher.embed(heard)
    return Bank(spectra, *columns, teacher=taught)


def _starts(samples: int) -> list[int]:
    """Where pieces begin: as few as cover the clip, evenly spread."""
    count = max(1, -(-samples // PIECE))
    return [int(start) for start in np.linspace(0, max(0, samples - PIECE), count)]


def spoken(audio: np.ndarray) -> np.ndarray:
    """The clip without the pauses before and after it."""
    frames = audio[: len(audio) // FRAME * FRAME].reshape(-1, FRAME)
    level = 10 * np.log10((frames**2).mean(axis=1) + 1e-12)
    loud = np.flatnonzero(level > level.max() - QUIET)
    return audio[max(0, loud[0] - MARGIN) * FRAME : (loud[-1] + 1 + MARGIN) * FRAME]


def _faster(audio: np.ndarray, factor: float) -> np.ndarray:
    """Played `factor` times as fast, so that all frequencies rise by it."""
    places = np.arange(0, len(audio) - 1, factor)
    return np.interp(places, np.arange(len(audio)), audio).astype(np.float32)
