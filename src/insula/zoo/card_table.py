"""The TOML table of a card, read key by key with its types checked."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import cast

from insula.errors import ConfigError


class CardTable:
    """A table whose missing, mistyped and unknown keys are errors that name the card.

    where: what is read, for the errors. Every method reads one key; `finish` when all were read.
    """

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

    def part(self, key: str) -> CardTable:
        value = self._of(key, dict, f"a table [{key}]", None)
        return CardTable(cast(Mapping[str, object], value), f"{self.where} [{key}]")

    def parts(self, key: str) -> list[CardTable]:
        values = cast(Sequence[object], self._of(key, list, f"an array of tables [[{key}]]", ()))
        if not all(isinstance(value, dict) for value in values):
            raise self.wrong(key, f"an array of tables [[{key}]]")
        tables = cast(Sequence[Mapping[str, object]], values)
        return [CardTable(table, f"{self.where} [[{key}]]") for table in tables]

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
