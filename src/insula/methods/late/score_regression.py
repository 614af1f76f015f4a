"""Overall regression over the scores of the channels (`methods.md` M22 step 8, F19).

Where it fuses: late; it sees what each channel has concluded and nothing else.

    scores of M channels, and their trust -> logarithms of the scores beside the scores
    -> one softmax regression -> the fused distribution

Source: the modular video system, whose last step is a regression over the scores of its channels;
no numbers are published for it. What differs here: the logarithms stand beside the scores, because
independent channels combine by adding logarithms (the product rule is one setting of the weights),
and each set of present channels has a bias of its own through the trusts and their products. The
robust pool ships instead; benchmarks/fusion.py trains both on the same people and compares them.
"""

from __future__ import annotations

from itertools import combinations

import torch
from torch import Tensor, nn

LEAST = 0.01  # probability; one channel's zero must not be a veto
TYPICAL = 2.0  # the usual size of a centred logarithm, to bring both kinds of score to one scale


class ScoreRegression(nn.Module):
    """Logits from the channels' distributions, [B, M, C], and their trust in [0, 1], [B, M].

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

    def forward(self, scores: Tensor, trust: Tensor) -> Tensor:
        """Absent channels have trust 0; their scores are not looked at. Returns logits [B, C]."""
        weights = trust.unsqueeze(2)  # [B, M, 1]
        features = [(weights * scores).flatten(1), trust]
        features += [trust[:, i : i + 1] * trust[:, j : j + 1] for i, j in self.pairs]
        if self.logarithms:
            logs = scores.clamp(min=LEAST).log()
            centred = (logs - logs.mean(dim=2, keepdim=True)) / TYPICAL
            features.append((weights * centred).flatten(1))
        return self.regression(torch.cat(features, dim=1))
