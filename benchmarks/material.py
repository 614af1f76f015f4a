"""What the benchmarks share: the clip they run on, the conditions they ran under, their results.

Every result is one JSON with a list of rows: name, value, unit, lowest, highest, n, target, note.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import TypedDict

import av
import numpy as np

import insula
from insula.testing.synthetic import write_video

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
DATA = Path(os.environ.get("INSULA_DATA", ROOT / "../shared/data"))
PACKAGES = ("insula", "numpy", "av", "opencv-python-headless", "onnxruntime", "pocketsphinx")
WIDTH, HEIGHT, FPS = 640, 360, 25
SENTENCE = 4.0  # seconds from one sentence of the given transcript to the next
SENTENCES = (
    "I am so happy to see you, this is wonderful news.",
    "No, that is not fair, I told you twice already.",
    "I miss them so much, the house is very quiet now.",
    "The train leaves at nine from the other platform.",
)


class Row(TypedDict):
    """One number. target: in words, "" where there is none."""

    name: str
    value: float
    unit: str
    lowest: float
    highest: float
    n: int
    target: str
    note: str


def row(name: str, values: Sequence[float], unit: str, *, target: str = "", note: str = "") -> Row:
    """The median of several runs, with the lowest and the highest."""
    rounded = [float(f"{value:.4g}") for value in (median(values), min(values), max(values))]
    return Row(
        name=name,
        value=rounded[0],
        unit=unit,
        lowest=rounded[1],
        highest=rounded[2],
        n=len(values),
        target=target,
        note=note,
    )


def write(name: str, rows: Sequence[Row], **about: object) -> Path:
    """Write benchmarks/results/NAME.json."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}.json"
    result = {"benchmark": name, **conditions(), **about, "rows": list(rows)}
    path.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def show(rows: Sequence[Row]) -> None:
    """Print the rows for whoever waits for them."""
    for each in rows:
        spread = f"({each['lowest']:g} to {each['highest']:g}, n = {each['n']})"
        goal = f"  target {each['target']}" if each["target"] else ""
        print(f"{each['name']:<58} {each['value']:>8g} {each['unit']:<6} {spread}{goal}")


def conditions() -> dict[str, object]:
    """Where, when and with what: hardware, commit, versions."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": _commit(),
        "hardware": {
            "processor": _processor(),
            "cores": len(os.sched_getaffinity(0))
            if hasattr(os, "sched_getaffinity")
            else os.cpu_count(),
            "system": f"{platform.system()} {platform.machine()}",
        },
        "versions": {
            "python": platform.python_version(),
            **{package: version(package) for package in PACKAGES},
        },
    }


def _commit() -> str:
    """The commit, with "+" where the working tree differs from it."""
    git = ["git", "-C", str(ROOT)]
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True)
    dirty = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True)
    return head.stdout.strip() + ("+" if dirty.stdout.strip() else "")


def _processor() -> str:
    about = Path("/proc/cpuinfo")
    if about.is_file():
        for line in about.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def source() -> Path:
    """A talking head: of the data where these are, else the committed demo."""
    clip = DATA / "clips" / "talking_head_1.mp4"
    return clip if clip.is_file() else ROOT / "examples" / "demo.mp4"


def talking_head(folder: Path, seconds: float) -> Path:
    """The source again and again for `seconds`, as 640 x 360 at 25 frames a second, H.264."""
    recording = insula.open(source())
    batches = list(recording.frames(rate=FPS, longest_side=HEIGHT))
    images = np.concatenate([batch.images for batch in batches])
    audio = recording.audio()
    repeats = int(np.ceil(seconds * 16_000 / len(audio)))

    def picture(second: float, width: int, height: int) -> np.ndarray:
        image = images[round(second % recording.span.duration * FPS) % len(images)]
        frame = np.zeros((height, width, 3), np.uint8)
        top, left = (height - image.shape[0]) // 2, (width - image.shape[1]) // 2
        frame[top : top + image.shape[0], left : left + image.shape[1]] = image
        return frame

    return write_video(
        folder / f"talking-head-{seconds:g}s.mp4",
        seconds=seconds,
        fps=FPS,
        size=(WIDTH, HEIGHT),
        picture=picture,
        audio=np.tile(audio, repeats)[: round(seconds * 16_000)],
    )


def looped(clip: Path, target: Path, times: int) -> Path:
    """The clip `times` over, its packets copied as they are."""
    with av.open(str(target), "w") as out:
        copies: dict[int, av.stream.Stream] = {}
        shift = Fraction(0)  # seconds
        for _ in range(times):
            begin, end = Fraction(0), Fraction(0)
            with av.open(str(clip)) as container:
                streams = [*container.streams.video[:1], *container.streams.audio[:1]]
                for stream in streams:
                    if stream.index not in copies:
                        copies[stream.index] = out.add_stream_from_template(stream)
                for packet in container.demux(*streams):
                    if packet.dts is None or packet.pts is None or packet.time_base is None:
                        continue
                    ticks = int(shift / packet.time_base)
                    begin = min(begin, packet.dts * packet.time_base)  # sound may start before 0
                    end = max(end, (packet.pts + (packet.duration or 0)) * packet.time_base)
                    packet.pts += ticks
                    packet.dts += ticks
                    packet.stream = copies[packet.stream.index]
                    out.mux(packet)
            shift += end - begin
    return target


def transcript(folder: Path, seconds: float) -> Path:
    """Subtitles for the whole time, so that words are read without being recognised."""
    lines = []
    for number in range(int(seconds / SENTENCE)):
        start = number * SENTENCE
        text = SENTENCES[number % len(SENTENCES)]
        lines.append(f"{number + 1}\n{_clock(start)} --> {_clock(start + 3.5)}\n{text}\n")
    path = folder / f"said-{seconds:g}s.srt"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def _clock(seconds: float) -> str:
    whole, rest = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d},{rest:03d}"
