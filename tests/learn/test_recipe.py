"""Recipes: nothing implied, nothing misspelt, and what was resolved can be read again."""

from __future__ import annotations

from pathlib import Path

import pytest

from insula.errors import ConfigError
from insula.learn.augment import FaceChanges
from insula.learn.face import FaceLearning
from insula.learn.recipe import read_recipe
from insula.learn.train import Optimiser

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.toml"))
FACE = next(path for path in RECIPES if path.stem == "face")


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_resolved_recipe_reads_the_same(path: Path, tmp_path: Path) -> None:
    recipe = read_recipe(path)
    recipe.section("optimiser", Optimiser)
    copy = tmp_path / "recipe.toml"
    copy.write_text(recipe.to_toml(), encoding="utf-8")
    again = read_recipe(copy)
    assert (again.name, again.corpora, again.sections) == (
        recipe.name,
        recipe.corpora,
        recipe.sections,
    )


def test_settings_replace_values() -> None:
    recipe = read_recipe(FACE, {"optimiser.epochs": 3, "seed": 7})
    assert recipe.section("optimiser", Optimiser).epochs == 3
    assert recipe.seed == 7


def test_a_setting_that_is_not_there() -> None:
    with pytest.raises(ConfigError) as error:
        read_recipe(FACE, {"optimiser.epoch": 3})
    assert str(error.value) == (
        "The recipe has no setting 'optimiser.epoch', so it cannot be changed. "
        "Settings look like 'optimiser.epochs'."
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("shift = ", "shft = ", r"\[augmentation\].* unknown key 'shft'. Did you mean 'shift'"),
        ("shift = 0.06", "", r"\[augmentation\].* lacks shift; nothing is implied"),
        ("[augmentation]", "[augmentations]", r"no section \[augmentation\]"),
        ("seed = 0", "", "lacks seed"),
        ("seed = 0", "seed = = 0", "is not valid TOML"),
    ],
)
def test_slips_are_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "face.toml"
    text = FACE.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        read_recipe(path).section("augmentation", FaceChanges)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("targets", "vote", r"learning\.targets is 'vote'; it must be 'votes' or 'majority'"),
        ("spared", "much", r"learning\.spared is 'much'; it must be a number"),
        ("spared", True, r"learning\.spared is True; it must be a number"),
    ],
)
def test_values_of_another_kind_are_named(key: str, value: object, message: str) -> None:
    recipe = read_recipe(FACE, {f"learning.{key}": value})
    with pytest.raises(ConfigError, match=message):
        recipe.section("learning", FaceLearning)


def test_seed_and_corpora_are_what_they_must_be() -> None:
    with pytest.raises(ConfigError, match="seed is 'x'; it must be a whole number"):
        read_recipe(FACE, {"seed": "x"})
    with pytest.raises(ConfigError, match="corpora is 'mosi'; it must be a list"):
        read_recipe(FACE, {"corpora": "mosi"})


def test_a_method_that_is_no_net() -> None:
    recipe = read_recipe(FACE, {"method": "builtins:dict"})
    with pytest.raises(ConfigError, match=r"'builtins:dict'.*is not a torch module"):
        recipe.make_net()


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Cannot read the recipe"):
        read_recipe(tmp_path / "none.toml")
