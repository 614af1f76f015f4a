"""Heads a modality: each learns from the samples that have it, and only in training."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from insula.errors import ConfigError
from insula.learn.learner import make_methods
from insula.methods import answers
from insula.methods.batch import Batch
from insula.methods.early.concatenation import Concatenation
from insula.methods.mid.joint_vectors import JointVectors
from insula.methods.training.method import Setting, watched
from insula.methods.training.modality_heads import ModalityHeads

WIDTHS = {"audio": 6, "video": 6}
WITH_HEADS = ("auxiliary-heads", "gradient-blending", "self-distillation")


def setting_of(net: torch.nn.Module, batch: Batch) -> Setting:
    assert batch.labels is not None
    return Setting(net, 2, batch.kind, batch.labels, (), batch)


def test_each_head_sees_one_modality_where_it_is(telling: Callable[[int, int], Batch]) -> None:
    torch.manual_seed(0)
    batch = telling(6, 0)
    batch.masks["video"][:4] = False
    net = JointVectors(WIDTHS, 2, hidden=8).eval()
    heads = ModalityHeads(setting_of(net, batch), method="this")
    assert heads.modalities == ("audio", "video")
    values = heads(watched(net, batch))
    assert values.shape == (6, 2, 2)
    losses = heads.losses(values, batch)
    assert batch.labels is not None
    by_hand = answers.loss(values[4:, 1], batch.labels[4:], "single").mean()
    torch.testing.assert_close(losses[1], by_hand)
    losses[1].backward()
    encoders = net.encoders.encoders
    assert not encoders["audio"][1].weight.grad.any()
    assert encoders["video"][1].weight.grad.abs().sum() > 0
    nowhere = batch.without("video")
    assert heads.losses(heads(watched(net, nowhere)), nowhere)[1] == 0


@pytest.mark.parametrize("name", [*WITH_HEADS, "gradient-modulation"])
def test_a_net_that_joins_first_is_refused(name: str, telling: Callable[[int, int], Batch]) -> None:
    setting = setting_of(Concatenation(WIDTHS, 2), telling(4, 0))
    with pytest.raises(ConfigError, match=f"{name} needs a net with an encoder a modality"):
        make_methods({name: {}}, setting)


@pytest.mark.parametrize("name", [*WITH_HEADS, "gradient-modulation", "unimodal-masking"])
def test_dialogues_are_refused(name: str, telling: Callable[[int, int], Batch]) -> None:
    bare = telling(4, 0)
    batch = Batch(bare.features, bare.masks, torch.zeros(bare.masks["audio"].shape).long())
    setting = setting_of(JointVectors(WIDTHS, 2), batch)
    with pytest.raises(ConfigError, match=f"{name} does not fit labels of each step"):
        make_methods({name: {}}, setting)


def test_what_judges_values_needs_them_to_be_the_answer(
    telling: Callable[[int, int], Batch],
) -> None:
    bare = telling(4, 0)
    batch = Batch(bare.features, bare.masks, torch.rand(4, 2), "axes")
    setting = setting_of(JointVectors(WIDTHS, 2), batch)
    lines = {"unimodal-masking": {}, "gaussian-mixture": {}}
    with pytest.raises(ConfigError, match=r"unimodal-masking judges .* with gaussian-mixture"):
        make_methods(lines, setting)  # type: ignore[arg-type]
    make_methods({"auxiliary-heads": {}, "gaussian-mixture": {}}, setting)
