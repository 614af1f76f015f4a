"""What these tests do without: weights that are not part of the package."""

from __future__ import annotations

import numpy as np
import pytest

from insula.learn import face
from insula.learn.faceres import Layer
from insula.methods.unimodal.mobile_face import STEM, WIDTHS


@pytest.fixture(autouse=True)
def faceres_of_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Face nets start from random arrays of FaceRes' shapes, which is pulled for training only."""
    rng = np.random.default_rng(0)

    def layer(*shape: int) -> Layer:
        kernel = rng.normal(0, np.prod(shape[1:]) ** -0.5, shape).astype(np.float32)
        return kernel, np.zeros(shape[0], np.float32)

    layers = [layer(STEM, 3, 3, 3)]
    for inputs, outputs in zip((STEM, *WIDTHS), WIDTHS, strict=False):
        layers += [layer(inputs, 1, 3, 3), layer(outputs, inputs, 1, 1)]
    monkeypatch.setattr(face, "read_faceres", lambda: layers)
