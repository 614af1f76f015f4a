"""A bag of hashed n-grams with one hidden layer and a linear path beside it.

Where it fuses: nowhere; it is the words channel's own classifier.

    n-grams -> those that are known -> rows of the table -> weighted sum: the bag -> hidden layer
    the bag and the hidden layer side by side -> one linear map a head

Sources: the averaged bag of word and n-gram vectors of Joulin et al., "Bag of tricks for efficient
text classification", EACL 2017, with pieces of words as in Bojanowski et al., "Enriching word
vectors with subword information", TACL 2017; the linear path beside the hidden layer after Cheng
et al., "Wide and deep learning for recommender systems", 2016.

Published on GoEmotions grouped into Ekman's emotions (test part, macro-F1): 0.53 for a
bidirectional LSTM, 0.64 for BERT (Demszky et al., 2020, section 5).

What differs here: only n-grams that were met often enough have a row, so that a small table serves
a large space of hashes; and several heads share the bag (emotions of two corpora, and valence,
arousal and dominance), so that each corpus helps the others.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

# Standard deviation of the table's entries before training: small, because the row of an n-gram
# that training never met stays as it is, and should say nothing.
INITIAL_SPREAD = 0.01
NOTHING = 0  # the row of n-grams that are not known


class NgramText(nn.Module):
    """Logits a head.

    rows: (buckets,) int64, the row of the table that each n-gram has; 0 for those that say nothing.
    width: columns of the table. hidden: units of the hidden layer. dropout: share of the bag and of
    the hidden units dropped in training. heads: name -> number of outputs.
    """

    def __init__(
        self, *, rows: Tensor, width: int, hidden: int, dropout: float, heads: Mapping[str, int]
    ) -> None:
        super().__init__()
        self.register_buffer("rows", rows)
        table = torch.randn(int(rows.max()) + 1, width) * INITIAL_SPREAD
        table[NOTHING] = 0
        self.table = nn.Parameter(table)
        self.hidden = nn.Linear(width, hidden)
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.ModuleDict(
            {name: nn.Linear(width + hidden, outputs) for name, outputs in heads.items()}
        )

    def forward(self, ids: Tensor, weights: Tensor) -> dict[str, Tensor]:
        """ids: [B, L] int64 below `buckets`. weights: [B, L]; padding has weight 0.

        Returns a tensor [B, outputs] for each head.
        """
        rows = self.rows[ids]
        known = weights * (rows != NOTHING)
        bag = functional.embedding_bag(rows, self.table, mode="sum", per_sample_weights=known)
        return self.judge(bag)

    def judge(self, bag: Tensor) -> dict[str, Tensor]:
        """The heads' answers to a bag [B, width]."""
        bag = self.dropout(bag)
        hidden = self.dropout(functional.relu(self.hidden(bag)))
        both = torch.cat([bag, hidden], dim=1)  # [B, width + hidden]
        return {name: head(both) for name, head in self.heads.items()}
