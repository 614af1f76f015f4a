"""Recurrent layers whose weights all modalities share (`methods.md` F15, system M12).

Where it fuses: early; modalities keep states of their own, but from the first layer on what one of
them teaches the recurrence is at once what the others run on.

    tokens of each modality -> own input weights -> shared recurrence \
    -> + what came in -> norm -> next layer, input weights shared too -> ... > all layers
    -> mean over the valid steps -> M vectors side by side -> logits

Sources: Ma et al., "Emotion recognition using multimodal residual LSTM network", ACM Multimedia
2019 (MMResLSTM): 92.87 % for arousal and 92.30 % for valence on DEAP; random folds of one-second
segments, so that neighbours of a test segment were trained on.

What differs here: any number of modalities with any numbers of steps; the joint layer's hidden
layer; sizes of the laboratory in place of the paper's, so that all fusions have the same budget.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from insula.methods.batch import Batch, ModelOutput
from insula.methods.description import Method, Published
from insula.methods.encoders import Encoders, Tokens

PROTOCOL = "random folds of 1 s segments within each subject; neighbouring segments leak"

METHOD = Method(
    name="shared-recurrence",
    id="F15",
    title="Residual LSTM with weights shared by all modalities",
    stage="early",
    mechanism="shared weights",
    modalities=("eeg", "physio"),
    tasks=("classes", "labels", "axes"),
    source="Ma et al., Emotion recognition using multimodal residual LSTM network, ACM MM 2019",
    code="insula.methods.early.shared_recurrence:SharedRecurrence",
    published=(
        Published("DEAP", PROTOCOL, "accuracy of arousal", 92.87),
        Published("DEAP", PROTOCOL, "accuracy of valence", 92.30),
    ),
)


class SharedRecurrence(nn.Module):
    """Logits from modalities read by the same recurrent layers.

    widths: modality -> D. outputs: C. layers: how many recurrent ones. residual: whether what goes
    into a layer is added to what comes out. hidden: H, of tokens and states.
    """

    def __init__(
        self,
        widths: Mapping[str, int],
        outputs: int,
        *,
        layers: int = 3,
        residual: bool = True,
        hidden: int = 64,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.residual = residual
        self.encoders = Encoders(widths, hidden, dropout=dropout)
        self.entries = nn.ModuleDict({name: nn.Linear(hidden, 4 * hidden) for name in widths})
        self.inputs = nn.ModuleList(nn.Linear(hidden, 4 * hidden) for _ in range(layers - 1))
        self.recurrences = nn.ModuleList(GatedSteps(hidden) for _ in range(layers))
        self.norms = nn.ModuleList(nn.LayerNorm(hidden) for _ in range(layers))
        self.dropout = nn.Dropout(dropout)
        self.joint = nn.Sequential(
            nn.Linear(hidden * len(widths), hidden), nn.ReLU(), nn.Linear(hidden, outputs)
        )

    def forward(self, batch: Batch) -> ModelOutput:
        """Logits [B, C]."""
        tokens = self.encoders(batch)
        longest = max(values.shape[1] for values, _ in tokens.values())
        padded = {name: lengthened(part, longest) for name, part in tokens.items()}
        # One row a sample and modality: equal weights need no second pass.
        values = torch.cat([part.values for part in padded.values()])  # [M * B, T, H]
        valid = torch.cat([part.valid for part in padded.values()])
        wanted = torch.cat([self.entries[name](part.values) for name, part in padded.items()])
        for layer, (recurrence, norm) in enumerate(zip(self.recurrences, self.norms, strict=True)):
            if layer:
                wanted = self.inputs[layer - 1](values)  # [M * B, T, 4 * H]
            states = recurrence(wanted, valid)
            values = self.dropout(norm(states + values if self.residual else states))
        values = values.where(valid.unsqueeze(2), 0.0).unflatten(0, (len(padded), -1))
        valid = valid.unflatten(0, (len(padded), -1))  # [M, B, T]
        rows = zip(padded, values.unbind(), valid.unbind(), strict=True)
        read = {name: Tokens(states, where) for name, states, where in rows}
        return ModelOutput(self.joint(self.encoders.summed_up(read).flatten(start_dim=1)))


class GatedSteps(nn.Module):
    """The recurrent half of an LSTM: the input's share of the gates comes ready made."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.recurrent = nn.Linear(hidden, 4 * hidden, bias=False)

    def forward(self, wanted: Tensor, valid: Tensor) -> Tensor:
        """wanted: [N, T, 4 * H]; valid: [N, T]. Returns states [N, T, H], kept where not valid."""
        state = torch.zeros_like(wanted[:, 0, : wanted.shape[2] // 4])  # [N, H]
        cell, states = state, []
        for now, there in zip(wanted.unbind(1), valid.unsqueeze(2).unbind(1), strict=True):
            enter, keep, new, leave = (now + self.recurrent(state)).chunk(4, dim=1)
            changed = keep.sigmoid() * cell + enter.sigmoid() * new.tanh()
            cell = changed.where(there, cell)
            state = (leave.sigmoid() * changed.tanh()).where(there, state)
            states.append(state)
        return torch.stack(states, dim=1)


def lengthened(tokens: Tokens, steps: int) -> Tokens:
    """With steps that are not valid added at the end."""
    more = steps - tokens.values.shape[1]
    values = functional.pad(tokens.values, (0, 0, 0, more))
    return Tokens(values, functional.pad(tokens.valid, (0, more)))
