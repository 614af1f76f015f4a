"""The words tasks: one recipe a language, told apart by the method that reads it."""

from __future__ import annotations

from pathlib import Path

from insula.learn.recipe import Recipe
from insula.learn.task import Task
from insula.learn.words_en import EnglishTask
from insula.learn.words_ru import RussianTask

PIECES = "insula.methods.unimodal.sentence_encoder:SentenceEncoder"


def build(recipe: Recipe, data: Path) -> Task:
    """The words task of a recipe; `data` holds text/{goemotions,ru_goemotions,xed,emobank}."""
    task = EnglishTask if recipe.method == PIECES else RussianTask
    return task(recipe, data)
