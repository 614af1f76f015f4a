"""The encoder of sentences: padding, order, and weights that are rounded while they learn."""

from __future__ import annotations

import pytest
import torch

from insula.methods.unimodal.sentence_encoder import (
    BLOCK,
    LARGEST_CODE,
    RoundedLinear,
    SentenceEncoder,
    codes,
    round_weights,
    rounded,
)


@pytest.fixture
def net() -> SentenceEncoder:
    torch.manual_seed(0)
    made = SentenceEncoder(
        pieces=50,
        width=BLOCK,
        layers=2,
        attention_heads=4,
        inner=2 * BLOCK,
        places=16,
        dropout=0.1,
        head_dropout=0.1,
        half=False,
        heads={"two": 2, "five": 5},
    )
    made.pieces.normal_()
    torch.nn.init.normal_(made.places)
    return made.eval()


def test_shapes_and_unit_length(net: SentenceEncoder) -> None:
    said = net(torch.tensor([[2, 7, 8, 3], [2, 9, 3, 0]]))
    assert said["two"].shape == (2, 2) and said["five"].shape == (2, 5)
    torch.testing.assert_close(said["embedding"].norm(dim=1), torch.ones(2))


def test_padding_and_company_change_nothing(net: SentenceEncoder) -> None:
    alone = net(torch.tensor([[2, 7, 8, 3]]))
    padded = net(torch.tensor([[2, 7, 8, 3, 0, 0], [2, 9, 4, 5, 6, 3]]))
    for name, expected in alone.items():
        torch.testing.assert_close(padded[name][:1], expected, atol=1e-4, rtol=0)


def test_it_is_no_bag_of_pieces(net: SentenceEncoder) -> None:
    one, other = net(torch.tensor([[2, 7, 8, 3], [2, 8, 7, 3]]))["five"]
    assert not torch.allclose(one, other, atol=1e-3)


def test_rounding_what_is_rounded_changes_nothing() -> None:
    weight = torch.randn(8, 2 * BLOCK, generator=torch.manual_seed(0))
    weight[3] = 0
    once = rounded(weight)
    torch.testing.assert_close(rounded(once), once, rtol=2e-3, atol=0)
    whole, scales = codes(weight)
    assert whole.abs().max() == LARGEST_CODE and not whole[3].any()
    assert scales.shape == (8, 2)
    worst = (once - weight).abs().unflatten(1, (-1, BLOCK)).amax(dim=2)
    assert (worst <= 0.51 * scales + 1e-7).all()


def test_training_answers_by_rounded_weights_and_the_gradient_passes() -> None:
    layer = RoundedLinear(BLOCK, 3)
    x = torch.randn(5, BLOCK)
    said = layer.train()(x)
    torch.testing.assert_close(said, x @ rounded(layer.weight).T + layer.bias)
    said.sum().backward()
    torch.testing.assert_close(layer.weight.grad, x.sum(dim=0).expand(3, -1))


def test_a_net_with_rounded_weights_says_what_it_said_in_training(net: SentenceEncoder) -> None:
    ids = torch.tensor([[2, 7, 8, 3]])
    for part in net.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0
    trained = net.train()(ids)["five"]
    round_weights(net)
    torch.testing.assert_close(net.eval()(ids)["five"], trained, atol=2e-3, rtol=0)


def test_half_precision_is_near() -> None:
    torch.manual_seed(1)
    layer = RoundedLinear(BLOCK, BLOCK).eval()
    x = torch.randn(4, BLOCK)
    halved = layer(x.bfloat16())
    assert halved.dtype == torch.bfloat16
    torch.testing.assert_close(halved.float(), layer(x), atol=0.05, rtol=0)
