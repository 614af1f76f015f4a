"""Running weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, checker, helper

from insula.errors import WeightsError
from insula.zoo.session import Model, open_session
from insula.zoo.store import checksum

from .conftest import write_card


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Weights y = x + x."""
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "x"], ["y"])],
        "twice",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 7])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 7])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    checker.check_model(model)
    content = model.SerializeToString()
    (tmp_path / "tiny.onnx").write_bytes(content)
    write_card(tmp_path, content, tier="bundled")
    return tmp_path


def test_named_arrays_in_and_out(folder: Path) -> None:
    model = Model(folder)
    x = np.arange(14, dtype=np.float32).reshape(2, 7)
    assert model.run(x=x)["y"].tolist() == (2 * x).tolist()
    assert model.run(x=x[:, ::1][:1])["y"].shape == (1, 7)
    assert model.card.name == "tiny"
    assert model.sha256 == checksum(folder / "tiny.onnx", "sha256")


def test_one_shared_model_until_it_is_closed(folder: Path) -> None:
    model = Model.shared(str(folder))
    assert Model.shared(str(folder)) is model
    model.close()
    again = Model.shared(str(folder))
    assert again is not model
    again.close()


@pytest.fixture
def ensemble(tmp_path: Path) -> Path:
    """Three nets that say x, 10 x and 100 x; the graph says 37 x, their mean."""
    factors = [1.0, 10.0, 100.0]
    graph = helper.make_graph(
        [
            helper.make_node("Unsqueeze", ["x", "one"], ["column"]),
            helper.make_node("Mul", ["column", "factors"], ["fold_y"]),
            helper.make_node("ReduceMean", ["fold_y"], ["y"], axes=[1], keepdims=0),
        ],
        "three",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 7])],
        [
            helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 7]),
            helper.make_tensor_value_info("fold_y", TensorProto.FLOAT, ["N", 3, 7]),
        ],
        [
            helper.make_tensor("one", TensorProto.INT64, [1], [1]),
            helper.make_tensor("factors", TensorProto.FLOAT, [1, 3, 1], factors),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    content = model.SerializeToString()
    (tmp_path / "tiny.onnx").write_bytes(content)
    write_card(tmp_path, content, tier="bundled")
    return tmp_path


def test_one_net_of_an_ensemble(ensemble: Path) -> None:
    x = np.arange(14, dtype=np.float32).reshape(2, 7)
    assert np.allclose(Model(ensemble).run(x=x)["y"], 37 * x)
    second = Model(f"{ensemble}#1")
    assert np.allclose(second.run(x=x)["y"], 10 * x)
    assert second.card.name == "tiny"


def test_a_net_that_is_not_there(ensemble: Path) -> None:
    with pytest.raises(WeightsError, match="is an ensemble of 3 nets, counted from 0"):
        Model(f"{ensemble}#3")


def test_one_thread_unless_asked(folder: Path) -> None:
    path = folder / "tiny.onnx"
    assert open_session(path).get_session_options().intra_op_num_threads == 1
    assert open_session(path, threads=2).get_session_options().intra_op_num_threads == 2


def test_what_is_no_model(tmp_path: Path) -> None:
    write_card(tmp_path, b"no model at all", tier="bundled")
    (tmp_path / "tiny.onnx").write_bytes(b"no model at all")
    with pytest.raises(WeightsError, match="export the model again"):
        Model(tmp_path)
