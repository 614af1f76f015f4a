"""The command line, run in this process as the installed script runs it."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jsonschema
import pytest

import insula

FILES = {
    "analysis.json",
    "timeline.csv",
    "timeline.parquet",
    "subtitles.srt",
    "subtitles.vtt",
    "report.html",
}


class Result(NamedTuple):
    code: int
    out: str
    err: str


Command = Callable[..., Result]


@pytest.fixture
def note(tmp_path: Path) -> Path:
    """A text to analyse; it needs no decoding."""
    path = tmp_path / "note.txt"
    path.write_text("I am so happy to see you. This is wonderful news!", encoding="utf-8")
    return path


def test_json_is_one_valid_document_and_nothing_else(
    insula_command: Command, note: Path, quick_preset: Path
) -> None:
    done = insula_command("analyze", note, "--preset", quick_preset, "--json")
    assert (done.code, done.err) == (0, "")
    document = json.loads(done.out)
    jsonschema.validate(document, insula.schema())
    assert document["recording"]["name"] == "note.txt"
    assert done.out.count("\n") == 1


def test_json_of_several_files_is_a_document_a_line(
    insula_command: Command, note: Path, quick_preset: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.txt"
    other.write_text("No.", encoding="utf-8")
    done = insula_command("analyze", note, other, "--preset", quick_preset, "--json")
    names = [json.loads(line)["recording"]["name"] for line in done.out.splitlines()]
    assert names == ["note.txt", "other.txt"]


def test_out_writes_every_file(
    insula_command: Command, note: Path, quick_preset: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "deep" / "results"
    done = insula_command("analyze", note, "--preset", quick_preset, "--out", folder)
    assert done.code == 0
    assert {path.name for path in folder.iterdir()} == FILES
    document = json.loads((folder / "analysis.json").read_text(encoding="utf-8"))
    jsonschema.validate(document, insula.schema())
    with (folder / "timeline.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(document["people"][0]["timeline"]["times"])
    assert "http://" not in (folder / "report.html").read_text(encoding="utf-8")[:2000]


def test_several_files_get_a_folder_each(
    insula_command: Command, quick_preset: Path, tmp_path: Path
) -> None:
    files = []
    for name in ("monday/talk.txt", "tuesday/talk.txt", "monday/other.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"This is {name}.", encoding="utf-8")
        files.append(path)
    folder = tmp_path / "results"
    done = insula_command("analyze", *files, "--preset", quick_preset, "--out", folder)
    assert done.code == 0
    written = sorted(folder.rglob("analysis.json"))
    assert len(written) == 3, "files of one name in two folders must not overwrite each other"
    assert {path.name for path in written[0].parent.iterdir()} == FILES


def test_the_screen_shows_the_answer(
    insula_command: Command, note: Path, quick_preset: Path
) -> None:
    done = insula_command("analyze", note, "--preset", quick_preset)
    assert done.code == 0
    for part in ("Person 1 appears mostly neutral", "50%", "Confidence", "toy", "note.txt"):
        assert part in done.out, part
    assert "not what they feel" in done.err


def test_quiet_is_quiet(
    insula_command: Command, note: Path, quick_preset: Path, tmp_path: Path
) -> None:
    arguments = ("analyze", note, "--preset", quick_preset, "--quiet", "--out", tmp_path / "o")
    done = insula_command(*arguments)
    assert done == (0, "", "")
    assert (tmp_path / "o" / "analysis.json").is_file()


@pytest.mark.parametrize(
    ("language", "title"), [("en", "neutral"), ("ru", "нейтральность"), ("zh", "中性")]
)
def test_labels_come_in_three_languages(
    insula_command: Command, note: Path, quick_preset: Path, language: str, title: str
) -> None:
    arguments = ("analyze", note, "--preset", quick_preset, "--labels", language)
    document = json.loads(insula_command(*arguments, "--json").out)
    top = document["people"][0]["summary"]["top"][0]
    assert top["label"] == "neutral"
    assert top["title"] == insula.get_space("ekman7").titles(language)[6]  # type: ignore[arg-type]
    assert title[:3] in top["title"]
    assert top["title"] in insula_command(*arguments).out


def test_another_fusion_can_be_asked_for(
    insula_command: Command, note: Path, quick_preset: Path, tmp_path: Path
) -> None:
    arguments = ("analyze", note, "--preset", quick_preset, "--json", "--fusion")
    document = json.loads(insula_command(*arguments, "vote").out)
    assert document["provenance"]["config"]["fusion"]["name"] == "vote"
    unknown = insula_command(*arguments, tmp_path / "no_run")
    assert unknown.code == 2
    assert "No weights is called" in unknown.err
    other = insula_command(*arguments, "face-ferplus")
    assert other.code == 2
    assert "are of the channel 'face', not of a fusion" in other.err


def test_the_methods_of_a_stage_and_of_none(insula_command: Command) -> None:
    done = insula_command("methods", "--stage", "training", "--task", "axes", "--json")
    stages = {method["stage"] for method in json.loads(done.out)}
    assert stages == {"training"}
    assert "concordance" in done.out and "focal" not in done.out
    assert insula_command("methods", "--stage", "trainin").code == 2


def test_the_channels_asked_for_run_and_no_others(insula_command: Command, note: Path) -> None:
    done = insula_command("analyze", note, "--channel", "toy", "--channel", "words", "--json")
    assert list(json.loads(done.out)["channels"]) == ["toy", "words"]


@pytest.mark.parametrize(
    "topic", ["channels", "fusions", "spaces", "presets", "corpora", "methods"]
)
def test_lists(insula_command: Command, topic: str) -> None:
    rows = json.loads(insula_command(topic, "--json").out)
    shown = insula_command(topic)
    assert shown.code == 0
    assert rows
    for row in rows:
        assert row["name"] in shown.out
        assert all(str(value).strip() for value in row.values()), row
    if topic != "presets":
        assert [row["name"] for row in rows] == list(getattr(insula.registry, topic))


def test_models_list_and_show_and_verify(insula_command: Command) -> None:
    rows = {row["name"]: row for row in json.loads(insula_command("models", "list", "--json").out)}
    assert rows["face-ferplus"]["state"] == "bundled"
    assert rows["whisper-small"]["state"] in ("not pulled", "pulled")
    assert insula_command("models", "list").code == 0
    shown = insula_command("models", "show", "face-ferplus")
    assert shown.code == 0
    assert "FER+" in shown.out
    verified = insula_command("models", "verify", "words-goemotions", "face-ferplus")
    assert (verified.code, verified.err) == (0, "")
    assert "words-goemotions: bundled" in verified.out


def test_schema_is_the_schema(insula_command: Command) -> None:
    printed = json.loads(insula_command("schema").out)
    jsonschema.Draft202012Validator.check_schema(printed)
    assert printed == insula.schema()
    assert printed["title"] == "insula/analysis/1"


def test_version(insula_command: Command) -> None:
    assert insula_command("--version") == (0, f"insula {insula.__version__}\n", "")


def test_help_teaches(insula_command: Command) -> None:
    general = insula_command("--help")
    assert general.code == 0
    for part in ("analyze", "describe", "models", "not what they feel"):
        assert part in general.out
    particular = insula_command("analyze", "--help")
    for part in ("--transcript", "--out", "insula analyze clip.mp4 --out results/"):
        assert part in particular.out


def test_describe_says_what_can_run(insula_command: Command, note: Path) -> None:
    done = insula_command("describe", note, "--json")
    rows = {row["channel"]: row for row in json.loads(done.out)}
    assert rows["words"]["can run"] == "yes"
    assert rows["face"]["can run"] == "no: the recording has no video"
    assert rows["words"]["weights"] == "words-goemotions, words-ru"
    assert "note.txt" in insula_command("describe", note).out


def test_a_plugin_runs_at_once(insula_command: Command, note: Path, tmp_path: Path) -> None:
    plugin = tmp_path / "letters.py"
    plugin.write_text(
        '"""Counts letters."""\n'
        "from insula import Channel, Mark, Observation\n"
        "class Letters(Channel):\n"
        '    """How many letters the text has."""\n'
        "    name = 'letters'\n"
        "    needs = frozenset({'text'})\n"
        "    gives = frozenset({'sound'})\n"
        "    def observe(self, recording):\n"
        "        count = sum(len(mark.text) for mark in recording.text())\n"
        "        mark = Mark(recording.span, 'sound', f'{count} letters')\n"
        "        return [Observation(self.name, '', recording.span, {}, (mark,))]\n",
        encoding="utf-8",
    )
    done = insula_command("analyze", note, "--plugin", plugin, "--channel", "letters", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["sounds"][0]["label"] == "48 letters"


def test_a_given_transcript_is_what_was_said(
    insula_command: Command, demo: Path, tmp_path: Path
) -> None:
    said = tmp_path / "said.srt"
    said.write_text("1\n00:00:01,000 --> 00:00:03,000\nThis makes me so angry!\n", "utf-8")
    done = insula_command("analyze", demo, "--transcript", said, "--channel", "words", "--json")
    document = json.loads(done.out)
    assert [each["text"] for each in document["transcript"]] == ["This makes me so angry!"]
    assert document["transcript"][0]["start"] == pytest.approx(1.0)
    assert document["people"][0]["summary"]["top"][0]["label"] == "anger"


def test_emotions_that_a_user_names(
    insula_command: Command, note: Path, quick_preset: Path, tmp_path: Path
) -> None:
    asked = ("analyze", note, "--channel", "words", "--emotions", "boredom, joy,disgust")
    document = json.loads(insula_command(*asked, "--json").out)
    jsonschema.validate(document, insula.schema())
    shares = document["people"][0]["asked"]
    assert list(shares) == ["boredom", "joy", "disgust"]
    assert max(shares, key=shares.get) == "joy"
    shown = insula_command(*asked, "--out", tmp_path / "out")
    assert "Asked for, of the words alone: joy" in shown.out
    assert "boredom" in (tmp_path / "out/report.html").read_text(encoding="utf-8")
    done = insula_command("analyze", note, "--channel", "words", "--emotions", "joy,joy")
    assert done.code == 2 and "asked for twice: joy" in done.err
    done = insula_command("analyze", note, "--channel", "toy", "--emotions", "joy,anger")
    assert done.code == 2 and "--emotions is answered by the channel words" in done.err


def test_a_language_nobody_here_knows_is_a_note(
    insula_command: Command, demo: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("INSULA_HOME", str(tmp_path))  # no whisper there
    arguments = ("analyze", demo, "--language", "ru", "--channel", "words", "--json")
    done = insula_command(*arguments)
    document = json.loads(done.out)
    assert done.code == 0
    assert document["transcript"] == []
    assert any("'ru'" in note and "whisper" in note for note in document["notes"])


def test_offline_names_what_is_missing(
    insula_command: Command, note: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("INSULA_HOME", str(tmp_path / "nothing"))
    done = insula_command("analyze", note, "--preset", "accurate", "--offline")
    assert (done.code, done.out) == (1, "")
    assert "insula models pull" in done.err and "yunet" in done.err
    assert len(done.err.strip().splitlines()) == 1


def test_the_demo_says_something_sensible(insula_command: Command, demo: Path) -> None:
    """The whole of it: one smiling person who says that she is happy, and then that she is sad."""
    done = insula_command("analyze", demo, "--json")
    assert (done.code, done.err) == (0, "")
    document = json.loads(done.out)
    jsonschema.validate(document, insula.schema())
    assert all(channel["ran"] for channel in document["channels"].values())
    assert [person["id"] for person in document["people"]] == ["person-1"]
    assert document["faces"][0]["person"] == "person-1"
    said = " ".join(each["text"].lower() for each in document["transcript"])
    assert "happy" in said
    assert {each["label"] for each in document["sounds"]} >= {"speech"}
    parts = document["people"][0]["timeline"]["parts"]
    assert set(parts) == {"face", "voice", "words"}


def test_the_installed_command_runs(note: Path, quick_preset: Path) -> None:
    command = [Path(sys.executable).with_name("insula"), "analyze", note, "--preset", quick_preset]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["recording"]["name"] == "note.txt"
    assert done.stderr == ""


def test_a_reader_that_stops_reading_is_no_error(note: Path, quick_preset: Path) -> None:
    """`insula ... | head -1` must not end in a traceback."""
    command = [Path(sys.executable).with_name("insula"), "schema"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()


def test_models_alone_lists_them(insula_command: Command) -> None:
    done = insula_command("models", "--json")
    assert done.code == 0
    assert {"face-ferplus", "yunet"} <= {row["name"] for row in json.loads(done.out)}


def test_min_confidence_leaves_labels_out(
    insula_command: Command, note: Path, quick_preset: Path
) -> None:
    done = insula_command("analyze", note, "--preset", quick_preset, "--min-confidence", "1")
    assert done.code == 0
    assert "cannot be labelled with enough confidence" in done.out
    assert "%" not in done.out.partition("Channel")[0].replace("100% of the time", "")
    assert "stays unlabelled" in done.out
    assert insula_command("analyze", note, "--min-confidence", "2").code == 2
