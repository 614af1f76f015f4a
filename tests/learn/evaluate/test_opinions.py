"""Whoever is asked, answers come a row an example, the main space first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from insula.channels.sounds import Sounds
from insula.channels.voice import Voice
from insula.channels.words import Words
from insula.core.records import Recording
from insula.core.space import EKMAN7, EKMAN8, GOEMOTIONS, RAVDESS8, VA
from insula.core.time import Mark, Span
from insula.learn.evaluate.opinions import channel_opinions
from insula.media.recording import from_arrays
from insula.testing.synthetic import noise
from insula.zoo.session import Model


def written(text: str, language: str) -> Recording:
    return from_arrays(text, text=[Mark(Span(0, 1), "sentence", text, language=language)])


def test_sentences_go_in_one_batch_a_language(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def score(self: Words, texts: Sequence[str], language: str) -> Mapping[str, np.ndarray]:
        asked.append((language, list(texts)))
        lengths = np.array([[len(text)] for text in texts], float)
        return {
            "embedding": lengths,
            "goemotions": lengths * np.ones(28),
            "ekman7": -lengths * np.ones(7),
        }

    monkeypatch.setattr(Words, "score", score)
    ask = channel_opinions("words", "", "recording")
    opinions = ask([written("one", "en"), written("три", "ru"), written("seven", "en")])
    assert asked == [("en", ["one", "seven"]), ("ru", ["три"])]
    assert [list(each) for each in opinions] == [[EKMAN7, GOEMOTIONS]] * 3
    assert [each[GOEMOTIONS][0] for each in opinions] == [3, 3, 5]


def test_a_clip_without_speech_is_judged_as_a_whole() -> None:
    sound = 0.3 * noise(1.0, np.random.default_rng(0))
    ask = channel_opinions("voice", "", "recording")
    recording = from_arrays("hiss", audio=sound)
    assert not Voice().observe(recording)
    [opinion] = ask([recording])
    assert opinion[RAVDESS8] == pytest.approx(Voice().score([sound])["probabilities"][0])
    assert opinion[RAVDESS8].sum() == pytest.approx(1, abs=1e-3)
    assert list(opinion) == [RAVDESS8, VA]


def test_sounds_answer_in_the_labels_of_their_card() -> None:
    clips = [0.3 * noise(1.0, np.random.default_rng(seed)) for seed in range(2)]
    opinions = channel_opinions("sounds", "", "recording")(
        [from_arrays("hiss", audio=clip) for clip in clips]
    )
    expected = Sounds().score(clips)["probabilities"]
    for opinion, row in zip(opinions, expected, strict=True):
        [(space, said)] = opinion.items()
        assert space.labels == Model.shared("sounds-esc10").card.labels
        assert said == pytest.approx(row)


def test_faces_that_are_cut_out_are_not_searched_for() -> None:
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (1, 48, 48, 3), dtype=np.uint8) for _ in range(3)]
    recordings = [from_arrays("face", frames=p, frame_times=np.zeros(1)) for p in pictures]
    crops = channel_opinions("face", "", "face")(recordings)
    assert [next(iter(each)) for each in crops] == [EKMAN8] * 3
    black = from_arrays("none", frames=np.zeros_like(pictures[0]), frame_times=np.zeros(1))
    assert channel_opinions("face", "", "recording")([black]) == [{}]
