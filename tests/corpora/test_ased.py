"""ASED: what the names of files say, folds of whole speakers."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from insula.corpora.ased import ASED, ASED5, read_clips
from insula.errors import ConfigError, FilesMissing, UnexpectedLayout
from insula.testing import check_corpus

PROJECT = Path(__file__).parents[2]
REAL = Path(os.environ.get("INSULA_DATA", PROJECT / "../shared/data")) / "ased"


@pytest.fixture
def corpus(tmp_path: Path) -> ASED:
    ASED.make_fixture(tmp_path, groups=5, rng=np.random.default_rng(0))
    return ASED(tmp_path)


def test_fixture_keeps_the_contract(corpus: ASED) -> None:
    check_corpus(corpus, groups=["speaker"])


def test_names_say_what_is_heard(corpus: ASED) -> None:
    for example in corpus:
        letter = example.recording.id[0]
        label = ASED5.labels[example.truth["ased5"].mean().argmax()]
        assert (
            label
            == {"n": "neutral", "f": "fear", "h": "happiness", "s": "sadness", "a": "anger"}[letter]
        )
    assert {clip.groups["sex"] for clip in read_clips(corpus.root)} == {"female", "male"}


@pytest.mark.parametrize("name", ["take one", "n2-01-01-01-01"])
def test_foreign_name_is_named(corpus: ASED, name: str) -> None:
    [first, *_] = read_clips(corpus.root)
    first.path.rename(first.path.with_name(f"{name}.opus"))
    with pytest.raises(UnexpectedLayout, match=f"'{name}'"):
        list(corpus)


def test_empty_folder_and_unknown_protocol(tmp_path: Path, corpus: ASED) -> None:
    with pytest.raises(FilesMissing, match="GitHub"):
        list(ASED(tmp_path / "nothing"))
    with pytest.raises(ConfigError, match="speaker5"):
        corpus.split("random")


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no copy of ASED in {REAL}")
def test_real_counts() -> None:
    clips = read_clips(REAL)
    assert len(clips) == 1974
    folds = ASED(REAL).split("speaker5")
    assert max(len(test) for _, test in folds) < 1.1 * min(len(test) for _, test in folds)
