"""How much memory: the peak must hardly grow with the length of the recording.

    python benchmarks/memory.py [--preset fast] [--minutes 5 60] [--recognise 5] [--dry-run]

Each length is analysed in a fresh process, with a transcript given: an hour of speech-to-text by
pocketsphinx takes too long to be measured every time. A shorter video is analysed with it too.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from material import Row, looped, row, show, source, talking_head, transcript, write

import insula

CLIP = 60.0  # seconds that are repeated
LIMIT = 1.2  # GB


def peak() -> float:
    """The most memory that this process has ever had, in GB.

    Linux: VmHWM, since the peak that getrusage gives a new program includes its parent's.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1024 / 1e9
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9


def analyse(preset: str, clip: Path, said: Path | None) -> None:
    """In the fresh process: analyse, and print what it took."""
    started = time.perf_counter()
    analysis = insula.analyze(clip, preset=preset, transcript=said)
    taken = time.perf_counter() - started
    failed = {name: report.reason for name, report in analysis.channels.items() if report.failed}
    assert not failed, failed
    print(json.dumps({"peak": peak(), "seconds": taken, "length": analysis.span.duration}))


def measure(preset: str, clip: Path, said: Path | None) -> dict[str, float]:
    """The same in a process of its own."""
    command = [sys.executable, __file__, "--preset", preset, "--child", str(clip), str(said or "")]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    """Measure, print, write benchmarks/results/memory.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--preset", default="fast", help="name or TOML file")
    parser.add_argument("--minutes", type=float, nargs=2, default=[5, 60])
    parser.add_argument("--recognise", type=float, default=5, help="minutes; 0 leaves that out")
    parser.add_argument("--dry-run", action="store_true", help="write nothing")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        clip, said = options.child
        analyse(options.preset, Path(clip), Path(said) if said else None)
        return
    rows: list[Row] = []
    peaks = []
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        minute = talking_head(folder, CLIP)
        for minutes in options.minutes:
            clip = looped(minute, folder / f"{minutes:g}.mp4", max(1, round(60 * minutes / CLIP)))
            found = measure(options.preset, clip, transcript(folder, 60 * minutes))
            peaks.append(found["peak"])
            speed = f"{found['length'] / 60:.1f} min of video in {found['seconds']:.0f} s"
            rows.append(
                row(
                    f"peak memory, {minutes:g} minutes, transcript given",
                    [found["peak"]],
                    "GB",
                    target=f"under {LIMIT}",
                    note=speed,
                )
            )
        rows.append(
            row(
                f"peak of {options.minutes[1]:g} minutes over that of {options.minutes[0]:g}",
                [peaks[1] / peaks[0]],
                "x",
                target="at most 1.1",
            )
        )
        if options.recognise:
            times = max(1, round(60 * options.recognise / CLIP))
            clip = looped(minute, folder / "recognised.mp4", times)
            found = measure(options.preset, clip, None)
            rows.append(
                row(
                    f"peak memory, {options.recognise:g} minutes with speech-to-text",
                    [found["peak"]],
                    "GB",
                    target=f"under {LIMIT}",
                    note=f"pocketsphinx; {found['seconds']:.0f} s",
                )
            )
    show(rows)
    if not options.dry_run:
        about = f"{source().name}, repeated, 640x360, 25 fps, H.264"
        note = "the long recordings are given a transcript, so nothing is recognised in them"
        print(write("memory", rows, clip=about, preset=options.preset, transcript=note))


if __name__ == "__main__":
    main()
