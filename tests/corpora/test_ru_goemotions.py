"""ru_go_emotions: columns, labels, and a split that keeps translation and original together."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from insula.corpora.goemotions import read_part
from insula.corpora.ru_goemotions import FILE, RuGoEmotions, read_translations
from insula.errors import ConfigError, FilesMissing, UnexpectedLayout
from insula.testing import check_corpus

PROJECT = Path(__file__).parents[2]
REAL = Path(os.environ.get("INSULA_DATA", PROJECT / "../shared/data")) / "text"
HEADER = "ru_text,text,labels,id\n"


@pytest.fixture
def corpus(tmp_path: Path) -> RuGoEmotions:
    RuGoEmotions.make_fixture(tmp_path, groups=3, rng=np.random.default_rng(0))
    return RuGoEmotions(tmp_path)


def test_fixture_keeps_the_contract(corpus: RuGoEmotions) -> None:
    check_corpus(corpus, groups=["text"])
    assert next(iter(corpus)).recording.text()[0].language == "ru"


def test_quotes_and_spaced_labels(tmp_path: Path) -> None:
    row = '"Он сказал: ""да"", и ушёл","He said ""yes"", and left",[ 4 27],x1\n'
    (tmp_path / FILE).write_text(HEADER + row, encoding="utf-8")
    russian, english = read_translations(tmp_path)
    assert russian.texts == ('Он сказал: "да", и ушёл',)
    assert english == ('He said "yes", and left',)
    assert np.flatnonzero(russian.values[0]).tolist() == [4, 27]


def test_same_english_wording_stays_on_one_side(tmp_path: Path) -> None:
    rows = "".join(f"раз {i},text {i % 20},[1],x{i}\n" for i in range(60))
    (tmp_path / FILE).write_text(HEADER + rows, encoding="utf-8")
    ((train, held_out),) = RuGoEmotions(tmp_path).split("wording-80-20")
    assert sorted([*train, *held_out]) == list(range(60))
    assert held_out and not {i % 20 for i in train} & {i % 20 for i in held_out}


def test_unknown_protocol(corpus: RuGoEmotions) -> None:
    with pytest.raises(ConfigError, match=r"no protocol 'train-dev'.*wording-80-20"):
        corpus.split("train-dev")


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FilesMissing, match=FILE):
        list(RuGoEmotions(tmp_path))


@pytest.mark.parametrize("text", ["text,labels\n", HEADER + "а,b,[28],x1\n", HEADER + "а,b\n"])
def test_broken_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    with pytest.raises(UnexpectedLayout, match=FILE):
        read_translations(tmp_path)


@pytest.mark.skipif(not REAL.is_dir(), reason=f"the text corpora are not in {REAL}")
def test_real_copy_translates_the_development_part() -> None:
    russian, _ = read_translations(REAL / "ru_goemotions")
    assert len(russian) == 5426
    assert set(russian.keys) == set(read_part(REAL / "goemotions", "dev").keys)
