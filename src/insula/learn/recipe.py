"""Recipes: TOML files that say everything a training run depends on.

    name, title, channel, method, corpora, protocol, seed     what is trained, on what, judged how
    [net] [optimiser] [augmentation] [calibration] [card]     every number, none implied

A section becomes a frozen dataclass of the module that uses it, so a misspelt key is an error and
a missing one too.
"""

from __future__ import annotations

import datetime
import difflib
import inspect
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import (
    Literal,
    TypeAlias,
    TypeVar,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from torch import nn

from insula.errors import ConfigError
from insula.registry import load_object

Value: TypeAlias = "str | int | float | bool | Sequence[Value] | Mapping[str, Value]"
Section = TypeVar("Section")

OPEN = "training"  # the section whose keys are names of methods, so that one can be added
WORDS: Mapping[type, tuple[tuple[type, ...], str]] = {
    int: ((int,), "a whole number"),
    float: ((int, float), "a number"),
    str: ((str,), "text"),
    bool: ((bool,), "true or false"),
}
TOP = ("name", "title", "channel", "method", "corpora", "protocol", "seed")


@dataclass(frozen=True)
class Recipe:
    """A recipe as read, with what the command line changed."""

    name: str
    """Name of the weight file that comes out."""
    title: str
    channel: str
    """Which of the learn modules builds the task: face, voice, words, sounds, fusion, ..."""
    method: str
    """Address of the net's class, "package.module:Class"; [net] holds its arguments."""
    corpora: tuple[str, ...]
    protocol: str
    """Who judges: the split, in words for the card."""
    seed: int
    sections: Mapping[str, Mapping[str, Value]]
    path: Path
    """Where it lies; recipes that it names lie beside it."""

    def section(self, name: str, kind: type[Section]) -> Section:
        """The section as the dataclass `kind`; its keys must be exactly the fields of it."""
        values = dict(self.mapping(name))
        known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
        _check_keys(f"[{name}] of the recipe {self.name!r}", values, known, known)
        made = {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
        for key, wanted in get_type_hints(kind).items():
            _check_kind(f"{name}.{key}", made[key], wanted)
        return kind(**made)

    def mapping(self, name: str) -> Mapping[str, Value]:
        """The section as a plain table."""
        if name not in self.sections:
            raise ConfigError(
                f"The recipe {self.name!r} has no section [{name}]; nothing is implied. "
                f"Add it, after the recipe of the same channel that comes with insula."
            )
        return self.sections[name]

    def make_net(self, **fixed: object) -> nn.Module:
        """An instance of `method` with the arguments of [net] and those that the data fix."""
        kind = load_object(self.method, needed_by=self.name)
        if not (isinstance(kind, type) and issubclass(kind, nn.Module)):
            raise ConfigError(
                f"The method {self.method!r} of the recipe {self.name!r} is not a torch module. "
                f"Name one as 'package.module:Class'."
            )
        return cast(nn.Module, called(kind, self.mapping("net"), where="[net]", **fixed))

    def to_toml(self) -> str:
        """The resolved recipe, as a recipe."""
        top = {key: getattr(self, key) for key in TOP}
        lines = [f"{key} = {toml_value(value)}" for key, value in top.items()]
        for name, section in self.sections.items():
            lines += ["", f"[{name}]"]
            lines += [f"{key} = {toml_value(value)}" for key, value in section.items()]
        return "\n".join(lines) + "\n"


def read_recipe(path: Path, settings: Mapping[str, object] | None = None) -> Recipe:
    """Read a recipe; `settings` replace values, {"optimiser.epochs": 1, "seed": 3}."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"Cannot read the recipe {str(path)!r}: {error.strerror}. Name a recipe's TOML file."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"The recipe {str(path)!r} is not valid TOML: {error}. Mend that line."
        ) from error
    for key, value in (settings or {}).items():
        _replace(table, key, value)
    sections = {key: value for key, value in table.items() if isinstance(value, dict)}
    top = {key: value for key, value in table.items() if key not in sections}
    _check_keys(f"The recipe {str(path)!r}", top, TOP, TOP)
    _check_kind("seed", top["seed"], int)
    top["corpora"] = tuple(top["corpora"]) if isinstance(top["corpora"], list) else top["corpora"]
    _check_kind("corpora", top["corpora"], tuple[str, ...])
    return Recipe(**top, sections=sections, path=path)


def called(
    kind: type, arguments: Mapping[str, Value], *given: object, where: str, **fixed: object
) -> object:
    """`kind` made with the arguments that a recipe gives; its other ones are `given` and `fixed`.

    where: the place in the recipe, for ConfigError when an argument is unknown or lacks.
    """
    own = [each for each in inspect.signature(kind).parameters.values() if each.name not in fixed]
    own = own[len(given) :]
    needed = [each.name for each in own if each.default is each.empty]
    _check_keys(f"{where} of the recipe", arguments, [each.name for each in own], needed)
    return kind(*given, **arguments, **fixed)


def _replace(table: dict[str, object], key: str, value: object) -> None:
    *section, last = key.split(".")
    target = table
    for name in section:
        found = target.get(name)
        target = found if isinstance(found, dict) else {}
    if last not in target and section != [OPEN]:
        known = [*table, *(f"{s}.{k}" for s, t in table.items() if isinstance(t, dict) for k in t)]
        close = difflib.get_close_matches(key, known, n=1)
        raise ConfigError(
            f"The recipe has no setting {key!r}, so it cannot be changed. "
            f"Settings look like {close[0] if close else 'optimiser.epochs'!r}."
        )
    target[last] = value


def _check_keys(
    where: str, found: Mapping[str, object], known: Sequence[str], needed: Sequence[str]
) -> None:
    for key in found:
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            hint = f"Did you mean {close[0]!r}?" if close else f"Known: {', '.join(known)}."
            raise ConfigError(f"{where} has the unknown key {key!r}. {hint}")
    missing = [key for key in needed if key not in found]
    if missing:
        raise ConfigError(
            f"{where} lacks {', '.join(missing)}; nothing is implied. Add what is missing."
        )


def _check_kind(key: str, value: object, wanted: object) -> None:
    """ConfigError where a value is not what the field of its section says."""
    choices = get_args(wanted)
    if get_origin(wanted) is Literal:
        right, said = value in choices, " or ".join(map(repr, choices))
    elif get_origin(wanted) is tuple:
        right, said = isinstance(value, tuple), "a list"
    elif wanted in WORDS:
        kinds, said = WORDS[wanted]  # type: ignore[index]
        right = isinstance(value, kinds) and (wanted is bool) == isinstance(value, bool)
    else:
        return
    if not right:
        raise ConfigError(
            f"{key} is {value!r}; it must be {said}. Change the recipe, or --set {key}=..."
        )


def toml_value(value: object) -> str:
    """The value as TOML; strings as basic strings, which share their escapes with JSON."""
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {toml_value(v)}" for key, v in value.items()) + " }"
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, (str, bool, int)):
        return json.dumps(value, ensure_ascii=False)
    return repr(value)
