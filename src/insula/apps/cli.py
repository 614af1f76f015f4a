"""The command line. Results go to standard output; progress, notes and errors to standard error.

Exit codes: 0 all went well; 1 something asked for failed; 2 the command made no sense.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

import insula
from insula.apps.bench import bench
from insula.apps.corpora import corpora
from insula.apps.evaluate import evaluate
from insula.apps.features import features
from insula.apps.lists import (
    list_channels,
    list_fusions,
    list_methods,
    list_presets,
    list_spaces,
)
from insula.apps.screen import show
from insula.apps.terminal import FAILED, USAGE, AsJson, complain, err, out, show_rows
from insula.apps.train import sweep, train
from insula.apps.weights import models

RESPONSIBLE_USE = (
    "What insula says is how someone appears, not what they feel. Read docs/responsible-use.md "
    "before you use it on other people; at work and in education the law may forbid it."
)

app = typer.Typer(
    help="Multimodal emotion recognition: a recording in, one explained estimate a person out. "
    "Everything runs on this machine.",
    epilog=RESPONSIBLE_USE,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.add_typer(models, name="models")
app.add_typer(corpora, name="corpora")


class Labels(StrEnum):
    """Languages in which labels can be shown."""

    en = "en"
    ru = "ru"
    zh = "zh"


@app.command()
def analyze(
    files: Annotated[
        list[Path],
        typer.Argument(help="Videos, pictures, audio, subtitles or texts."),
    ],
    folder: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Write analysis.json, timeline.csv, subtitles and report.html into this folder; "
            "with several files, into a folder each.",
            metavar="DIR",
        ),
    ] = None,
    preset: Annotated[
        str, typer.Option(help="A preset's name (see `insula presets`) or a TOML file.")
    ] = "fast",
    channel: Annotated[
        list[str] | None,
        typer.Option(help="Use only this channel; give it several times for several."),
    ] = None,
    fusion: Annotated[
        str,
        typer.Option(
            help="Fuse by this instead: a fusion's name (see `insula fusions`), or a folder that "
            "`insula train` wrote for one.",
            metavar="NAME|FOLDER",
        ),
    ] = "",
    transcript: Annotated[
        Path | None, typer.Option(help="What is said: .txt, .srt or .vtt.", metavar="FILE")
    ] = None,
    language: Annotated[
        str, typer.Option(help="Language spoken, as in en or ru.", metavar="en|ru|...")
    ] = "",
    labels: Annotated[Labels, typer.Option(help="Language of the labels shown.")] = Labels.en,
    min_confidence: Annotated[
        float | None,
        typer.Option(help="Leave moments less sure than this unlabelled.", min=0, max=1),
    ] = None,
    emotions: Annotated[
        str,
        typer.Option(
            help="Also compare what is said, in English, with these emotions, whatever you name; "
            "two or more with commas between.",
            metavar="NAME,NAME,...",
        ),
    ] = "",
    offline: Annotated[
        bool, typer.Option("--offline", help="Fail at once if any weights are not here.")
    ] = False,
    plugin: Annotated[
        list[Path] | None,
        typer.Option(help="A Python file that defines channels or fusions.", metavar="FILE"),
    ] = None,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")] = False,
) -> None:
    """Analyse recordings: who appears to feel what, when, and which channel says so.

    [dim]insula analyze clip.mp4 --out results/
    insula analyze interview.wav --transcript interview.srt --labels ru
    insula analyze clip.mp4 --channel face --channel voice --json
    insula analyze talk.srt --emotions "joy,anger,boredom"[/dim]

    With --json and several files, one JSON object a line.
    """
    if transcript is not None and len(files) > 1:
        raise typer.BadParameter("--transcript belongs to one recording; name one file")
    added = [name for path in plugin or [] for name in insula.load_plugin(path)]
    pipeline = _pipeline(preset, channel, [name for kind, name in added if kind == "channel"])
    if fusion:
        pipeline.fusion = insula.fusion_named(fusion)
    for each in pipeline.channels:
        if language and hasattr(each, "language"):
            each.language = language
    if emotions:
        _ask(pipeline, emotions.split(","))
    if min_confidence is not None:
        pipeline.min_confidence = min_confidence
    if offline:
        _require_weights(pipeline)
    if folder is not None:
        _require_writable(folder)
    failed = False
    for file, target in zip(files, _targets(folder, files), strict=True):
        try:
            recording = insula.open(file, transcript=transcript, language=language)
            with (
                _progress(pipeline, recording, hidden=quiet or as_json) as tell,
                redirect_stdout(sys.stderr),  # results alone go there, whatever a plug-in prints
            ):
                if transcript is not None:
                    recording.text()  # a transcript that cannot be read is an error, not a note
                analysis = pipeline(recording, language=labels.value, progress=tell)
            if target is not None:
                written = analysis.save(target)
                if not quiet and not as_json:
                    err.print(
                        f"Wrote {', '.join(path.name for path in written)} to {target}",
                        soft_wrap=True,
                    )
        except insula.InsulaError as error:
            complain(error)
            failed = True
            continue
        if as_json:
            sys.stdout.write(json.dumps(analysis.to_dict(), ensure_ascii=False) + "\n")
        elif not quiet:
            show(analysis, out)
        for name, report in analysis.channels.items():
            if report.failed:
                complain(f"{name} failed on {file.name}: {report.reason}")
                failed = True
    if not quiet and not as_json and not failed:
        err.print(Text(RESPONSIBLE_USE, style="dim"))
    if failed:
        raise typer.Exit(FAILED)


@app.command()
def describe(
    file: Annotated[Path, typer.Argument(help="A recording.")],
    preset: Annotated[str, typer.Option(help="A preset's name or a TOML file.")] = "fast",
    as_json: AsJson = False,
) -> None:
    """Say which channels can run on a recording and what they need, before anything runs."""
    recording = insula.open(file)
    rows = [
        {
            "channel": each.channel,
            "needs": ", ".join(each.needs),
            "gives": ", ".join(each.gives),
            "weights": ", ".join(each.weights),
            "licence": each.licence,
            "MB": round(each.size / 1e6, 2),
            "can run": f"no: {each.lacks}" if each.lacks else "yes",
        }
        for each in insula.Pipeline.load(preset).describe(recording)
    ]
    if not as_json:
        streams = "; ".join(f"{kind}: {what}" for kind, what in recording.streams.items())
        out.print(f"{recording.id}: {recording.span.duration:.1f} s, {streams}")
    show_rows(rows, as_json)


@app.command()
def schema() -> None:
    """Print the JSON Schema of what `insula analyze --json` prints."""
    sys.stdout.write(json.dumps(insula.schema(), indent=2, ensure_ascii=False) + "\n")


app.command()(train)
app.command()(sweep)
app.command()(bench)
app.command()(features)
app.command()(evaluate)
app.command("channels")(list_channels)
app.command("fusions")(list_fusions)
app.command("spaces")(list_spaces)
app.command("presets")(list_presets)
app.command("methods")(list_methods)


def _version(asked: bool) -> None:
    if asked:
        out.print(f"insula {insula.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options of insula itself."""


def main() -> None:
    """Run the command line; the user's mistakes end in one line, never in a traceback."""
    try:
        app()
    except insula.InsulaError as error:
        complain(error)
        usage = {"UnknownName", "ConfigError"} & {kind.__name__ for kind in type(error).__mro__}
        sys.exit(USAGE if usage else FAILED)
    except KeyboardInterrupt:
        err.print("\nStopped.")
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has enough, as in `insula ... | head`.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _pipeline(preset: str, wanted: Sequence[str] | None, plugged: Sequence[str]) -> insula.Pipeline:
    """The preset's pipeline with the channels asked for; a plug-in's join those of the preset."""
    pipeline = insula.Pipeline.load(preset)
    config = pipeline.config()
    sections = config["channels"]
    names = list(wanted or [*sections, *plugged])
    for name in names:
        insula.registry.channels.get(name)
    config["channels"] = {name: sections.get(name, {}) for name in names}
    return insula.Pipeline.from_config(config)


def _ask(pipeline: insula.Pipeline, emotions: Sequence[str]) -> None:
    """Have the channels that can look for any emotion look for these."""
    able = [each for each in pipeline.channels if hasattr(each, "emotions")]
    if not able:
        raise typer.BadParameter("--emotions is answered by the channel words; do not leave it out")
    for channel in able:
        channel.emotions = emotions
        channel.open()  # names that make no sense are an error before the work


def _require_weights(pipeline: insula.Pipeline) -> None:
    """Name everything that is missing at once, before any work is done."""
    names = [name for channel in pipeline.channels for name in channel.weights]
    names += pipeline.fusion.weights
    missing = [each.card.name for each in insula.zoo.verify(names) if each.state == "not pulled"]
    if missing:
        complain(
            f"these weights are not on this machine: {', '.join(missing)}. "
            f"Pull them once with: insula models pull {' '.join(missing)}"
        )
        raise typer.Exit(FAILED)


def _require_writable(folder: Path) -> None:
    """Find out before the work whether its results can be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".insula-write-test"
        probe.touch()
        probe.unlink()
    except OSError as error:
        complain(
            f"Cannot write to {str(folder)!r}: {error.strerror}. "
            f"Name a folder that you may write to and that has room."
        )
        raise typer.Exit(FAILED) from error


def _targets(folder: Path | None, files: Sequence[Path]) -> list[Path | None]:
    """A folder a file; files of one name from several places are numbered."""
    if folder is None:
        return [None] * len(files)
    if len(files) == 1:
        return [folder]
    names = [file.name for file in files]
    return [
        folder / (name if names.count(name) == 1 else f"{name}-{names[:at].count(name) + 1}")
        for at, name in enumerate(names)
    ]


@contextmanager
def _progress(
    pipeline: insula.Pipeline, recording: insula.Recording, *, hidden: bool
) -> Iterator[object]:
    """A bar a channel on standard error, while the analysis runs."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=hidden) as bars:
        tasks = {
            channel.name: bars.add_task(channel.name, total=1.0)
            for channel in pipeline.channels
            if channel.lacks(recording) is None
        }
        yield lambda name, share: bars.update(tasks[name], completed=share)


if __name__ == "__main__":
    main()
