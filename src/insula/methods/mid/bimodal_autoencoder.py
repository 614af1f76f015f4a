"""One code from which every modality can be made again (`methods.md` F17, system M15).

Where it fuses: mid; the code lies between the encoders and the decision, which sees nothing else.

    tokens of each modality -> mean: vector, or what stands for a hidden one
    -> side by side -> sigmoid layer: code -> logits
                                      code -> the same weights turned round -> M vectors
                                      -> the encoders' weights turned round -> features again

Sources: Ngiam et al., "Multimodal deep learning", ICML 2011, for the code and for training with one
modality hidden; Liu et al., "Emotion recognition using multimodal deep learning", ICONIP 2016
(BDAE): 91.01 % on SEED and 83.25 % on DEAP with a linear support vector machine on the code.

What differs here: any number of modalities; trained in one go, with labels, in place of restricted
Boltzmann machines layer by layer and a separate classifier; what is made again is the mean of the
valid steps, each sample's brought to mean 0 and variance 1, so that no modality's units outweigh
another's.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from insula.methods import answers
from insula.methods.batch import Batch, ModelOutput
from insula.methods.description import Method, Published
from insula.methods.early.concatenation import mean_over_steps
from insula.methods.encoders import Encoders

METHOD = Method(
    name="bimodal-autoencoder",
    id="F17",
    title="Shared code of an auto-encoder",
    stage="mid",
    mechanism="auto-encoder",
    modalities=("eeg", "gaze"),
    tasks=("classes", "labels", "axes"),
    source="Liu et al., Emotion recognition using multimodal deep learning, ICONIP 2016",
    code="insula.methods.mid.bimodal_autoencoder:BimodalAutoencoder",
    published=(
        Published("SEED", "9 trials to train on, 6 to test, in each session", "accuracy", 91.01),
        Published("DEAP", "two classes, 10 folds", "accuracy", 83.25),
    ),
)


class BimodalAutoencoder(nn.Module):
    """Logits from a code that can be unfolded.

    widths: modality -> D. outputs: C. code: its width. hide: chance that a modality of a sample is
    hidden in training and has to be made from the others. share: weight of the reconstruction in
    the loss. hidden: H.
    """

    def __init__(
        self,
        widths: Mapping[str, int],
        outputs: int,
        *,
        code: int = 50,
        hide: float = 0.3,
        share: float = 0.5,
        hidden: int = 64,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.hide, self.share = hide, share
        self.encoders = Encoders(widths, hidden, dropout=dropout)
        self.code = nn.Linear(hidden * len(widths), code)
        self.unfolded = nn.Parameter(torch.zeros(hidden * len(widths)))
        self.level = nn.ParameterDict({n: nn.Parameter(torch.zeros(w)) for n, w in widths.items()})
        self.decide = nn.Linear(code, outputs)

    def forward(self, batch: Batch) -> ModelOutput:
        """Logits [B, C]; loss "reconstruction"; aux "code" [B, code].

        Also in aux for each modality, [B, D]: "made NAME" and "target NAME", what it should be.
        """
        code = torch.sigmoid(self.code(self.seen(batch).flatten(start_dim=1)))
        made = self.unfold(code)
        target = {name: normal(mean_over_steps(batch, name)) for name in made}
        errors = [(made[name] - target[name]).square().mean(dim=1) for name in made]  # M of [B]
        loss = answers.mean_where(torch.stack(errors, dim=1), batch.present)
        return ModelOutput(
            self.decide(code),
            {"reconstruction": self.share * loss},
            {
                "code": code,
                **{f"made {name}": values for name, values in made.items()},
                **{f"target {name}": values for name, values in target.items()},
            },
        )

    def seen(self, batch: Batch) -> Tensor:
        """The vectors, [B, M, H]; in training some are hidden, though never all of a sample."""
        vectors = self.encoders.vectors(batch)
        if not self.training:
            return vectors
        kept = torch.rand(vectors.shape[:2], device=vectors.device) > self.hide  # [B, M]
        kept = kept | ~(kept & batch.present).any(dim=1, keepdim=True)
        rows = [
            self.encoders.filled(name, vectors[:, column], kept[:, column : column + 1])
            for column, name in enumerate(self.level)
        ]
        return torch.stack(rows, dim=1)

    def unfold(self, code: Tensor) -> dict[str, Tensor]:
        """Features of every modality, [B, D], by the weights that made the code of them."""
        hidden = functional.linear(code, self.code.weight.T, self.unfolded).relu()  # [B, M * H]
        parts = zip(self.level.items(), hidden.chunk(len(self.level), dim=1), strict=True)
        return {
            name: functional.linear(part, self.encoders.encoders[name][1].weight.T, level)
            for (name, level), part in parts
        }


def normal(values: Tensor) -> Tensor:
    """Each sample brought to mean 0 and variance 1, [B, D]."""
    return functional.layer_norm(values, values.shape[1:])
