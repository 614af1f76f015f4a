"""Saving: everything, whole, or a clear error and nothing."""

from __future__ import annotations

import errno
import sys
from pathlib import Path

import pytest

from insula.core.records import Analysis
from insula.errors import MissingDependency, OutputError, UnknownName
from insula.registry import writers

ALL = {
    "analysis.json",
    "timeline.csv",
    "timeline.parquet",
    "subtitles.srt",
    "subtitles.vtt",
    "report.html",
}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_by_default_everything_is_written(any_analysis: Analysis, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder with spaces и кириллицей"
    paths = any_analysis.save(folder)
    assert {path.name for path in paths} == ALL == names(folder)
    assert all(path.parent == folder for path in paths)


def test_only_what_is_asked_for(analysis: Analysis, tmp_path: Path) -> None:
    analysis.save(tmp_path, ["srt"])
    assert names(tmp_path) == {"subtitles.srt"}


def test_a_missing_package_leaves_one_file_out(
    analysis: Analysis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "insula.outputs.parquet", raising=False)
    analysis.save(tmp_path)
    assert names(tmp_path) == ALL - {"timeline.parquet"}


def test_a_missing_package_is_an_error_where_its_format_was_picked(
    analysis: Analysis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "insula.outputs.parquet", raising=False)
    with pytest.raises(MissingDependency, match=r'pip install "insula\[tables\]"'):
        analysis.save(tmp_path, ["csv", "parquet"])
    assert names(tmp_path) == set()


def test_an_unknown_format_names_the_nearest(analysis: Analysis, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"No writer is called 'jsn'. Did you mean 'json'"):
        analysis.save(tmp_path, ["jsn"])


def test_a_file_in_the_way_is_an_output_error(analysis: Analysis, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(OutputError, match=r"Cannot write to .*taken.*Name a folder that you may"):
        analysis.save(tmp_path / "taken")
    assert (tmp_path / "taken").read_text() == "mine"


def test_a_full_disk_leaves_nothing_half_written(
    analysis: Analysis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "analysis.json").write_text("the old one")

    def full(analysis: Analysis, folder: Path) -> Path:
        (folder / "half.bin").write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setitem(writers._entries, "csv", full)
    with pytest.raises(OutputError, match="No space left on device"):
        analysis.save(tmp_path, ["json", "csv"])
    assert names(tmp_path) == {"analysis.json"}
    assert (tmp_path / "analysis.json").read_text() == "the old one"
