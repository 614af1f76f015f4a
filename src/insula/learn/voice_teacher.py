"""A teacher of voices: the encoder of Resemblyzer, which knows thousands of speakers.

    1.6 s of audio -> 40 mel bands, power -> LSTM of three layers -> embedding (256)

Only its weights are read, from the installed package; what runs is here, since the package itself
imports librosa and webrtcvad. It teaches `learn.speaker` and is no part of what ships. Install it
with `pip install --no-deps resemblyzer` (Apache-2.0).

Source: Wan et al., "Generalized end-to-end loss for speaker verification", ICASSP 2018; trained by
C. Jemine on LibriSpeech, VoxCeleb1 and VoxCeleb2.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from insula.errors import MissingDependency
from insula.media.audio import SAMPLE_RATE

PACKAGE, FILE = "resemblyzer", "pretrained.pt"
PIECE = 25_600  # samples that it was trained on, 1.6 s
WINDOW, HOP, BANDS = 400, 160, 40  # samples, samples, mel bands
HIDDEN, LAYERS, WIDTH = 256, 3, 256
LEVEL = 10 ** (-30 / 20)  # root mean square to which quiet audio is raised, -30 dB of full scale
BATCH = 128
# The mel scale of Slaney's Auditory Toolbox: linear up to 1 kHz, 27 steps to each 6.4-fold above.
LINEAR, KNEE, LOG_STEP = 200 / 3, 15.0, np.log(6.4) / 27


class VoiceTeacher(nn.Module):
    """The encoder, ready to be asked."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(BANDS, HIDDEN, LAYERS, batch_first=True)
        self.linear = nn.Linear(HIDDEN, WIDTH)
        state = torch.load(_weights(), map_location="cpu", weights_only=True)["model_state"]
        wanted = self.state_dict()
        self.load_state_dict({name: state[name] for name in wanted})
        self.eval()
        self.filters = _slaney_filters()
        self.window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)

    def spectrum(self, audio: np.ndarray) -> np.ndarray:
        """What it hears of PIECE samples; shorter audio is repeated: (160, 40) float32, power."""
        raised = audio * max(1.0, LEVEL / (np.sqrt(np.mean(audio**2)) + 1e-6))
        padded = np.pad(np.resize(raised, PIECE), WINDOW // 2)
        frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP][: PIECE // HOP]
        spectrum = np.fft.rfft(frames * self.window, axis=1)
        power: np.ndarray = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
        return power @ self.filters

    @torch.inference_mode()
    def embed(self, spectra: Sequence[np.ndarray]) -> np.ndarray:
        """Embeddings of length 1, none of their values below 0: (N, 256) float32."""
        found = []
        for first in range(0, len(spectra), BATCH):
            batch = torch.from_numpy(np.stack(spectra[first : first + BATCH]))
            with torch.autocast("cpu", torch.bfloat16):  # thrice as fast, to a cosine of 0.999
                _, (last, _) = self.lstm(batch)
            raw = torch.relu(self.linear(last[-1].float()))
            found.append(functional.normalize(raw, dim=1).numpy())
        return np.concatenate(found)


def _weights() -> Path:
    """The file in the installed package, found without importing that."""
    package = importlib.util.find_spec(PACKAGE)
    if package is None or not package.submodule_search_locations:
        raise MissingDependency("the teacher of voices", PACKAGE, None)
    return Path(package.submodule_search_locations[0]) / FILE


def _slaney_filters() -> np.ndarray:
    """Triangles of equal area on Slaney's scale: (201, 40) float32."""
    top = KNEE + np.log(SAMPLE_RATE / 2 / 1000) / LOG_STEP
    steps = np.linspace(0, top, BANDS + 2)
    edges = np.where(steps < KNEE, LINEAR * steps, 1000 * np.exp(LOG_STEP * (steps - KNEE)))
    frequency = np.fft.rfftfreq(WINDOW, 1 / SAMPLE_RATE)[:, None]
    rising = (frequency - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - frequency) / np.diff(edges)[1:]
    triangles = np.maximum(0.0, np.minimum(rising, falling)) * 2 / (edges[2:] - edges[:-2])
    return triangles.astype(np.float32)
