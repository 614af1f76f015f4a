"""The benchmark of the laboratory: what is compared, what is kept, what is not done twice."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from insula.errors import ConfigError
from insula.learn import bench as module
from insula.learn import laboratory
from insula.learn.bench import bench, rows, ways
from insula.learn.laboratory import LaboratoryTask
from insula.learn.material import Material
from insula.learn.recipe import read_recipe
from insula.learn.resampling import difference
from insula.learn.synthetic import xor

RECIPE = Path(__file__).parents[2] / "recipes/synthetic.toml"
ONLY = ["audio alone", "video alone", "concatenation", "multiple-kernels"]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parity of 240 samples."""
    torch.set_num_threads(1)
    samples = xor(240, np.random.default_rng(0))
    part = np.repeat(["train", "test"], 120)
    material = Material(samples, np.arange(240), part, 2, ("even", "odd"))
    monkeypatch.setattr(laboratory, "read_material", lambda corpus, data: material)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    text = RECIPE.read_text(encoding="utf-8")
    path = tmp_path / "made.toml"
    first, _, rest = text.partition("corpora = ")
    path.write_text(f'{first}corpora = ["xor"]\n{rest.partition(chr(10))[2]}', encoding="utf-8")
    return path


def test_the_table_is_filled_compared_and_not_filled_twice(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    path = bench([recipe], data=tmp_path, out=out, seeds=2, only=ONLY)
    found = json.loads(path.read_text(encoding="utf-8"))
    assert len(found["cells"]) == len(ONLY) * 2 - 1  # kernels know no seeds
    joint = found["cells"]["xor | concatenation | seed 0"]
    assert set(joint["test"]) == {
        "all",
        "only audio",
        "only video",
        "audio is noise",
        "video is noise",
    }
    apart = found["compared"]["xor"]["concatenation"]
    assert apart["with"] in ("audio alone", "video alone")
    alone = [found["cells"][f"xor | {apart['with']} | seed {seed}"] for seed in (0, 1)]
    mine = [found["cells"][f"xor | concatenation | seed {seed}"] for seed in (0, 1)]
    expected = np.mean(
        [
            one["test"]["all"]["uar"] - two["test"]["all"]["uar"]
            for one, two in zip(mine, alone, strict=True)
        ]
    )
    assert apart["difference"] == pytest.approx(expected, abs=1e-3)
    assert apart["low"] <= apart["difference"] <= apart["high"]
    assert {row["method"] for row in rows(path)} == set(ONLY)

    def refuse(*_: object, **__: object) -> object:
        raise AssertionError("trained again")

    monkeypatch.setattr(module, "_cell", refuse)
    again = bench([recipe], data=tmp_path, out=out, seeds=2, only=ONLY)
    assert json.loads(again.read_text(encoding="utf-8"))["cells"] == found["cells"]
    text = recipe.read_text(encoding="utf-8")
    recipe.write_text(text.replace("epochs = 12", "epochs = 13"), encoding="utf-8")
    with pytest.raises(
        ConfigError, match=r"belongs to another recipe: optimiser\.epochs is 12 there and 13 here"
    ):
        bench([recipe], data=tmp_path, out=out, seeds=2, only=ONLY)


def test_what_is_compared_fits_the_material(recipe: Path, tmp_path: Path) -> None:
    found = {way.name: way for way in ways(LaboratoryTask(read_recipe(recipe), tmp_path))}
    assert found["audio alone"].group == "alone"
    assert found["gates"].id == "F14" and found["focal"].group == "training"
    # Of axes, of dialogues, and what needs annotators or another domain.
    for name in ("concordance", "emotion-chain", "dawid-skene", "domain-adaptation"):
        assert name not in found


def test_a_difference_is_judged_in_pairs() -> None:
    """What is hard for both tells nothing; so the interval is far narrower than that of each."""
    rng = np.random.default_rng(0)
    hard = rng.normal(0, 10, 200)
    pairs = [(hard + 1 + rng.normal(0, 0.1, 200), hard + rng.normal(0, 0.1, 200))]
    value = difference(lambda said, chosen: float(said[chosen].mean()), pairs, np.arange(200), rng)
    assert value.low < value.value < value.high
    assert value.value == pytest.approx(1, abs=0.05)
    assert value.high - value.low < 0.1
