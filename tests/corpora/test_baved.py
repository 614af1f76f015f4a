"""BAVED: levels as arousal, folds of whole speakers, clips in a foreign folder."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from insula.corpora.baved import BAVED, read_clips
from insula.errors import ConfigError, FilesMissing, UnexpectedLayout
from insula.testing import check_corpus

PROJECT = Path(__file__).parents[2]
REAL = Path(os.environ.get("INSULA_DATA", PROJECT / "../shared/data")) / "baved"


@pytest.fixture
def corpus(tmp_path: Path) -> BAVED:
    BAVED.make_fixture(tmp_path, groups=5, rng=np.random.default_rng(0))
    return BAVED(tmp_path)


def test_fixture_keeps_the_contract(corpus: BAVED) -> None:
    check_corpus(corpus, groups=["speaker"])


def test_levels_are_arousal(corpus: BAVED) -> None:
    for example in corpus:
        level = int(example.recording.id.split("-")[4])
        assert example.truth["arousal"].mean().tolist() == [level - 1]


def test_a_clip_in_a_foreign_folder_is_read(corpus: BAVED) -> None:
    [first, *_] = read_clips(corpus.root)
    (Path(corpus.root) / "6").mkdir(exist_ok=True)
    first.path.rename(Path(corpus.root) / "6" / first.path.name)
    assert len(read_clips(corpus.root)) == 15


def test_foreign_name_is_named(corpus: BAVED) -> None:
    [first, *_] = read_clips(corpus.root)
    first.path.rename(first.path.with_name("0-x-20-0-1-1.opus"))
    with pytest.raises(UnexpectedLayout, match="'0-x-20-0-1-1'"):
        list(corpus)


def test_empty_folder_and_unknown_protocol(tmp_path: Path, corpus: BAVED) -> None:
    with pytest.raises(FilesMissing, match="GitHub"):
        list(BAVED(tmp_path / "nothing"))
    with pytest.raises(ConfigError, match="speaker5"):
        corpus.split("random")


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no copy of BAVED in {REAL}")
def test_real_counts() -> None:
    clips = read_clips(REAL)
    assert len(clips) == 1935
    folds = BAVED(REAL).split("speaker5")
    assert max(len(test) for _, test in folds) < 1.1 * min(len(test) for _, test in folds)
