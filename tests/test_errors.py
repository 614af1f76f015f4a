"""Every error says what happened, what would have been right, and what to do now."""

from __future__ import annotations

import pytest

from insula import errors
from insula.errors import InsulaError

TEXTS: list[tuple[InsulaError, str]] = [
    (
        errors.UnreadableMedia("a.mp4", "the file is empty (0 bytes)", "Copy it again."),
        "Cannot read 'a.mp4': the file is empty (0 bytes). Copy it again.",
    ),
    (
        errors.NoSuchStream("a.wav", "video", ["audio"]),
        "'a.wav' has no video stream; it holds audio. "
        "Ask `recording.streams` first, or pick a channel that needs what is there.",
    ),
    (
        errors.MissingDependency("train", "torch", "train"),
        "'train' needs the package 'torch', which is not installed. "
        'Run: pip install "insula[train]"',
    ),
    (
        errors.UnknownName("channel", "fase", ["face", "voice"]),
        "No channel is called 'fase'. Did you mean 'face'? Known: face, voice.",
    ),
    (
        errors.OutputError("/x", "Permission denied"),
        "Cannot write to '/x': Permission denied. "
        "Name a folder that you may write to and that has room.",
    ),
    (
        errors.ChecksumMismatch("w", "w.onnx", "a" * 64, "b" * 64),
        "The weights 'w' in 'w.onnx' are damaged or not the published ones: checksum "
        "bbbbbbbbbbbb…, the card says aaaaaaaaaaaa…. Reinstall insula if they came with it, "
        "else run: insula models pull w",
    ),
    (
        errors.NotAvailableOffline("w", 2_000_000),
        "The weights 'w' (2.0 MB) are not on this machine, and fetching is switched off. "
        "They must be pulled once: insula models pull w",
    ),
    (
        errors.LicenceNotAccepted("w", "CC BY-NC 4.0"),
        "The weights 'w' come under these terms: CC BY-NC 4.0. They are fetched only once you "
        "accept them. Run: insula models pull w --accept-licence",
    ),
    (
        errors.FilesMissing("ferplus", "data", ["a", "b"], "Fetch it again."),
        "ferplus in 'data' lacks 2 expected files: a, b. Fetch it again.",
    ),
    (
        errors.UnexpectedLayout("ferplus", "label.csv", "3 columns", "12 columns"),
        "ferplus: 'label.csv' holds 3 columns; expected 12 columns. "
        "Compare the folder with the corpus's release, or fetch that file again.",
    ),
    (
        errors.Leak("w", "the part train of ferplus", "Judge them on another part."),
        "The weights 'w' learnt from the part train of ferplus; a number from there would flatter "
        "them, so there is none. Judge them on another part.",
    ),
    (
        errors.ContractError("Mine()", "probabilities sum to one", 0.9),
        "Mine() broke the promise that probabilities sum to one; found 0.9. "
        "Run the checks of insula.testing on it.",
    ),
]


@pytest.mark.parametrize(("error", "text"), TEXTS, ids=lambda value: type(value).__name__)
def test_text(error: InsulaError, text: str) -> None:
    assert str(error) == text


def test_errors_are_also_the_builtin_kind() -> None:
    assert issubclass(errors.UnknownName, KeyError)
    assert issubclass(errors.MissingDependency, ImportError)
    assert issubclass(errors.ConfigError, ValueError)
    assert issubclass(errors.OutputError, OSError)
