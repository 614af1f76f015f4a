"""Recurrent fusion: what comes when counts, in each modality or in all at once (`methods.md` F8).

Where it fuses: mid. Apart, each modality is read by a recurrent net of its own and the last states
stand side by side; together, one recurrent net reads what all modalities hold at each step.

    apart:     tokens of each modality -> read forwards and backwards -> last states side by side
    together:  tokens of one step side by side -> read forwards and backwards -> last states
    -> hidden layer -> logits

Sources: Tang et al., "Multimodal emotion recognition using deep neural networks", ICONIP 2017
(Bimodal-LSTM), for reading apart: 93.97 % on SEED, 83.53 % on DEAP, as its authors report them;
Tzirakis et al., "End-to-end multimodal emotion recognition using deep neural networks", IEEE JSTSP
2017, for reading together.

What differs here: any number of modalities; both directions; the valid steps are moved to the front
before anything is read, so padding and gaps change nothing, and the backward net starts at the last
valid step. Together needs steps that correspond, so all modalities have the same T.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from insula.errors import ContractError
from insula.methods.batch import Batch, ModelOutput
from insula.methods.description import Method, Published
from insula.methods.encoders import Encoders

METHOD = Method(
    name="recurrence",
    id="F8",
    title="Recurrent fusion",
    stage="mid",
    mechanism="recurrence",
    modalities=("any",),
    tasks=("classes", "labels", "axes"),
    source="Tang et al., Multimodal emotion recognition using deep neural networks, ICONIP 2017",
    code="insula.methods.mid.recurrence:Recurrence",
    published=(
        Published("SEED", "within subject, 9 trials to train on and 6 to test", "accuracy", 93.97),
        Published("DEAP", "two classes", "accuracy", 83.53),
    ),
)


class Recurrence(nn.Module):
    """Logits from the last states of recurrent nets.

    widths: modality -> D. outputs: C. reading: see above. cell: kind of recurrent net. hidden: H,
    even; half of it belongs to each direction.
    """

    def __init__(
        self,
        widths: Mapping[str, int],
        outputs: int,
        *,
        reading: Literal["apart", "together"] = "apart",
        cell: Literal["gru", "lstm"] = "gru",
        hidden: int = 64,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.reading = reading
        apart, many = reading == "apart", len(widths)
        self.encoders = Encoders(widths, hidden, dropout=dropout, stand_in=apart)
        self.readers = nn.ModuleList(
            BothWays(hidden if apart else hidden * many, hidden, cell)
            for _ in range(many if apart else 1)
        )
        self.joint = nn.Sequential(
            nn.Linear(hidden * len(self.readers), hidden), nn.ReLU(), nn.Linear(hidden, outputs)
        )

    def forward(self, batch: Batch) -> ModelOutput:
        """Logits [B, C]."""
        tokens = self.encoders(batch)
        if self.reading == "together":
            if len({values.shape[1] for values, _ in tokens.values()}) > 1:
                found = {name: values.shape[1] for name, (values, _) in tokens.items()}
                raise ContractError("Recurrence", "together, all modalities have one T", found)
            steps = torch.cat([values for values, _ in tokens.values()], dim=2)  # [B, T, M * H]
            valid = torch.stack([valid for _, valid in tokens.values()]).any(dim=0)
            return ModelOutput(self.joint(self.readers[0](steps, valid)))
        states = []
        for reader, (name, (values, valid)) in zip(self.readers, tokens.items(), strict=True):
            there = valid.any(dim=1, keepdim=True)
            states.append(self.encoders.filled(name, reader(values, valid), there))
        return ModelOutput(self.joint(torch.cat(states, dim=1)))


class BothWays(nn.Module):
    """The last states of one net that reads forwards and one that reads backwards."""

    def __init__(self, width: int, hidden: int, cell: Literal["gru", "lstm"]) -> None:
        super().__init__()
        kind = nn.GRU if cell == "gru" else nn.LSTM
        self.forwards = kind(width, hidden // 2, batch_first=True)
        self.backwards = kind(width, hidden // 2, batch_first=True)

    def forward(self, values: Tensor, valid: Tensor) -> Tensor:
        """values: [B, T, D]; valid: [B, T]. Returns [B, H]; without meaning where none is valid."""
        ends = [
            last_state(self.forwards, values, valid),
            last_state(self.backwards, values.flip(1), valid.flip(1)),
        ]
        return torch.cat(ends, dim=1)


def last_state(net: nn.GRU | nn.LSTM, values: Tensor, valid: Tensor) -> Tensor:
    """The state after the last valid step, [B, H], as if there were no other steps."""
    steps = values.shape[1]
    # Valid steps first, each group in its order: all keys differ, so no stable sort is needed.
    order = (torch.arange(steps, device=values.device) + steps * ~valid).argsort(dim=1)  # [B, T]
    packed = values.gather(1, order.unsqueeze(2).expand_as(values))
    states, _ = net(packed)  # [B, T, H]
    last = (valid.sum(dim=1) - 1).clamp(min=0)
    place = last[:, None, None].expand(-1, 1, states.shape[2])
    return states.gather(1, place).squeeze(1)
