"""A pool of opinions that doubts each of them: logarithmic pooling with a chance of being misled.

Where it fuses: late; it sees each channel's distribution and measured quality and nothing else, so
a channel can be exchanged for one that says the same as surely.

    distribution of a channel -> sharpened, freed of how frequent labels were in its corpus
    -> with the chance `belief` x quality it is about this moment, else it says nothing of it
    -> either all channels mean the same label, or one of them another: the sum of what is left
    -> logarithms added to a prior -> one temperature by how many channels spoke

With two outcomes a channel, "to the point" and "misled", the sum over all combinations of outcomes
factorises: what a channel adds is log(belief * p + (1 - belief) / C), which no certainty of one
channel can drive beyond log((1 - belief) / C). So one channel that flatly contradicts two others is
outvoted, and three that agree are surer than each alone. Belief depends on how spread out the
opinion is (a flat one from a channel that is mostly sharp is suspect), and on whether every channel
is there to contradict it. Where they all are, each of them may also be about another label than
the others, with learned odds: then it speaks against the label that it shows. Of two who
contradict each other nobody can say which.

Sources: logarithmic pools, Genest and Zidek, "Combining probability distributions", Statistical
Science 1, 1986; the chance of being misled is the mixture of Huber, "Robust estimation of a
location parameter", Annals of Mathematical Statistics 35, 1964, put on likelihoods. No numbers are
published for this combination. What differs here: belief is learned, and scaled by the measured
quality.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

LEAST = 0.003  # probability; below it, how improbable a label is means nothing
IMPOSSIBLE = 30.0  # taken from log odds
SPREAD = 1.0  # nats, the usual entropy of an opinion, from which more and less are counted


class RobustPool(nn.Module):
    """Logits from the channels' distributions, [B, M, C], and their trust in [0, 1], [B, M].

    channels: M. classes: C. Its (M + 1) * (C + 6) - 5 numbers are all that is learned.
    """

    def __init__(self, *, channels: int, classes: int) -> None:
        super().__init__()
        self.sharpness = nn.Parameter(torch.zeros(channels))  # logarithm of a power
        self.offset = nn.Parameter(torch.zeros(channels, classes))
        self.belief = nn.Parameter(torch.full((channels,), 2.0))  # log odds; 0.88 to begin with
        self.belief_by_spread = nn.Parameter(torch.zeros(channels))
        self.belief_among_all = nn.Parameter(torch.zeros(channels))
        self.contrary = nn.Parameter(torch.full((channels,), -2.0))  # log odds of another label
        self.prior = nn.Parameter(torch.zeros(classes))
        self.confidence = nn.Parameter(torch.zeros(channels + 1))  # logarithm, by channels there

    def forward(self, scores: Tensor, trust: Tensor) -> Tensor:
        """Channels of trust 0 change nothing, whatever their scores. Returns logits [B, C]."""
        there, classes = (trust > 0).sum(dim=1), scores.shape[2]  # [B]
        believed = self.beliefs(scores, trust).unsqueeze(2)  # [B, M, 1]
        logs = scores.clamp(min=LEAST).log()
        opinions = functional.softmax(self.sharpness.exp()[:, None] * logs + self.offset, dim=2)
        unsaid = (1 - believed) / classes
        meant = (believed * opinions + unsaid).log()  # [B, M, C]
        another = (believed * (1 - opinions) / (classes - 1) + unsaid).log()  # [B, M, C]
        agreed = meant.sum(dim=1, keepdim=True)  # [B, 1, C]
        incomplete = (trust == 0).any(dim=1, keepdim=True).float()  # [B, 1]
        odds = (self.contrary - IMPOSSIBLE * incomplete).unsqueeze(2)  # [B, M, 1]
        cases = torch.cat([agreed, agreed - meant + another + odds], dim=1)  # [B, 1 + M, C]
        pooled = self.prior + cases.logsumexp(dim=1)
        return pooled * self.confidence[there].exp()[:, None]

    def beliefs(self, scores: Tensor, trust: Tensor) -> Tensor:
        """The chance that each channel is about this moment, [B, M]."""
        clamped = scores.clamp(min=LEAST)
        spread = -(clamped * clamped.log()).sum(dim=2)  # [B, M]
        complete = (trust > 0).all(dim=1, keepdim=True).float()  # [B, 1]
        odds = self.belief + self.belief_by_spread * (spread - SPREAD)
        return torch.sigmoid(odds + self.belief_among_all * complete) * trust
