"""Statistics of voices, computed once: each clip as it is, and changed copies of it.

    clip -> log-mel, pitch track -> pauses around it cut off -> changed copies -> `VoiceStatistics`

The statistics have nothing to learn, so an epoch of training only draws one copy of each clip.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from insula.corpora.labelled_audio import Clip
from insula.learn.augment import SoundChanges, change_voice
from insula.learn.sound_bank import MARGIN, QUIET
from insula.media.pitch import pitch_track
from insula.media.spectral import log_mel


def make_voice_bank(
    statistics: nn.Module, clips: Sequence[Clip], changes: SoundChanges, rng: np.random.Generator
) -> Tensor:
    """Statistics (copies + 1, N, F): at 0 of the clips themselves, then of changed copies."""
    bank = torch.empty(changes.copies + 1, len(clips), cast(int, statistics.width))
    with torch.inference_mode():
        for number, clip in enumerate(clips):
            mel, pitch = hear(clip.audio())
            bank[0, number] = _of(statistics, mel, pitch)
            for copy in range(1, changes.copies + 1):
                bank[copy, number] = _of(statistics, *change_voice(mel, pitch, changes, rng))
    return bank


def hear(audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log-mel (T, 64) and pitch track (T, 13) of a clip without the pauses around it."""
    mel = log_mel(audio)
    pitch = pitch_track(audio, rows=len(mel))
    loud = mel.max(axis=1)
    heard = np.flatnonzero(loud > loud.max() - QUIET)
    spoken = slice(max(0, heard[0] - MARGIN), heard[-1] + 1 + MARGIN)
    return mel[spoken], pitch[spoken]


def _of(statistics: nn.Module, mel: np.ndarray, pitch: np.ndarray) -> Tensor:
    numbers: Tensor = statistics(torch.from_numpy(mel)[None], torch.from_numpy(pitch)[None])[0]
    return numbers
