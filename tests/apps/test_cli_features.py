"""`insula features`, run in this process as the installed script runs it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from insula import registry
from insula.channels.toy import Toy
from insula.core.records import Observation, Recording
from insula.corpora.ravdess import RAVDESS

CLIPS = 8  # of one actor


class Result(NamedTuple):
    code: int
    out: str
    err: str


Command = Callable[..., Result]


class Unlucky(Toy):
    """Fails on the angry clip."""

    name = "unlucky"

    def observe(self, recording: Recording) -> list[Observation]:
        if recording.id.startswith("03-01-05"):
            raise RuntimeError("no such luck")
        return []


@pytest.fixture
def data(tmp_path: Path) -> Path:
    RAVDESS.make_fixture(tmp_path / "ravdess", groups=1, rng=np.random.default_rng(0))
    return tmp_path


def test_the_second_run_has_nothing_to_do(
    insula_command: Command, data: Path, tmp_path: Path
) -> None:
    asked = (
        "features",
        "ravdess",
        "--channel",
        "toy",
        "--data",
        data,
        "--store",
        tmp_path / "kept",
    )
    done = insula_command(*asked)
    assert (done.code, done.err.strip()) == (0, "")
    assert done.out.startswith(
        f"ravdess, toy: {CLIPS} examples; {CLIPS} observed now, 0 there before, 0 failed; "
    )
    again = insula_command(*asked)
    assert again.code == 0
    assert f"0 observed now, {CLIPS} there before, 0 failed" in again.out
    assert re.search(r"kept holds 0\.0[1-9] MB\.$", again.out.strip())


def test_what_failed_is_named_and_the_rest_is_kept(
    insula_command: Command, data: Path, tmp_path: Path
) -> None:
    registry.channels.add("unlucky", Unlucky)
    channels = ("--channel", "toy", "--channel", "unlucky")
    where = ("--data", data, "--store", tmp_path / "kept")
    done = insula_command("features", "ravdess", *channels, *where)
    assert done.code == 1
    (line,) = [line for line in done.err.splitlines() if line.startswith("insula: ")]
    assert line.startswith("insula: unlucky failed on 03-01-05")
    assert line.endswith("RuntimeError: no such luck")
    assert f"{2 * CLIPS - 1} observed now" in done.out and "1 failed" in done.out


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("nothing", "--channel", "toy"), "No corpus is called 'nothing'"),
        (("ravdess", "--channel", "tony"), "Did you mean 'toy'?"),
        (("ravdess", "--channel", "toy", "--channel", "toy"), "each name once"),
        (("ravdess", "--channel", "toy", "--store", "DATA"), "is no feature store"),
    ],
)
def test_questions_that_make_no_sense(
    insula_command: Command, data: Path, tmp_path: Path, asked: tuple[str, ...], said: str
) -> None:
    where = ("--data", data, *(("--store", tmp_path / "kept") if "--store" not in asked else ()))
    done = insula_command("features", *(data if each == "DATA" else each for each in asked), *where)
    assert done.code == 2
    assert said in done.err


def test_its_help_teaches(insula_command: Command) -> None:
    done = insula_command("features", "--help")
    assert done.code == 0
    words = " ".join(done.out.split())
    assert "insula features ravdess --channel voice" in words
    assert "Nothing is done twice" in words and "a section [features]" in words
