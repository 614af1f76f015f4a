"""XED: numbers that count from one, line ends, languages, split by wording."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from insula.core.space import PLUTCHIK8
from insula.corpora.xed import ANNOTATED, XED, read_language
from insula.errors import ConfigError, FilesMissing, UnexpectedLayout
from insula.testing import check_corpus

PROJECT = Path(__file__).parents[2]
REAL = Path(os.environ.get("INSULA_DATA", PROJECT / "../shared/data")) / "text/xed"


@pytest.fixture
def corpus(tmp_path: Path) -> XED:
    XED.make_fixture(tmp_path, groups=3, rng=np.random.default_rng(0))
    return XED(tmp_path)


def test_fixture_keeps_the_contract(corpus: XED) -> None:
    check_corpus(corpus, groups=["text"])


def test_numbers_count_from_one(corpus: XED) -> None:
    english = read_language(corpus.root, "en")
    assert english.texts[0].startswith("anger")
    assert PLUTCHIK8.labels[int(english.values[7].argmax())] == "trust"
    assert [each.recording.text()[0].language for each in corpus].count("ru") == 24


def test_several_labels_and_both_line_ends(tmp_path: Path) -> None:
    path = tmp_path / ANNOTATED
    path.parent.mkdir()
    path.write_bytes(b"Oh\ta tab!\t1, 4, 7\r\nNo.\t8\n")
    lines = read_language(tmp_path, "en")
    assert lines.texts == ("Oh\ta tab!", "No.")
    assert np.flatnonzero(lines.values[0]).tolist() == [0, 3, 6]


def test_other_language(corpus: XED) -> None:
    with pytest.raises(FilesMissing, match=r"Projections/de-projections\.tsv"):
        list(XED(corpus.root, languages=("de",)))


def test_split_is_stable_and_whole(corpus: XED) -> None:
    ((train, held_out),) = corpus.split("wording-80-20")
    assert sorted([*train, *held_out]) == list(range(48))
    assert corpus.split("wording-80-20") == [(train, held_out)]
    with pytest.raises(ConfigError, match="no protocol 'random'"):
        corpus.split("random")


@pytest.mark.parametrize("line", ["no label", "text\t0", "text\t9", "text\tjoy", "text\t"])
def test_broken_row_is_shown(corpus: XED, line: str) -> None:
    (Path(corpus.root) / ANNOTATED).write_text(line + "\n", encoding="utf-8")
    with pytest.raises(UnexpectedLayout) as caught:
        read_language(corpus.root, "en")
    assert repr(line) in str(caught.value) and "en-annotated.tsv" in str(caught.value)


@pytest.mark.skipif(not REAL.is_dir(), reason=f"XED is not in {REAL}")
def test_real_copy_has_the_published_counts() -> None:
    assert len(read_language(REAL, "en")) == 17_528
    assert len(read_language(REAL, "ru")) == 2_378
