"""How well faces are found and followed: on scenes with known truth, and on the clips.

    python benchmarks/tracking.py [--scenes 2] [--seed 1] [--dry-run]

A scene pastes people of Labeled Faces in the Wild onto a background and lets them move, cross,
hide, leave and return, be cut from one to the other, blur, tilt and stand in the dark
(`insula.testing.scenes`); half of the backgrounds are frames of a clip without people. The channel
runs as it is, once with each detector, in one run. Scenes of seed 0 were used to choose the numbers
in `channels/face`; the results are of seed 1.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np
from material import DATA, Row, row, show, write

import insula
from insula.channels.face import Face
from insula.channels.face.detectors import DETECTORS
from insula.core.records import Observation
from insula.core.track import Array
from insula.media.speech import speech
from insula.testing import scenes
from insula.testing.tracking import Boxes, TrackingScore, score_tracks

DETECTED_BY = ("mtcnn", "cascade")
# Clips, how many people are in them, and whether a face is in view all the time: looked at.
CLIPS = {
    "WolfgangLanger_Pexels.mp4": (1, True),
    "single_face.mp4": (1, True),
    "talking_head_1.mp4": (1, True),
    "talking_head_2.mp4": (1, True),
    "talking_head_3.mp4": (1, True),
    "face_noface.mov": (1, False),
    "noface_face.mov": (1, False),
    "no_face.mp4": (0, False),
    "multi_face.jpg": (5, True),
}


@contextmanager
def timed(detector: str) -> Iterator[list[float]]:
    """Processor seconds of every frame in which that detector looks for faces meanwhile."""
    kind, taken = DETECTORS[detector], []
    find = kind.find

    def timed_find(self: object, image: Array, near: Array | None = None) -> object:
        start = time.process_time()
        faces = find(self, image, near)  # type: ignore[arg-type]
        taken.append(time.process_time() - start)
        return faces

    kind.find = timed_find  # type: ignore[method-assign, assignment]
    try:
        yield taken
    finally:
        kind.find = find  # type: ignore[method-assign]


def tracks_of(observations: list[Observation], times: Array, size: tuple[int, int]) -> list[Boxes]:
    """For each of these moments person -> box in pixels. size: (H, W)."""
    found: list[dict[str, Array]] = [{} for _ in times]
    scale = np.array([size[1], size[0]] * 2)
    for each in observations:
        track = each.tracks["face"]
        for place, box in zip(
            np.searchsorted(times, track.times - 1e-6), track.values, strict=True
        ):
            found[place][each.person] = box * scale
    return list(found)


def made_scenes(count: int, seed: int) -> Iterator[scenes.Scene]:
    """`count` scenes of each kind."""
    people = scenes.portraits(DATA / "lfw")
    empty = [
        cv2.resize(image, (scenes.WIDTH, scenes.HEIGHT))
        for batch in insula.open(DATA / "clips" / "no_face.mp4").frames(rate=2, longest_side=640)
        for image in batch.images
    ]
    for number, kind in enumerate(scenes.KINDS):
        for again in range(count):
            rng = np.random.default_rng([seed, again, number])
            real = empty[int(rng.integers(len(empty)))]
            yield scenes.make(kind, people, scenes.clutter(rng) if again % 2 else real, rng)


def on_scenes(count: int, seed: int) -> list[Row]:
    """Scores of each detector, over all scenes and for each kind."""
    scores: dict[tuple[str, str], TrackingScore] = {}
    spent: dict[str, list[float]] = {name: [] for name in DETECTED_BY}
    for scene in made_scenes(count, seed):
        recording = insula.from_arrays(scene.kind, frames=scene.images, frame_times=scene.times)
        for name in DETECTED_BY:
            with timed(name) as taken:
                seen = Face(detector=name, rate=scenes.RATE).observe(recording)
            spent[name] += taken
            found = tracks_of(seen, scene.times, scene.images.shape[1:3])
            score = score_tracks(scene.truth, found, scene.unsure)
            for kind in ("all kinds", scene.kind):
                scores[name, kind] = scores.get((name, kind), TrackingScore()) + score
        print(scene.kind, flush=True)
    rows = []
    for (name, kind), score in sorted(scores.items(), key=lambda item: item[0][1] != "all kinds"):
        rows += score_rows(f"{name}, {kind}", score)
    for name in DETECTED_BY:
        rows.append(row(f"{name}, a frame of 640 x 360", [1000 * s for s in spent[name]], "ms"))
    return rows


def score_rows(name: str, score: TrackingScore) -> list[Row]:
    """One score as rows."""
    about = f"{score.faces} faces of {score.people} people, {score.tracks} tracks"
    rows = [row(f"{name}: recall", [score.recall], "", note=about)]
    if "all kinds" in name:
        rows.append(row(f"{name}: precision", [score.precision], "", note=f"{score.false} false"))
        rows.append(row(f"{name}: MOTA", [score.mota], ""))
    rows.append(row(f"{name}: IDF1", [score.idf1], ""))
    rows.append(row(f"{name}: identity switches", [score.switches], ""))
    return rows


def on_clips() -> list[Row]:
    """Share of looks with a face, tracks and people, and whether mouths tell speech, by clip."""
    rows = []
    for clip, (people, always) in CLIPS.items():
        recording = insula.open(DATA / "clips" / clip)
        found = {}
        for name in DETECTED_BY:
            with timed(name) as taken:
                seen = found[name] = Face(detector=name).observe(recording)
            moments = {float(t) for each in seen for t in each.tracks["face"].times}
            rows.append(row(f"{name}, {clip}: tracks", [len(seen)], "", target=f"{people} in it"))
            if always:
                rows.append(
                    row(f"{name}, {clip}: looks with a face", [len(moments) / len(taken)], "")
                )
        mouths = [each.tracks["mouth"] for each in found["mtcnn"]]
        mouths = [each for each in mouths if each.mask.any()]
        if len(mouths) == 1:
            rows += mouth_rows(clip, recording, mouths[0].times, mouths[0])
    return rows


def mouth_rows(
    clip: str, recording: insula.Recording, times: Array, mouth: insula.Track
) -> list[Row]:
    """Motion of the only mouth, and the area under the curve of speech against silence."""
    spans = speech(recording)
    values = mouth.values[mouth.mask, 0]
    speaks = np.array([any(t in span for span in spans) for t in times[mouth.mask]], bool)
    said = f"{speaks.sum()} moments with speech, {(~speaks).sum()} without"
    rows = [row(f"{clip}: motion of the mouth, median", [float(np.median(values))], "", note=said)]
    if min(speaks.sum(), (~speaks).sum()) >= 3:
        above = values[speaks, None] > values[None, ~speaks]
        rows.append(row(f"{clip}: motion tells speech, AUC", [float(above.mean())], ""))
    return rows


def main() -> None:
    """Measure, print, write benchmarks/results/tracking.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--scenes", type=int, default=2, help="scenes of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--dry-run", action="store_true", help="write nothing")
    options = parser.parse_args()
    rows = on_scenes(options.scenes, options.seed) + on_clips()
    show(rows)
    if not options.dry_run:
        about = f"{options.scenes} of each kind, {scenes.SECONDS:g} s at {scenes.RATE:g} frames/s"
        print(write("tracking", rows, scenes=about, seed=options.seed))


if __name__ == "__main__":
    main()
