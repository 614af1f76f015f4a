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
        kind = nn.GRUCell if cell == "gru" else nn.LSTMCell
        self.forwards, self.backwards = kind(width, hidden // 2), kind(width, hidden // 2)

    def forward(self, values: Tensor, valid: Tensor) -> Tensor:
        """values: [B, T, D]; valid: [B, T]. Returns [B, H]; without meaning where none is valid."""
        ends = [
            last_state(self.forwards, values, valid),
            last_state(self.backwards, values.flip(1), valid.flip(1)),
        ]
        return torch.cat(ends, dim=1)


def last_state(cell: nn.GRUCell | nn.LSTMCell, values: Tensor, valid: Tensor) -> Tensor:
    """The state after the last valid step, [B, H], as if there were no other steps.

    Step by step, since a whole recurrent layer cannot be exported for any number of samples.
    """
    state = values.new_zeros(len(values), cell.hidden_size)  # [B, H]
    memory = state
    for now, there in zip(values.unbind(1), valid.unsqueeze(2).unbind(1), strict=True):
        if isinstance(cell, nn.LSTMCell):
            read, changed = cell(now, (state, memory))
            memory = changed.where(there, memory)
        else:
            read = cell(now, state)
        state = read.where(there, state)
    return state
