"""Who may judge whom: weights never judge what they learnt from.

    [[learned]], [[folds]] of a card + groups of an example -> the net that may judge it, or Leak

Fixed weights may judge the parts of a corpus that they did not learn from. Of an ensemble that was
trained in folds, each net judges the groups (speakers) held out from it; groups that no net ever
met are judged by the whole ensemble, as they are when insula is used.
"""

from __future__ import annotations

from collections.abc import Sequence

from insula.core.roles import Corpus, Example
from insula.errors import ConfigError, Leak
from insula.zoo.card import Card, Learned


def judge_of(card: Card, corpus: Corpus, example: Example) -> int | None:
    """The net of the ensemble that may judge this example; None for all of the weights."""
    rows = [row for row in card.folds if row.corpus == corpus.name]
    for net, row in enumerate(rows):
        if example.groups.get(row.group or corpus.group) in row.held_out:
            return net
    for part in card.learned:
        if part.corpus == corpus.name and _covers(part, corpus, example):
            raise Leak(card.name, _in_words(part), _advice(corpus))
    if not (card.learned or card.folds) and mentions(card, corpus):
        learnt = "; ".join(card.trained_on)
        advice = f"Its card does not say which part of {corpus.name}, so none of it can judge. "
        raise Leak(card.name, learnt, advice + "Add [[learned]] or [[folds]] to the card.")
    return None


def tested_by(corpus: Corpus, examples: Sequence[Example], protocol: str) -> list[int]:
    """The examples, by position, that a protocol tests; it must hold out whole groups.

    Finished weights cannot learn anew for a protocol that shares speakers between its sides.
    """
    if protocol not in corpus.protocols:
        raise ConfigError(
            f"{corpus.name} knows no protocol {protocol!r}. Choose one of: "
            f"{', '.join(('all', *corpus.protocols))}"
        )
    tested: set[int] = set()
    for train, test in corpus.split(protocol):
        sides = [{examples[i].groups.get(corpus.group, "") for i in side} for side in (train, test)]
        shared = sorted((sides[0] & sides[1]) - {""})
        if shared:
            raise ConfigError(
                f"The protocol {protocol!r} of {corpus.name} trains and tests on the same "
                f"{corpus.group} ({', '.join(shared[:3])}, ...): it is for training. "
                f"Judge finished weights by --protocol all, or one that holds out whole groups."
            )
        tested |= set(test)
    return sorted(tested)


def _covers(part: Learned, corpus: Corpus, example: Example) -> bool:
    """Whether the example is of the part that the weights learnt from."""
    if part.split and example.groups.get("split") != part.split:
        return False
    return not part.groups or example.groups.get(part.group or corpus.group) in part.groups


def _in_words(part: Learned) -> str:
    where = f"the part {part.split!r} of {part.corpus}" if part.split else part.corpus
    return f"{where} ({', '.join(part.groups[:5])}, ...)" if part.groups else where


def _advice(corpus: Corpus) -> str:
    if corpus.splits:
        return f"Judge them on another part, by --split: {', '.join(corpus.splits)}."
    return "Judge them on people or clips that they never met."


def mentions(card: Card, corpus: Corpus) -> bool:
    """Whether a card without rows names the corpus among what the weights were trained on."""
    name = corpus.title.partition(",")[0].split(" ")[0].casefold()
    return bool(name) and any(name in line.casefold() for line in card.trained_on)
