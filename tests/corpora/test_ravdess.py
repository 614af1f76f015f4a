"""RAVDESS: what the names of files say, folds of whole actors."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from insula.core.space import RAVDESS8
from insula.corpora.ravdess import RAVDESS, read_clips
from insula.errors import ConfigError, FilesMissing, UnexpectedLayout, UnreadableMedia
from insula.testing import check_corpus

PROJECT = Path(__file__).parents[2]
REAL = Path(os.environ.get("INSULA_DATA", PROJECT / "../shared/data")) / "ravdess"


@pytest.fixture
def corpus(tmp_path: Path) -> RAVDESS:
    RAVDESS.make_fixture(tmp_path, groups=5, rng=np.random.default_rng(0))
    return RAVDESS(tmp_path)


def test_fixture_keeps_the_contract(corpus: RAVDESS) -> None:
    corpus.protocols = ("actor5",)  # the other shares actors on purpose
    check_corpus(corpus, groups=["speaker"])


def test_statements_are_on_one_side(corpus: RAVDESS) -> None:
    clips = read_clips(corpus.root)
    for train, test in corpus.split("statement2"):
        assert {clips[i].groups["statement"] for i in train}.isdisjoint(
            clips[i].groups["statement"] for i in test
        )


def test_names_say_what_is_heard(corpus: RAVDESS) -> None:
    [example, *_] = [each for each in corpus if "-05-" in each.recording.id[5:9]]
    assert RAVDESS8.labels[example.truth["ravdess8"].mean().argmax()] == "anger"
    clips = {clip.path.name: clip.groups for clip in read_clips(corpus.root)}
    assert clips["03-01-01-01-02-01-04.flac"]["sex"] == "female"
    assert clips["03-01-01-01-02-01-04.flac"]["intensity"] == "normal"


def test_clips_are_heard(corpus: RAVDESS) -> None:
    audio = next(iter(corpus)).recording.audio()
    assert len(audio) == 16_000
    assert 0.01 < np.abs(audio).mean() < 0.5


def test_song_is_left_out(corpus: RAVDESS) -> None:
    [first, *_] = read_clips(corpus.root)
    first.path.rename(first.path.with_name(first.path.name.replace("03-01-", "03-02-", 1)))
    assert len(read_clips(corpus.root)) == 39


def test_a_film_stands_in_for_its_sound(corpus: RAVDESS) -> None:
    [first, second, *_] = read_clips(corpus.root)
    film = "01" + first.path.stem[2:] + ".mp4"
    first.path.with_name(film).write_bytes(b"a film that has its sound beside it")
    assert len(read_clips(corpus.root)) == 40
    first.path.unlink()
    clips = read_clips(corpus.root)
    assert len(clips) == 40
    assert film in {clip.path.name for clip in clips}
    second.path.rename(second.path.with_name("02" + second.path.stem[2:] + ".mp4"))  # no sound
    assert len(read_clips(corpus.root)) == 39


def test_one_actor_alone(corpus: RAVDESS) -> None:
    folder = Path(corpus.root) / "Actor_03"
    assert len(read_clips(folder)) == 8


def test_foreign_name_is_named(corpus: RAVDESS) -> None:
    [first, *_] = read_clips(corpus.root)
    first.path.rename(first.path.with_name("take one.flac"))
    with pytest.raises(UnexpectedLayout, match="'take one'; expected Actor_NN/03-01-"):
        list(corpus)


def test_damaged_clip_is_named(corpus: RAVDESS) -> None:
    [first, *_] = read_clips(corpus.root)
    first.path.write_bytes(b"not sound")
    damaged, *others = corpus
    assert len(others) == len(read_clips(corpus.root)) - 1
    with pytest.raises(UnreadableMedia, match=first.path.name):
        damaged.recording.audio()


def test_empty_folder_and_unknown_protocol(tmp_path: Path, corpus: RAVDESS) -> None:
    with pytest.raises(FilesMissing, match=r"zenodo\.org"):
        list(RAVDESS(tmp_path / "nothing"))
    with pytest.raises(ConfigError, match="actor5, statement2"):
        corpus.split("random")


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no copy of RAVDESS in {REAL}")
def test_real_counts() -> None:
    clips = read_clips(REAL)
    counts = np.bincount([int(clip.label) for clip in clips])
    assert counts.tolist() == [80, 160, 160, 160, 160, 160, 160, 160]
    assert all(len(test) == 240 for _, test in RAVDESS(REAL).split("actor5"))
