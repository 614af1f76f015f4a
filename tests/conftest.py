"""What tests of several folders share: the demo clip, the data, and a way to run the command."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from insula import registry
from insula.apps import cli

ROOT = Path(__file__).parents[1]


class Done(NamedTuple):
    """How a run of the command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def insula_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Done]:
    """Run `insula ARGUMENTS...` in this process, as the installed script does."""
    for table in (registry.channels, registry.fusions, registry.corpora):
        # What a plug-in registers must not be there for the next test.
        monkeypatch.setattr(table, "_entries", dict(table._entries))

    def run(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["insula", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            cli.main()
        except SystemExit as stopped:
            code = int(stopped.code or 0)
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def demo() -> Path:
    """Eight seconds of one face and speech, as committed."""
    return ROOT / "examples" / "demo.mp4"


@pytest.fixture(scope="session")
def clips() -> Path:
    """The folder of short media for end-to-end runs; skips where the data are not here."""
    folder = Path(os.environ.get("INSULA_DATA", ROOT.parent / "shared" / "data")) / "clips"
    if not folder.is_dir():
        pytest.skip(f"no data in {folder}; set INSULA_DATA")
    return folder


@pytest.fixture
def quick_preset(tmp_path: Path) -> Path:
    """A pipeline that loads no weights: the toy channel and the mean."""
    path = tmp_path / "quick.toml"
    path.write_text('[channels.toy]\nquality = 0.5\n[fusion]\nname = "mean"\n', encoding="utf-8")
    return path
