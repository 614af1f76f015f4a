"""AFEW: folders of emotions under the names of the release."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from insula.core.space import EKMAN7
from insula.corpora.afew import AFEW, EMOTIONS, read_clips
from insula.errors import (
    ConfigError,
    FilesMissing,
    UnexpectedLayout,
    UnknownName,
    UnreadableMedia,
)
from insula.testing import check_corpus


@pytest.fixture
def corpus(tmp_path: Path) -> AFEW:
    AFEW.make_fixture(tmp_path, groups=1, rng=np.random.default_rng(0))
    return AFEW(tmp_path)


def test_fixture_keeps_the_contract(corpus: AFEW) -> None:
    check_corpus(corpus, groups=["clip"])
    assert len({example.groups["clip"] for example in corpus}) == 14


def test_folders_are_those_of_the_sheet(corpus: AFEW) -> None:
    said = {
        Path(clip.path).parent.name: EKMAN7.labels[int(clip.label)]
        for clip in read_clips(corpus.root, "train")
    }
    assert said == {
        "Angry": "anger",
        "Disgust": "disgust",
        "Fear": "fear",
        "Happy": "happiness",
        "Neutral": "neutral",
        "Sad": "sadness",
        "Surprise": "surprise",
    }
    assert list(EMOTIONS) == list(said)
    tops = [EKMAN7.labels[each.truth["ekman7"].mean().argmax()] for each in corpus.part("valid")]
    assert tops == list(said.values())


def test_scenes_are_seen_and_heard(corpus: AFEW) -> None:
    scene = next(iter(corpus)).recording
    assert set(scene.streams) == {"video", "audio"}
    assert sum(len(batch.times) for batch in scene.frames(rate=4)) == 4
    assert np.abs(scene.audio()).mean() > 0.02


def test_split_is_the_release(corpus: AFEW) -> None:
    assert corpus.split("official") == [(range(7), range(7, 14))]
    assert [each.groups["split"] for each in corpus] == ["train"] * 7 + ["valid"] * 7
    with pytest.raises(ConfigError, match="Choose one of: official"):
        corpus.split("random")
    with pytest.raises(UnknownName, match="Known: train, valid"):
        list(corpus.part("test"))


def test_faces_of_the_organisers_are_not_scenes(corpus: AFEW, tmp_path: Path) -> None:
    faces = tmp_path / "Train_AFEW/AlignedFaces_LBPTOP_Points/Faces/000000000"
    faces.mkdir(parents=True)
    (faces / "000.jpg").write_bytes(b"a face")
    assert len(read_clips(tmp_path, "train")) == 7


def test_what_is_missing_is_named(corpus: AFEW, tmp_path: Path) -> None:
    (tmp_path / "Val_AFEW/Sad/000000000.avi").unlink()
    with pytest.raises(FilesMissing, match="lacks 1 expected files: Val_AFEW/Sad"):
        list(corpus)
    with pytest.raises(FilesMissing, match=r"Train_AFEW/\*/\*"):
        list(AFEW(tmp_path / "nowhere"))


def test_a_foreign_folder_is_named(corpus: AFEW, tmp_path: Path) -> None:
    (tmp_path / "Train_AFEW/Contempt").mkdir()
    path = tmp_path / "Train_AFEW/Contempt/1.avi"
    path.write_bytes(b"")
    with pytest.raises(UnexpectedLayout, match="the emotion 'Contempt'; expected Angry, "):
        list(corpus)


def test_a_damaged_scene_is_named(corpus: AFEW, tmp_path: Path) -> None:
    path = tmp_path / "Train_AFEW/Fear/000000000.avi"
    path.write_bytes(b"no film")
    [damaged] = [each for each in corpus if each.groups["clip"] == "train/Fear/000000000"]
    assert len(list(corpus)) == 14
    with pytest.raises(UnreadableMedia, match=str(path)):
        list(damaged.recording.frames(rate=4))
