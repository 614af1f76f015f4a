"""Text to numbers of pieces of words: what the English net of the words channel reads.

    text -> lower case, accents off -> words and signs -> pieces of the vocabulary -> numbers

A word that the vocabulary lacks falls apart into pieces that it has ("unhappier": un ##happ ##ier).
The vocabulary, one piece a line, lies in the weight file itself, so the two cannot be mixed up.

Source: the pieces of Wu et al., "Google's neural machine translation system", 2016, cut as in BERT.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import BertProcessing

PADDING, UNKNOWN, FIRST, LAST = "[PAD]", "[UNK]", "[CLS]", "[SEP]"
SPECIAL = (PADDING, UNKNOWN, FIRST, LAST)  # the first rows of every vocabulary; padding is 0
LONGEST = 128  # pieces read of one text, its first ones: no sentence of the corpora is longer


class Pieces:
    """A vocabulary, ready to cut.

    vocabulary: pieces in the order of their numbers; it begins with `SPECIAL`.
    """

    def __init__(self, vocabulary: Sequence[str], *, longest: int = LONGEST) -> None:
        numbers = {piece: number for number, piece in enumerate(vocabulary)}
        self._cut = Tokenizer(WordPiece(numbers, unk_token=UNKNOWN, max_input_chars_per_word=100))
        self._cut.normalizer = BertNormalizer(lowercase=True)
        self._cut.pre_tokenizer = BertPreTokenizer()
        self._cut.post_processor = BertProcessing((LAST, numbers[LAST]), (FIRST, numbers[FIRST]))
        self._cut.enable_truncation(longest)

    def cut(self, texts: Sequence[str]) -> list[list[int]]:
        """The numbers of each text's pieces, between those of `FIRST` and `LAST`."""
        return [each.ids for each in self._cut.encode_batch(list(texts))]

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """The same as one table, (N, L) int64, filled up with 0.

        >>> Pieces([*SPECIAL, "good", "##ness"]).encode(["Goodness", "good", ""])
        array([[2, 4, 5, 3],
               [2, 4, 3, 0],
               [2, 3, 0, 0]])
        """
        return padded(self.cut(texts))


def padded(rows: Sequence[Sequence[int]]) -> np.ndarray:
    """Rows of numbers as one table, (N, L) int64, filled up with 0."""
    table = np.zeros((len(rows), max((len(row) for row in rows), default=1)), np.int64)
    for line, row in zip(table, rows, strict=True):
        line[: len(row)] = row
    return table
