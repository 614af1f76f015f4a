"""The arrays of a package in the format of TensorFlow.js, in torch's order."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

from insula.learn import faceres


def package(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    """As the npm package holds them: a list of names and shapes, and float16 values end to end."""
    entries = [
        {
            "name": name,
            "shape": list(values.shape),
            "dtype": "float32",
            "quantization": {"dtype": "float16"},
        }
        for name, values in arrays.items()
    ]
    listing = json.dumps({"weightsManifest": [{"weights": entries}]}).encode()
    raw = b"".join(values.astype(np.float16).tobytes() for values in arrays.values())
    with tarfile.open(path, "w:gz") as files:
        for kind, content in (("json", listing), ("bin", raw)):
            entry = tarfile.TarInfo(f"package/models/faceres.{kind}")
            entry.size = len(content)
            files.addfile(entry, io.BytesIO(content))
    return path


def test_kernels_and_shifts_as_torch_orders_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    arrays = {
        "conv1/convolution/merged_input": rng.random((3, 3, 3, 2)),
        "conv1_bn/batchnorm_1/sub": rng.random(2),
        "conv_dw_1/depthwise_kernel": rng.random((3, 3, 2, 1)),
        "conv_dw_1_bn/batchnorm_1/mul": np.array([1.0, 4.0]),
        "conv_dw_1_bn/batchnorm_1/sub": rng.random(2),
        "conv_pw_1/convolution/merged_input": rng.random((1, 1, 2, 5)),
        "conv_pw_1_bn/batchnorm_1/sub": rng.random(5),
    }
    path = package(tmp_path / "models.tgz", arrays)
    monkeypatch.setattr(faceres, "weights_path", lambda name: path)
    monkeypatch.setattr(faceres, "BLOCKS", 1)
    (stem, _), (alone, shift), (crossing, _) = faceres.read_faceres()
    assert stem.shape == (2, 3, 3, 3) and alone.shape == (2, 1, 3, 3)
    assert crossing.shape == (5, 2, 1, 1)
    given = arrays["conv1/convolution/merged_input"]
    assert stem[1, 2, 0, 1] == pytest.approx(given[0, 1, 2, 1], abs=1e-3)
    given = arrays["conv_dw_1/depthwise_kernel"]
    assert alone[0, 0, 2, 1] == pytest.approx(given[2, 1, 0, 0], abs=1e-3)
    assert alone[1, 0, 2, 1] == pytest.approx(4 * given[2, 1, 1, 0], abs=4e-3)
    assert shift == pytest.approx(arrays["conv_dw_1_bn/batchnorm_1/sub"], abs=1e-3)
    assert all(values.dtype == np.float32 for values in (stem, alone, crossing, shift))
