"""Which way a head is turned, from five points: a generic head is laid over them (solvePnP).

Angles in degrees, all zero for a face that looks into the camera. yaw > 0: turned towards the right
edge of the picture. pitch > 0: looking up. roll > 0: tilted clockwise in the picture.
"""

from __future__ import annotations

import cv2
import numpy as np

from insula.core.track import Array

ANGLES = ("yaw", "pitch", "roll")
# The five points of `faces.POINTS` in millimetres: right in the picture, down, away from the
# camera, from the middle of the eyes. Across and down as the mean of 497 portraits of Labeled Faces
# in the Wild has them, at 63 mm between the pupils (Dodgson 2004); the depths are those with which
# the turned heads among them fit best (5.4 mm off in the mean).
HEAD = np.array([[-31.5, 0, 0], [31.5, 0, 0], [0, 37, -28], [-27, 69, 4], [27, 69, 4]], np.float64)
SPREAD = float(np.linalg.norm(HEAD[:, :2] - HEAD[:, :2].mean(axis=0)))  # millimetres
FOCAL = 1.0  # focal length in longer sides of the frame, 53 degrees from edge to edge; films vary


def head_pose(points: Array, frame: tuple[int, int]) -> Array:
    """Yaw, pitch and roll of each head, (K, 3) degrees. points: (K, 5, 2); frame: (H, W)."""
    height, width = frame
    focal = FOCAL * max(frame)
    camera = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
    angles = [_angles(_rotation(face.astype(np.float64), camera)) for face in points]
    return np.array(angles).reshape(-1, 3)


def away_from_camera(angles: Array) -> Array:
    """Degrees between where each head faces and the camera, (K,). angles: as from `head_pose`."""
    yaw, pitch = np.radians(angles[:, 0]), np.radians(angles[:, 1])
    away: Array = np.degrees(np.arccos(np.clip(np.cos(yaw) * np.cos(pitch), -1, 1)))
    return away


def _rotation(face: Array, camera: Array) -> Array:
    """The rotation (3, 3) of the generic head that fits best, from a frontal one as first guess."""
    across, down = face[1] - face[0]
    distance = camera[0, 0] * SPREAD / max(float(np.linalg.norm(face - face.mean(axis=0))), 1e-6)
    middle = (face[:2].mean(axis=0) - camera[:2, 2]) * distance / camera[0, 0]
    turn = np.array([0.0, 0.0, np.arctan2(down, across)])
    place = np.array([*middle, distance])
    _, turn, _ = cv2.solvePnP(HEAD, face, camera, None, turn, place, useExtrinsicGuess=True)
    rotation: Array = cv2.Rodrigues(turn)[0]
    return rotation


def _angles(rotation: Array) -> tuple[float, float, float]:
    """Of a rotation put together as roll after yaw after pitch, in degrees."""
    yaw = np.arcsin(np.clip(rotation[2, 0], -1, 1))
    pitch = -np.arctan2(rotation[2, 1], rotation[2, 2])
    roll = np.arctan2(rotation[1, 0], rotation[0, 0])
    return tuple(float(np.degrees(angle)) for angle in (yaw, pitch, roll))  # type: ignore[return-value]
