"""AffectNet: numbers in files of their own, in the order of the release; -2 is no answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from insula.core.space import EKMAN8
from insula.corpora.affectnet import EXPRESSIONS, AffectNet
from insula.errors import (
    ConfigError,
    FilesMissing,
    UnexpectedLayout,
    UnknownName,
    UnreadableMedia,
)
from insula.testing import check_corpus


@pytest.fixture
def corpus(tmp_path: Path) -> AffectNet:
    AffectNet.make_fixture(tmp_path, groups=2, rng=np.random.default_rng(0))
    return AffectNet(tmp_path)


def annotation(corpus: AffectNet, name: str) -> Path:
    return Path(corpus.root) / "train_set/annotations" / name


def test_fixture_keeps_the_contract(corpus: AffectNet) -> None:
    check_corpus(corpus, groups=["picture"])
    assert len(list(corpus)) == 32
    assert len({example.groups["picture"] for example in corpus}) == 32


def test_expressions_stand_in_the_order_of_the_sheet(corpus: AffectNet) -> None:
    sheet = "Neutral, Happiness, Sadness, Surprise, Fear, Disgust, Anger, Contempt"
    assert [name.title() for name in EXPRESSIONS] == sheet.split(", ")
    top = [each.truth["ekman8"].mean().argmax() for each in corpus.part("train")]
    assert [EKMAN8.labels[column] for column in top] == [*EXPRESSIONS, *EXPRESSIONS]


def test_what_nobody_could_tell_has_no_truth(corpus: AffectNet) -> None:
    unknown, known, *_ = corpus
    assert not unknown.truth["va"].track.mask.any()
    assert unknown.truth["ekman8"].track.mask.all()
    expected = [float(np.load(annotation(corpus, f"1_{axis}.npy"))) for axis in ("val", "aro")]
    assert known.truth["va"].mean() == pytest.approx(expected)
    assert expected[0] != expected[1]


def test_numbers_are_as_good_as_their_text(corpus: AffectNet) -> None:
    before = [each.truth["va"].mean().tolist() for each in corpus]
    for path in (Path(corpus.root) / "train_set/annotations").iterdir():
        np.save(path, float(np.load(path)))
    assert [each.truth["va"].mean().tolist() for each in corpus] == before


def test_faces_come_in_the_order_of_ids(corpus: AffectNet) -> None:
    names = [example.recording.id for example in corpus.part("valid")]
    assert names == [f"{number}.jpg" for number in range(16)]
    [batch] = next(iter(corpus)).recording.frames(rate=1)
    assert batch.images.shape == (1, 64, 64, 3)


def test_split_is_the_release(corpus: AffectNet) -> None:
    assert corpus.split("official") == [(range(16), range(16, 32))]
    assert [each.groups["split"] for each in corpus] == ["train"] * 16 + ["valid"] * 16
    with pytest.raises(ConfigError, match="Choose one of: official"):
        corpus.split("random")
    with pytest.raises(UnknownName, match="Known: train, valid"):
        list(corpus.part("test"))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("3_exp.npy", np.array("8"), "the expression 8; expected a number from 0 to 7"),
        ("3_exp.npy", np.array(1.5), "the expression 1.5"),
        ("3_val.npy", np.array("-1.2"), "the value -1.2; expected -1 to 1, or -2"),
        ("3_aro.npy", np.array(np.nan), "the value nan"),
        ("3_aro.npy", np.array("calm"), "no number"),
        ("3_aro.npy", np.zeros(2), "no number"),
        ("3_aro.npy", np.array([{}], object), "no number"),  # would have to be unpickled
        ("3_val.npy", None, "no number"),
    ],
)
def test_a_broken_annotation_is_named(
    corpus: AffectNet, name: str, value: np.ndarray | None, message: str
) -> None:
    path = annotation(corpus, name)
    if value is None:
        path.write_bytes(b"")
    else:
        np.save(path, value, allow_pickle=True)
    with pytest.raises(UnexpectedLayout, match=message) as error:
        list(corpus)
    assert str(path) in str(error.value)


def test_what_is_missing_is_named(corpus: AffectNet, tmp_path: Path) -> None:
    annotation(corpus, "4_aro.npy").unlink()
    with pytest.raises(FilesMissing, match=r"4_aro\.npy"):
        list(corpus)
    (tmp_path / "train_set/images/3.jpg").unlink()
    with pytest.raises(FilesMissing, match=r"train_set/images/3\.jpg"):
        list(corpus)
    (tmp_path / "val_set").rename(tmp_path / "elsewhere")
    with pytest.raises(FilesMissing, match=r"val_set/annotations/\*_exp\.npy"):
        corpus.split("official")


def test_a_damaged_picture_is_named_when_it_is_asked_for(corpus: AffectNet) -> None:
    (Path(corpus.root) / "train_set/images/0.jpg").write_bytes(b"no picture")
    first = next(iter(corpus))
    with pytest.raises(UnreadableMedia, match=r"train_set/images/0\.jpg"):
        list(first.recording.frames(rate=1))
