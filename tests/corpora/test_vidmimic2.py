"""Hume-Vidmimic2: ids keep their zeros, columns their order; clips without sound are clips."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from insula.corpora.vidmimic2 import EMOTIONS, MIMICRY6, Vidmimic2, read_intensities
from insula.errors import (
    ConfigError,
    FilesMissing,
    UnexpectedLayout,
    UnknownName,
    UnreadableMedia,
)
from insula.testing import check_corpus

HEADER = "Filename,Admiration,Amusement,Determination,Empathic Pain,Excitement,Joy"


@pytest.fixture
def corpus(tmp_path: Path) -> Vidmimic2:
    Vidmimic2.make_fixture(tmp_path, groups=2, rng=np.random.default_rng(0))
    return Vidmimic2(tmp_path)


def write(corpus: Vidmimic2, *rows: str, header: str = HEADER) -> Path:
    path = Path(corpus.root) / "train_split.csv"
    path.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    return path


def test_fixture_keeps_the_contract(corpus: Vidmimic2) -> None:
    check_corpus(corpus, groups=["clip"])


def test_emotions_stand_in_the_order_of_the_sheet(corpus: Vidmimic2) -> None:
    assert ",".join(EMOTIONS) == HEADER.removeprefix("Filename,")
    assert MIMICRY6.labels == (
        *("admiration", "amusement", "determination", "empathic pain", "excitement", "joy"),
    )
    write(corpus, "00001,0.1,0.2,0.3,0.4,0.5,1")
    [example] = corpus.part("train")
    assert example.truth["mimicry6"].mean() == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 1])
    assert example.truth["mimicry6"].track.names == MIMICRY6.labels


def test_ids_keep_their_zeros(corpus: Vidmimic2) -> None:
    assert read_intensities(corpus.root, "valid")[0] == ["00002", "00003"]
    assert [each.groups["clip"] for each in corpus] == ["00000", "00001", "00002", "00003"]


def test_a_clip_without_sound_is_a_clip(corpus: Vidmimic2) -> None:
    silent, heard, *_ = corpus
    assert (set(silent.recording.streams), set(heard.recording.streams)) == (
        {"video"},
        {"video", "audio"},
    )
    assert sum(len(batch.times) for batch in silent.recording.frames(rate=4)) == 4


def test_split_is_the_release(corpus: Vidmimic2) -> None:
    assert corpus.split("official") == [(range(2), range(2, 4))]
    assert [each.groups["split"] for each in corpus] == ["train"] * 2 + ["valid"] * 2
    with pytest.raises(ConfigError, match="Choose one of: official"):
        corpus.split("random")
    with pytest.raises(UnknownName, match="Known: train, valid"):
        list(corpus.part("test"))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1,0,0,0,0,0,0", "'1,0,0,0,0,0,0'; expected an id of five digits and six numbers"),
        ("00001,0,0,0,0,0", "expected an id of five digits"),
        ("00001,0,0,0,0,0,1.5", "1.5"),
        ("00001,0,0,0,0,0,nan", "nan"),
        ("00001,0,0,0,0,0,much", "much"),
        ("", "''"),
    ],
)
def test_a_broken_row_is_named(corpus: Vidmimic2, row: str, message: str) -> None:
    path = write(corpus, "00000,0,0,0,0,0,1", row, "00001,0,0,0,0,0,1")
    with pytest.raises(UnexpectedLayout, match=message) as error:
        corpus.split("official")
    assert str(path) in str(error.value)


def test_another_order_of_columns_is_refused(corpus: Vidmimic2) -> None:
    write(corpus, header="Filename,Joy,Amusement,Determination,Empathic Pain,Excitement,Admiration")
    with pytest.raises(UnexpectedLayout, match="the header 'Filename,Joy"):
        list(corpus)


def test_what_is_missing_or_damaged_is_named(corpus: Vidmimic2) -> None:
    root = Path(corpus.root)
    (root / "raw/00003.mp4").unlink()
    with pytest.raises(FilesMissing, match=r"raw/00003\.mp4"):
        list(corpus)
    (root / "raw/00001.mp4").write_bytes(b"no film")
    damaged = list(corpus.part("train"))[1].recording
    with pytest.raises(UnreadableMedia, match=r"raw/00001\.mp4"):
        damaged.audio()
    (root / "train_split.csv").unlink()
    with pytest.raises(FilesMissing, match=r"lacks 1 expected files: train_split\.csv"):
        list(corpus)
