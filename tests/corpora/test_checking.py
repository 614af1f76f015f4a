"""Manifests of copies: what is missing, what is corrupt, and what a count means."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from insula.core.roles import Corpus, Example
from insula.corpora import open_corpus
from insula.corpora.checking import Part, verify_corpus
from insula.corpora.damage import find_damage
from insula.corpora.emobank import EmoBank
from insula.corpora.ferplus import PARTS, FERPlus
from insula.corpora.films import write_film
from insula.corpora.goemotions import GoEmotions
from insula.corpora.iemocap import IEMOCAP, read_turns
from insula.corpora.labelled_audio import write_clip
from insula.corpora.ravdess import RAVDESS
from insula.corpora.stress_predict import StressPredict
from insula.errors import FilesMissing, OutputError, UnknownName

DEMO = Path(__file__).parents[2] / "examples" / "demo.mp4"


@pytest.fixture
def ravdess(tmp_path: Path) -> RAVDESS:
    RAVDESS.make_fixture(tmp_path / "ravdess", groups=2, rng=np.random.default_rng(0))
    return RAVDESS(tmp_path / "ravdess")


@pytest.fixture
def clips(ravdess: RAVDESS) -> list[Path]:
    return sorted(Path(ravdess.root).rglob("*.flac"))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_a_fixture_is_a_part_of_the_release(ravdess: RAVDESS) -> None:
    manifest = verify_corpus(ravdess)
    [part] = manifest.parts
    assert (part.found, part.expected) == (16, 1440)
    assert part.remark == "a part of the release (16 of 1440)"
    assert (manifest.files, manifest.missing, manifest.corrupt) == (16, (), {})
    assert not manifest.is_whole and not manifest.is_real


def test_a_whole_copy_is_real(ravdess: RAVDESS) -> None:
    ravdess.counts = {"all": 16}
    manifest = verify_corpus(ravdess)
    assert manifest.is_whole and manifest.is_real
    assert manifest.parts[0].remark == "as published"
    ravdess.counts = {}
    manifest = verify_corpus(ravdess)
    assert manifest.is_whole and not manifest.is_real


@pytest.mark.parametrize(
    ("found", "differs", "remark"),
    [
        (1000, False, "as published"),
        (990, False, "within 1 % of the release (990 of 1000)"),
        (989, True, "a part of the release (989 of 1000)"),
        (1010, False, "within 1 % of the release (1010 of 1000)"),
        (1011, True, "more than the release (1011 instead of 1000)"),
        (0, True, "not here"),
        (None, True, "cannot be counted before broken and missing files are replaced"),
    ],
)
def test_what_a_count_means(found: int | None, differs: bool, remark: str) -> None:
    part = Part("train", found, 1000)
    assert (part.differs, part.remark) == (differs, remark)


def test_every_broken_file_is_named_and_the_others_are_counted(
    ravdess: RAVDESS, clips: list[Path]
) -> None:
    clips[2].write_bytes(b"not sound")
    cut(clips[5])
    clips[9].write_bytes(b"")
    manifest = verify_corpus(ravdess)
    assert list(manifest.corrupt) == [str(clips[k]) for k in (2, 5, 9)]
    assert manifest.corrupt[str(clips[9])] == "the file is empty (0 bytes)"
    assert manifest.parts[0].found == 13


def test_what_only_the_corpus_finds_unreadable_is_named(tmp_path: Path) -> None:
    IEMOCAP.make_fixture(tmp_path, groups=1, rng=np.random.default_rng(0))
    first, second, *others = [turn.path for turn in read_turns(tmp_path) if turn.label != "xxx"]
    write_film(tmp_path / "mute.mp4", np.random.default_rng(0), sound=False)
    (tmp_path / "mute.mp4").rename(first)  # a sound file of pictures
    cut(second)
    manifest = verify_corpus(IEMOCAP(tmp_path))
    assert list(manifest.corrupt) == [str(first), str(second)]
    assert "it holds no sound" in manifest.corrupt[str(first)]
    assert manifest.parts[0].found == len(others)


def test_every_foreign_name_is_named(ravdess: RAVDESS, clips: list[Path]) -> None:
    names = [clips[3].with_name("take one.flac"), clips[12].with_name("take two.flac")]
    clips[3].rename(names[0])
    clips[12].rename(names[1])
    manifest = verify_corpus(ravdess)
    assert list(manifest.corrupt) == [str(name) for name in names]
    assert f"{str(names[0])!r} holds the name 'take one'" in manifest.corrupt[str(names[0])]
    assert manifest.parts[0].found == 14
    assert not list(Path(ravdess.root).glob("**/*link*"))


def test_parts_and_missing_files(tmp_path: Path) -> None:
    GoEmotions.make_fixture(tmp_path, groups=1, rng=np.random.default_rng(0))
    manifest = verify_corpus(GoEmotions(tmp_path))
    assert [(part.name, part.found) for part in manifest.parts] == [
        ("train", 28),
        ("dev", 28),
        ("test", 0),
    ]
    assert manifest.missing == ("test.tsv",)


def test_a_broken_part_leaves_the_others_counted(tmp_path: Path) -> None:
    FERPlus.make_fixture(tmp_path, groups=1, rng=np.random.default_rng(0))
    path = tmp_path / PARTS["train"]
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (contents | {"train0000003.png": b"no picture"}).items():
            archive.writestr(name, content)
    manifest = verify_corpus(FERPlus(tmp_path))
    assert manifest.corrupt == {str(path): "train0000003.png: it is no picture"}
    assert {part.name: part.found for part in manifest.parts} == {
        "train": None,
        "valid": 8,
        "test": 0,
    }
    assert manifest.missing == (PARTS["test"],)


def test_a_broken_row_is_named(tmp_path: Path) -> None:
    EmoBank.make_fixture(tmp_path, groups=1, rng=np.random.default_rng(0))
    path = tmp_path / "emobank.csv"
    with path.open("a", encoding="utf-8") as file:
        file.write("x,dev,9,9,9,too much\n")
    manifest = verify_corpus(EmoBank(tmp_path))
    assert list(manifest.corrupt) == [str(path)]
    assert all(part.found is None for part in manifest.parts)


def test_missing_files_are_all_named(tmp_path: Path) -> None:
    StressPredict.make_fixture(tmp_path, groups=3, rng=np.random.default_rng(0))
    gone = ("Raw_data/S02/HR.csv", "Raw_data/S04/BVP.csv")
    for name in gone:
        (tmp_path / name).unlink()
    manifest = verify_corpus(StressPredict(tmp_path))
    assert (manifest.missing, manifest.corrupt) == (gone, {})
    assert manifest.parts[0].found is None


def test_missing_files_are_named_from_the_root(tmp_path: Path) -> None:
    FERPlus.make_fixture(tmp_path, groups=1, rng=np.random.default_rng(0))
    with zipfile.ZipFile(tmp_path / PARTS["valid"]) as archive:
        archive.extractall(tmp_path / "FER2013Valid")
    (tmp_path / PARTS["valid"]).unlink()
    (tmp_path / "FER2013Valid" / "valid0000003.png").unlink()
    manifest = verify_corpus(FERPlus(tmp_path))
    assert manifest.missing == ("FER2013Valid/valid0000003.png", PARTS["test"])


def test_an_empty_folder(tmp_path: Path) -> None:
    manifest = verify_corpus(RAVDESS(tmp_path))
    assert (manifest.parts[0].found, manifest.files) == (0, 0)
    assert manifest.parts[0].remark == "not here"
    assert len(manifest.missing) == 1


def test_a_loader_that_loses_its_way_ends_nothing(tmp_path: Path) -> None:
    class Lost(Corpus):
        name = "lost"
        splits = ("train", "test")

        def __iter__(self) -> Iterator[Example]:
            raise KeyError("label")

    manifest = verify_corpus(Lost(tmp_path))
    assert manifest.corrupt == {str(tmp_path): "KeyError: 'label'"}
    assert [part.found for part in manifest.parts] == [None, None]


def test_progress_and_hidden_files(ravdess: RAVDESS) -> None:
    (Path(ravdess.root) / ".cache").mkdir()
    (Path(ravdess.root) / ".cache" / "x.wav").write_bytes(b"")
    told: list[tuple[int, int, str]] = []
    verify_corpus(ravdess, progress=lambda *each: told.append(each))
    assert told[16] == (16, 16, "files")
    assert told[-1] == (16, 1440, "examples")


def test_manifest_is_saved(ravdess: RAVDESS, tmp_path: Path) -> None:
    manifest = verify_corpus(ravdess)
    manifest.save(tmp_path / "m.json")
    written = json.loads((tmp_path / "m.json").read_text(encoding="utf-8"))
    assert written["parts"][0]["remark"] == "a part of the release (16 of 1440)"
    assert (written["is_real"], written["files"]) == (False, 16)
    with pytest.raises(OutputError, match="Cannot write"):
        manifest.save(tmp_path / "nowhere" / "m.json")


def test_open_corpus(ravdess: RAVDESS) -> None:
    root = Path(ravdess.root)
    assert Path(open_corpus("ravdess", root).root) == root
    assert Path(open_corpus("ravdess", root.parent).root) == root
    with pytest.raises(FilesMissing, match="the folder itself"):
        open_corpus("ravdess", root / "nowhere")
    with pytest.raises(UnknownName, match="Did you mean 'ravdess'"):
        open_corpus("ravdes", root)


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_sound_cut_off(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"clip{suffix}"
    write_clip(path, np.random.default_rng(0), seconds=2.0)
    assert find_damage(path) == ""
    cut(path)
    assert find_damage(path) != ""


def test_a_hole_in_the_sound(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = tmp_path / "clip.flac"
    write_clip(path, rng, seconds=2.0)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 100] = rng.bytes(100)
    path.write_bytes(data)
    assert "its header promises 2.0 s" in find_damage(path)


def test_film(tmp_path: Path) -> None:
    assert find_damage(DEMO) == ""
    path = tmp_path / "film.mp4"
    data = bytearray(DEMO.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 20_000] = np.random.default_rng(0).bytes(20_000)
    path.write_bytes(data)
    assert "decoding stops with an error" in find_damage(path)
    cut(path)
    assert "cut short" in find_damage(path)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_half_a_picture(tmp_path: Path, suffix: str) -> None:
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = tmp_path / f"face{suffix}"
    path.write_bytes(cv2.imencode(suffix, image)[1].tobytes())
    assert find_damage(path) == ""
    cut(path)
    assert find_damage(path) == "the image is damaged"


def test_archives(tmp_path: Path) -> None:
    packed = tmp_path / "table.csv.gz"
    packed.write_bytes(gzip.compress(b"a,b\n" * 500 + bytes(range(1, 100))))
    assert find_damage(packed) == ""
    cut(packed)
    assert "it cannot be read" in find_damage(packed)
    archive = tmp_path / "all.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("one.txt", "one" * 50)
        file.writestr("two.json", "[1, 2")
    assert find_damage(archive).startswith("two.json: it is no valid JSON")
    archive.write_bytes(archive.read_bytes().replace(b"oneone", b"oneten", 1))
    assert "one.txt: it cannot be unpacked (Bad CRC-32" in find_damage(archive)
    assert "two.json" in find_damage(archive)
    cut(archive)
    assert "it cannot be read (File is not a zip file)" in find_damage(archive)


@pytest.mark.parametrize(
    ("name", "content", "damage"),
    [
        ("a.csv", "don’t,3\n".encode("cp1252"), ""),
        ("a.csv", b"a\0\0\0", "zero bytes"),
        ("a.txt", b"\x81\x8d", "no text in UTF-8 or Windows-1252"),
        ("a.json", b'{"a": [1, 2', "no valid JSON"),
        ("a.jsonl", b'{"a": 1}\n{"a": 2}\n', ""),
        ("a.jsonl", b'{"a": 1}\n{"a"', "no valid JSON"),
        ("a.npy", b"no array", "no array"),
        ("a.mat", b"whatever", ""),
    ],
)
def test_tables_and_texts(tmp_path: Path, name: str, content: bytes, damage: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    found = find_damage(path)
    assert damage in found and bool(damage) == bool(found)
