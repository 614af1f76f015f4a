"""EmoBank: ratings onto -1..1, the published split, broken rows."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from insula.corpora.emobank import FILE, EmoBank, read_sentences
from insula.errors import ConfigError, FilesMissing, UnexpectedLayout
from insula.testing import check_corpus

PROJECT = Path(__file__).parents[2]
REAL = Path(os.environ.get("INSULA_DATA", PROJECT / "../shared/data")) / "text/emobank"
HEADER = "id,split,V,A,D,text\n"


@pytest.fixture
def corpus(tmp_path: Path) -> EmoBank:
    EmoBank.make_fixture(tmp_path, groups=3, rng=np.random.default_rng(0))
    return EmoBank(tmp_path)


def test_fixture_keeps_the_contract(corpus: EmoBank) -> None:
    check_corpus(corpus, groups=["text"])


def test_ratings_become_minus_one_to_one(tmp_path: Path) -> None:
    row = 'a1,dev,1.0,3.0,5.0,"She said: ""no"", twice"\n'
    (tmp_path / FILE).write_text(HEADER + row, encoding="utf-8")
    sentences, parts = read_sentences(tmp_path)
    assert sentences.values.tolist() == [[-1.0, 0.0, 1.0]]
    assert sentences.texts == ('She said: "no", twice',) and parts == ("dev",)


def test_split_is_the_published_column(corpus: EmoBank, tmp_path: Path) -> None:
    assert corpus.split("train-dev") == [([0, 1, 2], [3, 4, 5])]
    with pytest.raises(ConfigError, match=r"cannot be split by 'train-test'.*train-dev"):
        corpus.split("train-test")


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FilesMissing, match=FILE):
        list(EmoBank(tmp_path))


@pytest.mark.parametrize(
    "text",
    ["id,V\n", HEADER + "a,dev,0.5,3,3,hm\n", HEADER + "a,dev,x,3,3,hm\n", HEADER + "a,dev\n"],
)
def test_broken_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    with pytest.raises(UnexpectedLayout, match=FILE):
        read_sentences(tmp_path)


@pytest.mark.skipif(not REAL.is_dir(), reason=f"EmoBank is not in {REAL}")
def test_real_copy_has_the_published_split() -> None:
    sentences, parts = read_sentences(REAL)
    assert (parts.count("train"), parts.count("dev")) == (8062, 1000)
    assert np.abs(sentences.values).max() <= 1
