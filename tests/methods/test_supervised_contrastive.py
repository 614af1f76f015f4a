"""Supervised contrastive learning: who belongs together, and that they come to lie so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from insula.errors import ConfigError
from insula.methods.batch import Batch, Kind
from insula.methods.late.opinions import Opinions
from insula.methods.mid.joint_vectors import JointVectors
from insula.methods.training.method import Setting, watched
from insula.methods.training.supervised_contrastive import SupervisedContrastive

WIDTHS = {"audio": 6, "video": 6}


def made(net: nn.Module, batch: Batch, **arguments: float) -> SupervisedContrastive:
    assert batch.labels is not None
    setting = Setting(net, 2, batch.kind, batch.labels, (), batch)
    return SupervisedContrastive(setting, **arguments)


def closeness(net: nn.Module, batch: Batch, together: Tensor) -> float:
    """How much nearer, by the cosine, those that belong together are than the others."""
    with torch.no_grad():
        representation = watched(net.eval(), batch).representation
    assert representation is not None
    units = functional.normalize(representation, dim=1)
    cosines, apart = units @ units.T, ~torch.eye(len(batch), dtype=torch.bool)
    return float(cosines[together & apart].mean() - cosines[~together].mean())


@pytest.mark.parametrize("kind", ["single", "axes"])
def test_what_belongs_together_is_drawn_together(
    kind: Kind, telling: Callable[[int, int], Batch]
) -> None:
    torch.manual_seed(0)
    train, held_out = telling(64, 0), telling(64, 1)
    if kind == "axes":
        train, held_out = (
            replace(each, labels=each.labels.unsqueeze(1) + 0.01 * torch.randn(len(each), 1))
            for each in (train, held_out)
        )
        train, held_out = replace(train, kind="axes"), replace(held_out, kind="axes")
    net = JointVectors(WIDTHS, 2, hidden=16, dropout=0.0)
    method = made(net, train)
    assert held_out.labels is not None
    together = method.together(held_out.labels)
    before = closeness(net, held_out, together)
    steering = torch.optim.AdamW(net.parameters(), 0.01)
    for _ in range(30):
        loss = method.losses(watched(net.train(), train))["supervised-contrastive"]
        steering.zero_grad()
        loss.backward()
        steering.step()
    assert before < 0.3
    assert closeness(net, held_out, together) > 0.5


@pytest.mark.parametrize(
    ("kind", "labels", "expected"),
    [
        ("single", [0, 1, 0], [(0, 2)]),
        ("multi", [[1.0, 0.0], [1.0, 1.0], [1.0, 0.0]], [(0, 2)]),
        ("distribution", [[0.6, 0.4], [0.4, 0.6], [0.9, 0.1]], [(0, 2)]),
        # Deviations are 1 and 10, and the radius half of one.
        ("axes", [[1.0, 10.0], [-1.0, -10.0], [1.0, 6.0], [-1.0, -6.0]], [(0, 2), (1, 3)]),
    ],
)
def test_who_belongs_together(
    kind: Kind,
    labels: list[object],
    expected: list[tuple[int, int]],
    telling: Callable[[int, int], Batch],
) -> None:
    bare = telling(len(labels), 0)
    batch = replace(bare, labels=torch.tensor(labels), kind=kind)
    assert batch.labels is not None
    found = made(JointVectors(WIDTHS, 2), batch).together(batch.labels)
    pairs = [(a, b) for a in range(len(labels)) for b in range(a + 1, len(labels)) if found[a, b]]
    assert pairs == expected


def test_samples_without_any_modality_take_no_part(
    telling: Callable[[int, int], Batch],
) -> None:
    torch.manual_seed(0)
    batch, rows = telling(8, 0), torch.arange(6)
    net = JointVectors(WIDTHS, 2).eval()
    for mask in batch.masks.values():
        mask[6:] = False
    method = made(net, batch, weight=0.5)
    (found,) = method.losses(watched(net, batch)).values()
    (expected,) = method.losses(watched(net, batch.map(lambda values: values[rows]))).values()
    torch.testing.assert_close(found, expected)
    (whole,) = made(net, batch, weight=1.0).losses(watched(net, batch)).values()
    torch.testing.assert_close(whole, 2 * found)


def test_a_net_that_decides_in_no_one_place_is_refused(
    telling: Callable[[int, int], Batch],
) -> None:
    with pytest.raises(ConfigError, match="supervised-contrastive needs a net with one"):
        made(Opinions(WIDTHS, 2), telling(4, 0))
