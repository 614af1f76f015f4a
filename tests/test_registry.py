"""Names to things."""

from __future__ import annotations

from pathlib import Path

import pytest

from insula import registry
from insula.errors import ConfigError, MissingDependency, UnknownName
from insula.registry import Registry


def test_listing_imports_nothing() -> None:
    table = Registry("thing", {"broken": "no.such.module:Thing"})
    assert table.names() == ("broken",)


def test_a_missing_optional_package_becomes_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.EXTRAS, "not_a_package", "train")
    table = Registry("thing", {"broken": "not_a_package.module:Thing"})
    with pytest.raises(MissingDependency, match=r'pip install "insula\[train\]"'):
        table.get("broken")


def test_a_bug_inside_insula_is_not_taken_for_a_missing_package() -> None:
    table = Registry("thing", {"broken": "insula.no_such_module:Thing"})
    with pytest.raises(ModuleNotFoundError) as caught:
        table.get("broken")
    assert not isinstance(caught.value, MissingDependency)


def test_names_are_unique() -> None:
    table = Registry("thing", {"one": "math:pi"})
    with pytest.raises(ConfigError, match="already a thing called 'one'"):
        table.add("one", 1)


def test_unknown_name_lists_the_closest() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'face'"):
        registry.channels.get("fce")


PLUGIN = '''
from insula import Channel

class Mine(Channel):
    """Nothing."""
    name = "mine"
    def observe(self, recording):
        return []
'''


def test_a_plugin_registers_what_it_defines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = Registry("channel", {})
    monkeypatch.setattr(registry, "channels", table)
    path = tmp_path / "mine.py"
    path.write_text(PLUGIN)
    assert registry.load_plugin(path) == [("channel", "mine")]
    assert table.get("mine").__name__ == "Mine"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("1 / 0", "stopped with ZeroDivisionError"),
        ("x = 1", "defines no Channel, Fusion or Corpus"),
    ],
)
def test_a_broken_plugin_is_named(tmp_path: Path, source: str, message: str) -> None:
    path = tmp_path / "broken.py"
    path.write_text(source)
    with pytest.raises(ConfigError, match=message):
        registry.load_plugin(path)


def test_a_plugin_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"is not a Python file"):
        registry.load_plugin(tmp_path / "none.py")
