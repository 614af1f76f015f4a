"""Fusions of the laboratory, from a corpus to a graph that says what the net says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from insula.corpora.mosi import MOSI, read_part
from insula.errors import ConfigError, UnknownName
from insula.learn import laboratory, material
from insula.learn.laboratory import LaboratoryTask
from insula.learn.material import conditions, read_mosi
from insula.learn.recipe import read_recipe
from insula.learn.synthetic import xor
from insula.learn.train import train
from insula.zoo.session import Model

RECIPE = Path(__file__).parents[2] / "recipes/mosi.toml"
QUICK = {"optimiser.epochs": 15, "optimiser.learning_rate": 1e-2, "training": {}}
XOR = {"corpora": ["xor"], "learning.loss": "cross-entropy", "card.labels": ["even", "odd"]}
XOR |= {"card.space": "parity", "training": {}, "net.dropout": 0.0}
XOR |= {"method": "insula.methods.early.concatenation:Concatenation"}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    MOSI.make_fixture(tmp_path / "mosi", groups=20, rng=np.random.default_rng(0))
    return tmp_path


def values(folder: Path, metric: str) -> dict[str, float]:
    card = Model(folder).card
    return {each.protocol: each.value for each in card.metrics if each.name == metric}


def test_what_is_trained_runs_and_its_card_tells_every_condition(data: Path) -> None:
    out = train(RECIPE, data=data, out=data / "out", settings=QUICK)
    reached = values(out, "pcc")
    assert len(reached) == 1 + 6 + 3
    assert reached["all"] > 0.8  # the fixture plants the sentiment in every modality
    assert abs(reached["audio is noise"]) < reached["all"]
    read = read_part(data / "mosi", "test")
    feed = {name: features[:, None] for name, features in read.features.items()}
    feed |= {f"{name}_valid": np.ones((len(read.keys), 1), bool) for name in read.features}
    said = Model(out).run(**feed)["values"][:, 0]
    assert np.corrcoef(said, read.sentiment)[0, 1] == pytest.approx(reached["all"], abs=1e-3)
    feed["text_valid"][:] = False
    without = Model(out).run(**feed)["values"][:, 0]
    expected = reached["only audio + video"]
    assert np.corrcoef(without, read.sentiment)[0, 1] == pytest.approx(expected, abs=1e-3)


def test_parity_needs_every_modality_and_true_labels(tmp_path: Path) -> None:
    settings = XOR | {"optimiser.epochs": 20, "optimiser.learning_rate": 1e-2}
    learnt = values(train(RECIPE, data=tmp_path, out=tmp_path / "a", settings=settings), "accuracy")
    assert learnt["all"] > 0.95
    assert all(abs(value - 0.5) < 0.1 for name, value in learnt.items() if name != "all")
    settings |= {"learning.control": "labels"}
    control = train(RECIPE, data=tmp_path, out=tmp_path / "b", settings=settings)
    assert abs(values(control, "accuracy")["all"] - 0.5) < 0.1


def test_conditions_are_all_subsets_and_noise_in_each() -> None:
    samples = xor(4, np.random.default_rng(0), modalities=("a", "b", "c"))
    found = dict(conditions(samples))
    assert len(found) == (2**3 - 1) + 3
    assert found["only a + c"].present.tolist() == [[True, False, True]] * 4
    noisy = found["b is noise"]
    assert torch.equal(noisy.features["a"], samples.features["a"])
    assert not torch.equal(noisy.features["b"], samples.features["b"])


def test_learning_is_apart_from_choosing_and_judging(data: Path) -> None:
    task = LaboratoryTask(read_recipe(RECIPE), data)
    (fold,) = task.folds
    videos = [set(task.material.groups[rows]) for rows in (fold.train, fold.held_out)]
    assert not videos[0] & videos[1]
    assert task.judging[fold.held_out].sum() == 40
    seen = task.samples.features["audio"][torch.from_numpy(fold.train)][:, 0]
    assert seen.mean(dim=0).abs().max() < 1e-5
    assert (seen.std(dim=0) - 1).abs().max() < 1e-4


def test_one_modality_alone_and_one_that_is_not_there(data: Path) -> None:
    task = LaboratoryTask(read_recipe(RECIPE, {"learning.modalities": ["audio"]}), data)
    assert list(task.inputs) == ["audio", "audio_valid"]
    with pytest.raises(UnknownName, match="Did you mean 'audio'"):
        LaboratoryTask(read_recipe(RECIPE, {"learning.modalities": ["adio"]}), data)


def test_a_reader_that_leaks_is_refused(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def leaking(corpus: str, folder: Path) -> material.Material:
        read = read_mosi(folder)
        return replace(read, groups=np.full(len(read.groups), "one video"))

    monkeypatch.setattr(laboratory, "read_material", leaking)
    with pytest.raises(ConfigError, match="in two parts"):
        LaboratoryTask(read_recipe(RECIPE), data)


def test_slips_of_a_recipe_are_named(data: Path) -> None:
    with pytest.raises(ConfigError, match="The loss 'cross-entropy' does not fit mosi"):
        LaboratoryTask(read_recipe(RECIPE, {"learning.loss": "cross-entropy"}), data)
    with pytest.raises(UnknownName, match="mosi"):
        LaboratoryTask(read_recipe(RECIPE, {"corpora": ["moso"]}), data)
