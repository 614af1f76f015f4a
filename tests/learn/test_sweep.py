"""Sweeps: trials in a study that goes on, chosen by the task's metric, and a best that ships."""

from __future__ import annotations

import json
import runpy
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from insula.errors import ConfigError, OutputError
from insula.learn import sweep as sweeping
from insula.learn.recipe import read_recipe
from insula.learn.sweep import search_space, sweep
from insula.learn.train import BUILDERS
from insula.zoo.session import Model

HERE = Path(__file__).parent
RECIPES = HERE.parents[1] / "recipes"
RECIPE = str(runpy.run_path(str(HERE / "tiny.py"))["RECIPE"])


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny task can be trained."""
    torch.set_num_threads(1)
    monkeypatch.syspath_prepend(HERE)
    monkeypatch.setitem(BUILDERS, "tiny", "tiny:build")


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    return written(tmp_path, RECIPE)


def written(folder: Path, text: str) -> Path:
    path = folder / "tiny.toml"
    path.write_text(text, encoding="utf-8")
    return path


def likeness(folder: Path) -> float:
    """The mean over folds of the best epoch's."""
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    best = [max(x["likeness"] for x in lines if x["fold"] == fold) for fold in ("one", "two")]
    return sum(best) / 2


def test_the_best_trial_ships(recipe: Path, tmp_path: Path) -> None:
    out, told = tmp_path / "out", []
    rows = sweep(recipe, data=tmp_path, out=out, trials=5, progress=told.append)
    assert sorted(row["trial"] for row in rows) == [row["trial"] for row in told] == [1, 2, 3, 4, 5]
    assert [row["metric"] for row in rows] == sorted((row["metric"] for row in rows), reverse=True)
    for row in rows:
        folder = out / f"trial-{row['trial']}"
        assert row["metric"] == pytest.approx(likeness(folder), abs=1e-4)
        tried = read_recipe(folder / "recipe.toml").sections
        assert tried["net"]["hidden"] == row["net.hidden"] in (4, 8)
        assert tried["optimiser"]["learning_rate"] == pytest.approx(
            row["optimiser.learning_rate"], rel=1e-3
        )
        assert not list(folder.glob("*.onnx"))  # and so no number of the test part
    assert len({row["optimiser.learning_rate"] for row in rows}) == 5
    best = read_recipe(out / "best.toml")
    assert best.sections["net"]["hidden"] == rows[0]["net.hidden"]
    assert likeness(out / "best") == likeness(out / f"trial-{rows[0]['trial']}")
    assert Model(out / "best").card.name == "tiny"


def test_a_sweep_that_was_stopped_goes_on(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = sweep(recipe, data=tmp_path, out=tmp_path / "whole", trials=4)
    out, seen = tmp_path / "out", []

    def stop(fold: str, epoch: int, share: float) -> None:
        seen.append(fold)
        if len(seen) == 87:  # each trial has 40 steps
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(recipe, data=tmp_path, out=out, trials=4, steps=stop)
    assert (out / "trial-3" / "checkpoint" / "one.pt").is_file()
    told: list[Mapping[str, object]] = []
    assert sweep(recipe, data=tmp_path, out=out, trials=4, progress=told.append) == whole
    assert [row["trial"] for row in told] == [3, 4]

    def never(*arguments: object, **options: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(sweeping, "learn", never)
    monkeypatch.setattr(sweeping, "train", never)
    assert sweep(recipe, data=tmp_path, out=out, trials=4) == whole


def test_the_time_that_there_is(recipe: Path, tmp_path: Path) -> None:
    assert len(sweep(recipe, data=tmp_path, out=tmp_path / "out", trials=9, timeout=0.0)) == 1


def test_settings_that_do_not_go_together_are_a_trial_that_failed(tmp_path: Path) -> None:
    some = written(tmp_path, RECIPE.replace("[4, 8]", "[0, 8]"))
    rows = sweep(some, data=tmp_path, out=tmp_path / "some", trials=6)
    failed = [row["metric"] for row in rows if row["net.hidden"] == 0]
    assert set(failed) == {"failed: no line without a point"}
    assert isinstance(rows[0]["metric"], float)
    none = written(tmp_path, RECIPE.replace("[4, 8]", "[0]"))
    with pytest.raises(ConfigError, match=r"came to a result.*no line without a point"):
        sweep(none, data=tmp_path, out=tmp_path / "none", trials=2)


def test_a_study_of_another_recipe_is_not_gone_on_with(recipe: Path, tmp_path: Path) -> None:
    sweep(recipe, data=tmp_path, out=tmp_path / "out", trials=1)
    other = written(tmp_path, RECIPE.replace("[4, 8]", "[4, 16]"))
    with pytest.raises(ConfigError, match=r"sweep.net.hidden is \[4, 8\] there and \[4, 16\] here"):
        sweep(other, data=tmp_path, out=tmp_path / "out", trials=1)
    (tmp_path / "out" / "study.db").write_bytes(b"no database" * 100)
    written(tmp_path, RECIPE)
    with pytest.raises(OutputError, match=r"study\.db"):
        sweep(recipe, data=tmp_path, out=tmp_path / "out", trials=1)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "names no settings to search. Give it a section"),
        ("net.hiden = [1]", "no setting 'net.hiden'.*like 'net.hidden'"),
        ("net.hidden = []", r"'net.hidden' may be: found \[\]. Give a range"),
        ("net.hidden = 3", "may be: found 3. Give a range"),
        ("net.hidden = [[3]]", "choices are numbers or words"),
        ("net.hidden = { low = 3 }", "a range has low, high and log, not low"),
        ("net.hidden = { low = 3, high = 2 }", "Give a range"),
        ("net.hidden = { low = 'a', high = 'b' }", "Give a range"),
        ("net.hidden = { low = 0, high = 2, log = true }", "Give a range"),
    ],
)
def test_slips_are_named(tmp_path: Path, line: str, message: str) -> None:
    head, tail = RECIPE.split("[sweep]")
    path = written(tmp_path, f"{head}[sweep]\n{line}\n[card]{tail.split('[card]')[1]}")
    with pytest.raises(ConfigError, match=message):
        sweep(path, data=tmp_path, out=tmp_path / "out", trials=1)
    assert not (tmp_path / "out").exists()


def test_quoted_names_and_tables_are_the_same(tmp_path: Path) -> None:
    quoted = RECIPE.replace("net.hidden =", '"net.hidden" =')
    spaces = [search_space(read_recipe(written(tmp_path, text))) for text in (quoted, RECIPE)]
    assert spaces[0] == spaces[1]
    assert list(spaces[0]) == ["optimiser.learning_rate", "net.hidden"]
    assert tomllib.loads(RECIPE)["sweep"].keys() == {"optimiser", "net"}


def test_recipes_that_come_with_insula_can_be_searched() -> None:
    plans = [read_recipe(path) for path in RECIPES.glob("*.toml")]
    searched = [plan for plan in plans if "sweep" in plan.sections]
    assert "mosi" in {plan.name for plan in searched}
    for plan in searched:
        assert len(search_space(plan)) >= 2
