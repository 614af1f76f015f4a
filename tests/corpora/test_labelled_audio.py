"""A clip that cannot be read ends nothing: it is an example, and says why when it is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from insula.channels.voice import Voice
from insula.core.records import Recording
from insula.core.time import Span
from insula.corpora.labelled_audio import UnreadableRecording, open_clip
from insula.errors import UnreadableMedia
from insula.learn.feature_content import content_of

READERS: dict[str, Callable[[Recording], object]] = {
    "audio": lambda recording: recording.audio(),
    "frames": lambda recording: list(recording.frames(rate=1)),
    "crop": lambda recording: recording.crop(Span(0, 1)).audio(),
    "view": lambda recording: list(recording.views(2)[1].pictures(rate=1)),
    "content": content_of,
}


@pytest.fixture
def damaged(tmp_path: Path) -> Recording:
    (tmp_path / "film.mp4").write_bytes(b"no film")
    return open_clip(tmp_path / "film.mp4")


@pytest.mark.parametrize("reader", READERS)
def test_whoever_reads_it_is_told_why(damaged: Recording, reader: str) -> None:
    for _ in range(2):
        with pytest.raises(UnreadableMedia, match=r"film\.mp4': its content is no video"):
            READERS[reader](damaged)


def test_channels_are_told_too(damaged: Recording) -> None:
    """They skip what has no length, and a broken file must not pass for one of nothing to hear."""
    with pytest.raises(UnreadableMedia):
        Voice().observe(damaged)


def test_it_holds_what_its_name_promises(damaged: Recording, tmp_path: Path) -> None:
    assert (damaged.id, damaged.span) == ("film.mp4", Span(0, 1))
    assert set(damaged.streams) == {"audio", "video"}
    (tmp_path / "clip.FLAC").write_bytes(b"")
    assert set(open_clip(tmp_path / "clip.FLAC").streams) == {"audio"}
    assert isinstance(damaged.crop(Span(0, 1)), UnreadableRecording)
