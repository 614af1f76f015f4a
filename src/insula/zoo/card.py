"""Cards: everything to know about a weight file, as data. One TOML file a card.

    cards/*.toml, or a folder that training wrote -> Card -> store (where, whole?) -> session (run)

The loader, `insula models`, the docs page and the tests read the same file. A card that lacks a
key, or has one that nobody knows, is an error: a weight without a complete card does not load.
"""

from __future__ import annotations

import difflib
import functools
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Literal, cast

from insula.core.space import get_space
from insula.errors import ConfigError, UnknownName
from insula.registry import spaces

CARDS = Path(__file__).with_name("cards")
WEIGHTS = Path(__file__).with_name("weights")

NET_MARK = "#"  # between the name of an ensemble and the number of one of its nets

Tier = Literal["bundled", "pulled"]
Format = Literal["onnx", "ctranslate2"]

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
    number or one a label. learned: what cannot judge the weights. folds: for an ensemble, who was
    held out from which net. folder: where the card lies.
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
        return _card(_Table(table, path.name), path.parent)


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


class _Table:
    """A TOML table read key by key: types are checked, and keys that nobody read are an error."""

    def __init__(self, table: Mapping[str, object], where: str) -> None:
        self.table, self.where = table, where
        self.known: list[str] = []

    def wrong(self, key: str, expected: str) -> ConfigError:
        found = f"is {self.table[key]!r}" if key in self.table else "is missing"
        return ConfigError(
            f"Card {self.where}: `{key}` {found}. It must be {expected}. Mend that line of it."
        )

    def __contains__(self, key: str) -> bool:
        self.known.append(key)
        return key in self.table

    def text(self, key: str, default: str | None = None) -> str:
        return cast(str, self._of(key, str, "a text in quotes", default))

    def whole(self, key: str, default: int | None = None) -> int:
        value = cast(int, self._of(key, int, "a whole number, 0 or more", default))
        if isinstance(value, bool) or value < 0:
            raise self.wrong(key, "a whole number, 0 or more")
        return value

    def number(self, key: str) -> float:
        return float(cast(float, self._of(key, (int, float), "a number", None)))

    def numbers(self, key: str) -> tuple[float, ...]:
        """One number, or several."""
        expected = "a number or a list of numbers"
        found = self._of(key, (int, float, list), expected, None)
        values = cast(list[float], found if isinstance(found, list) else [found])
        if not values or not all(type(value) in (int, float) for value in values):
            raise self.wrong(key, expected)
        return tuple(float(value) for value in values)

    def boolean(self, key: str) -> bool:
        return cast(bool, self._of(key, bool, "true or false", None))

    def day(self, key: str) -> date:
        return cast(date, self._of(key, date, "a date such as 2026-01-31, without quotes", None))

    def texts(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        values = self._of(key, (list, tuple), "a list of texts", default)
        if not all(isinstance(value, str) for value in cast(Sequence[object], values)):
            raise self.wrong(key, "a list of texts")
        return tuple(cast(Sequence[str], values))

    def mapping(self, key: str) -> Mapping[str, str]:
        values = cast(Mapping[str, object], self._of(key, dict, "a table of texts", None))
        if not all(isinstance(value, str) for value in values.values()):
            raise self.wrong(key, "a table of texts")
        return MappingProxyType(cast(dict[str, str], dict(values)))

    def choice(self, key: str, allowed: Sequence[str]) -> str:
        value = self.text(key)
        if value not in allowed:
            raise self.wrong(key, " or ".join(map(repr, allowed)))
        return value

    def checksum(self, key: str, digits: int) -> str:
        value = self.text(key, "")
        if value and (len(value) != digits or set(value) - set("0123456789abcdef")):
            raise self.wrong(key, f"{digits} small hexadecimal digits")
        return value

    def part(self, key: str) -> _Table:
        value = self._of(key, dict, f"a table [{key}]", None)
        return _Table(cast(Mapping[str, object], value), f"{self.where} [{key}]")

    def parts(self, key: str) -> list[_Table]:
        values = cast(Sequence[object], self._of(key, list, f"an array of tables [[{key}]]", ()))
        if not all(isinstance(value, dict) for value in values):
            raise self.wrong(key, f"an array of tables [[{key}]]")
        tables = cast(Sequence[Mapping[str, object]], values)
        return [_Table(table, f"{self.where} [[{key}]]") for table in tables]

    def finish(self) -> None:
        """Call once every key was read: what is left is a slip of the pen."""
        for key in self.table:
            if key not in self.known:
                close = difflib.get_close_matches(key, self.known, n=1)
                hint = (
                    f"Did you mean `{close[0]}`?" if close else f"Known: {', '.join(self.known)}."
                )
                raise ConfigError(f"Card {self.where}: nobody knows the key `{key}`. {hint}")

    def _of(
        self, key: str, kind: type | tuple[type, ...], expected: str, default: object
    ) -> object:
        self.known.append(key)
        value = self.table.get(key, default)
        if value is None or (value is not default and not isinstance(value, kind)):
            raise self.wrong(key, expected)
        return value


def _card(table: _Table, folder: Path) -> Card:
    tier = cast(Tier, table.choice("tier", ("bundled", "pulled")))
    space, labels = table.text("space"), table.texts("labels")
    _check_labels(table, tier, space, labels)
    card = Card(
        name=table.text("name"),
        title=table.text("title"),
        tier=tier,
        format=cast(Format, table.choice("format", ("onnx", "ctranslate2"))),
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


def _check_labels(table: _Table, tier: Tier, space: str, labels: tuple[str, ...]) -> None:
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


def _files(table: _Table, tier: Tier) -> tuple[WeightFile, ...]:
    """The files: one described by the top-level keys, or several in [[files]]."""
    if "files" in table:
        rows = table.parts("files")
        return tuple(_file(row, "name", tier) for row in rows)
    return (_file(table, "file", tier),)


def _file(table: _Table, name_key: str, tier: Tier) -> WeightFile:
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


def _licence(table: _Table) -> Licence:
    licence = Licence(table.text("code"), table.text("weights"), table.text("data"))
    table.finish()
    return licence


def _metric(row: _Table) -> Metric:
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


def _group(row: _Table) -> GroupResult:
    result = GroupResult(
        row.text("corpus"),
        row.text("group"),
        row.text("name"),
        row.number("value"),
        row.whole("n"),
    )
    row.finish()
    return result


def _thresholds(table: _Table) -> Mapping[str, tuple[float, ...]]:
    return MappingProxyType({name: table.numbers(name) for name in table.table})


def _learned(row: _Table) -> Learned:
    learned = Learned(
        row.text("corpus"), row.text("split", ""), row.texts("groups", ()), row.text("group", "")
    )
    row.finish()
    return learned


def _held_out(row: _Table) -> HeldOut:
    held_out = HeldOut(row.text("corpus"), row.texts("held_out"), row.text("group", ""))
    row.finish()
    if not held_out.held_out:
        raise row.wrong("held_out", "the groups that this net never saw, one or more")
    return held_out
