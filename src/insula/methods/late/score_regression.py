"""Overall regression over the scores of the channels (`methods.md` M22 step 8, F19).

Where it fuses: late; it sees what each channel has concluded and nothing else.

    scores of M channels, and which are present -> logarithms of the scores beside the scores
    -> one softmax regression -> the fused distribution

Source: the modular video system, whose last step is a regression over the scores of its channels;
no numbers are published for it. What differs here: the logarithms stand beside the scores, because
independent channels combine by adding logarithms (the product rule is one setting of the weights),
and each set of present channels has a bias of its own through the flags and their products.
"""

from __future__ import annotations

from itertools import combinations

import torch
from torch import Tensor, nn

LEAST = 0.01  # probability; one channel's zero must not be a veto
TYPICAL = 2.0  # the usual size of a centred logarithm, to bring both kinds of score to one scale


class ScoreRegression(nn.Module):
    """Logits from the channels' distributions, [B, M * C], and presence flags, [B, M].

    channels: M. classes: C. logarithms: whether these stand beside the scores.
    """

    def __init__(self, *, channels: int, classes: int, logarithms: bool) -> None:
        super().__init__()
        self.channels, self.classes, self.logarithms = channels, classes, logarithms
        self.pairs = list(combinations(range(channels), 2))
        width = channels * classes * (2 if logarithms else 1) + channels + len(self.pairs)
        self.regression = nn.Linear(width, classes)
        nn.init.zeros_(self.regression.weight)
        nn.init.zeros_(self.regression.bias)

    def forward(self, scores: Tensor, present: Tensor) -> Tensor:
        """Absent channels have flag 0; their scores are not looked at. Returns logits [B, C]."""
        flags = present.unsqueeze(2)  # [B, M, 1]
        shares = scores.reshape(-1, self.channels, self.classes)  # [B, M, C]
        features = [(flags * shares).flatten(1), present]
        features += [present[:, i : i + 1] * present[:, j : j + 1] for i, j in self.pairs]
        if self.logarithms:
            logs = shares.clamp(min=LEAST).log()
            centred = (logs - logs.mean(dim=2, keepdim=True)) / TYPICAL
            features.append((flags * centred).flatten(1))
        return self.regression(torch.cat(features, dim=1))
