"""Heads over the frames of a clip (`methods.md` P1 to P3 and their "Fake tests")."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from insula.methods.temporal.frame_attention import FrameAttention, Level, Weighing
from insula.methods.temporal.stat_attention import StatAttention
from insula.methods.temporal.stat_head import StatHead, describe

D, C, T = 8, 3, 12
LEVELS: tuple[Level, ...] = ("single", "relation", "self")
WEIGHINGS: tuple[Weighing, ...] = ("sigmoid", "softmax")

Head = StatHead | FrameAttention | StatAttention


def heads() -> dict[str, Head]:
    torch.manual_seed(0)
    made: dict[str, Head] = {"stat": StatHead(features=D, outputs=C)}
    for level in LEVELS:
        for weighing in WEIGHINGS:
            head = FrameAttention(features=D, outputs=C, level=level, weighing=weighing)
            made[f"{level} {weighing}"] = head
    made["stat attention"] = StatAttention(features=D, outputs=C, reach=2)
    return {name: head.eval() for name, head in made.items()}


HEADS = heads()
POOLS = {name: head for name, head in HEADS.items() if not isinstance(head, StatHead)}
UNORDERED = [name for name in HEADS if name != "stat attention"]


def logits(name: str, frames: Tensor, valid: Tensor | None = None) -> Tensor:
    every = torch.ones(frames.shape[:2], dtype=torch.bool)
    said = HEADS[name](frames, every if valid is None else valid)
    return said[0] if isinstance(said, tuple) else said


@pytest.fixture
def frames() -> Tensor:
    return torch.randn(2, T, D, generator=torch.Generator().manual_seed(1))


def test_statistics_are_those_of_the_definition(frames: Tensor) -> None:
    every = torch.ones(2, T, dtype=torch.bool)
    rows = frames.double()
    wanted = [rows.mean(1), rows.std(1, correction=0), rows.amin(1), rows.amax(1)]
    torch.testing.assert_close(describe(rows, every), torch.cat(wanted, dim=1))


def test_a_constant_sequence_is_described_by_the_constant(frames: Tensor) -> None:
    constant = frames[:, :1].expand(-1, T, -1)
    mean, spread, least, most = describe(constant, torch.ones(2, T, dtype=torch.bool)).chunk(4, 1)
    assert spread.abs().max() < 1e-6
    for each in (mean, least, most):
        torch.testing.assert_close(each, frames[:, 0])


@pytest.mark.parametrize("name", POOLS)
def test_a_constant_sequence_is_pooled_to_the_constant(name: str, frames: Tensor) -> None:
    head, every = POOLS[name], torch.ones(2, T, dtype=torch.bool)
    pooled, weights = head.pool(frames[:, :1].expand(-1, T, -1), every)
    alone, _ = head.pool(frames[:, :1], every[:, :1])  # one frame: nothing to weigh
    torch.testing.assert_close(pooled, alone)
    torch.testing.assert_close(weights.sum(1), torch.ones(2))
    if "self" not in name:  # its frames are projected before they are averaged
        torch.testing.assert_close(pooled[:, :D], frames[:, 0])


@pytest.mark.parametrize("name", HEADS)
def test_length_of_a_constant_sequence_does_not_matter(name: str, frames: Tensor) -> None:
    short, long = (logits(name, frames[:, :1].expand(-1, length, -1)) for length in (3, 40))
    torch.testing.assert_close(short, long, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", UNORDERED)
def test_the_order_of_frames_does_not_matter(name: str, frames: Tensor) -> None:
    shuffled = frames[:, torch.randperm(T, generator=torch.Generator().manual_seed(2))]
    torch.testing.assert_close(logits(name, frames), logits(name, shuffled), atol=1e-5, rtol=1e-4)


def test_neighbourhoods_have_an_order(frames: Tensor) -> None:
    every_second = torch.cat([frames[:, ::2], frames[:, 1::2]], dim=1)
    apart = logits("stat attention", frames) - logits("stat attention", every_second)
    assert apart.abs().max() > 1e-3


@pytest.mark.parametrize("name", HEADS)
def test_frames_do_matter(name: str, frames: Tensor) -> None:
    assert (logits(name, frames)[0] - logits(name, frames)[1]).abs().max() > 1e-3


@pytest.mark.parametrize("name", HEADS)
def test_padding_changes_nothing_and_a_clip_without_frames_is_finite(
    name: str, frames: Tensor
) -> None:
    padded = torch.cat([frames, torch.full((2, 7, D), 1e3)], dim=1)
    valid = torch.arange(T + 7).expand(2, -1) < T
    torch.testing.assert_close(
        logits(name, padded, valid), logits(name, frames), atol=1e-5, rtol=1e-4
    )
    assert logits(name, padded, torch.zeros_like(valid)).isfinite().all()


@pytest.mark.parametrize("weighing", WEIGHINGS)
def test_relation_is_the_formula(weighing: Weighing, frames: Tensor) -> None:
    """sum a b [x, c] / sum a b, written out for one clip."""
    head = HEADS[f"relation {weighing}"]
    assert isinstance(head, FrameAttention)
    assert head.question is not None
    assert head.relation is not None
    x = frames[0]
    squash = torch.sigmoid if weighing == "sigmoid" else torch.exp
    first = squash(head.question(x)[:, 0])
    beside = torch.cat([x, ((first @ x) / first.sum()).expand(T, -1)], dim=1)
    both = first * squash(head.relation(beside)[:, 0])
    pooled, weights = head.pool(frames, torch.ones(2, T, dtype=torch.bool))
    torch.testing.assert_close(weights[0], both / both.sum())
    torch.testing.assert_close(pooled[0], both @ beside / both.sum())


def test_a_frame_is_answered_from_its_neighbourhood_alone(frames: Tensor) -> None:
    head = HEADS["stat attention"]
    assert isinstance(head, StatAttention)
    every = torch.ones(2, T, dtype=torch.bool)
    before = head.around(frames, every)
    assert before.shape == (2, T, C)
    changed = frames.clone()
    changed[:, 0] += 5  # is in the means of frames up to 2, and those are seen up to frame 4
    after = head.around(changed, every)
    assert (after[:, 4] - before[:, 4]).abs().max() > 1e-4
    torch.testing.assert_close(after[:, 5:], before[:, 5:])


def test_around_with_all_in_reach_is_the_answer_for_the_clip(frames: Tensor) -> None:
    torch.manual_seed(3)
    head = StatAttention(features=D, outputs=C, reach=T).eval()
    every = torch.ones(2, T, dtype=torch.bool)
    clip, _ = head(frames, every)
    torch.testing.assert_close(head.around(frames, every), clip.unsqueeze(1).expand(-1, T, -1))


@pytest.mark.parametrize("name", HEADS)
def test_every_weight_learns(name: str, frames: Tensor) -> None:
    head = heads()[name]
    said = head(frames, torch.ones(2, T, dtype=torch.bool))
    (said[0] if isinstance(said, tuple) else said).square().sum().backward()
    assert not [key for key, weight in head.named_parameters() if weight.grad is None]
