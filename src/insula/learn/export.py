"""From a trained net to an ONNX file that onnxruntime runs alone.

The file is checked before anyone sees it: onnxruntime's answer must be torch's to 1e-4.
"""

from __future__ import annotations

import copy
import inspect
import logging
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from insula.errors import ContractError

TOLERANCE = 1e-4  # largest difference between torch's answer and onnxruntime's
HALVES_FROM = 256  # elements; smaller tensors (scales, biases) stay float32


def export_onnx(
    net: nn.Module,
    example: Mapping[str, Tensor],
    outputs: Sequence[str],
    path: Path,
    *,
    dynamic: Mapping[str, Mapping[int, str]],
    half: bool = False,
) -> None:
    """Write the graph of `net` to `path` and compare it with the net on `example`.

    example: inputs by name, two samples or more. dynamic: input -> axis -> name of its length,
    for the axes that may have any length. half: keep large weights as float16, computed in float32.
    """
    net = copy.deepcopy(net).eval()
    if half:
        _fold_norms(net)
        _round_weights(net)
    axes: tuple[object, ...] = tuple(
        dict.fromkeys(dynamic.get(name, {}), torch.export.Dim.DYNAMIC) for name in example
    )
    (*_, last) = inspect.signature(net.forward).parameters.values()
    if last.kind is inspect.Parameter.VAR_POSITIONAL:
        axes = (axes,)
    with warnings.catch_warnings():
        # torch 2.13 copies its own trees by a way that it has deprecated itself.
        warnings.simplefilter("ignore", FutureWarning)
        # It also logs that torchvision, of which nothing is used here, is not installed.
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        program = torch.onnx.export(
            net,
            tuple(example.values()),
            input_names=list(example),
            output_names=list(outputs),
            dynamic_shapes=axes,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    if program is None:
        raise ContractError("torch.onnx.export", "it returns a program", program)
    model = program.model_proto
    if half:
        _halve(model)
    strip_notes(model)
    onnx.save(model, path)
    _compare(net, example, outputs, path)


def _fold_norms(module: nn.Module) -> None:
    """Put each batch norm into the convolution before it: the same answers, fewer steps."""
    for name, child in module.named_children():
        kinds = [type(part) for part in child.children()]
        if isinstance(child, nn.Sequential) and kinds == [nn.Conv2d, nn.BatchNorm2d]:
            setattr(module, name, fuse_conv_bn_eval(child[0], child[1]))
        else:
            _fold_norms(child)


def _round_weights(net: nn.Module) -> None:
    """What float16 cannot hold is dropped here, so that torch and the file agree exactly."""
    with torch.no_grad():
        for weight in (*net.parameters(), *net.buffers()):
            if weight.dtype == torch.float32 and weight.numel() >= HALVES_FROM:
                weight.copy_(weight.half().float())


def _halve(model: onnx.ModelProto) -> None:
    """Keep large float32 constants as float16, each with a cast that onnxruntime folds away."""
    casts = []
    for constant in model.graph.initializer:
        large = int(np.prod(constant.dims)) >= HALVES_FROM
        if constant.data_type != TensorProto.FLOAT or not large:
            continue
        name = constant.name
        values = numpy_helper.to_array(constant).astype(np.float16)
        constant.CopyFrom(numpy_helper.from_array(values, f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    for cast in reversed(casts):
        model.graph.node.insert(0, cast)


def strip_notes(model: onnx.ModelProto) -> None:
    """Remove what the exporter notes of its run: the same net must give the same file anywhere."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.initializer, *graph.input, *graph.output):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    del graph.value_info[:]


def _compare(
    net: nn.Module, example: Mapping[str, Tensor], outputs: Sequence[str], path: Path
) -> None:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    feed = {name: value.numpy() for name, value in example.items()}
    got = session.run(list(outputs), feed)
    with torch.inference_mode():
        expected = net(*example.values())
    expected = (expected,) if isinstance(expected, Tensor) else expected
    for name, mine, theirs in zip(outputs, got, expected, strict=True):
        gap = float(np.abs(mine - theirs.numpy()).max())
        if not gap <= TOLERANCE:
            raise ContractError(
                f"The exported graph {path.name}",
                f"its {name} is the net's to {TOLERANCE}",
                f"a difference of {gap:.2g}",
            )
