"""The colours: told apart by every kind of eye, and readable with writing on them."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from insula.core.space import EKMAN8, GOEMOTIONS, PLUTCHIK8, RAVDESS8
from insula.outputs.palette import COLOURS, UNKNOWN, colour, ink, luminance

# Complete colour blindness of three kinds in linear RGB: Machado, Oliveira and Fernandes (2009), A
# physiologically-based model for simulation of color vision deficiency, IEEE TVCG 15, table 1.
EYES = {
    "typical": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
# CIE 1976 colour difference; 2.3 is just noticeable side by side, far more is needed apart.
LEAST_DIFFERENCE = 18


def linear(shade: str) -> np.ndarray:
    values = np.array([int(shade[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    to_xyz = [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
    xyz = np.array(to_xyz) @ np.clip(rgb, 0, 1) / [0.95047, 1.0, 1.08883]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize(("one", "other"), list(combinations(EKMAN8.labels, 2)))
def test_emotions_look_different(eye: str, one: str, other: str) -> None:
    seen = [lab(np.array(EYES[eye]) @ linear(colour(label))) for label in (one, other)]
    assert np.linalg.norm(seen[0] - seen[1]) > LEAST_DIFFERENCE


@pytest.mark.parametrize("space", [EKMAN8, RAVDESS8, GOEMOTIONS, PLUTCHIK8])
def test_every_label_has_a_colour(space) -> None:
    assert UNKNOWN not in {colour(label) for label in space.labels}


def test_finer_labels_take_the_colour_of_their_emotion() -> None:
    assert colour("annoyance") == colour("anger")
    assert colour("pride") == colour("happiness")
    assert colour("no such label") == UNKNOWN


@pytest.mark.parametrize("label", COLOURS)
def test_writing_on_a_colour_is_readable(label: str) -> None:
    light, dark = sorted([luminance(colour(label)), luminance(ink(label))], reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5  # WCAG 2.2, level AA
