"""Selective kernels: scales share each channel, samples differ, and steps must correspond."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch.nn import functional

from insula.methods.batch import Batch
from insula.methods.late.selective_kernel import SelectiveKernel

H, T = 16, 16


def test_scales_share_each_channel_and_samples_differ(
    telling: Callable[[int, int], Batch],
) -> None:
    torch.manual_seed(0)
    net = SelectiveKernel({"audio": 6, "video": 6}, 2, hidden=H).eval()
    weights = net(telling(5, 0)).weights["scale"]
    assert weights.shape == (5, 3, H)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(5, H))
    assert (weights[0] - weights[1]).abs().max() > 1e-3
    with torch.no_grad():  # one scale forced to nothing: the others share what it had
        net.fuse.excite[0].bias.fill_(-1e9)
    forced = net(telling(5, 0)).weights["scale"]
    assert not forced[:, 0].any()
    torch.testing.assert_close(forced.sum(dim=1), torch.ones(5, H))


def test_what_is_selected_is_the_weighted_sum_of_scales() -> None:
    torch.manual_seed(0)
    fuse, united = SelectiveKernel({"audio": 6}, 2, hidden=H).fuse, torch.rand(3, H, T)
    selected, weights = fuse(united)
    by_hand = sum(
        weights[:, k, :, None] * scale(united)  # type: ignore[misc]
        for k, scale in enumerate(fuse.scales)
    )
    torch.testing.assert_close(selected, by_hand)


def simultaneous(count: int, seed: int) -> Batch:
    """The class is the sign of the product of what both show at a step; each alone is noise."""
    rng = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 2, (count,), generator=rng)
    eeg = 2.0 * torch.randint(0, 2, (count, T, 1), generator=rng) - 1
    gaze = eeg * (2 * labels - 1)[:, None, None]
    pattern = torch.tensor([1.0, -1, 1, -1])
    valid = torch.ones(count, T, dtype=torch.bool)
    features = {"eeg": eeg * pattern, "gaze": gaze * pattern}
    return Batch(features, {"eeg": valid, "gaze": valid}, labels)


def test_shifting_one_modality_loses_what_happens_at_once() -> None:
    torch.manual_seed(0)
    net = SelectiveKernel({"eeg": 4, "gaze": 4}, 2, hidden=H)
    optimiser = torch.optim.AdamW(net.parameters(), 1e-2)
    for step in range(40):
        batch = simultaneous(64, step)
        optimiser.zero_grad()
        functional.cross_entropy(net(batch).values, batch.labels).backward()
        optimiser.step()
    new = simultaneous(256, 1000)
    shifted = replace(new, features={**new.features, "gaze": new.features["gaze"].roll(10, 1)})
    right, wrong = (
        (net.eval()(batch).values.argmax(dim=1) == new.labels).float().mean()
        for batch in (new, shifted)
    )
    assert right > 0.95
    assert wrong < 0.65
