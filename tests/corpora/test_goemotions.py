"""GoEmotions: layout, labels, split, and what a broken copy says."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from insula.core.space import EKMAN7, GOEMOTIONS, bridge
from insula.corpora.goemotions import GoEmotions, read_part
from insula.errors import ConfigError, FilesMissing, UnexpectedLayout
from insula.testing import check_corpus

PROJECT = Path(__file__).parents[2]
REAL = Path(os.environ.get("INSULA_DATA", PROJECT / "../shared/data")) / "text/goemotions"


@pytest.fixture
def corpus(tmp_path: Path) -> GoEmotions:
    GoEmotions.make_fixture(tmp_path, groups=3, rng=np.random.default_rng(0))
    return GoEmotions(tmp_path)


def test_fixture_keeps_the_contract(corpus: GoEmotions) -> None:
    check_corpus(corpus, groups=["text"])


def test_labels_and_text_of_an_example(corpus: GoEmotions) -> None:
    examples = list(corpus)
    assert len(examples) == 2 * 3 * 28
    truth = examples[17].truth["goemotions"]
    assert GOEMOTIONS.labels[int(truth.track.values[0].argmax())] == "joy"
    (sentence,) = examples[17].recording.text()
    assert sentence.text.startswith("I feel joy") and sentence.language == "en"
    assert truth.into("ekman7").top(1)[0] == ("happiness", 1.0)


def test_several_labels(corpus: GoEmotions, tmp_path: Path) -> None:
    (tmp_path / "original/dev.tsv").write_text("wow, no\t26,3\tx1\n", encoding="utf-8")
    part = read_part(tmp_path, "dev")
    assert np.flatnonzero(part.values[0]).tolist() == [3, 26]
    assert part.keys == ("x1",)


def test_signs_that_python_splits_at_do_not_split(corpus: GoEmotions, tmp_path: Path) -> None:
    (tmp_path / "original/dev.tsv").write_text("one\u2028two\x85three\t0\tx1\n", encoding="utf-8")
    assert read_part(tmp_path, "dev").texts == ("one\u2028two\x85three",)


def test_windows_1252_is_read(corpus: GoEmotions, tmp_path: Path) -> None:
    (tmp_path / "original/dev.tsv").write_bytes("don’t\t0\tx1\n".encode("cp1252"))
    assert read_part(tmp_path, "dev").texts == ("don’t",)


def test_bytes_of_no_text_are_named(corpus: GoEmotions, tmp_path: Path) -> None:
    (tmp_path / "original/dev.tsv").write_bytes(b"fine\t0\tx1\nbad \x81\t0\tx2\n")
    with pytest.raises(UnexpectedLayout, match=r"dev\.tsv' holds the byte 0x81 at 14"):
        read_part(tmp_path, "dev")


def test_split_takes_the_test_part_where_it_is(corpus: GoEmotions, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be split by 'train-test'.*train-dev"):
        corpus.split("train-test")
    (tmp_path / "original/test.tsv").write_text("fine\t27\tx1\n", encoding="utf-8")
    assert corpus.split("train-test") == [(range(84), range(168, 169))]


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FilesMissing, match=r"lacks 3 expected files: train\.tsv"):
        list(GoEmotions(tmp_path))


@pytest.mark.parametrize("line", ["no tabs", "text\t28\tid", "text\tjoy\tid", "text\t\tid"])
def test_broken_row_is_shown(corpus: GoEmotions, tmp_path: Path, line: str) -> None:
    (tmp_path / "original/dev.tsv").write_text(line + "\n", encoding="utf-8")
    with pytest.raises(UnexpectedLayout) as caught:
        read_part(tmp_path, "dev")
    assert repr(line) in str(caught.value) and "dev.tsv" in str(caught.value)


def test_other_label_order_is_refused(corpus: GoEmotions, tmp_path: Path) -> None:
    labels = "\n".join(sorted(GOEMOTIONS.labels))
    (tmp_path / "original/labels.txt").write_text(labels, encoding="utf-8")
    with pytest.raises(UnexpectedLayout, match=r"labels\.txt"):
        read_part(tmp_path, "train")


@pytest.mark.skipif(not REAL.is_dir(), reason=f"GoEmotions is not in {REAL}")
def test_real_copy_agrees_with_the_authors_grouping() -> None:
    """Their folder ekman holds the labels that the bridge gives."""
    order = ["anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise"]
    columns = [EKMAN7.index("happiness" if each == "joy" else each) for each in order]
    part = read_part(REAL, "dev")
    grouped = part.values @ bridge("goemotions", "ekman7").matrix > 0
    theirs = [
        {columns[int(number)] for number in line.split("\t")[1].split(",")}
        for line in (REAL / "ekman/dev.tsv").read_text(encoding="utf-8").split("\n")
        if line
    ]
    assert len(part) == 5426
    assert [set(np.flatnonzero(row).tolist()) for row in grouped] == theirs
