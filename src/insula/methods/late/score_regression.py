"""Overall regression over the scores of the channels (`methods.md` M22 step 8, F19).

Where it fuses: late; it sees what each channel has concluded and nothing else.

    scores of M channels, and their trust -> logarithms of the scores beside the scores
    -> one softmax regression -> the fused distribution

Source: the modular video system, whose last step is a regression over the scores of its channels;
no numbers are published for it. What differs here: the logarithms stand beside the scores, because
independent channels combine by adding logarithms (the product rule is one setting of the weights),
and each set of present channels has a bias of its own through the trusts and their products. The
robust pool ships instead; benchmarks/fusion.py trains both on the same people and compares them.
In the laboratory the scores are those of small heads, which learn from their own losses alone: as
with channels, the regression does not change what it is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import torch
from torch import Tensor, nn

from insula.methods.batch import Batch, ModelOutput
from insula.methods.description import Method
from insula.methods.late.opinions import Heads

METHOD = Method(
    name="score-regression",
    id="F19",
    title="Overall regression over the scores of the channels",
    stage="late",
    mechanism="regression of scores",
    modalities=("video", "audio", "text"),
    tasks=("classes",),
    source="The modular video system (methods.md M22, step 8)",
    code="insula.methods.late.score_regression:RegressedOpinions",
)

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


class RegressedOpinions(nn.Module):
    """The same under the laboratory's contract: a head a modality, and the regression over them.

    widths: modality -> D. outputs: C. logarithms: see above. hidden: H.
    """

    def __init__(
        self,
        widths: Mapping[str, int],
        outputs: int,
        *,
        logarithms: bool = True,
        hidden: int = 64,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.heads = Heads(widths, outputs, hidden=hidden, dropout=dropout)
        self.regression = ScoreRegression(
            channels=len(widths), classes=outputs, logarithms=logarithms
        )
        with torch.no_grad():  # it begins with the sum of the scores
            columns = self.regression.regression.weight[:, : len(widths) * outputs]
            columns.copy_(torch.eye(outputs).repeat(1, len(widths)))

    def forward(self, batch: Batch) -> ModelOutput:
        """Logits [B, C]; aux "opinions" [B, M, C]."""
        values = self.heads(batch)  # [B, M, C]
        opinions = values.softmax(dim=2)
        fused = self.regression(opinions.detach(), batch.present.float())
        return ModelOutput(fused, self.heads.losses(values, batch), {"opinions": opinions})
