"""How fast: real-time factors, the pipeline's own overhead, start-up.

    python benchmarks/speed.py [--preset fast] [--seconds 60] [--runs 3] [--dry-run]

The clip is a talking head with speech, 640 x 360 at 25 frames a second. A real-time factor is the
time an analysis takes over the length of the clip; every factor is also given as a multiple of the
time that decoding alone takes in the same run, which hardly depends on the machine. The pipeline's
own overhead is its time over that of decoding alone plus that of the very same calls of the models
on data kept from an earlier run, one after the other; the pipeline itself runs channels side by
side, so its wall time gains from a second core while its processor time does not.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from material import Row, row, show, source, talking_head, transcript, write

import insula
from insula.channels.face.mtcnn import MtcnnDetector
from insula.channels.words import sphinx
from insula.media import speech
from insula.media.video import VideoFile
from insula.zoo.session import Model

IMPORTS, COLD_STARTS, OVERHEADS = 9, 3, 7  # runs
CHANNELS = ("face", "voice", "words", "sounds")


def seconds_of(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and processor seconds of one call."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def analyse(pipeline: insula.Pipeline, clip: Path, said: Path | None) -> None:
    """One analysis; a channel that fails takes no time, so its failure ends the benchmark."""
    analysis = pipeline(insula.open(clip, transcript=said))
    failed = {name: report.reason for name, report in analysis.channels.items() if report.failed}
    if failed:
        raise SystemExit(f"nothing is measured, since channels failed: {failed}")


def repeated(work: Callable[[], object], runs: int) -> list[tuple[float, float]]:
    """Wall and processor seconds of several calls."""
    return [seconds_of(work) for _ in range(runs)]


def only(pipeline: insula.Pipeline, *channels: str) -> insula.Pipeline:
    """The same pipeline with these channels only."""
    config = pipeline.config()
    config["channels"] = {name: config["channels"][name] for name in channels}  # type: ignore[index]
    return insula.Pipeline.from_config(config)


def decode(clip: Path) -> None:
    """Every frame of the video and every sample of the sound, with nothing made of them."""
    recording = insula.open(clip)
    video = recording._video  # type: ignore[attr-defined]
    assert isinstance(video, VideoFile)
    for _ in video.shots(recording.span):
        pass
    recording.audio()


class Recorded:
    """Stands for a model: passes calls on and keeps them, to be repeated later."""

    def __init__(self, target: object, calls: list[Callable[[], object]]) -> None:
        self._target, self._calls = target, calls

    def __getattr__(self, name: str) -> Callable[..., object]:
        method = getattr(self._target, name)

        def call(*arguments: object, **named: object) -> object:
            self._calls.append(lambda: method(*arguments, **named))
            return method(*arguments, **named)

        return call


@contextmanager
def recording_calls() -> Iterator[list[Callable[[], object]]]:
    """Every call of an ONNX model, the face detector and pocketsphinx made meanwhile."""
    calls: list[Callable[[], object]] = []
    run, start = Model.run, MtcnnDetector.__init__
    session, decoder = speech._session, sphinx._decoder

    def kept_run(self: Model, **inputs: object) -> object:
        calls.append(lambda: run(self, **inputs))  # type: ignore[arg-type]
        return run(self, **inputs)  # type: ignore[arg-type]

    def kept_start(self: MtcnnDetector) -> None:
        start(self)
        self._p, self._r, self._o = (Recorded(net, calls) for net in (self._p, self._r, self._o))

    Model.run = kept_run  # type: ignore[assignment]
    MtcnnDetector.__init__ = kept_start  # type: ignore[method-assign]
    speech._session = lambda: Recorded(session(), calls)  # type: ignore[assignment]
    sphinx._decoder = lambda: Recorded(decoder(), calls)  # type: ignore[assignment]
    try:
        yield calls
    finally:
        Model.run = run  # type: ignore[method-assign]
        MtcnnDetector.__init__ = start  # type: ignore[method-assign]
        speech._session, sphinx._decoder = session, decoder


def overhead(
    name: str, pipeline: insula.Pipeline, clip: Path, said: Path | None, runs: int
) -> list[Row]:
    """The pipeline against decoding plus model calls, in wall and in processor time."""
    with recording_calls() as calls:
        analyse(pipeline, clip, said)
    decoding, models, whole = [], [], []
    for _ in range(runs):  # one after the other, so that a busy machine disturbs all three
        decoding.append(seconds_of(lambda: decode(clip)))
        models.append(seconds_of(lambda: [call() for call in calls]))
        whole.append(seconds_of(lambda: analyse(pipeline, clip, said)))
    return [
        row(
            f"{name}: {kind} time over decoding + models alone",
            [
                all_of_it[axis] / (alone[axis] + decoded[axis])
                for all_of_it, alone, decoded in zip(whole, models, decoding, strict=True)
            ],
            "x",
            target="at most 1.3",
            note=f"{len(calls)} calls of models; they alone {models[0][axis]:.2f} s of {kind} time",
        )
        for axis, kind in enumerate(("wall", "processor"))
    ]


def real_time_factors(
    whole: insula.Pipeline, clip: Path, said: Path, seconds: float, runs: int, decoding: float
) -> list[Row]:
    """Of each channel alone and of all together, without and with speech-to-text."""
    cases: list[tuple[str, tuple[str, ...], Path | None, str]] = [
        ("face", ("face",), said, ""),
        ("voice", ("voice",), said, ""),
        ("sounds", ("sounds",), said, ""),
        ("words, transcript given", ("words",), said, ""),
        ("all but speech-to-text", CHANNELS, said, "at most 0.2"),
        ("words with speech-to-text (pocketsphinx)", ("words",), None, ""),
        ("all with speech-to-text (pocketsphinx)", CHANNELS, None, ""),
    ]
    rows = []
    for name, channels, text, target in cases:
        pipeline = only(whole, *channels)
        taken = [
            wall
            for wall, _ in repeated(
                lambda pipeline=pipeline, text=text: analyse(pipeline, clip, text),
                runs,
            )
        ]
        multiple = median(taken) / decoding
        rows.append(
            row(
                f"real-time factor, {name}",
                [wall / seconds for wall in taken],
                "x",
                target=target,
                note=f"{multiple:.2f} times the time of decoding alone",
            )
        )
    return rows


def start_up(folder: Path, preset: str) -> list[Row]:
    """`import insula`, and the first answer on a clip of five seconds, each in a fresh process."""
    timed = (
        "import time; start = time.perf_counter(); import insula; "
        "print(1000 * (time.perf_counter() - start))"
    )
    imports = [
        float(subprocess.run([sys.executable, "-c", timed], capture_output=True, check=True).stdout)
        for _ in range(IMPORTS)
    ]
    clip = talking_head(folder, 5)
    command = [sys.executable, "-m", "insula.apps.cli", "analyze", str(clip)]
    command += ["--quiet", "--preset", preset]
    cold = [seconds_of(lambda: subprocess.run(command, check=True))[0] for _ in range(COLD_STARTS)]
    return [
        row("import insula", imports, "ms", target="under 100"),
        row(
            "first answer on a clip of 5 s, cold",
            cold,
            "s",
            target="under 6",
            note="the whole command, interpreter and speech-to-text included",
        ),
    ]


def main() -> None:
    """Measure, print, write benchmarks/results/speed.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--preset", default="fast", help="name or TOML file")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the clip")
    parser.add_argument("--runs", type=int, default=3, help="runs a number")
    parser.add_argument("--dry-run", action="store_true", help="write nothing")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        pipeline = insula.Pipeline.load(options.preset)
        rows = start_up(folder, options.preset)
        clip = talking_head(folder, options.seconds)
        said = transcript(folder, options.seconds)
        analyse(pipeline, clip, said)  # loads every model
        decoding = repeated(lambda: decode(clip), options.runs)
        walls = [wall for wall, _ in decoding]
        rows.append(
            row("decoding alone, real-time factor", [w / options.seconds for w in walls], "x")
        )
        rows += real_time_factors(
            pipeline, clip, said, options.seconds, options.runs, median(walls)
        )
        rows += overhead("transcript given", pipeline, clip, said, OVERHEADS)
        rows += overhead("with speech-to-text", pipeline, clip, None, 1)
    show(rows)
    if not options.dry_run:
        about = f"{source().name}, repeated, 640x360, 25 fps, H.264, {options.seconds:g} s"
        print(write("speed", rows, clip=about, preset=options.preset))


if __name__ == "__main__":
    main()
