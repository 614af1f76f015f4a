"""Tensor fusion holds each product of the modalities, and those of fewer."""

from __future__ import annotations

import numpy as np
import torch

from insula.learn.synthetic import xor
from insula.methods.mid.tensor_fusion import TensorFusion, outer_product

SIZE = 3


def test_the_product_by_hand() -> None:
    product = outer_product([torch.tensor([[2.0]]), torch.tensor([[3.0, 5.0]])])
    assert product.tolist() == [[1.0, 3.0, 5.0, 2.0, 6.0, 10.0]]


def test_without_two_modalities_the_terms_of_the_third_are_left() -> None:
    names = ("audio", "video", "text")
    batch = xor(4, np.random.default_rng(0), modalities=names)
    net = TensorFusion(dict.fromkeys(names, 6), 2, size=SIZE).eval()
    tensor = net(batch.without("audio", "video")).aux["tensor"]
    assert tensor.shape == (4, (SIZE + 1) ** 3)
    assert torch.equal(tensor[:, 0], torch.ones(4))
    assert tensor[:, 1 : SIZE + 1].abs().min() > 0  # text, as the last one, varies fastest
    assert not tensor[:, SIZE + 1 :].any()
    assert net(batch).aux["tensor"].abs().min() > 0
