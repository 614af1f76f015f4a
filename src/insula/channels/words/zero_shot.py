"""Emotions that a user names, read by comparison: nothing is learnt for them.

    name -> a few descriptions -> their mean embedding
    sentence -> embedding -> cosine with each name's -> softmax: shares of exactly these names

So any set of words can be asked for. The embedding is the text model's: it was kept near that of a
general sentence encoder, but has learnt of emotions, so it is at its best near those it was taught.
Names and sentences must be English. The shares are not calibrated.

Source: the text branch of the modular video system (methods.md M22, step 5); several descriptions
a name after Radford et al., "Learning transferable visual models from natural language
supervision", ICML 2021.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from insula.channels.words.reading import read
from insula.core.space import Space
from insula.core.track import Array
from insula.errors import ConfigError

# Of the cosines. By the cross-entropy of 900 comments that tune, half-way through training (0.03,
# 0.05, 0.08, 0.12 tried); the source has 0.05, which is too sure with this encoder.
TEMPERATURE = 0.12
LANGUAGE = "en"
FEWEST = 2  # names: of one alone there is nothing to choose
DESCRIPTIONS = (
    "{}",
    "I feel {}.",
    "This is full of {}.",
    "Someone expresses {}.",
    "What {}!",
)


def asked_space(names: Sequence[str]) -> Space:
    """The space of exactly these names, in their order; ConfigError where they make none."""
    cleaned = tuple(" ".join(name.split()) for name in names)
    if not all(any(sign.isalpha() for sign in name) for name in cleaned):
        raise ConfigError(
            f"One of the emotions asked for has no letters: {list(names)}. "
            f"Name each, separated by commas, as in joy,anger,boredom."
        )
    twice = sorted(
        {name for name in cleaned if [c.casefold() for c in cleaned].count(name.casefold()) > 1}
    )
    if twice:
        raise ConfigError(
            f"These emotions are asked for twice: {', '.join(twice)}. Name each of them once."
        )
    if len(cleaned) < FEWEST:
        raise ConfigError(
            f"Emotions are compared with each other, and {list(cleaned)} is only {len(cleaned)}. "
            f"Name two or more, as in joy,anger,boredom."
        )
    return Space("asked", cleaned, "exclusive", "the names that were asked for, by comparison")


def compare(model: str, embeddings: Array, space: Space) -> Array:
    """Shares of the names of `space` (S, C) in sentences with these embeddings (S, D)."""
    lines = [line.format(name) for name in space.labels for line in DESCRIPTIONS]
    described = read(model, lines)["embedding"]
    return shares(embeddings, described.reshape(len(space), len(DESCRIPTIONS), -1))


def shares(embeddings: Array, described: Array) -> Array:
    """How near each of `embeddings` (S, D) is to C names, each described K times: (S, C).

    described: (C, K, D). Rows sum to one.
    """
    names = described.mean(axis=1)
    names = names / np.linalg.norm(names, axis=1, keepdims=True)
    powers = np.exp(embeddings @ names.T / TEMPERATURE)  # of cosines: far from overflow
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)
