"""CREMA-D: what the names of clips say, folds of actors, lists that share them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from insula.corpora.cremad import CREMAD, CREMAD6, read_clips
from insula.errors import ConfigError, FilesMissing, UnexpectedLayout, UnreadableMedia
from insula.testing import check_corpus


@pytest.fixture
def corpus(tmp_path: Path) -> CREMAD:
    CREMAD.make_fixture(tmp_path, groups=5, rng=np.random.default_rng(0))
    return CREMAD(tmp_path)


def test_fixture_keeps_the_contract(corpus: CREMAD) -> None:
    corpus.protocols = ("lists",)
    check_corpus(corpus, groups=["clip"])
    corpus.protocols = ("speaker5",)
    check_corpus(corpus, groups=["speaker"])


def test_labels_stand_in_the_order_of_the_sheet() -> None:
    order = ("neutral", "happiness", "sadness", "fear", "disgust", "anger")
    assert CREMAD6.labels == order


def test_names_say_what_is_heard(corpus: CREMAD) -> None:
    examples = {example.recording.id: example for example in corpus}
    example = examples["1002_IEO_FEA_HI.wav"]
    assert example.truth["cremad6"].top(1) == [("fear", 1.0)]
    assert example.person == "1002"
    assert example.groups == {
        "speaker": "1002",
        "sentence": "IEO",
        "level": "high",
        "clip": "1002_IEO_FEA_HI",
        "split": "train",
    }
    assert np.abs(example.recording.audio()).max() > 0.01


def test_the_level_of_one_clip_is_a_single_sign(corpus: CREMAD) -> None:
    path = read_clips(corpus.root)[-1].path
    path.rename(path.with_name("1040_ITH_SAD_X.wav"))
    assert read_clips(corpus.root)[-1].groups["level"] == "not said"


def test_lists_are_the_split(corpus: CREMAD) -> None:
    examples = list(corpus)
    [(train, test)] = corpus.split("lists")
    assert (len(train), len(test)) == (25, 5)
    assert {examples[i].groups["split"] for i in train} == {"train"}
    assert {examples[i].groups["split"] for i in test} == {"test"}
    names = [example.recording.id for example in corpus.part("test")]
    assert names == [examples[i].recording.id for i in test]
    with pytest.raises(ConfigError, match="speaker5, lists"):
        corpus.split("random")


def test_without_lists_there_are_only_folds(corpus: CREMAD) -> None:
    (Path(corpus.root) / "train.csv").unlink()
    assert len(corpus.split("speaker5")) == 5
    assert {"split" in example.groups for example in corpus} == {False}
    with pytest.raises(FilesMissing, match=r"lacks 1 .*train\.csv\. Get train\.csv"):
        corpus.split("lists")
    with pytest.raises(FilesMissing, match=r"train\.csv"):
        list(corpus.part("train"))


def test_a_listed_clip_that_is_not_there(corpus: CREMAD) -> None:
    read_clips(corpus.root)[0].path.unlink()
    with pytest.raises(FilesMissing, match=r"AudioWAV/1001_IEO_FEA_HI\.wav"):
        corpus.split("lists")


@pytest.mark.parametrize(
    "row",
    [
        "1002_IEO_FEA_HI",
        "1002_IEO_FEA_HI,SAD",
        "1002_IEO_JOY_HI,JOY",
        "1002_IEO_FEA_HI,FEA",  # it is in the other list too
    ],
)
def test_a_broken_row_is_shown(corpus: CREMAD, row: str) -> None:
    path = Path(corpus.root) / "test.csv"
    path.write_text(f"{row}\n", encoding="utf-8")
    with pytest.raises(UnexpectedLayout) as error:
        corpus.split("lists")
    assert str(path) in str(error.value) and repr(row) in str(error.value)


def test_foreign_and_damaged_clips_are_named(corpus: CREMAD) -> None:
    [first, second, *_] = read_clips(corpus.root)
    first.path.write_bytes(b"not sound")
    damaged, *others = corpus
    assert len(others) == 29
    with pytest.raises(UnreadableMedia, match=first.path.name):
        damaged.recording.audio()
    second.path.rename(second.path.with_name("1001_IEO_JOY_HI.wav"))
    with pytest.raises(UnexpectedLayout, match="'1001_IEO_JOY_HI'; expected <actor>_<sentence>"):
        list(corpus)


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FilesMissing, match=r"AudioWAV/\*.*Get AudioWAV"):
        list(CREMAD(tmp_path))
