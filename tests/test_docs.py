"""The documents hold: pages made from data are fresh, code blocks run, links lead somewhere."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

import insula
from insula import registry
from insula.apps import cli
from insula.testing import check_channel

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
DOCS = sorted((ROOT / "docs").glob("*.md"))


def pages_script() -> ModuleType:
    """benchmarks/pages.py as a module; it imports its neighbours."""
    if str(ROOT / "benchmarks") not in sys.path:
        sys.path.append(str(ROOT / "benchmarks"))
    spec = importlib.util.spec_from_file_location("pages", ROOT / "benchmarks" / "pages.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def blocks(path: Path, language: str) -> list[str]:
    """The code blocks of a page in a language."""
    text = path.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def test_the_page_of_measurements_is_fresh() -> None:
    page = (ROOT / "docs" / "measured.md").read_text(encoding="utf-8")
    assert page == pages_script().measured(), "run: make docs"


def test_the_page_of_fusions_is_fresh() -> None:
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert page == pages_script().laboratory_page.page(), "run: make docs"


def test_the_table_of_the_readme_is_fresh() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text == pages_script().readme(text), "run: make docs"


def test_the_page_of_measurements_is_full() -> None:
    table = pages_script().measured()
    wanted = ("Face,", "Voice,", "Words, GoEmotions", "Words, Russian", "Sounds,", "Fusion:")
    for part in (*wanted, "import insula", "peak memory"):
        assert part in table, f"{part!r} is missing; run: make bench"


def test_the_code_of_the_readme_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, demo: Path
) -> None:
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / "demo.mp4").write_bytes(demo.read_bytes())
    monkeypatch.chdir(tmp_path)
    found = blocks(ROOT / "README.md", "python")
    assert found
    for block in found:
        exec(compile(block, "README.md", "exec"), {})
    assert (tmp_path / "out" / "demo" / "report.html").is_file()


def test_the_code_of_the_laboratory_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = blocks(ROOT / "docs" / "laboratory.md", "python")
    exec(compile(code, "laboratory.md", "exec"), {})
    assert "[2, 7]" in capsys.readouterr().out


def test_the_commands_of_the_readme_exist() -> None:
    """Every `insula ...` in the README is a command with these options."""
    import typer

    group = typer.main.get_command(cli.app)
    lines = re.findall(r"(?:^|`)insula ([^`#\n]+)", (ROOT / "README.md").read_text("utf-8"), re.M)
    assert lines
    for line in lines:
        words = line.split()
        command = group.commands[words[0]]  # type: ignore[attr-defined]
        if words[0] == "models":
            command = command.commands[words[1]]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, line


def test_the_plugin_of_the_contributing_page_keeps_its_promises(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, demo: Path
) -> None:
    monkeypatch.setattr(registry.channels, "_entries", dict(registry.channels._entries))
    (block,) = blocks(ROOT / "CONTRIBUTING.md", "python")
    path = tmp_path / "brightness.py"
    path.write_text(block, encoding="utf-8")
    assert insula.load_plugin(path) == [("channel", "brightness")]
    channel = registry.channels.get("brightness")()  # type: ignore[operator]
    recording = insula.open(demo)
    check_channel(channel, [recording])
    (observation,) = channel.observe(recording)
    track = observation.tracks["brightness"]
    assert len(track) == pytest.approx(2 * recording.span.duration, abs=1)
    assert 0 < track.mean()[0] < 1
    sys.modules.pop("insula_plugin_brightness")


@pytest.mark.parametrize("path", PAGES + DOCS, ids=lambda path: path.name)
def test_links_inside_the_project_lead_somewhere(path: Path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        if not re.match(r"[a-z]+:", link):
            assert (path.parent / link).exists(), link


@pytest.mark.parametrize("path", PAGES + DOCS, ids=lambda path: path.name)
def test_no_page_says_what_people_really_feel(path: Path) -> None:
    """User-facing words say how someone appears."""
    text = path.read_text(encoding="utf-8").lower()
    assert "really feel" not in text.replace('what they "really feel"', "")


def test_the_version_is_the_same_everywhere() -> None:
    assert insula.__version__ in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"version: {insula.__version__}" in citation.replace('"', "")
