"""CMU-MOSI: rows of four files that must stay in step."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from insula.corpora.mosi import MOSI, WIDTHS, read_part
from insula.errors import FilesMissing, UnexpectedLayout

DATA = Path(os.environ.get("INSULA_DATA", Path(__file__).parents[3] / "shared/data")) / "mosi"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    MOSI.make_fixture(tmp_path, rng=np.random.default_rng(0))
    return tmp_path


def test_words_features_and_sentiment_belong_together(folder: Path) -> None:
    """The fixture says its sentiment in words, and plants it in the features."""
    for part in ("train", "test"):
        read = read_part(folder, part)
        told = [float(text.removeprefix("this is ")) for text in read.texts]
        assert read.sentiment * 3 == pytest.approx(told, abs=1e-5)
        assert (read.positive == (read.sentiment > 0)).all()
        for values in read.features.values():
            assert np.corrcoef(values[:, 1::2].mean(axis=1), told)[0, 1] > 0.9


def test_no_video_is_in_both_parts(folder: Path) -> None:
    examples = list(MOSI(folder))
    ((train, test),) = MOSI(folder).split("train-test")
    seen, new = ({examples[n].groups["video"] for n in rows} for rows in (train, test))
    assert len(seen) == len(new) == 3 and not seen & new


def test_the_order_is_that_of_the_part_not_of_the_transcripts(folder: Path) -> None:
    before = read_part(folder, "train").keys
    with gzip.open(folder / "text_train.csv.gz", "rt") as stream:
        rows = stream.read().splitlines()
    with gzip.open(folder / "text_train.csv.gz", "wt") as stream:
        stream.write("\n".join(reversed(rows)))
    assert read_part(folder, "train").keys == before[::-1]


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("audio/audio_train0.csv.gz", b"0.5,1\n", r"holds a table of \(1, 2\); expected 6 rows"),
        ("video/video_train0.csv.gz", b"a,b\n", "holds what is no number; expected 6 rows of 100"),
        ("text_train.csv.gz", b"99,0.5\n", "holds another number of a row; expected numbers from"),
    ],
)
def test_a_broken_file_is_named(folder: Path, file: str, content: bytes, message: str) -> None:
    (folder / file).write_bytes(gzip.compress(content))
    with pytest.raises(UnexpectedLayout, match=message) as error:
        read_part(folder, "train")
    assert str(folder / file) in str(error.value)


def test_half_a_file_and_none_are_named(folder: Path) -> None:
    path = folder / "transcripts.csv.gz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(UnexpectedLayout, match="a damaged file"):
        read_part(folder, "train")
    path.unlink()
    with pytest.raises(FilesMissing, match=r"lacks 1 expected files: transcripts\.csv\.gz"):
        read_part(folder, "train")


@pytest.mark.skipif(not DATA.is_dir(), reason="the data are not here")
def test_the_real_files() -> None:
    train, test = read_part(DATA, "train"), read_part(DATA, "test")
    assert (len(train.keys), len(test.keys)) == (1447, 752)
    assert (len(set(train.videos)), len(set(test.videos))) == (62, 31)
    assert not set(train.videos) & set(test.videos)
    assert {name: values.shape[1] for name, values in test.features.items()} == WIDTHS
    # The label of the feature files is "positive"; 65 utterances of sentiment 0 count as positive.
    clear = train.sentiment != 0
    assert ((train.sentiment > 0) == train.positive)[clear].all()
