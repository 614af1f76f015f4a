"""Who speaks when: clustering by hand, and turns on tones that a made-up network tells apart."""

from __future__ import annotations

import itertools
import wave
from pathlib import Path

import numpy as np
import pytest

from insula.channels import speakers
from insula.channels.speakers import Speakers, clustering
from insula.channels.speakers.clustering import cluster, likeliest
from insula.core.records import Observation
from insula.core.time import Span
from insula.media import recording
from insula.media.audio import SAMPLE_RATE

LOW, HIGH = 300.0, 3000.0  # Hz


def voices(*counts: int, spread: float = 0.2) -> np.ndarray:
    """Embeddings around one direction a speaker, so many of each."""
    rng = np.random.default_rng(0)
    centres = np.repeat(np.eye(8)[: len(counts)], counts, axis=0)
    noisy = centres + rng.normal(0, spread, centres.shape)
    return noisy / np.linalg.norm(noisy, axis=1, keepdims=True)


def test_clusters_are_the_speakers_the_one_heard_most_first() -> None:
    assert cluster(voices(3, 9, 6), 0.4).tolist() == [2] * 3 + [0] * 9 + [1] * 6
    assert cluster(voices(5), 0.4).tolist() == [0] * 5
    assert cluster(voices(1), 0.4).tolist() == [0]


def test_a_threshold_out_of_reach_joins_nobody_or_everybody() -> None:
    assert len(set(cluster(voices(2, 2), 1.1))) == 4
    assert len(set(cluster(voices(2, 2), -1.1))) == 1


def test_a_long_recording_is_clustered_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    mixed = voices(30, 20, 10)[np.random.default_rng(1).permutation(60)]
    at_once = cluster(mixed, 0.4)
    monkeypatch.setattr(clustering, "BLOCK", 16)
    assert cluster(mixed, 0.4).tolist() == at_once.tolist()


def test_the_likeliest_sequence_is_the_best_of_all() -> None:
    rng = np.random.default_rng(0)
    likeness, change = rng.normal(size=(6, 3)), 0.7

    def worth(path: tuple[int, ...]) -> float:
        changes = sum(one != other for one, other in itertools.pairwise(path))
        return float(likeness[np.arange(6), list(path)].sum() - change * changes)

    best = max(itertools.product(range(3), repeat=6), key=worth)
    assert tuple(likeliest(likeness, change)) == best
    assert len(set(likeliest(likeness, 100.0))) == 1


class ByPitch:
    """A network that knows low tones from high ones, and hears overlap where both are."""

    @classmethod
    def shared(cls, which: str) -> type[ByPitch]:
        return cls

    @staticmethod
    def run(log_mel: np.ndarray) -> dict[str, np.ndarray]:
        low, high = log_mel[:, :, :20].max(axis=2), log_mel[:, :, 40:].max(axis=2)
        leans = np.tanh((low - high).mean(axis=1))
        embedding = np.stack([1 + leans, 1 - leans], axis=1)
        both = (np.minimum(low, high) > -8).astype(np.float32)
        return {
            "embedding": embedding / np.linalg.norm(embedding, axis=1, keepdims=True),
            "overlap": both[:, ::2],
        }


def observe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tones: list[tuple[Span, float]]
) -> list[Observation]:
    """What the channel says of ten seconds with these tones, all of which count as speech."""
    time = np.arange(10 * SAMPLE_RATE) / SAMPLE_RATE
    audio = 1e-4 * np.random.default_rng(0).normal(size=len(time))
    for span, pitch in tones:
        inside = (time >= span.start) & (time < span.end)
        audio += 0.2 * np.sin(2 * np.pi * pitch * time) * inside
    path = tmp_path / "tones.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((audio * 32767).astype("<i2").tobytes())
    spoken = speakers.merge_spans(span for span, _ in tones)
    monkeypatch.setattr(speakers, "speech", lambda heard: spoken)
    monkeypatch.setattr(speakers, "Model", ByPitch)
    return Speakers(threshold=0.5).observe(recording.open(path))


def turns(observations: list[Observation]) -> dict[str, list[tuple[float, float]]]:
    return {
        each.person: [(round(mark.span.start, 1), round(mark.span.end, 1)) for mark in each.marks]
        for each in observations
    }


def test_two_in_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tones = [(Span(0, 3), HIGH), (Span(3, 6), LOW), (Span(7.5, 9.5), HIGH)]
    found = turns(observe(tmp_path, monkeypatch, tones))
    (first, again), (between,) = found["speaker-0"], found["speaker-1"]
    assert set(found) == {"speaker-0", "speaker-1"}
    assert first[0] == 0 and abs(first[1] - 3) < 0.5
    assert abs(between[0] - 3) < 0.5 and between[1] == 6
    assert again == (7.5, 9.5)


def test_one_who_pauses_is_one_speaker_with_one_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tones = [(Span(0, 2), LOW), (Span(2.5, 2.8), LOW), (Span(3.5, 6), LOW)]
    assert turns(observe(tmp_path, monkeypatch, tones)) == {"speaker-0": [(0.0, 6.0)]}


def test_two_at_once_are_marked_and_both_speak(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tones = [(Span(0, 5), HIGH), (Span(4, 9), LOW)]
    found = turns(observe(tmp_path, monkeypatch, tones))
    ((start, end),) = found[""]
    assert abs(start - 4) < 0.3 and abs(end - 5) < 0.3
    (first,), (second,) = found["speaker-0"], found["speaker-1"]
    assert first[1] == pytest.approx(end) and second[0] == pytest.approx(start)


def test_a_monologue_is_not_split_and_a_meeting_is(clips: Path) -> None:
    heard = Speakers().observe(recording.open(clips / "jfk.flac"))
    assert [each.person for each in heard] == ["speaker-0"]
    heard = Speakers().observe(recording.open(clips / "ami" / "dev00.flac"))
    assert {each.person for each in heard} >= {"speaker-0", "speaker-1"}
