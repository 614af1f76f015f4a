"""Pulled expression weights, on small graphs with the same inputs and outputs."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from insula.channels.face import pulled
from insula.channels.face.pulled import FAMILIES, PulledExpression
from insula.core.space import get_space
from insula.zoo.card import cards
from insula.zoo.session import open_session

SIDES = {"face-emotieff-b0": 224, "face-emotieff-b2": 260, "face-emotieff-mbf": 112}
ORDER = ("anger", "contempt", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")


class Standing:
    """In the place of a `Model`: a graph whose logits do not depend on the face.

    Its first input is pooled to three numbers a face, kept for the tests of the preparation.
    """

    def __init__(self, name: str, logits: np.ndarray, folder) -> None:
        family, self.card = FAMILIES[name], cards()[name]
        batch = "N" if family.batched else 1
        size = family.size
        nodes = [
            helper.make_node("GlobalAveragePool", [family.input], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["means"]),
            helper.make_node("ReduceSum", ["means", "last"], ["sum"], keepdims=1),
            helper.make_node("Mul", ["sum", "nothing"], ["zero"]),
            helper.make_node("Add", ["zero", "logits"], [family.output]),
        ]
        constants = {
            "last": np.array([1], np.int64),
            "nothing": np.zeros(1, np.float32),
            "logits": logits[None].astype(np.float32),
        }
        graph = helper.make_graph(
            nodes,
            name,
            [
                helper.make_tensor_value_info(
                    family.input, TensorProto.FLOAT, [batch, 3, size, size]
                )
            ],
            [
                helper.make_tensor_value_info(
                    family.output, TensorProto.FLOAT, [batch, len(logits)]
                ),
                helper.make_tensor_value_info("means", TensorProto.FLOAT, [batch, 3]),
            ],
            [numpy_helper.from_array(value, key) for key, value in constants.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        path = folder / "graph.onnx"
        path.write_bytes(model.SerializeToString())
        self.session = open_session(path)
        self.means: list[np.ndarray] = []
        self.output = family.output

    def run(self, **inputs: np.ndarray) -> dict[str, np.ndarray]:
        output, means = self.session.run([self.output, "means"], inputs)
        self.means.append(means)
        return {self.output: output}


@pytest.fixture
def standing(monkeypatch, tmp_path):
    """Makes the adapter of a name run on a small graph with these logits."""

    def make(name: str, logits: np.ndarray) -> tuple[PulledExpression, Standing]:
        model = Standing(name, logits, tmp_path)
        monkeypatch.setattr(pulled.Model, "shared", lambda which: model)
        return PulledExpression(name), model

    return make


def faces(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [rng.integers(0, 256, (50 + i, 40 + i, 3), np.uint8) for i in range(count)]


@pytest.mark.parametrize("name", FAMILIES)
def test_every_label_ends_in_its_own_column(name: str, standing) -> None:
    card = cards()[name]
    space = get_space(card.space)
    width = len(card.labels) + 2 * FAMILIES[name].affect
    for column, label in enumerate(card.labels):
        logits = np.zeros(width)
        logits[column] = 9.0
        scores, _ = standing(name, logits)[0](faces(3))
        assert scores.shape == (3, len(space))
        assert {space.labels[best] for best in scores.argmax(axis=1)} == {label}
        assert scores.sum(axis=1) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("name", SIDES)
def test_the_published_order_and_sizes_of_emotieff(name: str) -> None:
    assert cards()[name].labels == ORDER
    assert FAMILIES[name].size == SIDES[name]
    assert f"{SIDES[name]}" in cards()[name].inputs["input"]


@pytest.mark.parametrize("name", FAMILIES)
def test_valence_and_arousal_are_no_logits(name: str, standing) -> None:
    count = len(cards()[name].labels)
    if not FAMILIES[name].affect:
        assert standing(name, np.zeros(count))[0](faces(2))[1] is None
        return
    logits = np.zeros(count + 2)
    logits[-2:] = -0.25, 1.5  # large in both, as a logit it would win
    scores, affect = standing(name, logits)[0](faces(2))
    assert scores == pytest.approx(1 / count, abs=1e-6)
    assert affect.tolist() == [[-0.25, 1.0]] * 2


@pytest.mark.parametrize("name", FAMILIES)
def test_crops_are_normalised_as_published(name: str, standing) -> None:
    family = FAMILIES[name]
    adapter, model = standing(name, np.zeros(len(cards()[name].labels) + 2 * family.affect))
    red = np.zeros((30, 20, 3), np.uint8)
    red[..., 0] = 255
    adapter([red, red])
    expected = (np.array([1, 0, 0]) - family.mean) / family.deviation
    assert np.concatenate(model.means) == pytest.approx(np.stack([expected] * 2), abs=1e-3)


def test_a_file_that_takes_one_face_gets_one_at_a_time(standing) -> None:
    adapter, model = standing("face-mobilefacenet", np.zeros(7))
    assert adapter(faces(5))[0].shape == (5, 7)
    assert len(model.means) == 5
