"""Emotions of a dialogue as a chain: Markov model and random field (`methods.md` F7).

Where it fuses: late; each modality has an opinion of each utterance, these are added as logarithms,
and the chain weighs them against how emotions follow each other.

    utterance, each modality -> hidden layer -> logits
    "hmm": log p(state | modality) - log p(state), added over the modalities that are there; starts
    and transitions counted in the labels
    "crf": logits added; starts and transitions learned
    -> sums over all paths forwards and backwards -> log p(state of utterance | dialogue)

Sources: Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77, 1989; Bourlard
and Morgan, "Connectionist speech recognition", Kluwer 1994, for classifiers as emissions; Lafferty,
McCallum and Pereira, "Conditional random fields", ICML 2001. No number belongs to these alone.

What differs here: several modalities; the random field learns from the exact likelihood of whole
label paths, the classifiers of the Markov model each from their own loss, so `values` carry no
gradient. An utterance of which nothing was recorded is bridged by its neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from insula.methods import answers
from insula.methods.batch import Batch, ModelOutput
from insula.methods.description import Method
from insula.methods.encoders import Encoders
from insula.methods.late.chain import Chain, best_path, chances, path_score, total

METHOD = Method(
    name="emotion-chain",
    id="F7",
    title="Hidden Markov model and conditional random field over a dialogue",
    stage="late",
    mechanism="probabilistic temporal",
    modalities=("any",),
    tasks=("dialogue",),
    source="Lafferty et al., Conditional random fields, ICML 2001; Rabiner, Proc. IEEE 1989",
    code="insula.methods.late.emotion_chain:EmotionChain",
)


class EmotionChain(nn.Module):
    """Log probabilities of the emotion of each utterance, given the whole dialogue.

    widths: modality -> D; all modalities have the same T, the utterances. outputs: C. model: see
    above. hidden: H.
    """

    starts: Tensor
    moves: Tensor

    def __init__(
        self,
        widths: Mapping[str, int],
        outputs: int,
        *,
        model: Literal["hmm", "crf"] = "crf",
        hidden: int = 64,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.model = model
        self.encoders = Encoders(widths, hidden, dropout=dropout, stand_in=False)
        self.heads = nn.ModuleDict({name: nn.Linear(hidden, outputs) for name in widths})
        if model == "crf":
            self.start = nn.Parameter(torch.zeros(outputs))
            self.transition = nn.Parameter(torch.zeros(outputs, outputs))
        else:
            # One of each to begin with, so that what was never seen is not impossible.
            self.register_buffer("starts", torch.ones(outputs))
            self.register_buffer("moves", torch.ones(outputs, outputs))

    def forward(self, batch: Batch) -> ModelOutput:
        """Log probabilities [B, T, C]; aux "path" [B, T], the best one; one loss of its own."""
        tokens = self.encoders(batch)
        logits = torch.stack([self.heads[n](values) for n, (values, _) in tokens.items()])
        there = torch.stack([valid for _, valid in tokens.values()])  # [M, B, T]
        inside = up_to_last(there.any(dim=0))
        if self.model == "hmm" and self.training and batch.labels is not None:
            self.count(batch.labels, inside)
        chain = Chain(*self.scores(), self.emissions(logits, there), inside)
        losses = {} if batch.labels is None else self.losses(chain, logits, there, batch.labels)
        return ModelOutput(chances(chain).detach(), losses, {"path": best_path(chain)})

    def scores(self) -> tuple[Tensor, Tensor]:
        """Scores of starts [C] and of transitions [C, C]."""
        if self.model == "crf":
            return self.start, self.transition
        moves = (self.moves / self.moves.sum(dim=1, keepdim=True)).log()
        return (self.starts / self.starts.sum()).log(), moves

    def emissions(self, logits: Tensor, there: Tensor) -> Tensor:
        """What all modalities say of each utterance, [B, T, C]; 0 where there is none."""
        if self.model == "hmm":
            # By Bayes' rule p(x | state) is p(state | x) / p(state), but for a factor of x alone.
            seen = self.starts + self.moves.sum(dim=0)
            logits = logits.log_softmax(dim=3) - (seen / seen.sum()).log()
        return logits.where(there.unsqueeze(3), 0.0).sum(dim=0)

    def losses(
        self, chain: Chain, logits: Tensor, there: Tensor, labels: Tensor
    ) -> dict[str, Tensor]:
        """Of the random field the likelihood of the labels, a step; else each head's own loss."""
        # Behind the end of a dialogue labels may be anything.
        labels = labels.where(chain.inside, 0)
        if self.model == "crf":
            surprise = (total(chain) - path_score(chain, labels)).where(chain.inside[:, 0], 0.0)
            return {"likelihood": surprise.sum() / chain.inside.sum().clamp(min=1)}
        own = [
            answers.mean_where(answers.loss(said.flatten(0, 1), labels.flatten(), "single"), valid)
            for said, valid in zip(logits, there.flatten(1), strict=True)
        ]
        return {"heads": torch.stack(own).sum()}

    @torch.no_grad()
    def count(self, labels: Tensor, inside: Tensor) -> None:
        """Add starts and transitions of dialogues to what was counted; both are [B, T]."""
        classes = len(self.starts)
        begun = labels[:, 0][inside[:, 0]]
        self.starts += torch.bincount(begun, minlength=classes)
        pairs = (labels[:, :-1] * classes + labels[:, 1:])[inside[:, 1:]]
        self.moves += torch.bincount(pairs, minlength=classes**2).view(classes, classes)


def up_to_last(valid: Tensor) -> Tensor:
    """All steps up to the last valid one, [B, T]: gaps belong to a dialogue, padding does not."""
    return valid.flip(1).long().cumsum(dim=1).flip(1) > 0
