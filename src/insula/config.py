"""Configuration: TOML sections to channels and fusions, and back.

A section is a registry name plus constructor arguments. Unknown keys are errors.
"""

from __future__ import annotations

import difflib
import inspect
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

import tomli_w

from insula.core.roles import Channel, Fusion
from insula.core.space import EKMAN7
from insula.errors import ConfigError, OutputError
from insula.registry import Registry, channels, fusions
from insula.zoo.card import find_card

OF_WEIGHTS = {"fusion": "pool", "laboratory": "laboratory"}
"""What runs weights for which a card says `channel`: registry names of fusions."""


def read_toml(path: Path) -> dict[str, object]:
    """The tables of a TOML file."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"Cannot read the configuration {str(path)!r}: {error}. "
            f"It must be a TOML file; `insula presets` names those that come with insula."
        ) from error


def write_toml(config: Mapping[str, object], path: Path) -> None:
    """Write plain values as TOML; None is left out, TOML has none."""
    try:
        path.write_text(tomli_w.dumps(_without_none(config)), encoding="utf-8")
    except OSError as error:
        raise OutputError(path, error.strerror or str(error)) from error


def _without_none(config: Mapping[str, object]) -> dict[str, object]:
    return {
        key: _without_none(value) if isinstance(value, Mapping) else value
        for key, value in config.items()
        if value is not None
    }


def check_keys(
    table: Mapping[str, object], *, required: Sequence[str], optional: Sequence[str]
) -> None:
    """A pipeline's table has its sections and nothing unknown."""
    known = [*required, *optional]
    for key in table:
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise ConfigError(f"A pipeline has no key {key!r}.{hint} It has: {', '.join(known)}.")
    for key in required:
        if key not in table:
            raise ConfigError(f"A pipeline needs a section [{key}]. Add it; presets show how.")


def checked_share(name: str, value: object) -> float:
    """The value, if it is a number from 0 to 1; ConfigError if not."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ConfigError(f"`{name}` is {value!r}; it must be a number from 0 to 1, such as 0.5.")
    return float(value)


def build_channel(name: str, arguments: object) -> Channel:
    """The channel of that name with these constructor arguments."""
    built = _build(channels, name, arguments)
    assert isinstance(built, Channel)
    return built


def build_fusion(section: object) -> Fusion:
    """A fusion from its section: `name`, arguments, and a `fusion` section where it wraps one."""
    if not isinstance(section, Mapping) or not isinstance(section.get("name"), str):
        raise ConfigError(
            f"[fusion] is {section!r}; it must be a table with a `name`. "
            f"`insula fusions` lists the names."
        )
    arguments = {key: value for key, value in section.items() if key != "name"}
    if "fusion" in arguments:
        arguments["fusion"] = build_fusion(arguments["fusion"])
    built = _build(fusions, section["name"], arguments)
    assert isinstance(built, Fusion)
    return built


def fusion_named(name: str) -> Fusion:
    """The fusion of that name, or the one whose weights `insula train` wrote into that folder."""
    if name in fusions:
        return build_fusion({"name": name})
    card = find_card(name)
    if card.channel not in OF_WEIGHTS:
        raise ConfigError(
            f"The weights {name!r} are of the channel {card.channel!r}, not of a fusion. Name a "
            f"fusion (insula fusions), or a folder that insula train wrote for one."
        )
    opinion = f"float32 [N,1,{len(EKMAN7) + 1}]"
    of_opinions = all(card.inputs.get(channel) == opinion for channel in card.channels)
    if card.channel == "laboratory" and not (card.channels and of_opinions):
        raise ConfigError(
            f"The fusion {name!r} learnt from features of a corpus, not from opinions of channels, "
            f"so it finds nothing to read in a recording. Train one by recipes/paired.toml instead."
        )
    return build_fusion({"name": OF_WEIGHTS[card.channel], "model": name})


def _build(registry: Registry, name: str, arguments: object) -> object:
    kind = registry.get(name)
    if not isinstance(arguments, Mapping):
        raise ConfigError(
            f"The section of the {registry.kind} {name!r} is {arguments!r}; it must be a table of "
            f"its arguments. Write [{registry.kind}s.{name}] and one `key = value` a line."
        )
    known = list(inspect.signature(kind.__init__).parameters)[1:]  # type: ignore[misc]
    for key in arguments:
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise ConfigError(
                f"The {registry.kind} {name!r} has no argument {key!r}.{hint} "
                f"It takes: {', '.join(known) or 'none'}."
            )
    try:
        return kind(**arguments)  # type: ignore[operator]
    except TypeError as error:
        raise ConfigError(f"The {registry.kind} {name!r}: {error}. Add what is missing.") from error
