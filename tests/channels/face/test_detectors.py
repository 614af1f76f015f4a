"""Finding faces."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from insula.channels.face import detectors
from insula.channels.face.detectors import CascadeDetector, YuNetDetector, detector, shrink
from insula.errors import NotAvailableOffline, UnknownName

CLIPS = Path(os.environ.get("INSULA_DATA", Path(__file__).parents[4] / "shared/data")) / "clips"
DEMO = Path(__file__).parents[3] / "examples" / "demo.mp4"


def picture(name: str) -> np.ndarray:
    path = CLIPS / name
    if not path.is_file():
        pytest.skip(f"{path} is not here")
    image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    return shrink(image, 640)[0]


def demo_frame() -> np.ndarray:
    if not DEMO.is_file():
        pytest.skip("examples/demo.mp4 is not in this copy of the project")
    found, frame = cv2.VideoCapture(str(DEMO)).read()
    assert found
    return cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)


def test_a_face_is_found_where_it_is() -> None:
    image = demo_frame()
    (face,) = CascadeDetector().detect([image])[0]
    assert 0.3 < face[4] <= 1
    # Moved on a canvas, the box moves along.
    canvas = np.zeros((image.shape[0] + 40, image.shape[1] + 80, 3), np.uint8)
    canvas[40:, 80:] = image
    (moved,) = CascadeDetector().detect([canvas])[0]
    assert moved[:2] - face[:2] == pytest.approx((80, 40), abs=0.1 * float(face[2]))
    assert moved[2] == pytest.approx(face[2], rel=0.15)


@pytest.mark.parametrize("name", ["single_face.jpg", "obama.jpg", "obama2.jpg", "biden.jpg"])
def test_one_face_in_a_portrait(name: str) -> None:
    assert len(CascadeDetector().detect([picture(name)])[0]) == 1


def test_several_faces_the_largest_first() -> None:
    faces = CascadeDetector().detect([picture("multi_face.jpg")])[0]
    assert len(faces) >= 4  # of five; one wears sunglasses
    areas = faces[:, 2] * faces[:, 3]
    assert (np.diff(areas) <= 0).all()


@pytest.mark.parametrize("size", [(360, 640), (1, 1), (1, 300), (24, 24), (700, 20)])
def test_nothing_in_frames_without_faces(size: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    for faces in CascadeDetector().detect([np.zeros((*size, 3), np.uint8), noise]):
        assert faces.shape == (0, 5)
        assert faces.dtype == np.float32


def test_frames_are_left_alone() -> None:
    image = demo_frame()
    before = image.copy()
    CascadeDetector().detect([image])
    assert (image == before).all()


def test_unknown_and_absent_detectors(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert isinstance(detector("cascade"), CascadeDetector)
    with pytest.raises(UnknownName, match="Did you mean 'yunet'"):
        detector("yunnet")
    monkeypatch.setenv("INSULA_HOME", str(tmp_path))
    with pytest.raises(NotAvailableOffline, match="insula models pull yunet"):
        detector("yunet")


def yunet_graph() -> bytes:
    """A graph with the inputs and outputs of YuNet that finds a face where it is bright.

    Of stride 8 only: the score of a cell is its mean brightness, its box that cell.
    """
    nodes, outputs, constants = [], [], {}

    def constant(name: str, value: np.ndarray) -> str:
        constants[name] = value
        return name

    for stride in (8, 16, 32):
        widths = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
        for kind, width in widths.items():
            name = f"{kind}_{stride}"
            bright = stride == 8 and width == 1
            kernel = np.full((width, 3, 1, 1), 1 / 3 / 255 if bright else 0, np.float32)
            nodes += [
                helper.make_node(
                    "AveragePool",
                    ["input"],
                    [f"{name}_pooled"],
                    kernel_shape=[stride, stride],
                    strides=[stride, stride],
                ),
                helper.make_node(
                    "Conv", [f"{name}_pooled", constant(f"{name}_k", kernel)], [f"{name}_map"]
                ),
                helper.make_node("Transpose", [f"{name}_map"], [f"{name}_last"], perm=[0, 2, 3, 1]),
                helper.make_node(
                    "Reshape",
                    [f"{name}_last", constant(f"{name}_s", np.array([1, -1, width], np.int64))],
                    [name],
                ),
            ]
            cells = (640 // stride) ** 2
            outputs.append(
                helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, cells, width])
            )
    graph = helper.make_graph(
        nodes,
        "yunet",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 640, 640])],
        outputs,
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=7)
    return model.SerializeToString()


def test_yunet_boxes_are_in_pixels_of_the_frame(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "yunet.onnx"
    path.write_bytes(yunet_graph())
    monkeypatch.setattr(detectors, "weights_path", lambda card: path)
    image = np.zeros((320, 640, 3), np.uint8)  # shrunk by two
    image[96:112, 208:224] = 230
    dark, found = YuNetDetector().detect([np.zeros_like(image), image])
    assert dark.shape == (0, 5)
    ((x, y, width, height, score),) = found
    assert (width, height) == (16, 16)
    assert (x + width / 2, y + height / 2) == pytest.approx((208, 96), abs=16)
    assert score == pytest.approx(230 / 255, abs=0.02)
