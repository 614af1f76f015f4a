"""Decoded frames as arrays: one pass of libav's scaler turns, shrinks and converts them.

Grey levels of a frame that need no shrinking are read where the decoder left them.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from insula.core.track import Array

# Pixel formats whose first plane is brightness, a byte a pixel.
LUMA_FIRST = frozenset(
    ["gray", "nv12"] + [f"yuv{j}{kind}p" for j in ("", "j") for kind in ("420", "422", "444")]
)


@dataclass(frozen=True)
class Shot:
    """A decoded frame on our clock. Its lock guards conversion: libav edits tags while at it."""

    time: float
    frame: av.VideoFrame
    aspect: float = 1.0
    lock: threading.Lock = field(default_factory=threading.Lock, compare=False)


class Painter:
    """Turns shots into arrays. One a reader: it keeps libav's scalers warm."""

    def __init__(self, longest_side: int | None) -> None:
        self.longest_side = longest_side
        self.to_colours, self.to_greys = VideoReformatter(), VideoReformatter()

    def colours(self, shot: Shot) -> Array:
        """The upright picture with square pixels. (H, W, 3) uint8."""
        width, height = self._size(shot)
        with shot.lock:
            rgb = self._converted(self.to_colours, shot, "rgb24")
            turns = _turns(shot)
        image: Array = _rows(rgb)[:height, : 3 * width].reshape(height, width, 3)
        return np.rot90(image, turns) if turns else image

    def greys(self, shot: Shot) -> Array:
        """The same picture in grey levels. (H, W) uint8."""
        width, height = self._size(shot)
        with shot.lock:
            as_it_is = shot.frame.format.name in LUMA_FIRST
            if not as_it_is or (width, height) != (shot.frame.width, shot.frame.height):
                grey = self._converted(self.to_greys, shot, "gray")
            else:
                grey = shot.frame
            turns = _turns(shot)
        image: Array = _rows(grey)[:height, :width]
        return np.rot90(image, turns) if turns else image

    def _size(self, shot: Shot) -> tuple[int, int]:
        """Width and height before it is turned upright."""
        width, height = shot.frame.width * shot.aspect, float(shot.frame.height)
        scale = min(1.0, self.longest_side / max(width, height)) if self.longest_side else 1.0
        return max(1, round(width * scale)), max(1, round(height * scale))

    def _converted(self, scaler: VideoReformatter, shot: Shot, kind: str) -> av.VideoFrame:
        size, threads = self._size(shot), 1
        return scaler.reformat(
            shot.frame, *size, format=kind, interpolation=Interpolation.BILINEAR, threads=threads
        )


@dataclass(frozen=True)
class Painted:
    """A shot and who turns it into arrays; see `Picture`."""

    shot: Shot
    painter: Painter

    @property
    def time(self) -> float:
        return self.shot.time

    def colours(self) -> Array:
        return self.painter.colours(self.shot)

    def greys(self) -> Array:
        return self.painter.greys(self.shot)


def _turns(shot: Shot) -> int:
    """Quarter turns, anticlockwise, that make it upright."""
    return round(shot.frame.rotation / 90) % 4


def _rows(frame: av.VideoFrame) -> Array:
    """The first plane of a frame as its decoder laid it out, padding included."""
    plane = frame.planes[0]
    rows: Array = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)  # type: ignore[call-overload]
    return rows
