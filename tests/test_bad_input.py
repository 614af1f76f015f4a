"""Bad and odd input on the command line: one clear line, the right exit code, nothing lost.

Exit codes: 0 all went well, 1 something asked for failed, 2 the command made no sense.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jsonschema
import numpy as np
import pytest

import insula
from insula.testing import synthetic as media
from insula.zoo import session, store


class Result(NamedTuple):
    code: int
    out: str
    err: str


Command = Callable[..., Result]
SPEECHLESS_PRESET = '[channels.face]\n[channels.voice]\n[channels.sounds]\n[fusion]\nname="mean"\n'


def one_line(done: Result, *parts: str) -> None:
    """Standard error holds one line; it begins with the program's name and holds the parts."""
    lines = done.err.strip().splitlines()
    assert len(lines) == 1, done.err
    assert lines[0].startswith("insula: ")
    for part in parts:
        assert part in lines[0]
    assert "Traceback" not in done.err


def document(done: Result) -> dict[str, object]:
    """The one document on standard output, held to the schema."""
    found = json.loads(done.out)
    jsonschema.validate(found, insula.schema())
    assert isinstance(found, dict)
    return found


@pytest.fixture
def note(tmp_path: Path) -> Path:
    path = tmp_path / "good.txt"
    path.write_text("I am so happy to see you.", encoding="utf-8")
    return path


def _missing(path: Path) -> Path:
    return path / "intervew.mp4"


def _folder(path: Path) -> Path:
    (path / "recordings").mkdir()
    return path / "recordings"


def _empty(path: Path) -> Path:
    (path / "empty.mp4").touch()
    return path / "empty.mp4"


def _random(path: Path) -> Path:
    (path / "random.mp4").write_bytes(np.random.default_rng(0).bytes(20_000))
    return path / "random.mp4"


def _without_moov(path: Path) -> Path:
    """The index of an MP4 comes last, so a copy that was cut short has none."""
    return media.cut_off(media.write_video(path / "cut.mp4", seconds=1), 0.6)


def _corrupt_image(path: Path) -> Path:
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    whole = media.write_image(path / "damaged.png", picture)
    return media.overwrite(whole, 0.02, np.random.default_rng(0))


def _wordless_subtitles(path: Path) -> Path:
    (path / "broken.srt").write_text("1\n00:00:01 -> later\n\n2\n\n", encoding="utf-8")
    return path / "broken.srt"


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (_missing, "no such file"),
        (_folder, "it is a folder"),
        (_empty, "empty (0 bytes)"),
        (_random, "no video, audio or image format"),
        (_without_moov, "moov"),
        (_corrupt_image, "damaged"),
        (_wordless_subtitles, "broken.srt"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_cannot_be_read_costs_nothing_else(
    insula_command: Command,
    tmp_path: Path,
    note: Path,
    quick_preset: Path,
    make: Callable[[Path], Path],
    reason: str,
) -> None:
    bad = make(tmp_path)
    other = tmp_path / "other.txt"
    other.write_text("No.", encoding="utf-8")
    done = insula_command("analyze", note, bad, other, "--preset", quick_preset, "--json")
    assert done.code == 1
    one_line(done, bad.name, reason)
    names = [json.loads(line)["recording"]["name"] for line in done.out.splitlines()]
    assert names == ["good.txt", "other.txt"]


def test_a_name_near_the_one_meant_is_offered(insula_command: Command, tmp_path: Path) -> None:
    (tmp_path / "interview.mp4").touch()
    one_line(insula_command("analyze", tmp_path / "intervew.mp4"), "Did you mean 'interview.mp4'")


def _silent_film(path: Path) -> Path:
    return media.write_video(path / "silent film.mp4", seconds=1)


def _tone(path: Path) -> Path:
    return media.write_audio(path / "tone.wav", media.tone(3))


def _silence(path: Path) -> Path:
    return media.write_audio(path / "silence.wav", media.silence(3))


def _black(path: Path) -> Path:
    return media.write_video(
        path / "black.mp4", seconds=1, picture=media.black, audio=media.silence(1)
    )


def _one_frame(path: Path) -> Path:
    return media.write_video(path / "one.mp4", times=[0.0])


def _picture(path: Path) -> Path:
    return media.write_image(path / "picture.png", media.corner(0, 160, 120))


def _eight_channels(path: Path) -> Path:
    return media.write_audio(path / "eight.wav", np.tile(media.tone(2), (8, 1)))


def _eight_kilohertz(path: Path) -> Path:
    tone = media.tone(2, sample_rate=8_000)
    return media.write_audio(path / "telephone.wav", tone, sample_rate=8_000)


def _short(path: Path) -> Path:
    return media.write_audio(path / "click.wav", media.tone(0.05))


def _truncated(path: Path) -> Path:
    """The index comes first, so that what is there can be read."""
    whole = media.write_video(
        path / "truncated.mp4", seconds=3, audio=media.tone(3), index_first=True
    )
    return media.cut_off(whole, 0.6)


def _cyrillic(path: Path) -> Path:
    return media.write_video(path / "Интервью № 1 [копия].mp4", seconds=1, audio=media.tone(1))


@pytest.mark.parametrize(
    ("make", "channels_that_run"),
    [
        (_silent_film, {"face"}),
        (_tone, {"voice", "sounds", "speakers"}),
        (_silence, {"voice", "sounds", "speakers"}),
        (_black, {"face", "voice", "sounds", "speakers"}),
        (_one_frame, {"face"}),
        (_picture, {"face"}),
        (_eight_channels, {"voice", "sounds", "speakers"}),
        (_eight_kilohertz, {"voice", "sounds", "speakers"}),
        (_short, {"voice", "sounds", "speakers"}),
        (_truncated, {"face", "voice", "sounds", "speakers"}),
        (_cyrillic, {"face", "voice", "sounds", "speakers"}),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_holds_nobody_is_an_answer(
    insula_command: Command,
    tmp_path: Path,
    make: Callable[[Path], Path],
    channels_that_run: set[str],
) -> None:
    """None of these holds a face or a word, and none of them is an error."""
    path = make(tmp_path)
    done = insula_command("analyze", path, "--json")
    assert (done.code, done.err) == (0, "")
    found = document(done)
    assert found["recording"]["name"] == path.name  # type: ignore[index]
    assert found["people"] == found["transcript"] == found["faces"] == []
    ran = {name for name, each in found["channels"].items() if each["ran"]}  # type: ignore[attr-defined]
    assert ran - {"words"} == channels_that_run
    assert found["notes"]
    assert insula_command("analyze", path).code == 0  # and on the screen


def test_silence_is_called_silence(insula_command: Command, tmp_path: Path) -> None:
    found = document(insula_command("analyze", _silence(tmp_path), "--json"))
    assert [each["label"] for each in found["sounds"]] == ["silence"]  # type: ignore[attr-defined]


def test_every_file_of_odd_ones_gets_its_report(insula_command: Command, tmp_path: Path) -> None:
    files = [_black(tmp_path), _one_frame(tmp_path), _cyrillic(tmp_path), _silence(tmp_path)]
    preset = tmp_path / "speechless.toml"
    preset.write_text(SPEECHLESS_PRESET, encoding="utf-8")
    folder = tmp_path / "отчёты и прочее"
    done = insula_command("analyze", *files, "--preset", preset, "--out", folder, "--quiet")
    assert done == (0, "", "")
    assert len(list(folder.rglob("report.html"))) == 4


def test_subtitles_in_cp1251_are_read_as_russian(insula_command: Command, tmp_path: Path) -> None:
    path = tmp_path / "субтитры.srt"
    text = "1\n00:00:01,000 --> 00:00:03,000\nЯ так рад тебя видеть, это прекрасно!\n"
    path.write_bytes(text.encode("cp1251"))
    done = insula_command("analyze", path, "--json")
    assert (done.code, done.err) == (0, "")
    said = document(done)["transcript"]
    assert said[0]["text"] == "Я так рад тебя видеть, это прекрасно!"  # type: ignore[index]
    assert said[0]["language"] == "ru"  # type: ignore[index]


def test_of_broken_subtitles_the_good_cues_are_kept(
    insula_command: Command, tmp_path: Path
) -> None:
    path = tmp_path / "half.srt"
    path.write_text(
        "1\n00:00:01,000 --> 00:00:02,000\nI am glad.\n\n"
        "2\n00:00:zz --> nonsense\nLost.\n\n"
        "3\n00:00:05,000 --> 00:00:06,500\nI am sad.\n",
        encoding="utf-8",
    )
    said = document(insula_command("analyze", path, "--json"))["transcript"]
    assert [each["text"] for each in said] == ["I am glad.", "I am sad."]  # type: ignore[attr-defined]


def test_a_broken_transcript_is_said_before_the_work(
    insula_command: Command, tmp_path: Path
) -> None:
    arguments = ("--transcript", _wordless_subtitles(tmp_path), "--json")
    done = insula_command("analyze", _tone(tmp_path), *arguments)
    assert (done.code, done.out) == (1, "")
    one_line(done, "broken.srt")


@pytest.mark.parametrize("place", ["under a file", "in a system folder"])
def test_a_folder_that_cannot_be_written_to(
    insula_command: Command, note: Path, quick_preset: Path, tmp_path: Path, place: str
) -> None:
    folder = note / "results" if place == "under a file" else Path("/proc/insula")
    done = insula_command("analyze", note, "--preset", quick_preset, "--out", folder)
    assert (done.code, done.out) == (1, "")
    one_line(done, f"Cannot write to {str(folder)!r}", "Name a folder that you may write to")


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["--channel", "fase"], ["No channel is called 'fase'", "Did you mean 'face'"]),
        (["--preset", "fats"], ["No preset is called 'fats'", "Did you mean 'fast'"]),
        (["--preset", "mine.toml"], ["mine.toml"]),
        (["--plugin", "nothing.py"], ["nothing.py"]),
    ],
)
def test_unknown_names_are_usage_errors(
    insula_command: Command, note: Path, arguments: list[str], parts: list[str]
) -> None:
    done = insula_command("analyze", note, *arguments)
    assert (done.code, done.out) == (2, "")
    one_line(done, *parts)


@pytest.mark.parametrize(
    "arguments",
    [["analyze"], ["analyse", "x"], ["analyze", "x", "--labels", "xx"], ["--frobnicate"]],
)
def test_what_makes_no_sense_is_a_usage_error(
    insula_command: Command, arguments: list[str]
) -> None:
    done = insula_command(*arguments)
    assert (done.code, done.out) == (2, "")
    assert "Traceback" not in done.err


def test_a_plugin_that_raises_at_import(
    insula_command: Command, note: Path, tmp_path: Path
) -> None:
    plugin = tmp_path / "broken.py"
    plugin.write_text("raise RuntimeError('no [luck]\\nat all')", encoding="utf-8")
    done = insula_command("analyze", note, "--plugin", plugin)
    assert (done.code, done.out) == (2, "")
    one_line(done, "broken.py", "RuntimeError", "no [luck]", "at all")


def test_a_plugin_that_raises_while_observing(
    insula_command: Command, note: Path, tmp_path: Path, quick_preset: Path
) -> None:
    plugin = tmp_path / "breaks.py"
    plugin.write_text(
        "from insula import Channel\n"
        "class Breaks(Channel):\n"
        "    name = 'breaks'\n"
        "    def observe(self, recording):\n"
        "        raise RuntimeError('no [luck] [/at] all, ' + 'for a long reason' * 8)\n",
        encoding="utf-8",
    )
    arguments = ("--preset", quick_preset, "--plugin", plugin)
    done = insula_command("analyze", note, *arguments, "--json")
    assert done.code == 1
    one_line(done, "breaks failed on good.txt", "RuntimeError: no [luck] [/at] all")
    found = document(done)
    assert found["channels"]["breaks"]["ran"] is False  # type: ignore[index]
    assert found["channels"]["toy"]["ran"] is True  # type: ignore[index]
    assert found["people"]
    shown = insula_command("analyze", note, "--preset", quick_preset, "--channel", "breaks")
    assert shown.code in (1, 2)
    assert "Traceback" not in shown.err


def test_a_plugin_that_returns_nonsense(
    insula_command: Command, note: Path, tmp_path: Path, quick_preset: Path
) -> None:
    plugin = tmp_path / "nonsense.py"
    plugin.write_text(
        "from insula import Channel\n"
        "class Nonsense(Channel):\n"
        "    name = 'nonsense'\n"
        "    def observe(self, recording):\n"
        "        return None\n",
        encoding="utf-8",
    )
    arguments = ("--preset", quick_preset, "--plugin", plugin, "--json")
    done = insula_command("analyze", note, *arguments)
    assert done.code == 1
    one_line(done, "nonsense")
    assert document(done)["people"]


@pytest.fixture
def damaged_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The bundled weights, copied, with one bit of the text model's turned over."""
    folder = tmp_path / "weights"
    shutil.copytree(store.WEIGHTS, folder)
    path = folder / "words-goemotions.onnx"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    monkeypatch.setattr(store, "WEIGHTS", folder)
    monkeypatch.setattr(session.Model, "_shared", {})
    return path


def test_a_weight_file_with_one_flipped_byte(
    insula_command: Command, note: Path, damaged_weights: Path
) -> None:
    done = insula_command("analyze", note, "--channel", "words", "--channel", "toy", "--json")
    assert done.code == 1
    one_line(done, "words-goemotions", "damaged", "Reinstall insula")
    found = document(done)
    assert found["channels"]["toy"]["ran"] is True  # type: ignore[index]
    assert found["channels"]["words"]["ran"] is False  # type: ignore[index]
    verified = insula_command("models", "verify", "words-goemotions")
    assert verified.code == 1
    one_line(verified, "words-goemotions", "damaged")


def run_script(*arguments: object) -> Result:
    """The installed script in a process of its own: what libraries print shows up here."""
    script = Path(sys.executable).with_name("insula")
    done = subprocess.run([script, *map(str, arguments)], capture_output=True, text=True)
    return Result(done.returncode, done.stdout, done.stderr)


def test_the_script_says_one_line_too(tmp_path: Path) -> None:
    done = run_script("analyze", _random(tmp_path), "--preset", "face-only")
    assert (done.code, done.out) == (1, "")
    one_line(done, "random.mp4")


def test_libraries_keep_quiet_about_damaged_frames(tmp_path: Path) -> None:
    path = media.write_video(tmp_path / "scratched.mp4", seconds=3, index_first=True)
    media.overwrite(path, 0.5, np.random.default_rng(0))
    done = run_script("analyze", path, "--preset", "face-only", "--json")
    assert (done.code, done.err) == (0, "")
    assert document(done)["faces"] == []
