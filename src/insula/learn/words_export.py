"""The Russian words net as it ships: table of bytes, temperature inside, probabilities out.

A row of the table is kept as signed bytes and one scale, a quarter of its size in float32. The
rest of the net is small and stays float32.
"""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from insula.core.space import EKMAN7, GOEMOTIONS, bridge
from insula.learn.export import export_onnx
from insula.methods.unimodal.ngram_text import NOTHING

LARGEST_CODE = 127  # of a signed byte
SMALLEST_SCALE = 1e-12  # so that a row of zeros can be divided by it


class ShippedWords(nn.Module):
    """The graph's outputs from its inputs, for an `NgramText`.

    Returns probabilities [B, 7] of ekman7, goemotions [B, 28] whose sums by Ekman's groups these
    are, and vad [B, 3] in [-1, 1].
    """

    def __init__(self, net: nn.Module, temperature: float) -> None:
        super().__init__()
        self.net = net
        codes, scales = rounded(net.table.detach())
        scales[NOTHING] = 0  # what is not known says nothing
        self.register_buffer("rows", net.rows.int())
        self.register_buffer("codes", codes)
        self.register_buffer("scales", scales)
        groups = torch.tensor(bridge(GOEMOTIONS, EKMAN7).matrix, dtype=torch.float32)
        self.register_buffer("groups", groups)
        self.temperature = temperature

    def forward(self, ids: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        rows = self.rows[ids].long()  # [B, L]
        scaled = (weights * self.scales[rows]).unsqueeze(1)  # [B, 1, L]
        bag = torch.matmul(scaled, self.codes[rows].float()).squeeze(1)  # [B, width]
        said = self.net.judge(bag)
        goemotions = functional.softmax(said["goemotions"] / self.temperature, dim=1)
        return goemotions @ self.groups, goemotions, said["vad"].clamp(-1.0, 1.0)


def rounded(table: Tensor) -> tuple[Tensor, Tensor]:
    """Signed bytes [rows, width] and scales [rows] whose product is nearly the table."""
    scales = table.abs().amax(dim=1).clamp(min=SMALLEST_SCALE) / LARGEST_CODE
    return (table / scales[:, None]).round().to(torch.int8), scales


def with_rounded_table(net: nn.Module) -> nn.Module:
    """A copy of the net whose table is what the bytes of the shipped file stand for."""
    shipped = copy.deepcopy(net)
    codes, scales = rounded(net.table.detach())
    shipped.table.data = codes.float() * scales[:, None]
    return shipped


def export_words(net: nn.Module, temperature: float, path: Path) -> None:
    """Write the graph to `path`."""
    export_onnx(
        ShippedWords(net, temperature),
        {"ids": torch.arange(6).reshape(2, 3), "weights": torch.ones(2, 3)},
        ("probabilities", "goemotions", "vad"),
        path,
        dynamic={"ids": {0: "N", 1: "L"}, "weights": {0: "N", 1: "L"}},
    )
