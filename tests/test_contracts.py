"""Every registered channel and corpus keeps the promises of its role. Fusions: tests/fusion."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import insula
from insula import Channel, Corpus, Mark, Observation, Recording, Span
from insula.config import build_channel
from insula.errors import ContractError, CorpusError
from insula.registry import channels, corpora
from insula.testing import check_channel, check_corpus, check_crop, synthetic

# Protocol -> the key of an example's groups that it keeps apart, where it is not the corpus's own.
# Others (the sentence that was spoken, where splits are by speaker) are on both sides on purpose.
APART = {"statement2": "statement", "folds": "fold", "lists": "clip"}
FIXTURE_GROUPS = 5  # as many as the protocol with the most folds needs


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory, demo: Path) -> dict[str, Recording]:
    """What a channel may meet, most of it nothing to see or hear."""
    folder, rng = tmp_path_factory.mktemp("media"), np.random.default_rng(0)
    times = np.arange(10) / 10
    black = np.zeros((10, 48, 64, 3), np.uint8)
    snow = rng.integers(0, 256, black.shape, np.uint8)
    written = synthetic.write_video(
        folder / "moving.mp4", seconds=1, audio=synthetic.tone(1), audio_start=0.3
    )
    text = [
        Mark(Span(0, 2), "sentence", "I am glad."),
        Mark(Span(2, 4), "sentence", "Мне грустно."),
    ]
    return {
        "black and silent": insula.from_arrays(
            "black", frames=black, frame_times=times, audio=synthetic.silence(1)
        ),
        "snow and noise": insula.from_arrays(
            "snow", frames=snow, frame_times=times, audio=synthetic.noise(1, rng)
        ),
        "one frame": insula.from_arrays("one", frames=snow[:1], frame_times=np.zeros(1)),
        "one sample": insula.from_arrays("click", audio=np.ones(1, np.float32)),
        "text only": insula.from_arrays("text", text=text),
        "empty text": insula.from_arrays("blank", text=[Mark(Span(0, 1), "sentence", "…")]),
        "a file": insula.open(written),
        "a crop on its clock": insula.open(demo).crop(Span(1.3, 3.1)),
        "no time at all": insula.open(demo).crop(Span(2, 2)),
    }


@pytest.mark.parametrize("name", list(channels))
def test_every_channel_keeps_its_promises(name: str, recordings: dict[str, Recording]) -> None:
    channel = build_channel(name, {})
    for recording in recordings.values():
        check_channel(channel, [recording])


@pytest.mark.parametrize("name", list(channels))
def test_many_at_once_are_the_same_as_one_by_one(
    name: str, recordings: dict[str, Recording]
) -> None:
    check_channel(build_channel(name, {}), list(recordings.values())[:5])


@pytest.mark.parametrize("name", list(channels))
def test_no_channel_changes_what_it_is_given(name: str) -> None:
    rng = np.random.default_rng(0)
    audio = synthetic.noise(1, rng)
    frames = rng.integers(0, 256, (5, 48, 64, 3), np.uint8)
    before = audio.copy(), frames.copy()
    recording = insula.from_arrays("mine", audio=audio, frames=frames, frame_times=np.arange(5) / 5)
    channel = build_channel(name, {})
    channel.open()
    channel.observe(recording)
    assert (audio == before[0]).all() and (frames == before[1]).all()


@pytest.mark.parametrize("name", ["face", "voice", "toy"])
def test_a_crop_is_seen_as_the_whole_is(name: str, demo: Path) -> None:
    channel = build_channel(name, {})
    channel.open()
    check_crop(channel, insula.open(demo), Span(0.5, 4.5), edge=0.5)


def test_words_of_a_crop_are_words_of_the_whole() -> None:
    marks = [
        Mark(Span(n, n + 1), "sentence", text) for n, text in enumerate(["Yay!", "No.", "Oh."])
    ]
    channel = build_channel("words", {})
    channel.open()
    check_crop(channel, insula.from_arrays("said", text=marks), Span(1, 3), edge=0.0)


class Wrong(Channel):
    """Promises nothing, and breaks even that."""

    name = "wrong"

    def __init__(self, fault: str) -> None:
        self.fault = fault

    def observe(self, recording: Recording) -> list[Observation]:
        mark = Mark(Span(0, 99), "speech") if self.fault == "late" else Mark(Span(0, 1), "cough")
        name = "right" if self.fault == "name" else self.name
        return [Observation(name, "", recording.span, {}, (mark,))]


@pytest.mark.parametrize("fault", ["late", "kind", "name"])
def test_the_checks_can_fail(fault: str, recordings: dict[str, Recording]) -> None:
    with pytest.raises(ContractError, match="broke the promise"):
        check_channel(Wrong(fault), [recordings["text only"]])


@pytest.mark.parametrize("name", list(corpora))
def test_every_corpus_keeps_its_promises(name: str, tmp_path: Path) -> None:
    """On a small copy of its layout with made-up content, protocol by protocol."""
    kind = corpora.get(name)
    kind.make_fixture(tmp_path, FIXTURE_GROUPS, rng=np.random.default_rng(0))  # type: ignore[attr-defined]
    corpus = kind(tmp_path)  # type: ignore[operator]
    assert isinstance(corpus, Corpus)
    keys = {key for example in corpus for key in example.groups}
    for protocol in type(corpus).protocols:
        apart = APART.get(protocol, corpus.group)
        assert apart in keys, f"{protocol} keeps apart what no example names"
        corpus.protocols = (protocol,)
        check_corpus(corpus, groups=[apart])
    assert [each.truth.keys() for each in corpus] == [each.truth.keys() for each in corpus]


@pytest.mark.parametrize("name", list(corpora))
def test_every_corpus_says_what_it_is(name: str) -> None:
    kind = corpora.get(name)
    for attribute in ("title", "citation", "licence", "access", "layout", "space", "protocols"):
        assert getattr(kind, attribute), attribute
    assert kind.name == name  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", list(corpora))
def test_a_corpus_that_is_not_there_says_what_to_do(name: str, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"nowhere' lacks .* expected files: .*Get "):
        list(corpora.get(name)(tmp_path / "nowhere"))  # type: ignore[operator]


def test_data_are_not_committed() -> None:
    """No media, no pictures of people, no texts of corpora in the repository by accident."""
    root = Path(__file__).parents[1]
    kinds = {".flac", ".wav", ".ogg", ".opus", ".zip", ".tsv", ".mov"}
    found = []
    for folder, inner, files in os.walk(root):
        inner[:] = [name for name in inner if not name.startswith(".") and name != "out"]
        found += [Path(folder, name) for name in files if Path(name).suffix in kinds]
    assert found == []
