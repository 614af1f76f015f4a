"""The sounds task: what is mixed, how sure it is, what ships."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from insula.corpora.ased import ASED
from insula.corpora.baved import BAVED
from insula.corpora.esc10 import ESC10
from insula.corpora.ravdess import RAVDESS
from insula.learn.recipe import read_recipe
from insula.learn.sounds import SPEECH, SoundsTask, build

RECIPE = Path(__file__).parents[2] / "recipes/sounds.toml"
SMALL = {"augmentation.copies": 1, "net.hidden": 8, "mixing.spoken": 8, "mixing.noise": 4}


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> SoundsTask:
    root = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    for name, corpus in (("ravdess", RAVDESS), ("baved", BAVED), ("ased", ASED)):
        corpus.make_fixture(root / name, groups=3, rng=rng)
    ESC10.make_fixture(root / "esc10", groups=2, rng=rng)
    made = build(read_recipe(RECIPE, SMALL), root)
    assert isinstance(made, SoundsTask)
    return made


def test_a_fold_holds_out_whole_folds_and_whole_speakers(task: SoundsTask) -> None:
    rows = [(each.corpus, each.group) for each in task.held_out]
    assert rows[:2] == [("esc10", "fold")] * 2
    for corpus in ("ravdess", "baved", "ased"):
        first, second = (set(e.held_out) for e in task.held_out if e.corpus == corpus)
        assert first
        assert second
        assert not first & second
    for fold in task.folds:
        assert not set(fold.train) & set(fold.held_out)


def test_only_sounds_are_mixed_and_quiet_clips_weigh_more(task: SoundsTask) -> None:
    indices = np.arange(len(task.label))
    batch = task.batch(indices, np.random.default_rng(0))
    sounds = (task.label >= 0) & (task.label != SPEECH)
    partner = batch["partner"].numpy()
    assert (partner[~sounds] == indices[~sounds]).all()
    assert sounds[partner[sounds]].all()
    assert set(batch["weight"][~sounds].ravel().tolist()) == {3.0}
    assert set(batch["weight"][sounds].ravel().tolist()) == {1.0}
    assert ((batch["targets"] >= 0) & (batch["targets"] <= 1)).all()


def test_loss_is_finite_where_nothing_is_to_be_heard(task: SoundsTask) -> None:
    torch.manual_seed(0)
    noise = np.flatnonzero(task.label < 0)
    loss = task.loss(task.make_net(), task.batch(noise, np.random.default_rng(0)))
    assert loss.isfinite()


def test_a_net_is_calibrated_without_the_fold_that_judges_it(task: SoundsTask) -> None:
    """Logits of fold 0 may change at will: its own net's scale and shift stay, the other's move."""
    rng = np.random.default_rng(0)
    indices = np.arange(len(task.label))
    logits = rng.normal(0, 3, (len(indices), SPEECH + 1)).astype(np.float32)
    heard = np.flatnonzero((task.label >= 0) & (task.label != SPEECH))[::2]
    logits[heard, task.label[heard]] += 9  # half of the answers are right
    before = task.calibrate({"indices": indices, "logits": logits})
    changed = logits + 5 * (task.fold == 0)[:, None]
    after = task.calibrate({"indices": indices, "logits": changed})
    assert before["sounds_scale_0"] == after["sounds_scale_0"]
    assert before["sounds_shift_0"] == after["sounds_shift_0"]
    assert before["sounds_shift_1"] != after["sounds_shift_1"]
