"""The transformer over modality tokens: leaving one out is exact, and kinds are told apart."""

from __future__ import annotations

import numpy as np
import torch

from insula.learn.synthetic import xor
from insula.methods.encoders import Tokens
from insula.methods.mid.modality_tokens import ModalityTokens

NAMES = ("audio", "video", "text")


def made() -> ModalityTokens:
    torch.manual_seed(0)
    return ModalityTokens(dict.fromkeys(NAMES, 6), 2).eval()


def test_dropping_a_masked_modality_equals_removing_its_tokens() -> None:
    net, batch = made(), xor(6, np.random.default_rng(0), modalities=NAMES)
    tokens = net.encoders(batch)
    for name in NAMES:
        left = {other: rest for other, rest in tokens.items() if other != name}
        dropped, removed = net(batch.without(name)), net.answer(left)
        assert torch.allclose(dropped.values, removed.values, atol=1e-5)
        assert not torch.allclose(dropped.values, net(batch).values, atol=1e-3)


def test_the_same_tokens_from_another_modality_mean_something_else() -> None:
    """What the tokens say and where they stand is equal; the code of the modality is not."""
    net = made()
    for kind in net.together.kinds.values():
        torch.nn.init.normal_(kind)
    valid = torch.ones(2, 4, dtype=torch.bool)
    one, two = (Tokens(torch.randn(2, 4, 64), valid) for _ in range(2))
    straight = net.answer({"audio": one, "video": two}).values
    crossed = net.answer({"audio": two, "video": one}).values
    assert (straight - crossed).abs().max() > 1e-2


def test_the_summary_looks_at_all_that_is_valid() -> None:
    batch = xor(6, np.random.default_rng(0), modalities=NAMES)
    looked = made()(batch).weights["summary"]
    valid = torch.cat([torch.ones(6, 1, dtype=torch.bool), *batch.masks.values()], dim=1)
    assert torch.equal(looked > 0, valid)
    assert torch.allclose(looked.sum(dim=1), torch.ones(6))
