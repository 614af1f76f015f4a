"""A head a modality, beside the net: what each modality says alone, while training lasts.

    vector of each modality's encoder, [B, M, H] -> a linear layer of its own -> values, [B, M, C]
    -> the loss of each modality over the samples that have it, [M]

Several training methods use these heads; they are no part of what ships.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from insula.methods import answers
from insula.methods.batch import Batch
from insula.methods.training.method import Pass, Setting


class ModalityHeads(nn.Module):
    """One linear layer a modality.

    method: who asks, for ConfigError where the net has no encoder a modality.
    """

    def __init__(self, setting: Setting, *, method: str) -> None:
        super().__init__()
        encoders = setting.encoders(method)
        with torch.no_grad():
            hidden = encoders.vectors(setting.example).shape[2]
        self.layers = nn.ModuleDict(
            {name: nn.Linear(hidden, setting.outputs) for name in encoders.encoders}
        )

    def __len__(self) -> int:
        return len(self.layers)

    @property
    def modalities(self) -> tuple[str, ...]:
        """In the order of all that is [M]."""
        return tuple(self.layers)

    def forward(self, seen: Pass) -> Tensor:
        """What each modality says alone, [B, M, C]."""
        assert seen.vectors is not None
        each = zip(self.layers.values(), seen.vectors.unbind(dim=1), strict=True)
        return torch.stack([layer(vector) for layer, vector in each], dim=1)

    def losses(self, values: Tensor, batch: Batch) -> Tensor:
        """The mean loss of what each modality says, values [B, M, C], where it is there: [M]."""
        assert batch.labels is not None
        own = [
            answers.mean_where(answers.loss(said, batch.labels, batch.kind), there)
            for said, there in zip(values.unbind(dim=1), self.there(batch).unbind(1), strict=True)
        ]
        return torch.stack(own)

    def there(self, batch: Batch) -> Tensor:
        """Which sample has which modality, [B, M] bool."""
        return torch.stack([batch.masks[name].any(dim=1) for name in self.layers], dim=1)
