"""Russian words for English ones, from translated sentences: IBM's first model.

    pairs of sentences -> how often words stand in the same pair -> expectation and maximisation
    -> for each English word the Russian words that it becomes, and how often

With it an English comment is turned, word by word, into Russian words in English order: no
Russian that anyone would say, but a bag of words hardly cares, and so a net of n-grams learns from
the many English comments what the few Russian ones do not tell.

Source: Brown et al., "The mathematics of statistical machine translation", Computational
Linguistics 19, 1993, model 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from insula.channels.words.ngrams import tokens

ROUNDS = 8  # of expectation and maximisation; later ones change little
RAREST = 0.04  # share below which a translation is dropped
NOBODY = ""  # the English word of Russian words that translate none


@dataclass(frozen=True)
class Lexicon:
    """English word -> its Russian words and their chances, (K,), summing to one."""

    entries: Mapping[str, tuple[tuple[str, ...], np.ndarray]]

    def translate(self, text: str, rng: np.random.Generator) -> str:
        """The text word by word; words that it does not know are left out."""
        said = []
        for word in words_of(text):
            if word in self.entries:
                choices, chances = self.entries[word]
                said.append(choices[int(rng.choice(len(choices), p=chances))])
        return " ".join(said)


def learn_lexicon(english: Sequence[str], russian: Sequence[str]) -> Lexicon:
    """The lexicon of pairs of sentences that translate each other."""
    theirs, ours = _Numbers(), _Numbers()
    cells = []  # one for each pair of words in a pair of sentences
    place = 0  # of a Russian word in all of them
    for one, other in zip(english, russian, strict=True):
        left = theirs.of([NOBODY, *words_of(one)])
        right = ours.of(words_of(other))
        spots = np.arange(place, place + len(right))
        cells.append(np.stack([np.repeat(left, len(right)), np.tile(right, len(left)),
                               np.tile(spots, len(left))]))  # fmt: skip
        place += len(right)
    left, right, spot = np.concatenate(cells, axis=1)
    pairs, cell = np.unique(left * len(ours.words) + right, return_inverse=True)
    source = pairs // len(ours.words)
    share = np.ones(len(pairs))
    for _ in range(ROUNDS):
        weight = share[cell]
        weight /= np.bincount(spot, weight)[spot]
        count = np.bincount(cell, weight)
        share = count / np.bincount(source, count)[source]
    found: dict[str, list[tuple[str, float]]] = {}
    for pair in np.flatnonzero(share > RAREST):
        word = theirs.words[source[pair]]
        found.setdefault(word, []).append((ours.words[pairs[pair] % len(ours.words)], share[pair]))
    found.pop(NOBODY, None)
    return Lexicon({word: _normed(choices) for word, choices in found.items()})


def words_of(text: str) -> list[str]:
    """Words and signs in lower case."""
    return [token.casefold() for token in tokens(text)]


class _Numbers:
    """Words numbered in the order in which they are met."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self._number: dict[str, int] = {}

    def of(self, words: Sequence[str]) -> np.ndarray:
        for word in words:
            if word not in self._number:
                self._number[word] = len(self.words)
                self.words.append(word)
        return np.array([self._number[word] for word in words], np.int64)


def _normed(choices: Sequence[tuple[str, float]]) -> tuple[tuple[str, ...], np.ndarray]:
    shares = np.array([share for _, share in choices])
    return tuple(word for word, _ in choices), shares / shares.sum()
