"""Text to hashed n-grams: what the net of the words channel reads.

    text -> tokens -> words, pairs of words, pieces of words -> bucket numbers and weights

Words catch meaning, pairs catch "not good", pieces of words ("<unh", "happy>") catch misspelling,
inflection and unknown words in any alphabet. Each n-gram becomes the number of a bucket by a
checksum, so there is no vocabulary to ship, and the same text has the same numbers in every
process. Source: bags of hashed word and character n-grams after Joulin et al., "Bag of tricks for
efficient text classification", EACL 2017, and Bojanowski et al., "Enriching word vectors with
subword information", TACL 2017.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np

BUCKETS = 1 << 17  # rows of the net's table; a power of two, so that a bit mask takes the remainder
PIECE_LENGTHS = (3, 4, 5)  # characters of a piece of a word, its edges included
PIECE_WEIGHT = 0.5  # of a piece beside a word's 1; a word has about eight pieces
LONGEST_WORD = 40  # characters; what is longer is no word (a link, a hash) and is cut
MOST_TOKENS = 400  # tokens read of one text, the first ones: a page, far above any sentence

# A bracketed placeholder such as [NAME], a word with its apostrophes, a run of marks that end a
# sentence, or any other sign alone (an emoji, a comma).
_TOKEN = re.compile(r"\[\w+\]|[^\W_]+(?:'[^\W_]+)*|[!?.]+|[^\w\s]")
_STRETCHED = re.compile(r"(.)\1{2,}")  # "sooooo"
_TYPOGRAPHY = str.maketrans({"’": "'", "‘": "'", "`": "'", "“": '"', "”": '"', "«": '"', "»": '"'})
_SHOUTED = zlib.crc32(b"shouted") % BUCKETS


def encode(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The n-grams of each text, padded to one length.

    Returns ids (N, L) int64 in [0, BUCKETS) and weights (N, L) float32. Padding has id 0 and weight
    0, and L is at least 1, so that an empty text is a row of zero weights. Weights fall with the
    square root of the number of words, so that a long text hardly outweighs a short one.

    >>> ids, weights = encode(["Good!", ""])
    >>> ids.shape, int((weights[1] != 0).sum())
    ((2, 14), 0)
    """
    rows = [bag(text) for text in texts]
    length = max([1, *(len(ids) for ids, _ in rows)])
    ids = np.zeros((len(rows), length), np.int64)
    weights = np.zeros((len(rows), length), np.float32)
    for row, (row_ids, row_weights) in enumerate(rows):
        ids[row, : len(row_ids)] = row_ids
        weights[row, : len(row_ids)] = row_weights
    return ids, weights


def bag(text: str) -> tuple[np.ndarray, np.ndarray]:
    """The n-grams of one text: ids (L,) int64 and weights (L,) float32; L is 0 without tokens."""
    words: list[int] = []
    pieces: list[int] = []
    found = tokens(text)
    for token in found:
        word_id, piece_ids = _word(token.casefold())
        words.append(word_id)
        pieces.extend(piece_ids)
        if len(token) > 2 and token.isupper():
            words.append(_SHOUTED)
    if found:
        words.extend(_pairs([token.casefold() for token in found]))
    ids = np.array(words + pieces, np.int64)
    weights = np.full(len(ids), 1 / np.sqrt(max(1, len(found))), np.float32)
    weights[len(words) :] *= PIECE_WEIGHT
    return ids, weights


def tokens(text: str) -> list[str]:
    """Words, placeholders and signs in order; letters keep their case.

    >>> tokens("Don’t… ЁЛКА, sooooo good!!")
    ["Don't", '..', 'ЕЛКА', ',', 'soo', 'good', '!!']
    """
    text = unicodedata.normalize("NFKC", text).translate(_TYPOGRAPHY)
    text = text.replace("ё", "е").replace("Ё", "Е")  # Russian writes either
    text = _STRETCHED.sub(r"\1\1", text)
    return [token[:LONGEST_WORD] for token in _TOKEN.findall(text)[:MOST_TOKENS]]


@lru_cache(maxsize=50_000)
def _word(word: str) -> tuple[int, tuple[int, ...]]:
    """Bucket of a word, and buckets of its pieces: none for a sign."""
    edged = f"<{word}>"
    spans = (
        edged[start : start + length]
        for length in PIECE_LENGTHS
        for start in range(len(edged) - length + 1)
    )
    pieces = dict.fromkeys(piece for piece in spans if piece != edged) if word[0].isalnum() else ()
    return _bucket("w", word), tuple(_bucket("c", piece) for piece in pieces)


def _pairs(words: Sequence[str]) -> list[int]:
    """Buckets of neighbouring words; the text's two ends count as words."""
    framed = ["<s>", *words, "</s>"]
    return [_bucket("p", f"{a} {b}") for a, b in pairwise(framed)]


def _bucket(kind: str, gram: str) -> int:
    return zlib.crc32(f"{kind}{gram}".encode()) % BUCKETS
