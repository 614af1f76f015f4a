"""What the corpora of films and pictures have in common: pictures read when asked for, fixtures.

    paths of pictures + when each was taken -> source of frames -> recording

A recording of picture files holds paths only, so that a whole corpus of them lies in little memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from insula.core.records import Recording
from insula.core.time import Span
from insula.media.audio import SAMPLE_RATE
from insula.media.container import check_file
from insula.media.painting import Shot
from insula.media.recording import MediaRecording
from insula.media.video import read_image

STILL = Span(0, 1)  # the time that a picture without a clock stands for, as `media` has it
SIDE = 64  # pixels of a made-up picture
# Of a made-up film: quick to write, and in every build of libav.
SOUND_CODECS = {".avi": "pcm_s16le", ".mp4": "aac"}


class PictureFiles:
    """Frames in files of their own; each is read when its turn comes.

    times: (N,) increasing seconds. paths: the picture of each moment.
    """

    def __init__(self, times: np.ndarray, paths: Sequence[Path]) -> None:
        self.times, self.paths = times, paths

    def shots(self, span: Span) -> Iterator[Shot]:
        """From the last picture before `span` to the first after it. Raises `UnreadableMedia`."""
        first = max(0, int(np.searchsorted(self.times, span.start)) - 1)
        for time, path in zip(self.times[first:], self.paths[first:], strict=True):
            check_file(path)
            yield Shot(float(time), av.VideoFrame.from_ndarray(read_image(path), format="rgb24"))
            if time >= span.end:
                return


def open_picture(path: Path) -> Recording:
    """One picture, not read before it is asked for."""
    source = PictureFiles(np.zeros(1), [path])
    return MediaRecording(path.name, STILL, {"video": "a still image"}, video=source)


def write_picture(path: Path, rng: np.random.Generator, *, side: int = SIDE) -> None:
    """A made-up picture, in the format of its suffix: grey levels of noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = rng.integers(0, 256, (side, side), dtype=np.uint8)
    path.write_bytes(cv2.imencode(path.suffix, image)[1].tobytes())


def write_film(
    path: Path,
    rng: np.random.Generator,
    *,
    frames: int = 4,
    rate: int = 4,
    side: int = SIDE,
    sound: bool = True,
) -> None:
    """A made-up film in the format of its suffix, .avi or .mp4: noise to see and to hear.

    rate: frames a second. sound: whether anything is heard.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        seen = container.add_stream("mpeg4", rate=rate)
        seen.width, seen.height, seen.pix_fmt = side, side, "yuv420p"
        if sound:
            heard = container.add_stream(SOUND_CODECS[path.suffix], rate=SAMPLE_RATE, layout="mono")
        for number in range(frames):
            image = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, rate)
            container.mux(seen.encode(frame))
        container.mux(seen.encode(None))
        if sound:
            samples = rng.normal(0, 3000, (1, SAMPLE_RATE * frames // rate)).astype(np.int16)
            said = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            said.sample_rate = SAMPLE_RATE
            container.mux(heard.encode(said))
            container.mux(heard.encode(None))
