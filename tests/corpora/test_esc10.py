"""ESC-10: classes in the order of the release, its folds."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from insula.core.space import get_space
from insula.corpora.esc10 import CLASSES, ESC10, read_clips
from insula.errors import ConfigError, FilesMissing, UnexpectedLayout
from insula.testing import check_corpus

PROJECT = Path(__file__).parents[2]
REAL = Path(os.environ.get("INSULA_DATA", PROJECT / "../shared/data")) / "esc10"


@pytest.fixture
def corpus(tmp_path: Path) -> ESC10:
    ESC10.make_fixture(tmp_path, groups=2, rng=np.random.default_rng(0))
    return ESC10(tmp_path)


def test_fixture_keeps_the_contract(corpus: ESC10) -> None:
    check_corpus(corpus, groups=["fold", "source"])


def test_classes_stand_in_the_order_of_the_release(corpus: ESC10) -> None:
    assert get_space("esc10").labels == CLASSES
    for clip in read_clips(corpus.root):
        number = int(clip.path.parent.name[:3])
        assert CLASSES[int(clip.label)] == CLASSES[number - 1]
        assert clip.path.parent.name.lower().endswith(CLASSES[int(clip.label)])


def test_folds_are_those_of_the_names(corpus: ESC10) -> None:
    clips = read_clips(corpus.root)
    tests = [{clips[i].path.name[0] for i in test} for _, test in corpus.split("folds")]
    assert sorted(tests, key=min) == [{"1"}, {"2"}]


def test_foreign_folder_is_named(corpus: ESC10) -> None:
    folder = Path(corpus.root) / "010 - Fire crackling"
    folder.rename(folder.with_name("011 - Fire crackling"))
    with pytest.raises(UnexpectedLayout, match="011 - Fire crackling"):
        list(corpus)


def test_empty_folder_and_unknown_protocol(tmp_path: Path, corpus: ESC10) -> None:
    with pytest.raises(FilesMissing, match="karolpiczak"):
        list(ESC10(tmp_path / "nothing"))
    with pytest.raises(ConfigError, match="folds"):
        corpus.split("random")


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no copy of ESC-10 in {REAL}")
def test_real_counts() -> None:
    clips = read_clips(REAL)
    assert np.bincount([int(clip.label) for clip in clips]).tolist() == [32] * 10
    assert [len(test) for _, test in ESC10(REAL).split("folds")] == [80] * 4
