"""The English words net as it ships: weights of four bits, temperature and vocabulary inside.

    net, rounded -> graph in float32, held to torch's answers -> its matrices in four bits
    -> the same answers again, nearly -> one file

A row of the table of pieces is unpacked when it is looked up. The matrices of the layers are
constants of four bits, which onnxruntime multiplies by as they are; it rounds what they meet to
eight bits, and so its answers differ a little from torch's.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from torch.nn import functional

from insula.core.space import EKMAN7, GOEMOTIONS, bridge
from insula.errors import ContractError
from insula.learn.export import export_onnx
from insula.methods.unimodal.sentence_encoder import (
    BLOCK,
    PADDING,
    SentenceEncoder,
    codes,
    round_weights,
)

OUTPUTS = ("probabilities", "goemotions", "vad", "embedding")
VOCABULARY = "vocabulary"  # name of the file's note that holds the pieces, one a line
NIBBLE = 16  # values of four bits
ZERO_CODE = 8  # what is added to a code so that it has no sign
OPSET = 21  # of ONNX: the first with constants of four bits in blocks
# Largest difference in a probability between the file and torch: measured 0.002 on 512 sentences.
TOLERANCE = 0.02


class ShippedEncoder(nn.Module):
    """The graph's outputs from its input, for a `SentenceEncoder`.

    Returns probabilities [B, 7] of ekman7, goemotions [B, 28] whose sums by Ekman's groups these
    are, vad [B, 3] in [-1, 1], and the embedding [B, width].
    """

    def __init__(self, net: SentenceEncoder, temperature: float) -> None:
        super().__init__()
        self.net = copy.deepcopy(net)
        self.net.half_precision = False
        round_weights(self.net)
        whole, scales = codes(self.net.pieces)
        pairs = (whole + ZERO_CODE).to(torch.uint8).unflatten(1, (-1, 2))
        self.register_buffer("packed", pairs[:, :, 0] + NIBBLE * pairs[:, :, 1])
        self.register_buffer("scales", scales.half())
        groups = torch.tensor(bridge(GOEMOTIONS, EKMAN7).matrix, dtype=torch.float32)
        self.register_buffer("groups", groups)
        self.temperature = temperature

    def forward(self, ids: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        packed = self.packed[ids].float()  # [B, L, width / 2]
        high = torch.floor(packed / NIBBLE)
        both = torch.stack([packed - NIBBLE * high, high], dim=3).flatten(2) - ZERO_CODE
        blocks = both.unflatten(2, (-1, BLOCK)) * self.scales[ids].float()[:, :, :, None]
        said = self.net.judge(blocks.flatten(2), ids != PADDING)
        goemotions = functional.softmax(said["goemotions"] / self.temperature, dim=1)
        axes = said["vad"].clamp(-1.0, 1.0)
        return goemotions @ self.groups, goemotions, axes, said["embedding"]


def export_encoder(
    net: SentenceEncoder, vocabulary: Sequence[str], temperature: float, path: Path
) -> None:
    """Write the graph to `path`, and compare it with the net."""
    shipped = ShippedEncoder(net, temperature).eval()
    example = torch.arange(1, 15).reshape(2, 7) % len(vocabulary)
    example[1, 4:] = PADDING
    dynamic = {"ids": {0: "N", 1: "L"}}
    export_onnx(shipped, {"ids": example}, OUTPUTS, path, dynamic=dynamic)
    model = onnx.load(path)
    _pack(model)
    helper.set_model_props(model, {VOCABULARY: "\n".join(vocabulary)})
    onnx.checker.check_model(model)
    onnx.save(model, path)
    _compare(shipped, example, path)


def _pack(model: onnx.ModelProto) -> None:
    """Turn the matrices of the layers into codes of four bits and scales of half precision."""
    graph = model.graph
    transposed = {
        node.input[1]
        for node in graph.node
        if node.op_type == "Gemm" and any(a.name == "transB" and a.i for a in node.attribute)
    }
    multiplied = {node.input[1] for node in graph.node if node.op_type == "MatMul"} | transposed
    unpacking = []
    for constant in [each for each in graph.initializer if each.name in multiplied]:
        weight = torch.from_numpy(numpy_helper.to_array(constant).copy())
        axis = 1 if constant.name in transposed else 0  # along which a sum runs
        weight = weight if axis else weight.T
        if weight.shape[0] % BLOCK or weight.shape[1] % BLOCK:  # a head or the groups: float32
            continue
        whole, scales = (part if axis else part.T for part in codes(weight.contiguous()))
        graph.initializer.remove(constant)
        graph.initializer.extend(_constants(constant.name, whole, scales))
        unpacking += _unpack(constant.name, axis)
    for node in reversed(unpacking):
        graph.node.insert(0, node)
    for domain in model.opset_import:
        if not domain.domain:
            domain.version = OPSET


def _constants(name: str, whole: Tensor, scales: Tensor) -> list[TensorProto]:
    nibbles = (whole.contiguous().numpy().astype(np.int8).ravel() % NIBBLE).astype(np.uint8)
    packed = (nibbles[::2] + NIBBLE * nibbles[1::2]).tobytes()
    return [
        helper.make_tensor(f"{name}_codes", TensorProto.INT4, whole.shape, packed, raw=True),
        numpy_helper.from_array(scales.contiguous().half().numpy(), f"{name}_scales"),
    ]


def _unpack(name: str, axis: int) -> list[onnx.NodeProto]:
    """The scales in float32, for onnxruntime to fold; the codes times them, for it to fuse."""
    scales, wide = f"{name}_scales", f"{name}_wide"
    codes_and_scales = [f"{name}_codes", wide]
    return [
        helper.make_node("Cast", [scales], [wide], to=TensorProto.FLOAT),
        helper.make_node("DequantizeLinear", codes_and_scales, [name], axis=axis, block_size=BLOCK),
    ]


def _compare(shipped: nn.Module, example: Tensor, path: Path) -> None:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    found = session.run(list(OUTPUTS), {"ids": example.numpy()})
    with torch.inference_mode():
        expected = shipped(example)
    for name, mine, theirs in zip(OUTPUTS, found, expected, strict=True):
        worst = float(np.abs(mine - theirs.numpy()).max())
        if worst > TOLERANCE:
            raise ContractError(
                str(path), f"its {name} are torch's within {TOLERANCE}", f"a difference of {worst}"
            )
