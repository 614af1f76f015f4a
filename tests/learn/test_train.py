"""A recipe in, a zoo entry out: each recipe trains on made-up corpora, in seconds.

What comes out is run by the same classes as the weights that ship.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
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
from insula.errors import ConfigError, UnknownName
from insula.learn.train import Optimiser, train
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
    settings = {"optimiser.epochs": 2, "net.side": 32, "net.blocks": 3}
    model = trained("face", data, tmp_path, settings)
    faces = np.random.default_rng(0).random((5, 1, 48, 48), np.float32)
    out = model.run(faces=faces)
    assert out["probabilities"].shape == (5, 8)
    assert np.allclose(out["probabilities"].sum(axis=1), 1, atol=1e-5)
    dimmed = model.run(faces=0.5 * faces + 0.1)["probabilities"]
    assert np.allclose(dimmed, out["probabilities"], atol=0.1)
    assert [line["epoch"] for line in log(tmp_path)] == [1, 2]
    assert model.card.metrics[0].n == 16
    assert "blocks = 3" in (tmp_path / "recipe.toml").read_text()


def test_the_same_seed_gives_the_same_weights(data: Path, tmp_path: Path) -> None:
    settings = {"optimiser.epochs": 1, "net.side": 32, "net.blocks": 1}
    runs = [tmp_path / "one", tmp_path / "two", tmp_path / "other"]
    for out, seed in zip(runs, (0, 0, 1), strict=True):
        trained("face", data, out, settings | {"seed": seed})
    files = [(out / "face-ferplus.onnx").read_bytes() for out in runs]
    assert files[0] == files[1] != files[2]


def test_voice(data: Path, tmp_path: Path) -> None:
    model = trained("voice", data, tmp_path, SMALL_SOUND)
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
    plan = Optimiser("adamw", 1.0, 0.0, 1, 1, 0.1, 1.0, "last", "32-true")
    rates = [plan.rate(step, 100) for step in range(101)]
    assert rates.index(max(rates)) == 10
    assert rates[:11] == sorted(rates[:11])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[0] > 0
    assert rates[100] == pytest.approx(0)


def test_unknown_optimiser_and_channel(tmp_path: Path, data: Path) -> None:
    with pytest.raises(ConfigError, match="'sgd' or 'adamw'"):
        train(RECIPES / "face.toml", data=data, out=tmp_path, settings={"optimiser.kind": "adam"})
    with pytest.raises(UnknownName, match="Did you mean 'face'"):
        train(RECIPES / "face.toml", data=data, out=tmp_path, settings={"channel": "faces"})
