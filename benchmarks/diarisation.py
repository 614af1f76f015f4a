"""Who speaks when: diarisation error of the `speakers` channel, beside one speaker for all.

    python benchmarks/diarisation.py [--data ../shared/data] [--thresholds 0.2 0.3 0.4] [--dry-run]

Judged by pyannote.metrics on whole recordings, overlapped speech included, without a collar and
with one of 0.25 s on both sides of every boundary of the reference. Writes
benchmarks/results/diarisation.json. What the channel's numbers were chosen on says `chosen on`:
meetings of AMI `dev`, and conversations and monologues put together from clips of the speakers
that the embedding never saw. AMI `test` chose none of them.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import wave
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from material import DATA, RESULTS, conditions
from pyannote.core import Annotation, Segment, Timeline
from pyannote.metrics.diarization import DiarizationErrorRate

import insula
from insula.channels.speakers import PAUSE, Speakers
from insula.core.records import Observation
from insula.core.time import Span, merge_spans
from insula.learn.speaker_bank import READERS, spoken
from insula.media.audio import SAMPLE_RATE
from insula.media.speech import speech

COLLARS = {"no collar": 0.0, "collar 0.25 s": 0.5}  # pyannote counts both sides together
PARTS = ("missed detection", "false alarm", "confusion")
HELD_OUT = 5  # one of so many speakers, the last ones; as in `insula.learn.speaker`
CLIPS_A_TURN = 3
GAP = (-0.6, 1.2)  # seconds from the end of a turn to the next one; below 0 they overlap
TURNS = 12


class Sample(NamedTuple):
    """A recording and who really speaks in it."""

    name: str
    path: Path
    truth: Annotation


def meetings(data: Path, part: str) -> Iterator[Sample]:
    """The meetings of AMI of one part, "development" or "test"."""
    truths: dict[str, Annotation] = {}
    folder = data / "clips/ami"
    for line in (folder / f"debug.{part}.rttm").read_text(encoding="utf-8").splitlines():
        _, name, _, start, length, _, _, speaker, *_ = line.split()
        truth = truths.setdefault(name, Annotation(uri=name))
        turn = Segment(float(start), float(start) + float(length))
        truth[turn, truth.new_track(turn)] = speaker
    for name, truth in sorted(truths.items()):
        yield Sample(name, folder / f"{name}.flac", truth)


def conversations(
    data: Path, folder: Path, people: int, rng: np.random.Generator
) -> Iterator[Sample]:
    """A made-up conversation of so many held-out speakers in each corpus; one is a monologue."""
    for corpus, read in READERS.items():
        clips = read(data / corpus)
        speakers = sorted({clip.groups["speaker"] for clip in clips}, key=int)
        last = speakers[-(len(speakers) // HELD_OUT) :]
        talking = rng.choice(last, people, replace=False)
        audio, truth, end = np.zeros(0, np.float32), Annotation(), 0.5
        before = ""
        for _ in range(TURNS):
            who = str(rng.choice([each for each in talking if each != before] or talking))
            mine = [clip for clip in clips if clip.groups["speaker"] == who]
            picked = rng.integers(0, len(mine), int(rng.integers(1, CLIPS_A_TURN + 1)))
            turn = np.concatenate([spoken(mine[number].audio()) for number in picked])
            turn *= 0.1 / np.sqrt(np.mean(turn**2))
            start = max(0.0, end + (rng.uniform(*GAP) if who != before else rng.uniform(0, GAP[1])))
            first = round(start * SAMPLE_RATE)
            audio = np.pad(audio, (0, max(0, first + len(turn) - len(audio))))
            audio[first : first + len(turn)] += turn
            end = start + len(turn) / SAMPLE_RATE
            truth[Segment(start, end), truth.new_track(Segment(start, end))] = who
            before = who
        audio += rng.normal(0, 1e-3, len(audio)).astype(np.float32)
        name = f"{corpus}, {people} speaker{'s' if people > 1 else ''}"
        yield Sample(name, _written(folder / f"{corpus}-{people}.wav", audio), truth)


def _written(path: Path, audio: np.ndarray) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((np.clip(audio, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def turns(observations: Sequence[Observation]) -> Annotation:
    """What the channel says, for pyannote."""
    said = Annotation()
    for each in observations:
        for mark in each.marks:
            if mark.kind == "turn":
                turn = Segment(mark.span.start, mark.span.end)
                said[turn, said.new_track(turn)] = each.person
    return said


def one_speaker(spans: Sequence[Span]) -> Annotation:
    """The baseline: whatever is spoken, one person says it; the same pauses belong to turns."""
    said = Annotation()
    for span in merge_spans(spans, gap=PAUSE):
        said[Segment(span.start, span.end)] = "someone"
    return said


def judge(samples: Sequence[Sample], channel: Speakers) -> dict[str, object]:
    """Error rates by file and in all, of the channel and of the baseline, for both collars."""
    heard = [insula.open(sample.path) for sample in samples]
    answers = {
        "speakers": [turns(channel.observe(recording)) for recording in heard],
        "one speaker": [one_speaker(speech(recording)) for recording in heard],
    }
    result: dict[str, object] = {
        "files": {
            sample.name: {
                "seconds": round(recording.span.duration, 1),
                "speakers": len(sample.truth.labels()),
                "speakers found": len(found.labels()),
            }
            for sample, recording, found in zip(samples, heard, answers["speakers"], strict=True)
        }
    }
    for title, collar in COLLARS.items():
        for who, found in answers.items():
            metric = DiarizationErrorRate(collar=collar)
            by_file = {}
            for sample, recording, said in zip(samples, heard, found, strict=True):
                whole = Timeline([Segment(recording.span.start, recording.span.end)])
                by_file[sample.name] = _rates(metric(sample.truth, said, uem=whole, detailed=True))
            total = dict(metric[:])
            result[f"{who}, {title}"] = {"total": _rates(total), **by_file}
    return result


def _rates(parts: dict[str, float]) -> dict[str, float]:
    """The error rate and its parts, as shares of the reference's speech."""
    total = parts["total"] or 1.0
    rates = {name: round(parts[name] / total, 4) for name in PARTS}
    return {"error rate": round(sum(parts[name] for name in PARTS) / total, 4), **rates}


def main() -> None:
    """Judge, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--thresholds", type=float, nargs="*", default=[], help="compare these")
    parser.add_argument("--dry-run", action="store_true", help="write nothing")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rng = np.random.default_rng(0)
        made = [
            sample
            for people in (1, 2, 3, 4)
            for sample in conversations(options.data, Path(folder), people, rng)
        ]
        sets = {
            "AMI dev": list(meetings(options.data, "development")),
            "made up, 1 speaker": made[:3],
            "made up, 2 to 4 speakers": made[3:],
        }
        for threshold in options.thresholds:
            for name, samples in sets.items():
                _show(f"{threshold:g} {name}", judge(samples, Speakers(threshold=threshold)))
        if options.thresholds:
            return
        sets["AMI test"] = list(meetings(options.data, "test"))
        results = {name: judge(samples, Speakers()) for name, samples in sets.items()}
    for name, result in results.items():
        _show(name, result)
    document = {
        "benchmark": "diarisation",
        **conditions(),
        "channel": Speakers().config(),
        "chosen on": ["AMI dev", "made up, 1 speaker", "made up, 2 to 4 speakers"],
        "results": results,
    }
    if not options.dry_run:
        text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
        (RESULTS / "diarisation.json").write_text(text, encoding="utf-8")


def _show(name: str, result: dict[str, object]) -> None:
    for key, rates in result.items():
        if key != "files":
            print(f"{name:>26}  {key:<26} {rates['total']}")  # type: ignore[index]
    print(f"{name:>26}  {result['files']}")


if __name__ == "__main__":
    main()
