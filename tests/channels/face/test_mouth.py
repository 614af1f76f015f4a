"""Motion of the mouth: nothing at rest, nothing for a moving head, something for moving lips."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from insula.channels.face.mouth import SIDE, UPRIGHT, face_at, mouth_motion, upright
from insula.core.track import Array

# The five points of a face of 150 pixels in a frame of 320 x 240.
POINTS = np.array([[148, 88], [202, 88], [175, 121], [152, 148], [198, 148]], np.float64)
BOX = np.array([100.0, 30.0, 150.0, 150.0])


def face(shift: tuple[float, float] = (0, 0), scale: float = 1.0, lips: float = 4.0) -> Array:
    """A drawn face: brows, eyes, nose, cheeks with texture, lips open by that many pixels."""
    rng = np.random.default_rng(3)
    skin = cv2.GaussianBlur(rng.normal(0, 60, (240, 320)).astype(np.float32), (0, 0), 4) + 150
    image = np.repeat(skin[..., None], 3, axis=2)
    for x in (148, 202):
        cv2.circle(image, (x, 88), 9, (40, 40, 40), -1)
        cv2.line(image, (x - 14, 72), (x + 14, 72), (60, 60, 60), 4)
    cv2.line(image, (175, 95), (175, 121), (110, 110, 110), 5)
    cv2.ellipse(image, (175, 148), (23, round(4 + lips)), 0, 0, 360, (70, 50, 50), -1)
    image = cv2.GaussianBlur(np.clip(image, 0, 255).astype(np.uint8), (0, 0), 1)
    matrix = cv2.getRotationMatrix2D((175, 110), 0, scale) + np.array(
        [[0, 0, shift[0]], [0, 0, shift[1]]]
    )
    return cv2.warpAffine(image, matrix, (320, 240), borderMode=cv2.BORDER_REFLECT)


def grey(image: Array) -> Array:
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


def motion(one: Array, other: Array) -> float:
    matrix = upright(POINTS, BOX)
    return mouth_motion(face_at(grey(one), matrix), face_at(grey(other), matrix))


def test_a_still_picture_does_not_move() -> None:
    assert motion(face(), face()) == 0.0


def test_lips_that_open_move_and_the_more_the_more() -> None:
    little, much = motion(face(lips=4), face(lips=7)), motion(face(lips=4), face(lips=14))
    assert 0.02 < little < much


@pytest.mark.parametrize(
    "moved", [{"shift": (3, 0)}, {"shift": (0, 3)}, {"shift": (2, -2)}, {"scale": 1.03}]
)
def test_a_moving_head_with_still_lips_hardly_counts(moved: dict) -> None:
    assert motion(face(), face(**moved)) < 0.2 * motion(face(lips=4), face(lips=10))


def test_lips_count_while_the_head_moves() -> None:
    assert motion(face(lips=4), face(shift=(3, 1), lips=10)) > 0.5 * motion(
        face(lips=4), face(lips=10)
    )


def test_a_change_of_light_hardly_counts() -> None:
    darker = (face() * 0.9).astype(np.uint8)
    assert motion(face(), darker) < 0.2 * motion(face(lips=4), face(lips=10))


def test_points_of_any_size_and_tilt_come_to_their_places() -> None:
    angle = np.radians(30)
    turn = 2.5 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = upright(UPRIGHT @ turn.T * 40 + [90, 70], BOX)
    placed = (UPRIGHT @ turn.T * 40 + [90, 70]) @ matrix[:, :2].T + matrix[:, 2]
    assert placed == pytest.approx(UPRIGHT * SIDE, abs=1e-6)


def test_without_points_the_box_is_the_face() -> None:
    matrix = upright(None, BOX)
    corner = matrix @ [BOX[0] + BOX[2], BOX[1] + BOX[3], 1]
    assert corner == pytest.approx((SIDE, SIDE))
