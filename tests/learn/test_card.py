"""Cards that training writes are cards that insula reads, with what was learnt and held out."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from insula.learn.card import write_card
from insula.learn.recipe import read_recipe
from insula.learn.task import Metric, Report, Task
from insula.zoo.card import Card, HeldOut, Learned

RECIPE = Path(__file__).parents[2] / "recipes" / "face.toml"


class Finished(Task):  # type: ignore[misc]
    """What is left of a task when its nets are trained."""

    inputs = {"faces": "float32 [N,1,48,48]"}
    outputs = {"probabilities": "float32 [N,8]", "fold_probabilities": "float32 [N,2,8]"}
    learned = (Learned("ferplus", "train"), Learned("lfw", groups=("a", "b"), group="person"))
    held_out = (HeldOut("ravdess", ("01", "02")), HeldOut("ravdess", ("03",)))


Finished.__abstractmethods__ = frozenset()  # type: ignore[attr-defined]


def test_what_was_learnt_and_held_out_is_read_back(tmp_path: Path) -> None:
    weights = tmp_path / "face.onnx"
    weights.write_bytes(np.arange(9).tobytes())
    metric = Metric("accuracy", 0.81239, 0.8, 0.82, "FER+ Valid", "official", 3555)
    numbers = {"temperature": 1.2, "threshold": 0.25, "goemotions_threshold": 0.14}
    report = Report([metric])
    write_card(tmp_path / "card.toml", weights, read_recipe(RECIPE), Finished(), report, numbers)
    card = Card.load(tmp_path / "card.toml")
    assert card.learned == Finished.learned
    assert card.folds == Finished.held_out
    assert card.threshold == 0.25
    assert card.thresholds == {"goemotions": (0.14,)}
    assert card.metrics[0].value == 0.8124
