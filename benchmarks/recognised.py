"""What recognition costs the words: comments written, misheard on purpose, and spoken and heard.

    python benchmarks/recognised.py [--data ../shared/data] [--comments 400]

Comments of GoEmotions dev are spoken by three synthetic voices of flite (`apt install flite`) and
recognised by the bundled speech-to-text; the words channel then judges what was written, the same
with as many errors made up by `insula.learn.misheard`, and what was heard. Writes
benchmarks/results/recognised.json. 400 comments take about five minutes.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from material import DATA, row, show, write

import insula
from insula.channels.words import Words
from insula.channels.words.sphinx import listen
from insula.core.space import EKMAN7, GOEMOTIONS, bridge
from insula.corpora.goemotions import read_part
from insula.learn.metrics import word_error_rate
from insula.learn.misheard import mishear, spoken_words
from insula.learn.words_report import f1
from insula.zoo.card import find_card

WORDS = (5, 20)  # of a comment that is spoken, at least and at most
VOICES = ("awb", "rms", "slt")  # in turn
SEED = 0


def main() -> None:
    """Choose, speak, hear, judge, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--comments", type=int, default=400)
    arguments = parser.parse_args()
    rng = np.random.default_rng(SEED)
    comments = read_part(arguments.data / "text/goemotions", "dev")
    fit = [
        number
        for number, text in enumerate(comments.texts)
        if WORDS[0] <= len(spoken_words(text)) <= WORDS[1] and "[" not in text  # "[NAME]"
    ]
    chosen = rng.choice(fit, arguments.comments, replace=False)
    written = [comments.texts[number] for number in chosen]
    truth = comments.values[chosen] @ bridge(GOEMOTIONS, EKMAN7).matrix > 0
    heard = [spoken_and_heard(text, VOICES[n % len(VOICES)]) for n, text in enumerate(written)]
    rate = word_error_rate(written, heard)
    bare = [" ".join(spoken_words(text)) for text in written]
    made_up = [mishear(text, error_rate=min(rate, 1.0), rng=rng) for text in written]
    note = f"macro F1 of Ekman's groups; {len(chosen)} comments of GoEmotions dev; synthetic voices"
    rows = [row("word error rate of what was heard", [rate], "", note=note)]
    for name, texts in (
        ("as written", written),
        ("without case and punctuation", bare),
        ("as many errors made up", made_up),
        ("spoken and heard", heard),
    ):
        rows.append(row(f"macro F1, {name}", [judged(texts, truth)], "", note=note))
    show(rows)
    print(write("recognised", rows))


def spoken_and_heard(text: str, voice: str) -> str:
    """The text as the recogniser hears it from a synthetic voice; maybe nothing."""
    with tempfile.TemporaryDirectory() as folder:
        wave = Path(folder) / "said.wav"
        subprocess.run(["flite", "-voice", voice, "-o", wave, "-t", text], check=True)
        recording = insula.open(wave)
        return " ".join(mark.text for mark in listen(recording, [recording.span]))


def judged(texts: Sequence[str], truth: np.ndarray) -> float:
    """Mean F1 of the words channel over the labels, with the thresholds of its card."""
    words = Words()
    thresholds = np.array(find_card(words.model).thresholds["ekman7"])
    said = words.score([text or "." for text in texts])["ekman7"] >= thresholds
    return float(f1(said, truth).mean())


if __name__ == "__main__":
    main()
