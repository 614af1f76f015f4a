"""Cards: everything to know about a weight file, as data. One TOML file a card.

    cards/*.toml, or a folder that training wrote -> Card -> store (where, whole?) -> session (run)

The loader, `insula models`, the docs page and the tests read the same file. A card that lacks a
key, or has one that nobody knows, is an error: a weight without a complete card does not load.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Literal, cast

from insula.core.space import get_space
from insula.errors import ConfigError, UnknownName
from insula.registry import spaces
from insula.zoo.card_table import CardTable

CARDS = Path(__file__).with_name("cards")
WEIGHTS = Path(__file__).with_name("weights")

NET_MARK = "#"  # between the name of an ensemble and the number of one of its nets

Tier = Literal["bundled", "pulled"]
Format = Literal["onnx", "ctranslate2", "npm"]

# Weights under these terms may be used for anything, so pulling them asks nothing.
PERMISSIVE = frozenset({"Apache-2.0", "MIT", "BSD-3-Clause", "CC0-1.0", "CC-BY-4.0"})


@dataclass(frozen=True)
class WeightFile:
    """One file of a set of weights.

    size: bytes; 0 where the publisher states none. sha256, or git_blob (the id that git gives a
    file), proves that it is the published one. url: where `insula models pull` fetches it.
    """

    name: str
    size: int
    sha256: str = ""
    git_blob: str = ""
    url: str = ""


@dataclass(frozen=True)
class Licence:
    """Terms of the code that made the weights, of the weights, and of the data behind them."""

    code: str
    weights: str
    data: str

    @property
    def permissive(self) -> bool:
        """Whether the weights may be used for anything."""
        return self.weights in PERMISSIVE


@dataclass(frozen=True)
class Metric:
    """A number measured by us. low, high: its 95 % bootstrap interval. n: samples judged."""

    name: str
    value: float
    low: float
    high: float
    corpus: str
    protocol: str
    n: int
    date: date


@dataclass(frozen=True)
class GroupResult:
    """The same number within one group of people, so that unevenness is seen."""

    corpus: str
    group: str
    name: str
    value: float
    n: int


@dataclass(frozen=True)
class Learned:
    """A part of a corpus that the weights learnt from or were tuned on: it can judge them no more.

    split: a published part of the corpus; "" for all of it. groups: only these values of the key
    `group` of its examples, () for all; `group` "" stands for the corpus's own key.
    """

    corpus: str
    split: str = ""
    groups: tuple[str, ...] = ()
    group: str = ""


@dataclass(frozen=True)
class HeldOut:
    """The groups of a corpus that one net of an ensemble never saw, so that it may judge them.

    The first row of a corpus is of net 0, the next of net 1, and so on. held_out: values of the
    key `group` of its examples; "" stands for the corpus's own key.
    """

    corpus: str
    held_out: tuple[str, ...]
    group: str = ""


@dataclass(frozen=True)
class Card:
    """Everything to know about a set of weights; `Card.load` reads and checks one.

    inputs, outputs: tensor name -> type and shape as text. space: registry name of the space of
    the answers, a name of its own for other classes (sound events), or "" where it gives none.
    labels: the columns of the answer in the order *of the file*: those of `space`, in any order
    for pulled weights (their adapters permute), in the space's order for bundled ones.
    channels: for a fusion, the channels it reads, in the order of its input. published: what the
    authors report, not measured by us. verified_here: whether we ran the real file. threshold:
    score from which a label counts as present; thresholds: the same by the space of an answer, one
    number or one a label. cost: time of one core for one piece of work, measured after training.
    learned: what cannot judge the weights. folds: for an ensemble, who was held out from which net.
    folder: where the card lies.
    """

    name: str
    title: str
    tier: Tier
    format: Format
    files: tuple[WeightFile, ...]
    channel: str
    channels: tuple[str, ...]
    preprocessing: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    space: str
    labels: tuple[str, ...]
    trained_on: tuple[str, ...]
    recipe: str
    licence: Licence
    made_by: str
    date: date
    verified_here: bool
    intended_use: str
    limits: str
    cost: str
    metrics: tuple[Metric, ...]
    groups: tuple[GroupResult, ...]
    published: tuple[str, ...]
    threshold: float | None
    thresholds: Mapping[str, tuple[float, ...]]
    learned: tuple[Learned, ...]
    folds: tuple[HeldOut, ...]
    folder: Path

    @property
    def size(self) -> int:
        """Bytes of all files together, as far as known."""
        return sum(file.size for file in self.files)

    @property
    def built_in(self) -> bool:
        """Whether the card came with insula, rather than from a folder that training wrote."""
        return self.folder == CARDS

    @staticmethod
    def load(path: str | Path) -> Card:
        """Read and check the card at `path`; ConfigError names the key and what it should be."""
        path = Path(path)
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"Cannot read the card {str(path)!r}: {error}. A card is a TOML file in UTF-8; "
                f"cards/face-ferplus.toml inside insula shows what belongs in one."
            ) from error
        return _card(CardTable(table, path.name), path.parent)


@functools.cache
def cards() -> Mapping[str, Card]:
    """Every card that came with insula, by name."""
    found = (Card.load(path) for path in sorted(CARDS.glob("*.toml")))
    return MappingProxyType({card.name: card for card in found})


def find_card(which: str | Path | Card) -> Card:
    """The card of that name, or the `card.toml` in the folder of that name.

    Of one net of an ensemble, "NAME#2", it is the card of the ensemble.
    """
    if isinstance(which, Card):
        return which
    which, _ = whole_and_net(which)
    path = Path(which)
    if path.suffix == ".toml":
        return Card.load(path)
    if (path / "card.toml").is_file():
        return Card.load(path / "card.toml")
    known = cards()
    if str(which) not in known:
        raise UnknownName("weights", str(which), known)
    return known[str(which)]


def whole_and_net(which: str | Path) -> tuple[str, int | None]:
    """The name of some weights, and which net of an ensemble is meant; None for all together.

    >>> whole_and_net("voice-ravdess#2"), whole_and_net("voice-ravdess")
    (('voice-ravdess', 2), ('voice-ravdess', None))
    """
    name, mark, net = str(which).rpartition(NET_MARK)
    return (name, int(net)) if mark and net.isdecimal() else (str(which), None)


def _card(table: CardTable, folder: Path) -> Card:
    tier = cast(Tier, table.choice("tier", ("bundled", "pulled")))
    space, labels = table.text("space"), table.texts("labels")
    _check_labels(table, tier, space, labels)
    card = Card(
        name=table.text("name"),
        title=table.text("title"),
        tier=tier,
        format=cast(Format, table.choice("format", ("onnx", "ctranslate2", "npm"))),
        files=_files(table, tier),
        channel=table.text("channel"),
        channels=table.texts("channels", ()),
        preprocessing=table.text("preprocessing"),
        inputs=table.mapping("inputs"),
        outputs=table.mapping("outputs"),
        space=space,
        labels=labels,
        trained_on=table.texts("trained_on"),
        recipe=table.text("recipe", None if tier == "bundled" else ""),
        licence=_licence(table.part("licence")),
        made_by=table.text("made_by"),
        date=table.day("date"),
        verified_here=table.boolean("verified_here"),
        intended_use=table.text("intended_use"),
        limits=table.text("limits"),
        cost=table.text("cost", ""),
        metrics=tuple(_metric(row) for row in table.parts("metrics")),
        groups=tuple(_group(row) for row in table.parts("groups")),
        published=table.texts("published", ()),
        threshold=table.number("threshold") if "threshold" in table else None,
        thresholds=_thresholds(table.part("thresholds")) if "thresholds" in table else {},
        learned=tuple(_learned(row) for row in table.parts("learned")),
        folds=tuple(_held_out(row) for row in table.parts("folds")),
        folder=folder,
    )
    table.finish()
    if tier == "bundled" and not card.metrics:
        raise table.wrong("metrics", "one [[metrics]] or more for weights that ship with insula")
    return card


def _check_labels(table: CardTable, tier: Tier, space: str, labels: tuple[str, ...]) -> None:
    if space == "" and not labels:
        return
    if space not in spaces:
        if space == "" or not labels or len(set(labels)) != len(labels):
            raise table.wrong("labels", "the columns of the answer in order, each once")
        return
    expected = get_space(space).labels
    if tier == "bundled" and labels != expected:
        raise table.wrong("labels", f"the labels of {space} in their order: {list(expected)}")
    if sorted(labels) != sorted(expected):
        raise table.wrong("labels", f"the labels of {space}, in the file's order: {list(expected)}")


def _files(table: CardTable, tier: Tier) -> tuple[WeightFile, ...]:
    """The files: one described by the top-level keys, or several in [[files]]."""
    if "files" in table:
        rows = table.parts("files")
        return tuple(_file(row, "name", tier) for row in rows)
    return (_file(table, "file", tier),)


def _file(table: CardTable, name_key: str, tier: Tier) -> WeightFile:
    file = WeightFile(
        table.text(name_key),
        table.whole("size"),
        table.checksum("sha256", 64),
        table.checksum("git_blob", 40),
        table.text("url", None if tier == "pulled" else ""),
    )
    if name_key == "name":
        table.finish()
    if not (file.sha256 or file.git_blob):
        raise table.wrong("sha256", "the file's SHA-256, or `git_blob` its git blob id")
    return file


def _licence(table: CardTable) -> Licence:
    licence = Licence(table.text("code"), table.text("weights"), table.text("data"))
    table.finish()
    return licence


def _metric(row: CardTable) -> Metric:
    metric = Metric(
        row.text("name"),
        row.number("value"),
        row.number("low"),
        row.number("high"),
        row.text("corpus"),
        row.text("protocol"),
        row.whole("n"),
        row.day("date"),
    )
    row.finish()
    if not metric.low <= metric.value <= metric.high:
        raise row.wrong("value", f"between `low` {metric.low} and `high` {metric.high}")
    return metric


def _group(row: CardTable) -> GroupResult:
    result = GroupResult(
        row.text("corpus"),
        row.text("group"),
        row.text("name"),
        row.number("value"),
        row.whole("n"),
    )
    row.finish()
    return result


def _thresholds(table: CardTable) -> Mapping[str, tuple[float, ...]]:
    return MappingProxyType({name: table.numbers(name) for name in table.table})


def _learned(row: CardTable) -> Learned:
    learned = Learned(
        row.text("corpus"), row.text("split", ""), row.texts("groups", ()), row.text("group", "")
    )
    row.finish()
    return learned


def _held_out(row: CardTable) -> HeldOut:
    held_out = HeldOut(row.text("corpus"), row.texts("held_out"), row.text("group", ""))
    row.finish()
    if not held_out.held_out:
        raise row.wrong("held_out", "the groups that this net never saw, one or more")
    return held_out
