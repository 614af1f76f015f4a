"""Low-rank fusion is tensor fusion, without the tensor."""

from __future__ import annotations

import torch

from insula.methods.mid.low_rank import LowRankFusion, LowRankProduct
from insula.methods.mid.tensor_fusion import outer_product


def test_equals_tensor_fusion_with_the_materialised_tensor() -> None:
    torch.manual_seed(0)
    widths, outputs = {"text": 4, "audio": 4, "video": 4}, 3
    product = LowRankProduct(widths, outputs, rank=2)
    torch.nn.init.normal_(product.bias)
    vectors = torch.randn(5, 3, 4)
    tensor = outer_product(vectors.unbind(dim=1))  # [5, 125]
    expected = tensor @ product.materialised() + product.bias
    assert product.materialised().shape == (5**3, outputs)
    assert torch.allclose(product(vectors), expected, atol=1e-5)


def test_its_weights_grow_with_the_modalities_and_not_as_a_power() -> None:
    def weights(modalities: int) -> int:
        net = LowRankFusion({str(n): 6 for n in range(modalities)}, 2, hidden=8)
        return sum(each.numel() for each in net.parameters())

    assert weights(4) - weights(3) == weights(3) - weights(2)
