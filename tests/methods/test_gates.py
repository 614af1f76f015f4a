"""Gates: shares a value, silence of what is missing, and that both levels act."""

from __future__ import annotations

import numpy as np
import torch

from insula.learn.synthetic import xor
from insula.methods.mid.gates import Gates, ModalityGate, UnimodalGate

NAMES = ("audio", "video", "text")


def test_shares_of_modalities_sum_to_one_for_each_value() -> None:
    torch.manual_seed(0)
    net = Gates(dict.fromkeys(NAMES, 6), 2).eval()
    batch = xor(5, np.random.default_rng(0), modalities=NAMES)
    weights = net(batch).weights
    assert weights["values"].shape == (5, 3, 64)
    assert torch.allclose(weights["values"].sum(dim=1), torch.ones(5, 64))
    assert weights["values"].std(dim=2).min() > 0  # not one share for all values
    assert torch.allclose(weights["modality"].sum(dim=1), torch.ones(5))
    silent = net(batch.without("video")).weights
    assert not silent["modality"][:, 1].any()
    assert torch.allclose(silent["values"].sum(dim=1), torch.ones(5, 64))


def test_the_multimodal_gate_by_hand() -> None:
    gate = ModalityGate(2)
    torch.nn.init.eye_(gate.score.weight)
    vectors = torch.tensor([[[100.0, 0.0], [0.0, 100.0]]])
    fused, _ = gate(vectors, torch.ones(1, 2, dtype=torch.bool))
    assert torch.allclose(fused, torch.tensor([[100.0, 100.0]]))  # each value from its modality
    fused, _ = gate(vectors, torch.tensor([[True, False]]))
    assert torch.equal(fused, vectors[:, 0])


def test_the_unimodal_gate_by_hand() -> None:
    gate = UnimodalGate(1)
    torch.nn.init.constant_(gate.score.weight, 2.0)
    values, shares = gate(torch.tensor([[0.0], [1.0], [-10.0]]))
    assert torch.allclose(shares, torch.sigmoid(torch.tensor([[0.0], [2.0], [-20.0]])))
    assert torch.allclose(values, torch.tensor([[0.0], [0.880797], [0.0]]), atol=1e-5)


def test_a_shut_unimodal_gate_keeps_a_source_out() -> None:
    torch.manual_seed(0)
    net = Gates(dict.fromkeys(NAMES, 6), 2).eval()
    batch = xor(5, np.random.default_rng(0), modalities=NAMES)
    before = net(batch).aux["audio"]
    other = xor(5, np.random.default_rng(1), modalities=NAMES)
    batch = type(batch)(
        {**batch.features, "text": other.features["text"]},
        {**batch.masks, "text": other.masks["text"]},
    )
    assert not torch.allclose(net(batch).aux["audio"], before)

    class Shut(torch.nn.Module):
        def forward(self, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return torch.zeros_like(values), torch.zeros_like(values)

    net.targets["audio"].gates["text"] = Shut()
    shut = net(batch)
    assert torch.allclose(shut.aux["audio"], net(batch.without("text")).aux["audio"], atol=1e-6)
