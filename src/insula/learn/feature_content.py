"""What a recording holds, as one hash: that of its file, or of the numbers and words in memory.

A file is hashed as it lies there, which takes no decoding; so a new name changes nothing, and one
changed sample changes the hash. Streams that no file holds are hashed as they are read.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from insula.core.records import Recording
from insula.errors import UnreadableMedia
from insula.media.recording import MediaRecording
from insula.zoo.store import checksum

FORMAT = 1  # of the store; raise it when what is stored changes, and old stores are refused
EVERY_FRAME = 1000.0  # frames a second to ask for; no video has more


def content_of(recording: Recording) -> str:
    """SHA-256 of what there is to observe in a recording, as hexadecimal digits.

    Raises UnreadableMedia where its text, or what lies in memory, cannot be read.
    """
    digest = hashlib.sha256(repr(recording.span).encode())
    for kind in sorted(recording.streams):
        digest.update(f"\n{kind}\n".encode())
        path = recording.file(kind) if isinstance(recording, MediaRecording) else None
        if path is not None:
            digest.update(_checksum(path).encode())
        elif kind == "audio":
            digest.update(recording.audio().tobytes())
        elif kind == "video":
            for times, images in recording.frames(rate=EVERY_FRAME):
                digest.update(repr((images.shape, times.tolist())).encode())
                digest.update(images.tobytes())
        elif kind == "text":
            digest.update(repr(recording.text()).encode())
        else:
            signal = recording.signal(kind.removeprefix("signal:"))
            for values in (signal.times, signal.values, signal.mask):
                digest.update(values.tobytes())
    return digest.hexdigest()


def _checksum(path: Path) -> str:
    try:
        return checksum(path, "sha256")
    except OSError as error:
        advice = "Leave the corpus as it is while features are extracted."
        raise UnreadableMedia(path, error.strerror or str(error), advice) from error
