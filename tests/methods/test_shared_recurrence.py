"""Shared recurrent layers: one set of weights, however many modalities; residuals count."""

from __future__ import annotations

from collections.abc import Callable

import torch

from insula.methods.batch import Batch
from insula.methods.early.shared_recurrence import SharedRecurrence

H = 16
TWO = {"audio": 6, "video": 6}
Telling = Callable[[int, int], Batch]


def recurrent_numbers(net: SharedRecurrence) -> int:
    parts = [*net.recurrences.parameters(), *net.inputs.parameters()]
    return sum(weight.numel() for weight in parts)


def test_a_third_modality_brings_no_recurrent_weights() -> None:
    two, three = (SharedRecurrence(w, 2, hidden=H) for w in (TWO, {**TWO, "text": 6}))
    assert recurrent_numbers(two) == recurrent_numbers(three) == 3 * 4 * H * H + 2 * 4 * H * (H + 1)
    # A modality brings its encoder, what stands for it, its way in and its part of the joint layer.
    own = (2 * 6 + 6 * H + H) + H + 4 * H * (H + 1) + H * H
    totals = [sum(weight.numel() for weight in net.parameters()) for net in (two, three)]
    assert totals[1] - totals[0] == own


def test_both_modalities_run_on_the_same_weights(telling: Telling) -> None:
    """With equal ways in, a modality's states do not depend on its name."""
    torch.manual_seed(0)
    net, batch = SharedRecurrence(TWO, 2, hidden=H).eval(), telling(3, 0)
    for part in (net.encoders.encoders, net.entries):
        part["video"].load_state_dict(part["audio"].state_dict())
    seen: list[torch.Tensor] = []
    net.joint.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    net(batch)
    net(
        Batch(
            {"audio": batch.features["video"], "video": batch.features["audio"]},
            {"audio": batch.masks["video"], "video": batch.masks["audio"]},
        )
    )
    torch.testing.assert_close(seen[1], seen[0].roll(H, dims=1))


def test_what_one_modality_teaches_changes_the_other(telling: Telling) -> None:
    batch, net = telling(4, 0), SharedRecurrence(TWO, 2, hidden=H)
    net(batch.without("video")).values.sum().backward()
    assert all(cell.recurrent.weight.grad.any() for cell in net.recurrences)  # type: ignore[union-attr]


def test_residuals_count(telling: Telling) -> None:
    torch.manual_seed(0)
    net, batch = SharedRecurrence(TWO, 2, hidden=H).eval(), telling(4, 0)
    with_residuals = net(batch).values
    net.residual = False
    assert not torch.allclose(net(batch).values, with_residuals, atol=1e-4)


def test_time_has_a_direction(telling: Telling) -> None:
    torch.manual_seed(0)
    net, batch = SharedRecurrence(TWO, 2, hidden=H).eval(), telling(4, 0)
    turned = batch.map(lambda values: values.flip(1) if values.ndim > 1 else values)
    assert not torch.allclose(net(turned).values, net(batch).values, atol=1e-5)
