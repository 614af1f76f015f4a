"""FER+: votes in the order of the space, faces without a label, damaged archives."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from insula.core.space import EKMAN8
from insula.corpora.ferplus import PARTS, VOTES, FERPlus, read_faces
from insula.errors import ConfigError, FilesMissing, UnexpectedLayout, UnknownName
from insula.testing import check_corpus

PROJECT = Path(__file__).parents[2]
REAL = Path(os.environ.get("INSULA_DATA", PROJECT / "../shared/data")) / "ferplus"


@pytest.fixture
def corpus(tmp_path: Path) -> FERPlus:
    FERPlus.make_fixture(tmp_path, groups=2, rng=np.random.default_rng(0))
    return FERPlus(tmp_path)


def rewrite(path: Path, change: dict[str, bytes]) -> None:
    """The same archive with other contents under the names in `change`."""
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (contents | change).items():
            if content:
                archive.writestr(name, content)


def test_fixture_keeps_the_contract(corpus: FERPlus) -> None:
    check_corpus(corpus, groups=["picture"])


def test_unknown_faces_are_left_out(corpus: FERPlus) -> None:
    assert len(read_faces(Path(corpus.root), "train").names) == 16  # of 17


def test_votes_stand_in_the_order_of_the_space(corpus: FERPlus) -> None:
    path = Path(corpus.root) / PARTS["train"]
    votes = {"happiness": 7, "contempt": 3}
    counts = ",".join(str(votes.get(name, 0)) for name in VOTES)
    rewrite(path, {"label.csv": f'train0000001.png,"(0, 0, 48, 48)",{counts}\n'.encode()})
    faces = read_faces(Path(corpus.root), "train")
    assert dict(zip(EKMAN8.labels, faces.votes[0].tolist(), strict=True))["happiness"] == 7
    assert EKMAN8.labels[faces.label[0]] == "happiness"
    assert faces.votes[0].sum() == 10


def test_split_is_the_release(corpus: FERPlus) -> None:
    [(train, valid)] = corpus.split("official")
    assert (train, valid) == (range(16), range(16, 32))
    with pytest.raises(ConfigError, match="Choose one of: official"):
        corpus.split("random")


def test_missing_archive_is_named(tmp_path: Path) -> None:
    with pytest.raises(FilesMissing, match=r"FER2013Train\.zip"):
        list(FERPlus(tmp_path))
    with pytest.raises(FilesMissing, match=r"FER2013Test\.zip"):
        list(FERPlus(tmp_path).part("test"))
    with pytest.raises(UnknownName, match="Known: test, train, valid"):
        list(FERPlus(tmp_path).part("dev"))


def test_one_part_is_enough(corpus: FERPlus) -> None:
    root = Path(corpus.root)
    (root / PARTS["train"]).unlink()
    (root / PARTS["valid"]).rename(root / PARTS["test"])
    examples = list(corpus)
    assert {example.groups["split"] for example in examples} == {"test"}
    assert len(examples) == len(list(corpus.part("test"))) == 16


def test_a_folder_is_as_good_as_its_archive(corpus: FERPlus) -> None:
    root = Path(corpus.root)
    before = read_faces(root, "valid")
    with zipfile.ZipFile(root / PARTS["valid"]) as archive:
        archive.extractall(root / "FER2013Valid")
    (root / PARTS["valid"]).unlink()
    after = read_faces(root, "valid")
    assert after.names == before.names
    assert np.array_equal(after.images, before.images)
    assert np.array_equal(after.votes, before.votes)


def test_votes_of_the_release(corpus: FERPlus) -> None:
    path = Path(corpus.root) / PARTS["valid"]
    before = read_faces(Path(corpus.root), "valid")
    with zipfile.ZipFile(path) as archive:
        rows = [row.split(",") for row in archive.read("label.csv").decode().splitlines()]
    lines = ["Usage,Image name," + ",".join(VOTES), "Training,fer1.png,10" + ",0" * 9]
    lines += [",".join(["PublicTest", row[0], *row[-len(VOTES) :]]) for row in rows]
    lines += ["PublicTest,,0,0,0,0,0,0,0,0,0,10"]  # not a face: the release gives it no name
    rewrite(path, {"label.csv": b""})
    path.with_name("fer2013new.csv").write_text("\n".join(lines))
    after = read_faces(Path(corpus.root), "valid")
    assert after.names == before.names
    assert np.array_equal(after.votes, before.votes)


def test_the_largest_share_is_the_label_of_a_tie(corpus: FERPlus) -> None:
    path = Path(corpus.root) / PARTS["train"]
    votes = {"anger": 5, "happiness": 5}  # happiness stands first in VOTES, anger in the space
    counts = ",".join(str(votes.get(name, 0)) for name in VOTES)
    rewrite(path, {"label.csv": f'train0000001.png,"(0, 0, 48, 48)",{counts}\n'.encode()})
    [example] = corpus.part("train")
    truth = example.truth["ekman8"].mean()
    assert EKMAN8.labels[truth.argmax()] == "happiness"
    assert truth == pytest.approx([0.5, 0, 0, 0.5, 0, 0, 0, 0], abs=1e-3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label.csv": b"train0000001.png,box,1,2\n"}, "ten vote counts"),
        ({"label.csv": b""}, r"no label\.csv"),
        ({"train0000003.png": b"not a picture"}, r"train0000003\.png.*no picture"),
    ],
)
def test_damage_is_named(corpus: FERPlus, change: dict[str, bytes], message: str) -> None:
    rewrite(Path(corpus.root) / PARTS["train"], change)
    with pytest.raises(UnexpectedLayout, match=message):
        list(corpus)


def test_a_picture_that_is_not_there(corpus: FERPlus) -> None:
    rewrite(Path(corpus.root) / PARTS["train"], {"train0000003.png": b""})
    with pytest.raises(FilesMissing, match=r"train0000003\.png"):
        list(corpus)


def test_no_archive_at_all(corpus: FERPlus) -> None:
    (Path(corpus.root) / PARTS["valid"]).write_bytes(b"PK but no archive")
    with pytest.raises(UnexpectedLayout, match="no readable zip archive"):
        list(corpus)


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no copy of FER+ in {REAL}")
def test_real_counts() -> None:
    faces = read_faces(REAL, "valid")
    assert len(faces.names) == 3555
    assert np.bincount(faces.label).tolist() == [325, 32, 71, 899, 415, 458, 1329, 26]
