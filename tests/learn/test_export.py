"""Export: the file answers as the net does, for any batch; a file that does not is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from insula.errors import ContractError
from insula.learn import export
from insula.methods.unimodal.mobile_face import MobileFace

FACE = {"side": 32, "blocks": 3, "dropout": 0.1, "classes": 8}
OUTPUTS = ("logits", "embedding")


def exported(net: nn.Module, path: Path, *, half: bool) -> onnxruntime.InferenceSession:
    example = {"faces": torch.rand(2, 1, 48, 48)}
    export.export_onnx(net, example, OUTPUTS, path, dynamic={"faces": {0: "N"}}, half=half)
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


@pytest.fixture
def net() -> MobileFace:
    torch.manual_seed(0)
    net = MobileFace(**FACE)
    for _ in range(3):  # so that the norms are not those of an untrained net
        net(torch.rand(8, 1, 48, 48))
    return net.eval()


@pytest.mark.parametrize("half", [False, True])
def test_any_batch(net: MobileFace, tmp_path: Path, half: bool) -> None:
    session = exported(net, tmp_path / "net.onnx", half=half)
    faces = torch.rand(7, 1, 48, 48)
    for count in (1, 7):
        got = session.run(list(OUTPUTS), {"faces": faces[:count].numpy()})
        with torch.inference_mode():
            expected = net(faces[:count])
        gap = max(np.abs(a - b.numpy()).max() for a, b in zip(got, expected, strict=True))
        assert gap < (2e-3 if half else 1e-4)


def test_halves_are_half_the_size_and_leave_the_net_alone(net: MobileFace, tmp_path: Path) -> None:
    before = [weight.clone() for weight in net.parameters()]
    exported(net, tmp_path / "full.onnx", half=False)
    exported(net, tmp_path / "half.onnx", half=True)
    sizes = [
        sum(len(each.raw_data) for each in onnx.load(tmp_path / name).graph.initializer)
        for name in ("full.onnx", "half.onnx")
    ]
    assert sizes[1] < 0.55 * sizes[0]
    assert all(torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True))


def test_a_wrong_file_is_refused(
    net: MobileFace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "TOLERANCE", -1.0)
    with pytest.raises(ContractError, match=r"net\.onnx broke the promise that its logits is"):
        exported(net, tmp_path / "net.onnx", half=False)


def test_the_file_says_nothing_of_the_machine(net: MobileFace, tmp_path: Path) -> None:
    exported(net, tmp_path / "net.onnx", half=False)
    raw = (tmp_path / "net.onnx").read_bytes()
    assert b".py" not in raw
    assert str(Path.cwd()).encode() not in raw
