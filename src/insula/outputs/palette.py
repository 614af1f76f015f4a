"""One colour a label, the same in every picture.

The labels of ekman8 stay apart for colour-blind eyes (a test simulates three kinds after Machado,
Oliveira and Fernandes 2009). Finer labels take the colour of the emotion they belong to. A colour
never stands alone: wherever it is used the label is written beside it or on it.
"""

from __future__ import annotations

import numpy as np

from insula.core.space import GOEMOTIONS, bridge

COLOURS = {
    "anger": "#d84e1c",
    "disgust": "#3f6b3a",
    "fear": "#7434b0",
    "happiness": "#f5c02a",
    "sadness": "#5a8fe8",
    "surprise": "#4cc6f2",
    "neutral": "#b9bec6",
    "contempt": "#b75f9c",
    "calm": "#d3ddcf",
    "joy": "#f5c02a",
    "anticipation": "#ee8a3b",
    "trust": "#84c29a",
}
BLACK, WHITE = "#000000", "#ffffff"
UNKNOWN = "#8a8f98"

# Channels are told apart by name and position; these only tint them, apart from the emotions.
CHANNEL_COLOURS = ("#5b7c99", "#9a8866", "#7d6b91", "#6f8f83", "#99707a")


def _families() -> dict[str, str]:
    """Each GoEmotions label and the ekman7 label it goes to."""
    way = bridge("goemotions", "ekman7")
    return {
        label: way.target.labels[int(np.argmax(way.matrix[row]))]
        for row, label in enumerate(GOEMOTIONS.labels)
    }


_FAMILIES = _families()


def colour(label: str) -> str:
    """The colour of a label as "#rrggbb"."""
    return COLOURS.get(label) or COLOURS.get(_FAMILIES.get(label, ""), UNKNOWN)


def luminance(shade: str) -> float:
    """Relative luminance of "#rrggbb" in [0, 1], WCAG 2.2."""
    channels = np.array([int(shade[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def ink(label: str) -> str:
    """Black or white, whichever reads better on the label's colour."""
    # At 0.179 black and white have the same contrast ratio, (L + 0.05)^2 = 1.05 x 0.05.
    return WHITE if luminance(colour(label)) < 0.179 else BLACK
