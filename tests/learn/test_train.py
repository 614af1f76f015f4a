"""A recipe in, a zoo entry out: each recipe trains on made-up corpora, in seconds.

What comes out is run by the same classes as the weights that ship.
"""

from __future__ import annotations

import errno
import importlib
import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from insula.corpora.ased import ASED
from insula.corpora.baved import BAVED
from insula.corpora.esc10 import ESC10
from insula.corpora.ferplus import FERPlus
from insula.corpora.goemotions import GoEmotions
from insula.corpora.ravdess import RAVDESS
from insula.errors import ConfigError, OutputError, UnknownName
from insula.learn.machines import make_fabric
from insula.learn.optimiser import best_of
from insula.learn.recipe import read_recipe
from insula.learn.train import BUILDERS, Optimiser, fit, learn, train
from insula.media.pitch import pitch_track
from insula.media.spectral import log_mel
from insula.zoo.session import Model

RECIPES = Path(__file__).parents[2] / "recipes"
SMALL_SOUND = {
    "optimiser.epochs": 2,
    "augmentation.copies": 1,
    "net.hidden": 8,
    "optimiser.batch_size": 16,
}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All corpora of these recipes, in the folders that they are looked for in."""
    root = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    FERPlus.make_fixture(root / "ferplus", groups=2, rng=rng)
    RAVDESS.make_fixture(root / "ravdess", groups=5, rng=rng)
    ASED.make_fixture(root / "ased", groups=5, rng=rng)
    BAVED.make_fixture(root / "baved", groups=5, rng=rng)
    ESC10.make_fixture(root / "esc10", groups=2, rng=rng)
    GoEmotions.make_fixture(root / "text/goemotions", groups=4, rng=rng)
    return root


def trained(name: str, data: Path, out: Path, settings: Mapping[str, object]) -> Model:
    """The model that the recipe makes; its card was checked by loading it."""
    assert train(RECIPES / f"{name}.toml", data=data, out=out, settings=settings) == out
    for file in ("card.toml", "recipe.toml", "log.jsonl", "curves.png"):
        assert (out / file).stat().st_size > 0
    return Model(out)


def log(out: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def test_face(data: Path, tmp_path: Path) -> None:
    settings = {"optimiser.epochs": 2, "net.side": 32, "net.blocks": 1}
    model = trained("face", data, tmp_path, settings)
    faces = np.random.default_rng(0).random((5, 1, 48, 48), np.float32)
    out = model.run(faces=faces)
    assert out["probabilities"].shape == (5, 8)
    assert np.allclose(out["probabilities"].sum(axis=1), 1, atol=1e-5)
    dimmed = model.run(faces=0.5 * faces + 0.1)["probabilities"]
    assert np.allclose(dimmed, out["probabilities"], atol=0.1)
    assert [line["epoch"] for line in log(tmp_path)] == [1, 2]
    assert model.card.metrics[0].n == 16
    assert "blocks = 1" in (tmp_path / "recipe.toml").read_text()


def test_the_same_seed_gives_the_same_weights(data: Path, tmp_path: Path) -> None:
    settings = {"optimiser.epochs": 1, "net.side": 32, "net.blocks": 1}
    runs = []
    for number, seed in enumerate((0, 0, 1)):
        plan = read_recipe(RECIPES / "face.toml", settings | {"seed": seed})
        fabric = make_fabric("bf16-mixed", accelerator="cpu", devices=1)
        done = learn(plan, data=data, out=tmp_path / str(number), fabric=fabric)
        runs.append(list(done.nets[0].state_dict().values()))
    assert alike(runs[0], runs[1])
    assert not alike(runs[0], runs[2])


def test_voice(data: Path, tmp_path: Path) -> None:
    model = trained("voice", data, tmp_path, SMALL_SOUND | {"net.members": 1})
    rng = np.random.default_rng(0)
    for rows in (1, 30, 300):
        audio = [rng.normal(0, 0.1, 160 * rows + 240).astype(np.float32) for _ in range(2)]
        mel = np.stack([log_mel(each) for each in audio])
        pitch = np.stack([pitch_track(each, rows=mel.shape[1]) for each in audio])
        out = model.run(log_mel=mel, pitch=pitch)
        assert out["probabilities"].shape == (2, 8)
        assert np.allclose(out["probabilities"].sum(axis=1), 1, atol=1e-5)
        assert out["arousal"].shape == (2,)
        assert np.abs(out["arousal"]).max() <= 1
        assert np.allclose(out["fold_probabilities"].mean(axis=1), out["probabilities"], atol=1e-6)
        louder = model.run(log_mel=mel + 3, pitch=pitch)
        assert np.allclose(louder["probabilities"], out["probabilities"], atol=1e-2)
    folds = {line["fold"] for line in log(tmp_path)}
    assert folds == {f"fold {number}" for number in range(1, 6)}
    assert {metric.n for metric in model.card.metrics} == {40, 25, 15}
    held_out = [row.held_out for row in model.card.folds if row.corpus == "ravdess"]
    assert sorted(sum(held_out, ())) == ["01", "02", "03", "04", "05"]


def test_sounds(data: Path, tmp_path: Path) -> None:
    more = {"mixing.spoken": 8, "mixing.noise": 4}
    model = trained("sounds", data, tmp_path, SMALL_SOUND | more)
    mel = log_mel(np.random.default_rng(0).normal(0, 0.1, 32_000))
    both = model.run(log_mel=mel[None])
    out, each = both["probabilities"], both["fold_probabilities"]
    assert out.shape == (1, 11)
    nets = sum(held_out.corpus == "esc10" for held_out in model.card.folds)
    assert each.shape == (1, nets, 11)
    assert np.allclose(each.mean(axis=1), out, atol=1e-6)
    assert np.abs(each - out[:, None]).max() > 1e-4  # they are different nets
    assert 0.5 <= model.card.threshold <= 0.95
    assert model.card.labels[10] == "speech"
    assert out.min() >= 0
    assert out.max() <= 1


def test_fusion(data: Path, tmp_path: Path) -> None:
    settings = {"optimiser.epochs": 3, "pairing.learn": 700, "pairing.judge": 70}
    model = trained("fusion", data, tmp_path, settings | {"pairing.most": [4, 2, 4]})
    assert model.card.channels == ("face", "voice", "words")
    scores = np.random.default_rng(0).dirichlet(np.ones(7), (4, 3)).astype(np.float32)
    trust = np.array([[1, 1, 1], [1, 0, 0.5], [0, 0, 1], [0, 0, 0]], np.float32)
    fused = model.run(scores=scores, trust=trust)["probabilities"]
    assert np.allclose(fused.sum(axis=1), 1, atol=1e-5)
    scores[1, 1] = 0  # not trusted: its scores are not looked at
    again = model.run(scores=scores, trust=trust)["probabilities"]
    assert np.allclose(fused, again, atol=1e-6)
    assert all("synthetic pairing" in metric.corpus for metric in model.card.metrics)


def test_learning_rate_rises_then_falls_to_zero() -> None:
    plan = Optimiser("adamw", 1.0, 0.0, 1, 1, 0.1, 1.0, "last", 0, "32-true")
    rates = [plan.rate(step, 100) for step in range(101)]
    assert rates.index(max(rates)) == 10
    assert rates[:11] == sorted(rates[:11])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[0] > 0
    assert rates[100] == pytest.approx(0)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("kind", "adam", "'adam'; it must be 'sgd' or 'adamw'. Change the recipe"),
        ("keep", "bset", "must be 'last' or 'best'"),
        ("precision", 16, "must be '32-true' or 'bf16-mixed'"),
        ("epochs", 0, "must be 1 or more"),
        ("epochs", "ten", "must be a whole number"),
        ("batch_size", 2.5, "must be a whole number"),
        ("learning_rate", math.nan, "must be 0 or more"),
        ("clip", True, "must be a number"),
    ],
)
def test_slips_of_the_optimiser_are_named(key: str, value: object, message: str) -> None:
    plan = read_recipe(RECIPES / "face.toml", {f"optimiser.{key}": value})
    with pytest.raises(ConfigError, match=rf"^optimiser\.{key} is .*{message}"):
        plan.section("optimiser", Optimiser)


def test_unknown_channel(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'face'"):
        train(RECIPES / "face.toml", data=tmp_path, out=tmp_path, settings={"channel": "faces"})


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recipe that trains in milliseconds."""
    monkeypatch.syspath_prepend(Path(__file__).parent)
    monkeypatch.setitem(BUILDERS, "tiny", "tiny:build")
    path = tmp_path / "tiny.toml"
    path.write_text(importlib.import_module("tiny").RECIPE, encoding="utf-8")
    return path


def learnt(
    recipe: Path, out: Path, *, stop_after: int = 0, restart: bool = False, **settings: object
) -> list[torch.Tensor]:
    """The weights of a run, which Ctrl-C stops after some lines of the log."""
    lines = []

    def progress(line: Mapping[str, object]) -> None:
        lines.append(line)
        if len(lines) == stop_after:
            raise KeyboardInterrupt

    plan = read_recipe(recipe, {key.replace("__", "."): value for key, value in settings.items()})
    fabric = make_fabric("32-true", accelerator="cpu", devices=1)
    done = learn(plan, data=out, out=out, fabric=fabric, progress=progress, restart=restart)
    return importlib.import_module("tiny").weights(done)


def alike(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(("keep", "rate"), [("best", 3.0), ("last", 1e-2)])
@pytest.mark.parametrize("stop_after", [2, 4, 8])
def test_a_run_that_was_stopped_goes_on_to_the_same_weights(
    tiny: Path, tmp_path: Path, stop_after: int, keep: str, rate: float
) -> None:
    """At the large rate the best epoch is an early one, before the stop."""
    settings = {"optimiser__keep": keep, "optimiser__learning_rate": rate}
    whole = learnt(tiny, tmp_path / "whole", **settings)
    out = tmp_path / "stopped"
    with pytest.raises(KeyboardInterrupt):
        learnt(tiny, out, stop_after=stop_after, **settings)
    assert len(log(out)) == stop_after
    assert alike(learnt(tiny, out, **settings), whole)
    told = [{**line, "seconds": 0} for line in log(out)]
    assert told == [{**line, "seconds": 0} for line in log(tmp_path / "whole")]


def test_a_killed_process_goes_on_to_the_same_weights(tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "killed"
    killed = run_tiny(out, 1, 6)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "killed-rank-0.pt").exists()
    assert alike(learnt(tiny, out), learnt(tiny, tmp_path / "whole"))


def test_two_processes_learn_what_one_does(tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "two"
    done = run_tiny(out, 2)
    assert done.returncode == 0, done.stderr
    first, second = (torch.load(tmp_path / f"two-rank-{rank}.pt") for rank in (0, 1))
    assert (first["told"], second["told"]) == (8, 0)
    calm = {"net__dropout": 0.0, "data__noise": 0.0}
    one = learnt(tiny, tmp_path / "one", **calm)
    for a, b, alone in zip(first["weights"], second["weights"], one, strict=True):
        assert torch.equal(a, b)
        assert torch.allclose(a, alone, atol=1e-5)
    losses = ([line["loss"] for line in log(tmp_path / name)] for name in ("two", "one"))
    assert np.allclose(*losses, atol=1e-5)


def run_tiny(out: Path, *arguments: int) -> subprocess.CompletedProcess[str]:
    """Train in a process of its own, which may start others."""
    command = [sys.executable, Path(__file__).parent / "tiny.py", out, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_a_run_of_another_recipe_is_not_gone_on_with(tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        learnt(tiny, out, stop_after=2)
    with pytest.raises(ConfigError) as error:
        learnt(tiny, out, optimiser__epochs=5, net__hidden=8)
    assert str(error.value) == (
        f"{str(out / 'checkpoint')!r} belongs to another recipe: net.hidden is 6 there and 8 here, "
        f"optimiser.epochs is 4 there and 5 here. Train that recipe to go on; to begin anew, "
        f"add --restart."
    )
    anew = learnt(tiny, out, restart=True, net__hidden=8)
    assert alike(anew, learnt(tiny, tmp_path / "other", net__hidden=8))
    assert log(out)[0]["epoch"] == 1
    (out / "checkpoint" / "two.pt").write_bytes(b"not whole")
    with pytest.raises(ConfigError, match=r"two\.pt.* not a whole checkpoint.*--restart"):
        learnt(tiny, out, net__hidden=8)


def test_a_checkpoint_of_other_data_is_refused(tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        learnt(tiny, out, stop_after=2)
    kept = out / "checkpoint" / "recipe.toml"
    kept.write_text(kept.read_text().replace("hidden = 6", "hidden = 8"))  # as if it were the same
    with pytest.raises(ConfigError, match=r"fold 'one' does not fit the net.*--restart"):
        learnt(tiny, out, net__hidden=8)


@pytest.mark.parametrize(("side", "what"), [("train", "learn from"), ("held_out", "judge by")])
def test_an_empty_part_is_refused(tiny: Path, tmp_path: Path, side: str, what: str) -> None:
    plan = read_recipe(tiny)
    task = importlib.import_module("tiny").build(plan, tmp_path)
    fold = replace(task.folds[0], **{side: np.arange(0)})
    with pytest.raises(ConfigError, match=f"'one' has no samples to {what}"):
        fit(task, fold, plan.section("optimiser", Optimiser), seed=0, log=print)


def test_a_checkpoint_runs_no_code(tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        learnt(tiny, out, stop_after=2)
    torch.save({"net": tiny}, out / "checkpoint" / "one.pt")  # a Path is an object, not a number
    with pytest.raises(ConfigError, match="not a whole checkpoint"):
        learnt(tiny, out)


def test_training_ends_early_and_the_best_is_kept(tiny: Path, tmp_path: Path) -> None:
    # From so large a rate on it gets worse at once.
    settings = {"optimiser.learning_rate": 3.0, "optimiser.epochs": 30, "optimiser.patience": 3}
    named = {key.replace(".", "__"): value for key, value in settings.items()}
    learnt(tiny, tmp_path / "early", **named)
    for fold in ("one", "two"):
        scores = [line["likeness"] for line in log(tmp_path / "early") if line["fold"] == fold]
        best = int(np.argmax(scores))
        assert len(scores) == best + 1 + 3 < 30
    task = importlib.import_module("tiny").build(read_recipe(tiny, settings), tmp_path)
    optimiser = read_recipe(tiny, settings).section("optimiser", Optimiser)
    lines: list[Mapping[str, object]] = []
    _, predictions = fit(task, task.folds[0], optimiser, seed=0, log=lines.append)
    assert task.score(predictions)["likeness"] == max(line["likeness"] for line in lines)


def test_a_score_that_is_no_number_is_never_best() -> None:
    assert best_of([math.nan, 0.2, 0.5, math.nan, 0.5]) == 2


@pytest.mark.parametrize("name", ["log.jsonl", "one.pt", "card.toml"])
def test_a_full_disk_leaves_nothing_half_written(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    out, real, calls = tmp_path / "out", os.replace, []

    def replace(source: Path, target: Path) -> None:
        calls.append(target)
        if target.name == name and len(calls) > 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace)
        with pytest.raises(OutputError, match=r"No space left on device.*has room"):
            train(tiny, data=tmp_path, out=out, accelerator="cpu")
    assert [path for path in out.rglob("*") if path.name.startswith(".")] == []
    before = log(out)
    train(tiny, data=tmp_path, out=out, accelerator="cpu")
    assert log(out)[: len(before)] == before  # with their seconds: they were not learnt again
    assert Model(out).run(features=np.zeros((2, 3), np.float32))["values"].shape == (2, 3)
    assert not (out / "checkpoint").exists()


def test_a_folder_that_cannot_be_written(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"Cannot write to .*tiny\.toml"):
        train(tiny, data=tmp_path, out=tiny, accelerator="cpu")


def test_devices_that_are_not_there(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Cannot train on 3 devices of kind 'tpus' on 1 nodes"):
        train(tiny, data=tmp_path, out=tmp_path, accelerator="tpus", devices=3)
