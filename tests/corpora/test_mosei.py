"""CMU-MOSEI: two files in step, emotions by token, quiet audio, nothing but data is read."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from insula.corpora.mosei import EMOTIONS, FEATURES, MOSEI, SENTIMENT, WIDTHS, read_part
from insula.errors import (
    ConfigError,
    FilesMissing,
    MissingDependency,
    UnexpectedLayout,
    UnknownName,
)
from insula.testing import check_corpus


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    MOSEI.make_fixture(tmp_path, groups=2, rng=np.random.default_rng(0))
    return tmp_path


def change_features(folder: Path, part: str, key: str, value: object) -> None:
    contents = torch.load(folder / FEATURES, weights_only=False)  # our own file
    contents[part][key] = value
    torch.save(contents, folder / FEATURES)


def change_labels(folder: Path, key: str, value: object) -> None:
    with (folder / SENTIMENT).open("rb") as stream:
        contents = pickle.load(stream)
    contents["train"][key] = value
    (folder / SENTIMENT).write_bytes(pickle.dumps(contents))


def test_fixture_keeps_the_contract(folder: Path) -> None:
    check_corpus(MOSEI(folder), groups=["video"])


def test_emotions_stand_in_the_order_of_the_sheet(folder: Path) -> None:
    six = ("happiness", "sadness", "anger", "surprise", "disgust", "fear")
    assert EMOTIONS.labels == six
    change_features(folder, "valid", "tgt", [[2, 9, 3], [2, 3], [2, 4, 5, 3], [2, 6, 7, 3]])
    found = read_part(folder, "valid").emotions.tolist()
    assert found == [
        [0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [0, 0, 1, 1, 0, 0],
    ]


def test_features_and_emotions_belong_together(folder: Path) -> None:
    read = read_part(folder, "train")
    for modality, values in read.features.items():
        assert values.shape == (4, 60, WIDTHS[modality]) and values.dtype == np.float32
        assert ((values.mean(axis=1)[:, :6] > 4) == read.emotions).all(), modality


def test_quiet_audio_is_zero(folder: Path) -> None:
    for part in ("train", "valid", "test"):
        assert read_part(folder, part).features["audio"][0, 0, 0] == 0


def test_examples_of_a_part(folder: Path) -> None:
    change_labels(folder, "labels", np.array([-3.0, 0.0, 1.5, 3.0]).reshape(4, 1, 1))
    examples = list(MOSEI(folder).part("train"))
    assert [e.truth["sentiment"].mean().item() for e in examples] == [-1.0, 0.0, 0.5, 1.0]
    assert examples[0].groups == {"video": "train-video_0", "split": "train"}
    assert examples[3].recording.id == "train-video_1_1_9"
    assert [e.recording.id for e in list(MOSEI(folder))[:4]] == [e.recording.id for e in examples]


def test_ids_of_one_text_and_of_bytes(folder: Path) -> None:
    change_labels(folder, "id", ["a_b_0", "a_b_1", "c_0", "c_1"])
    assert read_part(folder, "train").videos == ("a_b", "a_b", "c", "c")
    change_labels(folder, "id", [[b"a_b", b"0.5", b"1"]] * 4)
    assert read_part(folder, "train").videos == ("a_b",) * 4


def test_no_video_is_in_two_parts(folder: Path) -> None:
    corpus, examples = MOSEI(folder), list(MOSEI(folder))
    [(train, valid)], [(_, test)] = corpus.split("train-valid"), corpus.split("train-test")
    assert (train, valid, test) == (range(4), range(4, 8), range(8, 12))
    sides = [{examples[i].groups["video"] for i in rows} for rows in (train, valid, test)]
    assert all(len(side) == 2 for side in sides) and len(set.union(*sides)) == 6
    with pytest.raises(ConfigError, match="train-valid, train-test"):
        corpus.split("random")
    with pytest.raises(UnknownName, match="test, train, valid"):
        read_part(folder, "dev")


class Harmful:
    """What a pickle may hold: a call."""

    def __init__(self, touched: Path) -> None:
        self.touched = touched

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.touched,)


@pytest.mark.parametrize("file", [FEATURES, SENTIMENT])
def test_no_code_of_a_file_is_run(folder: Path, file: str) -> None:
    harmful = {"train": Harmful(folder / "touched")}
    if file == FEATURES:
        torch.save(harmful, folder / file)
    else:
        (folder / file).write_bytes(pickle.dumps(harmful))
    with pytest.raises(UnexpectedLayout, match=f"{file}.*cannot be read safely"):
        read_part(folder, "train")
    assert not (folder / "touched").exists()


def test_damage_is_named(folder: Path) -> None:
    for file in (SENTIMENT, FEATURES):
        whole = (folder / file).read_bytes()
        (folder / file).write_bytes(whole[:-100])
        with pytest.raises(UnexpectedLayout, match=file):
            read_part(folder, "train")


def test_files_out_of_step_are_named(folder: Path) -> None:
    change_labels(folder, "id", [["a", "0", "1"]] * 3)
    with pytest.raises(UnexpectedLayout, match=f"{SENTIMENT}.*3 ids and 4 labels in train"):
        read_part(folder, "train")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("tgt", [[2, 10, 3]] * 4, "the token 10"),
        ("src-text", [np.zeros((60, 299), np.float32)] * 4, "src-text of shape"),
        ("src-text", [np.zeros((60, 300), np.float32)] * 3, "each of 4 utterances"),
        ("src-visual", [np.zeros((60, 35)), np.zeros((59, 35))] * 2, "uneven src-visual"),
        ("src-visual", [np.full((60, 35), np.nan)] * 4, "no numbers in it"),
    ],
)
def test_other_contents_are_named(folder: Path, key: str, value: object, message: str) -> None:
    change_features(folder, "train", key, value)
    with pytest.raises(UnexpectedLayout, match=message) as error:
        read_part(folder, "train")
    assert str(folder / FEATURES) in str(error.value)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(FilesMissing, match=f"lacks 2 .*{FEATURES}, {SENTIMENT}. Get both"):
        list(MOSEI(tmp_path))


def test_without_torch_there_is_advice(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingDependency, match=r'pip install "insula\[train\]"'):
        list(MOSEI(folder))
