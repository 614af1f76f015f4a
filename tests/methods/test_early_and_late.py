"""Hybrid fusion: both paths count, by the shares it says."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from insula.methods.batch import Batch
from insula.methods.hybrid.early_and_late import EarlyAndLate


@pytest.mark.parametrize("path", ["early", "late"])
def test_without_either_path_it_says_something_else(
    telling: Callable[[int, int], Batch], path: str
) -> None:
    torch.manual_seed(0)
    net, batch = EarlyAndLate({"audio": 6, "video": 6}, 3).eval(), telling(4, 0)
    whole = net(batch)
    torch.testing.assert_close(whole.weights["path"].sum(dim=1), torch.ones(4))
    with torch.no_grad():
        for weight in getattr(net, path).parameters():
            weight.zero_()
    assert not torch.allclose(net(batch).values, whole.values, atol=1e-4)


def test_one_path_alone_is_a_setting_of_the_shares(telling: Callable[[int, int], Batch]) -> None:
    torch.manual_seed(0)
    net, batch = EarlyAndLate({"audio": 6, "video": 6}, 3).eval(), telling(4, 0)
    for path, share in ((net.early, 50.0), (net.late, -50.0)):
        torch.nn.init.constant_(net.preference, 0)
        with torch.no_grad():
            net.preference[0] = share
        alone = path(batch).values.log_softmax(dim=1)
        torch.testing.assert_close(net(batch).values, alone)
