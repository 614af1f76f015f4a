"""ESC-10: classes in the order of the release, its folds."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from insula.core.space import get_space
from insula.corpora.esc10 import CLASSES, ESC10, IN_ESC50, read_clips
from insula.corpora.labelled_audio import write_clip
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


def test_esc50_and_the_folder_around_either_release_are_read(corpus: ESC10, tmp_path: Path) -> None:
    """The same clips under the names of ESC-50, one row of another class, one file missing."""
    clips = read_clips(corpus.root)
    root = tmp_path / "around" / "ESC-50-master"
    (root / "audio").mkdir(parents=True)
    (root / "meta").mkdir()
    rows = ["filename,fold,target,category,esc10,src_file,take", "1-1-A-7.wav,1,7,pig,False,1,A"]
    for clip in clips[:-1]:
        fold, source = clip.groups["fold"], clip.groups["source"]
        name = f"{fold}-{source}-A-{int(clip.label)}.wav"
        rows.append(f"{name},{fold},0,{IN_ESC50[int(clip.label)]},True,{source},A")
        write_clip(root / "audio" / name, np.random.default_rng(0), seconds=0.1)
    rows.append("1-2-A-0.wav,1,0,dog,True,2,A")
    (root / "meta" / "esc50.csv").write_text("\n".join(rows) + "\n")
    for folder in (root, root.parent):
        found = read_clips(folder)
        assert [clip.label for clip in found] == [clip.label for clip in clips[:-1]]
        assert [clip.groups for clip in found] == [clip.groups for clip in clips[:-1]]
    check_corpus(ESC10(root), groups=["fold", "source"])
    shutil.rmtree(root)
    for name in {clip.path.parent.name for clip in clips}:
        (root / name).parent.mkdir(exist_ok=True)
        (Path(corpus.root) / name).rename(root / name)
    assert [clip.label for clip in read_clips(root.parent)] == [clip.label for clip in clips]


def test_a_strange_table_is_named(tmp_path: Path) -> None:
    table = tmp_path / "meta" / "esc50.csv"
    table.parent.mkdir()
    table.write_text("filename,fold\n1-1-A-0.wav,1\n")
    with pytest.raises(UnexpectedLayout, match="columns"):
        read_clips(tmp_path)
    table.write_text("filename,fold,category,esc10,src_file\n1-1-A-0.wav,1,dog,True,1\n")
    with pytest.raises(FilesMissing, match="audio"):
        read_clips(tmp_path)
    table.write_text("filename,fold,category,esc10,src_file\n1-1-A-0.wav,1,cat,True,1\n")
    with pytest.raises(UnexpectedLayout, match="'cat'"):
        read_clips(tmp_path)


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
