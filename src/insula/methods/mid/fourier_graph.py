"""A Fourier operator on the graph of all steps, in a slow and a fast branch (`methods.md` F22).

Where it fuses: mid; the steps of all modalities are the nodes of one graph.

    nodes: every valid step of every modality, one modality after the other
    edges: steps of one modality up to `window` apart; steps of two that cover the same time
    -> with m the mean of a node's neighbours: slow (x + m) / 2, fast (x - m) / 2; each branch:
       Fourier transform along the nodes -> complex linear layers with rectifier and soft shrinkage,
       added up -> + spectrum -> inverse transform
    -> mean of each modality's nodes -> both branches side by side -> logits

Sources: Ai et al., "Revisiting multimodal emotion recognition in conversation from the
perspective of graph spectrum", AAAI 2025 (GS-MCC, M4); the operator after Yi et al., "FourierGNN:
rethinking multivariate time series forecasting from a pure graph perspective", NeurIPS 2023, and
its code. Published for GS-MCC: accuracy 73.8 on IEMOCAP (six classes), 68.1 on MELD (seven).

What differs here: the paper's reading, a transform along nodes; the released model transforms the
features of each node alone. Weights are full matrices; the release only applies their diagonals
(`diagonal=True`). The random-walk Laplacian filters, so that a constant leaves no trace in the fast
branch on any graph. The transform is a product with cosines and sines of each sample's own number
of nodes: N^2 work instead of N log N, but padding changes nothing and no number is complex, so it
exports. The contrastive terms, GRU and speakers belong to the whole system.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from insula.methods.batch import Batch, ModelOutput
from insula.methods.description import Method, Published
from insula.methods.encoders import Encoders, Tokens

METHOD = Method(
    name="fourier-graph",
    id="F22",
    title="Fourier graph operator with two frequency branches",
    stage="mid",
    mechanism="graph",
    modalities=("any",),
    tasks=("classes", "labels", "axes"),
    source="Ai et al., Revisiting multimodal emotion recognition: graph spectrum, AAAI 2025",
    code="insula.methods.mid.fourier_graph:FourierGraph",
    published=(
        Published("IEMOCAP", "six classes, session split; system M4", "accuracy", 73.8),
        Published("MELD", "seven classes, official split; system M4", "accuracy", 68.1),
    ),
)


class FourierGraph(nn.Module):
    """Logits from the slow and the fast part of the graph's signal.

    widths: modality -> D. outputs: C. window: how far apart steps of one modality may be joined.
    layers, diagonal: of the operator. hidden: H.
    """

    def __init__(
        self,
        widths: Mapping[str, int],
        outputs: int,
        *,
        window: int = 2,
        layers: int = 3,
        diagonal: bool = False,
        hidden: int = 64,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.window = window
        self.encoders = Encoders(widths, hidden, dropout=dropout)
        self.slow = FourierOperator(hidden, layers=layers, diagonal=diagonal)
        self.fast = FourierOperator(hidden, layers=layers, diagonal=diagonal)
        self.joint = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(2 * len(widths) * hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, outputs),
        )

    def forward(self, batch: Batch) -> ModelOutput:
        """Logits [B, C]; aux "slow" and "fast", the branches' nodes, [B, sum of T, H]."""
        tokens = self.encoders(batch)
        nodes = torch.cat([values for values, _ in tokens.values()], dim=1)
        valid = torch.cat([valid for _, valid in tokens.values()], dim=1)
        edges = joined([valid for _, valid in tokens.values()], self.window)
        slow, fast = filtered(nodes, edges)
        branches = {"slow": self.slow(slow, valid), "fast": self.fast(fast, valid)}
        lengths = [values.shape[1] for values, _ in tokens.values()]
        sums = []
        for branch in branches.values():
            parts = zip(tokens, branch.split(lengths, dim=1), strict=True)
            after = {name: Tokens(part, tokens[name].valid) for name, part in parts}
            sums.append(self.encoders.summed_up(after))  # [B, M, H]
        logits = self.joint(torch.cat(sums, dim=2).flatten(start_dim=1))
        return ModelOutput(logits, aux=branches)


class FourierOperator(nn.Module):
    """Nodes -> spectrum -> complex layers, added up -> nodes.

    layers: complex linear layers. shrink: soft threshold of their results. diagonal: whether a
    layer scales the H features alone instead of mixing them.
    """

    def __init__(
        self, hidden: int, *, layers: int = 3, shrink: float = 0.01, diagonal: bool = False
    ) -> None:
        super().__init__()
        self.shrink, self.diagonal = shrink, diagonal
        shape = (layers, 2, hidden) if diagonal else (layers, 2, hidden, hidden)
        self.weights = nn.Parameter(torch.randn(shape) / math.sqrt(hidden))  # real, imaginary
        self.biases = nn.Parameter(torch.zeros(layers, 2, hidden))

    def forward(self, nodes: Tensor, valid: Tensor) -> Tensor:
        """nodes: [B, N, H], zeros where not valid; valid: [B, N]. Returns the same shape."""
        cosine, sine, times = waves(valid)  # [B, N // 2 + 1, N] twice, [B, N // 2 + 1, 1]
        real, imaginary = cosine @ nodes, -sine @ nodes
        total = [real, imaginary]
        for (a, b), (bias, other_bias) in zip(self.weights, self.biases, strict=True):
            real, imaginary = (
                torch.relu(self.times(real, a) - self.times(imaginary, b) + bias),
                torch.relu(self.times(imaginary, a) + self.times(real, b) + other_bias),
            )
            total[0] = total[0] + functional.softshrink(real, self.shrink)
            total[1] = total[1] + functional.softshrink(imaginary, self.shrink)
        return cosine.mT @ (times * total[0]) - sine.mT @ (times * total[1])

    def times(self, spectrum: Tensor, weight: Tensor) -> Tensor:
        """One real product of the four of a complex one."""
        return spectrum * weight if self.diagonal else spectrum @ weight


def waves(valid: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Cosines and sines of the real Fourier transform along the valid nodes, of norm 1.

    valid: [B, N], of which n a sample are. Frequencies k = 0 .. n // 2; rows beyond and nodes that
    are not valid hold zeros. Also how often each frequency counts in the inverse: all but the first
    and n / 2 stand for their mirror image too.
    """
    count = valid.sum(dim=1)[:, None, None].clamp(min=1)  # [B, 1, 1]
    rank = (valid.cumsum(dim=1) - 1).clamp(min=0).unsqueeze(1)  # [B, 1, N]
    frequency = torch.arange(valid.shape[1] // 2 + 1, device=valid.device)[None, :, None]
    # The remainder keeps the angle exact where its float32 would not be.
    angle = 2 * math.pi * (frequency * rank % count) / count  # [B, N // 2 + 1, N]
    scale = (valid.unsqueeze(1) & (frequency <= count // 2)) / count.sqrt()
    times = 2 - ((frequency == 0) | (2 * frequency == count)).long()
    return angle.cos() * scale, angle.sin() * scale, times


def joined(valids: Sequence[Tensor], window: int) -> Tensor:
    """Which nodes are neighbours: [B, N, N] bool; none is its own. valids: [B, T] a modality."""
    valid = torch.cat(list(valids), dim=1)
    rank = torch.cat([each.cumsum(dim=1) - 1 for each in valids], dim=1)
    count = torch.cat([each.sum(dim=1, keepdim=True).expand_as(each) for each in valids], dim=1)
    kind = torch.cat(
        [torch.full_like(each[0], n, dtype=torch.long) for n, each in enumerate(valids)]
    )
    # Step i of n covers [i / n, (i + 1) / n) of the recording; multiplied out, no rounding.
    begins = rank.unsqueeze(2) * count.unsqueeze(1)
    ends = (rank.unsqueeze(2) + 1) * count.unsqueeze(1)
    overlap = (begins < ends.mT) & (begins.mT < ends)
    near = (rank.unsqueeze(2) - rank.unsqueeze(1)).abs() <= window
    alike = kind.unsqueeze(1) == kind.unsqueeze(0)
    edges = (alike & near) | (~alike & overlap)
    itself = torch.eye(valid.shape[1], dtype=torch.bool, device=valid.device)
    return edges & valid.unsqueeze(1) & valid.unsqueeze(2) & ~itself


def filtered(nodes: Tensor, edges: Tensor) -> tuple[Tensor, Tensor]:
    """The slow and the fast part of the nodes, which add up to them.

    I - L / 2 and L / 2, where L x = x - mean of the neighbours; a node without any is all slow.
    """
    degree = edges.sum(dim=2, keepdim=True)
    mean = (edges.to(nodes.dtype) @ nodes / degree.clamp(min=1)).where(degree > 0, nodes)
    return (nodes + mean) / 2, (nodes - mean) / 2
