"""Who is asked about each example, so that nobody judges what it learnt from.

channels, fusion, weights -> for each example the weights, or one net of them, that may judge
-> opinions, asked in batches of examples with the same judges
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from insula.channels.words import Words
from insula.config import build_channel, fusion_named
from insula.core.records import Recording
from insula.core.roles import Corpus, Example
from insula.core.space import Space
from insula.errors import ConfigError
from insula.learn.evaluate.leaks import judge_of, mentions
from insula.learn.evaluate.opinions import Opinion, Opinions, channel_opinions, fusion_opinions
from insula.pipeline import Pipeline
from insula.zoo.card import NET_MARK, find_card, whole_and_net
from insula.zoo.store import checksum, place, weights_path

BATCH = 64  # examples asked about at once
PRESET = "fast"  # whose channels a fusion hears where none are named

Judges: TypeAlias = tuple[str, ...]
"""For each channel of a panel the weights that may judge an example: "NAME" or "NAME#net"."""


class Panel:
    """The channels asked, and the fusion that makes one answer of theirs, if any.

    first: one of the recordings, to see which channels can say something of them at all.
    """

    def __init__(
        self, corpus: Corpus, names: Sequence[str], fusion: str, model: str, first: Recording
    ) -> None:
        self.corpus = corpus
        self.fusion = fusion_named(fusion) if fusion else None
        if self.fusion is None and len(names) != 1:
            raise ConfigError(
                f"{len(names)} channels and no fusion: name one channel to judge it alone, or a "
                f"fusion to judge what several say together. `insula channels` lists them."
            )
        if self.fusion is not None and not names:
            there = Pipeline.load(PRESET).channels
            names = [each.name for each in there if each.space and each.lacks(first) is None]
        if model and len(names) != 1:
            raise ConfigError(f"The weights {model!r} belong to one channel; name that channel.")
        arguments = {"model": model} if model else {}
        self.channels = [build_channel(name, arguments) for name in names]
        for channel in self.channels:
            lack = channel.lacks(first)
            if lack is not None:
                raise ConfigError(
                    f"The channel {channel.name!r} cannot judge {corpus.name}: {lack}. "
                    f"Choose a channel that needs what its examples have."
                )

        of_fusion = self.fusion.weights if self.fusion is not None else ()
        self._weights = [each.weights for each in self.channels]
        names = [name for weights in self._weights for name in weights]
        self._cards = {name: find_card(name) for name in dict.fromkeys([*names, *of_fusion])}
        self._of_fusion = of_fusion

    def judges_of(self, example: Example) -> Judges:
        """Who may judge this example; Leak where some weights learnt from it."""
        for name in self._of_fusion:
            judge_of(self._cards[name], self.corpus, example)
        return tuple(
            self._judge(str(getattr(channel, "model", "")), weights, example)
            for channel, weights in zip(self.channels, self._weights, strict=True)
        )

    def _judge(self, chosen: str, weights: Sequence[str], example: Example) -> str:
        """The weights of one channel that may judge, `chosen` or one net of them."""
        for name in weights:
            net = judge_of(self._cards[name], self.corpus, example)
            if name == chosen and net is not None and whole_and_net(name)[1] is None:
                chosen = f"{name}{NET_MARK}{net}"
        return chosen

    def opinions(
        self,
        examples: Sequence[Example],
        judges: Sequence[Judges],
        changed: Callable[[Recording], Recording],
        tell: Callable[[int], None],
    ) -> list[Opinion]:
        """What is said of each example. changed: what befalls its recording first."""
        found: list[Opinion] = [{}] * len(examples)
        rows_of: dict[Judges, list[int]] = defaultdict(list)
        for row, names in enumerate(judges):
            rows_of[names].append(row)
        done = 0
        for names, rows in rows_of.items():
            ask = self._ask(names)
            for start in range(0, len(rows), BATCH):
                batch = rows[start : start + BATCH]
                opinions = ask([changed(examples[row].recording) for row in batch])
                for row, opinion in zip(batch, opinions, strict=True):
                    found[row] = opinion
                done += len(batch)
                tell(done)
        return found

    def _ask(self, names: Judges) -> Opinions:
        if self.fusion is None:
            return channel_opinions(self.channels[0].name, names[0], self.corpus.unit)
        models = {each.name: name for each, name in zip(self.channels, names, strict=True)}
        return fusion_opinions(self.fusion, models)

    def limits(self, space: Space, language: str) -> Mapping[str, float]:
        """Label -> the score from which it counts as present, as the card says; {} if it does not.

        language: of the example, since a channel of words has weights for each.
        """
        for channel in self.channels:
            of_language = isinstance(channel, Words) and language == "ru"
            name = channel.russian if of_language else getattr(channel, "model", "")  # type: ignore[attr-defined]
            if name not in self._cards:
                continue
            card = self._cards[name]
            alone = () if card.threshold is None or card.space != space.name else (card.threshold,)
            found = card.thresholds.get(space.name, alone)
            if found:
                each = found if len(found) == len(space) else found * len(space)
                return dict(zip(space.labels, each, strict=True))
        return {}

    def hashes(self) -> dict[str, str]:
        """Name -> SHA-256 of the weights, of each file where there are several."""
        found = {}
        for card in self._cards.values():
            weights_path(card)  # complains where they are missing or damaged
            files = [checksum(place(card) / file.name, "sha256") for file in card.files]
            found[card.name] = "+".join(files)
        return found

    def met(self) -> bool:
        """Whether any of the weights learnt from the corpus at all; if not, they transfer."""
        for card in self._cards.values():
            stated = {row.corpus for row in card.learned} | {row.corpus for row in card.folds}
            if self.corpus.name in stated or (not stated and mentions(card, self.corpus)):
                return True
        return False


def count_judges(judges: Sequence[Judges]) -> dict[str, int]:
    """How many examples each net, or all the weights together, judged."""
    names = [" + ".join(filter(None, each)) or "no weights" for each in judges]
    return dict(sorted(Counter(names).items()))
