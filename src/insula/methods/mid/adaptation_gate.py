"""The multimodal adaptation gate: one modality, shifted by the others (`methods.md` F13).

Where it fuses: mid; the tokens of the pivot modality move before they are put together.

    at each step of the pivot, t its token and m that of another modality:
    gate g_m = relu(W [m; t]) -> shift s = sum over m of g_m * (W_m m)
    -> bounded: alpha = min(beta |t| / |s|, 1) -> norm(t + alpha s) -> mean over steps -> logits

Sources: Rahman et al., "Integrating multimodal information in large pretrained transformers", ACL
2020, and its code (beta 1). Our specification has no number that belongs to it alone.

What differs here: the gate follows our small encoders instead of standing inside a language model;
`pivot` names the modality that is shifted, the first one unless told. Another modality shifts step
by step in the samples where its steps are as many as the pivot's, else by its mean; where it is
missing it shifts nothing. A missing pivot is one learned token.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from insula.methods.batch import Batch, ModelOutput
from insula.methods.description import Method
from insula.methods.encoders import Encoders, Tokens

METHOD = Method(
    name="adaptation-gate",
    id="F13",
    title="Multimodal adaptation gate (MAG)",
    stage="mid",
    mechanism="gate",
    modalities=("any",),
    tasks=("classes", "labels", "axes"),
    source="Rahman et al., Integrating multimodal information in large transformers, ACL 2020",
    code="insula.methods.mid.adaptation_gate:AdaptationGateFusion",
)

LEAST_NORM = 1e-6  # of a shift, so that no division is by zero


class AdaptationGateFusion(nn.Module):
    """Logits from the shifted tokens of the pivot.

    widths: modality -> D. outputs: C. pivot: which modality is shifted; None is the first. beta: by
    how much of its own norm at most. hidden: H.
    """

    def __init__(
        self,
        widths: Mapping[str, int],
        outputs: int,
        *,
        pivot: str | None = None,
        beta: float = 1.0,
        hidden: int = 64,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.pivot = pivot or next(iter(widths))
        others = [name for name in widths if name != self.pivot]
        # Only the pivot needs something to stand for it: without a modality there is no shift.
        self.encoders = Encoders(widths, hidden, dropout=dropout, stand_in=False)
        self.absent = nn.Parameter(0.02 * torch.randn(hidden))
        self.gate = AdaptationGate(others, hidden, beta=beta, dropout=dropout)
        self.joint = nn.Sequential(nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, outputs))

    def forward(self, batch: Batch) -> ModelOutput:
        """Logits [B, C]; weights "shift" [B, T], alpha, and of each other modality [B, T, H]."""
        tokens = self.encoders(batch)
        pivot = with_stand_in(tokens.pop(self.pivot), self.absent)
        steps = {name: at_steps_of(pivot, other) for name, other in tokens.items()}
        shifted, weights = self.gate(pivot.values, steps)
        shifted = shifted.where(pivot.valid.unsqueeze(2), 0.0)
        mean = shifted.sum(dim=1) / pivot.valid.sum(dim=1, keepdim=True)  # [B, H]
        return ModelOutput(self.joint(mean), weights=weights)


class AdaptationGate(nn.Module):
    """t -> norm(t + alpha s): s comes from the others, alpha s is at most beta |t| long."""

    def __init__(
        self, others: list[str], hidden: int, *, beta: float = 1.0, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.beta = beta
        self.gates = nn.ModuleDict({name: nn.Linear(2 * hidden, hidden) for name in others})
        self.maps = nn.ModuleDict({name: nn.Linear(hidden, hidden, bias=False) for name in others})
        self.finish = nn.Sequential(nn.LayerNorm(hidden), nn.Dropout(dropout))

    def forward(
        self, pivot: Tensor, others: Mapping[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """pivot and others: [B, T, H]. Returns the same shape, and alpha and the gates."""
        shift, weights = torch.zeros_like(pivot), {}
        for name, other in others.items():
            gate = torch.relu(self.gates[name](torch.cat([other, pivot], dim=2)))
            # No bias inside: a modality that is not there, zeros, must not shift.
            shift = shift + gate * self.maps[name](other)
            weights[name] = gate
        length = torch.linalg.vector_norm(shift, dim=2).clamp(min=LEAST_NORM)
        bound = self.beta * torch.linalg.vector_norm(pivot, dim=2)
        alpha = (bound / length).clamp(max=1.0)  # [B, T]
        moved = pivot + alpha.unsqueeze(2) * shift
        return self.finish(moved), {"shift": alpha, **weights}


def with_stand_in(tokens: Tokens, absent: Tensor) -> Tokens:
    """The tokens, and where a sample has none, `absent` as the only one."""
    none = ~tokens.valid.any(dim=1, keepdim=True)  # [B, 1]
    first = torch.arange(tokens.valid.shape[1], device=none.device) == 0  # [T]
    here = none & first
    values = tokens.values.where(~here.unsqueeze(2), absent)
    return Tokens(values, tokens.valid | here)


def at_steps_of(pivot: Tokens, other: Tokens) -> Tensor:
    """What the other modality says at each step of the pivot: [B, T, H], its own T cut or filled.

    Its tokens in the samples where the same steps are valid in both, else its mean; zeros where it
    is missing.
    """
    more = pivot.valid.shape[1] - other.valid.shape[1]  # below 0 cuts
    values = functional.pad(other.values, (0, 0, 0, more))
    valid = functional.pad(other.valid, (0, more))
    count = other.valid.sum(dim=1)  # [B]
    same = (valid == pivot.valid).all(dim=1) & (count == pivot.valid.sum(dim=1))
    mean = other.values.sum(dim=1) / count.clamp(min=1).unsqueeze(1)
    return values.where(same[:, None, None], mean.unsqueeze(1))
