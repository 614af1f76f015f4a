"""The face task: what is learnt, and what is calibrated on faces that judge nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from insula.core.space import EKMAN8
from insula.corpora.ferplus import FERPlus
from insula.learn.face import CALIBRATION_EVERY, FaceTask, both_ways
from insula.learn.recipe import read_recipe

RECIPE = Path(__file__).parents[2] / "recipes/face.toml"
SMALL = {"net.side": 32, "net.blocks": 2}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    FERPlus.make_fixture(root / "ferplus", groups=6, rng=np.random.default_rng(0))
    return root


def made(data: Path, **settings: object) -> FaceTask:
    return FaceTask(read_recipe(RECIPE, SMALL | settings), data)


def test_who_is_calibrated_on_is_neither_learnt_from_nor_judged(data: Path) -> None:
    task = made(data)
    (fold,) = task.folds
    count = 6 * len(EKMAN8)
    assert not set(fold.train) & set(fold.held_out)
    assert set(fold.train) | set(fold.held_out) == set(range(2 * count))
    assert task.judging[fold.held_out].sum() == count
    assert (~task.judging[fold.held_out]).sum() == -(-count // CALIBRATION_EVERY)


def test_votes_or_their_majority_are_learnt(data: Path) -> None:
    first = np.arange(8)
    for targets in ("votes", "majority"):
        task = made(data, **{"learning.targets": targets})
        learnt = task.batch(first, np.random.default_rng(0))["targets"].numpy()
        one_hot = np.eye(8)[task.label[first]]
        assert np.allclose(learnt, task.shares[first] if targets == "votes" else one_hot)
        assert not np.allclose(task.shares[first], one_hot)


def test_the_loss_is_least_for_the_shares_themselves(data: Path) -> None:
    task = made(data)
    shares = torch.tensor([[0.6, 0.4, *(6 * [1e-6])]])
    batch = {"faces": torch.zeros(1, 1, 48, 48), "targets": shares}

    def loss(said: torch.Tensor) -> float:
        return float(task.loss(lambda faces: (said, faces), batch))  # type: ignore[arg-type]

    entropy = -(0.6 * np.log(0.6) + 0.4 * np.log(0.4))
    assert loss(shares.log()) == pytest.approx(entropy, abs=1e-3)
    for expression in range(8):
        leaning = 0.5 * torch.nn.functional.one_hot(torch.tensor([expression]), 8)
        assert loss(shares.log() + leaning) > entropy + (0.01 if expression < 2 else 0)


def test_calibration_is_blind_to_who_is_judged_and_spends_what_it_may(data: Path) -> None:
    """Two expressions, of which one is rare, and logits that know it."""
    rng = np.random.default_rng(1)
    task = made(data, **{"learning.spared": 0.01})
    task.prior = np.log(np.array([0.9, 0.1, *(6 * [1e-9])], np.float32))
    task.prior[2:] = 0
    label = (rng.random(4000) < 0.1).astype(int)
    logits = np.full((4000, 8), -20.0, np.float32)
    logits[:, :2] = task.prior[:2]
    logits[:, 1] += rng.normal(4.0 * label - 2.0, 2.0)
    judging = np.arange(4000) >= 2000
    predictions = {
        "logits": logits,
        "shares": np.eye(8)[label],
        "label": label,
        "judging": judging,
    }
    numbers = task.calibrate(predictions)
    nonsense = predictions | {"label": np.where(judging, 1 - label, label)}
    assert task.calibrate(nonsense) == numbers
    raised = logits[:2000] - numbers["raised"] * task.prior
    kept, said = label[:2000], logits[:2000].argmax(axis=1)
    assert 0 < numbers["raised"] < 1
    assert (raised.argmax(axis=1) == kept).mean() >= (said == kept).mean() - 0.01
    assert (raised.argmax(axis=1)[kept == 1]).mean() > (said[kept == 1]).mean() + 0.05
    assert 0.5 < numbers["temperature"] < 2


def test_the_graph_says_what_the_net_says(data: Path, tmp_path: Path) -> None:
    task = made(data)
    torch.manual_seed(0)
    net = task.make_net().eval()
    numbers = {"raised": 0.5, "temperature": 0.7, "votes_temperature": 1.2}
    task.export([net], numbers, tmp_path / "face.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "face.onnx"))
    faces = torch.rand(5, 1, 48, 48)
    feed = {"faces": faces.numpy()}
    probabilities, votes, embedding = session.run(list(task.outputs), feed)
    with torch.inference_mode():
        logits, seen = both_ways(net, faces)
    raised = (logits - 0.5 * torch.from_numpy(task.prior)) / 0.7
    assert np.allclose(probabilities, raised.softmax(dim=1), atol=2e-3)
    assert np.allclose(votes, (logits / 1.2).softmax(dim=1), atol=2e-3)
    assert np.allclose(embedding, seen, atol=2e-2)
    assert np.allclose(votes.sum(axis=1), 1, atol=1e-5)
    mirrored = session.run(None, {"faces": faces.flip(3).numpy()})
    assert np.allclose(mirrored[0], probabilities, atol=1e-5)
    assert task.outputs["embedding"] == f"float32 [N,{embedding.shape[1]}]"
