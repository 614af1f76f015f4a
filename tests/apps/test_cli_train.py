"""`insula train` and `insula sweep`, as someone at a terminal meets them."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from insula.learn.run import Run
from insula.learn.train import BUILDERS

LEARN = Path(__file__).parents[1] / "learn"


class Done(NamedTuple):
    code: int
    out: str
    err: str


Command = Callable[..., Done]


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recipe that trains in milliseconds."""
    torch.set_num_threads(1)
    monkeypatch.syspath_prepend(LEARN)
    monkeypatch.setitem(BUILDERS, "tiny", "tiny:build")
    path = tmp_path / "tiny.toml"
    text = str(runpy.run_path(str(LEARN / "tiny.py"))["RECIPE"])
    path.write_text(text.replace("epochs = 4", "epochs = 2"), encoding="utf-8")
    return path


def stop_after(monkeypatch: pytest.MonkeyPatch, epochs: int) -> None:
    """Have someone press Ctrl-C in the epoch that follows."""
    real, begun = Run.epoch, []

    def epoch(run: Run, tell: object) -> float:
        begun.append(run)
        if len(begun) > epochs:
            raise KeyboardInterrupt
        return real(run, tell)

    monkeypatch.setattr(Run, "epoch", epoch)


def test_train_tells_every_epoch_and_where_it_wrote(
    insula_command: Command, recipe: Path, tmp_path: Path
) -> None:
    done = insula_command("train", recipe, "--data", tmp_path, "--out", tmp_path / "out")
    assert done.code == 0, done.err
    assert done.out.replace("\n", "") == f"Wrote {tmp_path / 'out'}"
    told = [line for line in done.err.splitlines() if line.startswith("fold ")]
    assert [line.partition(":")[0] for line in told] == [
        f"fold {fold}, epoch {epoch}" for fold in ("one", "two") for epoch in (1, 2)
    ]
    assert (tmp_path / "out" / "card.toml").is_file()


def test_ctrl_c_says_how_to_go_on_and_it_does(
    insula_command: Command, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("train", recipe, "--data", tmp_path, "--out", tmp_path / "out")
    kept = tmp_path / "out" / "checkpoint"
    with monkeypatch.context() as patch:
        stop_after(patch, 0)
        done = insula_command(*command)
    assert done.code == 130
    assert done.err.endswith("\nStopped: the same command begins anew.\n")
    with monkeypatch.context() as patch:
        stop_after(patch, 3)
        done = insula_command(*command, "--restart")
    assert done.code == 130
    assert done.err.endswith(
        f"\nStopped: the same command without --restart goes on from {kept}, every finished epoch "
        f"is kept.\n"
    )
    assert "Traceback" not in done.err
    before = (tmp_path / "out" / "log.jsonl").read_text()
    assert len(before.splitlines()) == 3
    other = insula_command(*command, "--set", "net.hidden=7")
    assert other.code == 2
    assert "belongs to another recipe: net.hidden is 6 there and 7 here." in other.err
    assert "--restart" in other.err
    done = insula_command(*command)
    assert done.code == 0
    assert f"A run was stopped here; goes on from {kept}." in done.err
    assert (tmp_path / "out" / "log.jsonl").read_text().startswith(before)


def test_sweep_shows_its_trials_and_trains_the_best(
    insula_command: Command, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    command = ("sweep", recipe, "--data", tmp_path, "--out", out, "--trials", 2)
    with monkeypatch.context() as patch:
        stop_after(patch, 5)
        done = insula_command(*command)
    assert done.code == 130
    assert "Stopped. What was found is kept in" in done.err
    done = insula_command(*command)
    assert done.code == 0, done.err
    assert "trial 2, optimiser.learning_rate " in done.err
    head, *rows = done.out.splitlines()
    assert head.split() == ["trial", "optimiser.learning_rate", "net.hidden", "metric"]
    best, worst = (float(row.split()[-1]) for row in rows[:2])
    assert best >= worst
    assert f"{out / 'best.toml'}" in done.out
    assert (out / "best" / "card.toml").is_file()


def test_sweep_without_anything_to_search(
    insula_command: Command, recipe: Path, tmp_path: Path
) -> None:
    text = recipe.read_text(encoding="utf-8")
    head, tail = text.split("[sweep]")
    recipe.write_text(f"{head}[card]{tail.split('[card]')[1]}", encoding="utf-8")
    done = insula_command("sweep", recipe, "--data", tmp_path, "--trials", 2)
    assert done.code == 2
    assert done.err.startswith("insula: The recipe 'tiny' names no settings to search.")


def test_help_loads_neither_torch_nor_optuna() -> None:
    code = (
        "import sys, json\nsys.argv = ['insula', 'sweep', '--help']\n"
        "from insula.apps import cli\n"
        "try:\n    cli.main()\nexcept SystemExit:\n    pass\n"
        "print('\\n' + json.dumps([name for name in ('torch', 'optuna', 'sqlalchemy') "
        "if name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "--trials" in done.stdout
    assert json.loads(done.stdout.splitlines()[-1]) == []


@pytest.mark.parametrize(
    ("command", "section"),
    [("sweep", "[sweep]"), ("features", "[features]"), ("methods", "[training]")],
)
def test_help_names_the_section(insula_command: Command, command: str, section: str) -> None:
    """Brackets are markup on a terminal; unescaped they vanish."""
    assert section in insula_command(command, "--help").out
