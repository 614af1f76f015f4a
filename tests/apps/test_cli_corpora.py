"""`insula corpora`: the list as before, and `check` with its exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from insula.corpora.ravdess import RAVDESS
from insula.registry import corpora

from ..conftest import Done

Command = Callable[..., Done]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    RAVDESS.make_fixture(tmp_path, groups=2, rng=np.random.default_rng(0))
    return tmp_path


def test_alone_it_lists(insula_command: Command) -> None:
    for arguments in ([], ["list"]):
        done = insula_command("corpora", *arguments, "--json")
        assert [row["name"] for row in json.loads(done.out)] == list(corpora)
        assert done.code == 0
    assert "Livingstone" not in insula_command("corpora").out
    assert "CC BY-NC-SA 4.0" in insula_command("corpora", "--json").out


def test_a_part_of_the_release_fails(insula_command: Command, copy: Path) -> None:
    done = insula_command("corpora", "check", "ravdess", "--data", copy)
    assert done.code == 1
    assert "a part of the release (16 of 1440)" in done.out
    assert "16 of 16 files are intact" in done.out
    assert "Say how many examples there were" in done.out


def test_a_whole_copy_passes(
    insula_command: Command, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RAVDESS, "counts", {"all": 16})
    done = insula_command("corpora", "check", "ravdess", "--data", copy)
    assert done.code == 0
    assert "Whole: counts as published, every file intact." in done.out


def test_corrupt_files_are_listed(insula_command: Command, copy: Path, tmp_path: Path) -> None:
    broken = sorted(copy.rglob("*.flac"))[:2]
    for path in broken:
        path.write_bytes(b"not sound")
    manifest = tmp_path / "manifest.json"
    done = insula_command("corpora", "check", "ravdess", "--data", copy, "--json", manifest)
    assert done.code == 1
    assert all(f"{path}: its content is no video" in done.out for path in broken)
    assert "Fetch the corrupt files again" in done.out
    assert list(json.loads(manifest.read_text())["corrupt"]) == [str(path) for path in broken]
    assert f"Wrote {manifest}" in done.err


def test_json_to_the_screen(insula_command: Command, copy: Path) -> None:
    done = insula_command("corpora", "check", "ravdess", "--data", copy, "--json", "-")
    assert json.loads(done.out)["parts"][0]["found"] == 16
    assert (done.code, done.err) == (1, "")


def test_no_such_folder_or_corpus(insula_command: Command, tmp_path: Path) -> None:
    done = insula_command("corpora", "check", "ravdess", "--data", tmp_path / "nowhere")
    assert done.code == 1
    assert "lacks 1 expected files: the folder itself" in done.err
    (tmp_path / "file").write_text("")
    done = insula_command("corpora", "check", "ravdess", "--data", tmp_path / "file")
    assert (done.code, "a folder (this is a file)" in done.err) == (1, True)
    assert insula_command("corpora", "check", "ravdes", "--data", tmp_path).code == 2
