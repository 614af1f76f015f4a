"""Make examples/demo.mp4: eight seconds of one face and two spoken sentences, with known times.

    python examples/make_demo.py        needs scikit-image, and espeak-ng on the system

The face is the public-domain NASA portrait of the astronaut Eileen Collins that scikit-image ships
as sample data, slowly moved, zoomed and lit. The voice is espeak-ng, so who speaks never lived,
and the clip says nothing about the person in the picture.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import cv2
import numpy as np
import skimage.data

import insula
from insula.testing.synthetic import SAMPLE_RATE, silence, write_video

SECONDS = 8.0
SIZE = (640, 360)  # pixels
# Second at which each sentence begins.
SPOKEN = {
    0.6: "I am so happy to see you. This is wonderful news!",
    4.9: "But I feel sad and lonely when you leave.",
}
VOICE = ["-v", "en-us", "-s", "165", "-a", "120"]  # words a minute, loudness
FACE = (225.0, 128.0)  # middle of the picture in the portrait, pixels
WIDTH = 330.0  # pixels of the portrait that fill the width
# Small, and slow to write; a key frame every two seconds.
ENCODING = {"preset": "veryslow", "crf": "27", "g": "50"}


def picture(second: float, width: int, height: int) -> np.ndarray:
    """The portrait at one moment: the head sways, the camera breathes, a light wanders."""
    turn = 2 * np.pi * second / SECONDS
    zoom = width / (WIDTH * (1 + 0.08 * np.cos(turn)))
    place = cv2.getRotationMatrix2D(FACE, 3.0 * np.sin(turn), zoom)
    place[:, 2] += (width / 2 - FACE[0], height / 2 - FACE[1])
    place[:, 2] += (30 * np.sin(turn), 6 * np.sin(2 * turn))
    portrait = skimage.data.astronaut()
    frame = cv2.warpAffine(
        portrait, place, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )
    side = np.linspace(-1, 1, width)[None, :, None]
    light = 0.95 + 0.1 * np.cos(turn) + 0.12 * np.sin(turn) * side
    return np.clip(frame * light, 0, 255).astype(np.uint8)


def voice(text: str) -> np.ndarray:
    """The sentence spoken by espeak-ng. (N,) float32 at 16 kHz."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "voice.wav"
        subprocess.run(["espeak-ng", *VOICE, "-w", str(path), text], check=True)
        return insula.open(path).audio()


def main() -> None:
    """Write the clip beside this script."""
    audio = silence(SECONDS)
    for second, text in SPOKEN.items():
        spoken = voice(text)
        first = round(second * SAMPLE_RATE)
        print(f"{second:.1f} to {second + len(spoken) / SAMPLE_RATE:.1f} s: {text}")
        audio[first : first + len(spoken)] += spoken
    path = Path(__file__).with_name("demo.mp4")
    write_video(path, seconds=SECONDS, size=SIZE, picture=picture, audio=audio, encoding=ENCODING)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
