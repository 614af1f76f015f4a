"""The file to read first: from a recording to an analysis.

    recording -> each channel observes -> people are told apart -> fused per person -> Analysis

    pipeline = Pipeline.load("fast")
    analysis = pipeline("clip.mp4")

Channels run side by side, each in a thread of its own; the video is decoded once however many of
them look at it. A channel that cannot run is skipped, and the reason is part of the answer.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import Literal, TypeVar

from insula.config import (
    build_channel,
    build_fusion,
    check_keys,
    checked_share,
    read_toml,
    write_toml,
)
from insula.core.promises import check_observations
from insula.core.records import (
    Analysis,
    ChannelReport,
    Estimate,
    Observation,
    Recording,
)
from insula.core.roles import Channel, Fusion
from insula.core.space import Language
from insula.core.time import Span
from insula.core.track import Array
from insula.errors import ConfigError, ContractError, InsulaError, NoSuchStream, UnknownName
from insula.explain import channel_notes, contradictions, leave_one_out, unlabelled
from insula.fusion.evidence import fusible
from insula.fusion.wrap import Cautious
from insula.media.recording import open as open_recording
from insula.people import Names, bind, by_number
from insula.watch import Watched
from insula.zoo.card import find_card
from insula.zoo.store import checksum, place, weights_path

HOP = 0.5  # seconds between fused answers; expressions last half a second to four (Ekman 2003)

# Called with a channel's name and the share of the recording it has read, in [0, 1].
Progress = Callable[[str, float], None]

T = TypeVar("T")


@dataclass(frozen=True)
class Description:
    """One channel of a pipeline, as `insula describe` shows it.

    lacks: why it cannot observe the recording asked about; "" where it can. size: bytes.
    """

    channel: str
    needs: tuple[str, ...]
    gives: tuple[str, ...]
    weights: tuple[str, ...]
    licence: str
    size: int
    lacks: str


class Pipeline:
    """Channels and a fusion, ready to analyse recordings.

    channels: any number, each name once. fusion: turns what they say into one estimate a person.
    hop: seconds between fused answers. on_missing: "note" skips a channel that cannot run and
    says why; "raise" lets its error through. min_confidence: moments whose label is less sure than
    this stay unlabelled; 0 labels them all.
    """

    def __init__(
        self,
        channels: Sequence[Channel],
        fusion: Fusion,
        *,
        hop: float = HOP,
        on_missing: Literal["note", "raise"] = "note",
        min_confidence: float = 0.0,
    ) -> None:
        names = [channel.name for channel in channels]
        if len(set(names)) < len(names):
            raise ConfigError(
                f"Two channels have one name: {', '.join(names)}. Give one of them another `name`."
            )
        fusible(fusion.space)  # better said now than after an hour of work
        self.channels = tuple(channels)
        self.fusion = fusion
        self.hop = hop
        self.on_missing = on_missing
        self.min_confidence = checked_share("min_confidence", min_confidence)

    @classmethod
    def load(cls, source: str | Path) -> Pipeline:
        """The preset of that name, or the pipeline in that TOML file."""
        return cls.from_config(read_toml(preset_path(source)))

    @classmethod
    def from_config(cls, config: Mapping[str, object]) -> Pipeline:
        """A pipeline from what `config()` gives; unknown keys are errors."""
        optional = ("title", "hop", "on_missing", "min_confidence")
        check_keys(config, required=("channels", "fusion"), optional=optional)
        sections, hop = config["channels"], config.get("hop", HOP)
        if not isinstance(sections, Mapping):
            raise ConfigError(f"[channels] is {sections!r}; write one [channels.NAME] a channel.")
        if not isinstance(hop, int | float) or hop <= 0:
            raise ConfigError(f"`hop` is {hop!r}; it must be a number of seconds above 0.")
        on_missing = config.get("on_missing", "note")
        if on_missing not in ("note", "raise"):
            raise ConfigError(f'`on_missing` is {on_missing!r}; write "note" or "raise".')
        channels = [build_channel(name, arguments) for name, arguments in sections.items()]
        fusion = build_fusion(config["fusion"])
        return cls(
            channels,
            fusion,
            hop=hop,
            on_missing="raise" if on_missing == "raise" else "note",
            min_confidence=checked_share("min_confidence", config.get("min_confidence", 0.0)),
        )

    def config(self) -> dict[str, object]:
        """Everything that decides the answer, as plain values."""
        return {
            "hop": self.hop,
            "on_missing": self.on_missing,
            "min_confidence": self.min_confidence,
            "channels": {channel.name: channel.config() for channel in self.channels},
            "fusion": _fusion_config(self.fusion),
        }

    def save(self, path: str | Path) -> None:
        """Write the pipeline as a TOML file that `load` reads."""
        write_toml(self.config(), Path(path))

    def describe(self, recording: Recording | str | Path | None = None) -> list[Description]:
        """What each channel needs, gives and runs, and what `recording` lacks. Runs nothing."""
        if isinstance(recording, str | Path):
            recording = open_recording(recording)
        return [_describe(channel, recording) for channel in self.channels]

    def __call__(
        self,
        recording: Recording | str | Path,
        *,
        language: Language = "en",
        progress: Progress | None = None,
    ) -> Analysis:
        """Analyse one recording. language: of the labels that are shown."""
        if isinstance(recording, str | Path):
            recording = open_recording(recording)
        seen, reports = self._observe(recording, progress or (lambda name, share: None))
        observations, notes = bind(seen)
        notes = channel_notes(self.channels, observations, reports, self.fusion.space) + notes
        people, without = self._fuse(recording.span, observations)
        for person in people:
            notes += contradictions(person, observations) + unlabelled(person, self.min_confidence)
        return Analysis(
            recording.id,
            recording.span,
            dict(recording.streams),
            tuple(people),
            tuple(observations),
            reports,
            without,
            tuple(dict.fromkeys(notes)),
            self._provenance(reports),
            language,
        )

    def stream(
        self,
        source: Recording | str | Path,
        *,
        window: float = 6.0,
        hop: float = 1.0,
        language: Language = "en",
    ) -> Iterator[Analysis]:
        """An analysis every `hop` seconds, each of the last `window` seconds.

        Persons keep their names from window to window as long as they are seen.
        """
        recording = open_recording(source) if isinstance(source, str | Path) else source
        names = Names()
        end = recording.span.start
        while end < recording.span.end:
            end = min(end + hop, recording.span.end)
            start = max(recording.span.start, end - window)
            analysis = self(recording.crop(Span(start, end)), language=language)
            yield names.rename(analysis)

    def _observe(
        self, recording: Recording, progress: Progress
    ) -> tuple[list[Observation], dict[str, ChannelReport]]:
        """Let every channel that can run observe, side by side."""
        reports = {}
        ready = []
        for channel in self.channels:
            try:
                lack = channel.lacks(recording)
            except Exception as error:
                reports[channel.name] = ChannelReport(False, _reason(error), failed=True)
                continue
            if lack is None:
                ready.append(channel)
                continue
            if self.on_missing == "raise":
                raise NoSuchStream(
                    recording.id, " or ".join(sorted(channel.needs)), recording.streams
                )
            reports[channel.name] = ChannelReport(False, lack)
        watchers = [channel for channel in ready if "video" in channel.needs]
        views = dict(
            zip(
                (channel.name for channel in watchers),
                recording.views(len(watchers)) if len(watchers) > 1 else [recording],
                strict=False,
            )
        )
        observations: list[Observation] = []
        stop = threading.Event()
        with ThreadPoolExecutor(max(1, len(ready))) as threads:
            tasks = {}
            for channel in ready:
                view = views.get(channel.name, recording)
                tell = functools.partial(progress, channel.name)
                tasks[channel.name] = threads.submit(self._run, channel, Watched(view, tell, stop))
            try:
                for name, task in tasks.items():
                    found, reports[name] = task.result()
                    observations += found
            except BaseException:  # an error let through, or the user's Ctrl-C
                stop.set()
                raise
        return observations, {channel.name: reports[channel.name] for channel in self.channels}

    def _run(self, channel: Channel, recording: Watched) -> tuple[list[Observation], ChannelReport]:
        """One channel's observations and report; its failure is its own."""
        started = time.thread_time()
        try:
            # Missing or damaged weights are this channel's failure alone.
            weights = {name: _fingerprint(name) for name in channel.weights}
            channel.open()
            found = channel.observe(recording)
            check_observations(channel, found, recording.span)
        except Exception as error:
            if self.on_missing == "raise":
                raise
            return [], ChannelReport(False, _reason(error), True, time.thread_time() - started)
        finally:
            recording.release()
        recording.tell(1.0)
        seconds = time.thread_time() - started
        return found, ChannelReport(True, seconds=seconds, weights=weights)

    def _fuse(
        self, span: Span, observations: Sequence[Observation]
    ) -> tuple[list[Estimate], dict[str, dict[str, Array]]]:
        """One estimate a person, and how it changes without each channel."""
        times = span.grid(self.hop)
        people, without = [], {}
        fusion: Fusion = self.fusion
        if self.min_confidence > 0:
            fusion = Cautious(fusion, self.min_confidence)
        names = dict.fromkeys(each.person for each in observations if each.person)
        for person in sorted(names, key=by_number):
            mine = [each for each in observations if each.person == person and each.estimate]
            try:
                estimate = replace(fusion.fuse(mine, times=times), person=person)
            except InsulaError:
                raise
            except Exception as error:
                raise ContractError(
                    repr(self.fusion), "fuse gives an estimate", _reason(error)
                ) from error
            people.append(estimate)
            without[person] = leave_one_out(fusion, mine, estimate)
        return people, without

    def _provenance(self, reports: Mapping[str, ChannelReport]) -> dict[str, object]:
        weights = {name: _fingerprint(name) for name in self.fusion.weights}
        for report in reports.values():
            weights |= report.weights
        return {
            "insula": version("insula"),
            "config": self.config(),
            "weights": dict(sorted(weights.items())),
        }


def _reason(error: Exception) -> str:
    text = str(error) if isinstance(error, InsulaError) else f"{type(error).__name__}: {error}"
    return text.replace("\n", " ")


def _describe(channel: Channel, recording: Recording | None) -> Description:
    cards = [find_card(name) for name in channel.weights]
    return Description(
        channel.name,
        tuple(sorted(channel.needs)),
        tuple(sorted(channel.gives)) + ((channel.space,) if channel.space else ()),
        channel.weights,
        "; ".join(dict.fromkeys(card.licence.weights for card in cards)),
        sum(card.size for card in cards),
        (channel.lacks(recording) or "") if recording is not None else "",
    )


def _fusion_config(fusion: Fusion) -> dict[str, object]:
    config: dict[str, object] = {"name": fusion.name}
    for key, value in fusion.config().items():
        config[key] = _fusion_config(value) if isinstance(value, Fusion) else value
    return config


def _fingerprint(name: str) -> str:
    """SHA-256 of a weight file; of all files, where there are several."""
    card = find_card(name)
    weights_path(card)  # complains where they are missing or damaged
    return "+".join(checksum(place(card) / file.name, "sha256") for file in card.files)


def presets() -> dict[str, str]:
    """Names and titles of the presets that come with insula."""
    folder = resources.files("insula") / "presets"
    found = sorted(Path(str(each)) for each in folder.iterdir() if each.name.endswith(".toml"))
    return {path.stem: str(read_toml(path).get("title", "")) for path in found}


def preset_path(source: str | Path) -> Path:
    """The file of a preset; a path is taken as it is."""
    path = Path(source)
    if path.suffix == ".toml":
        return path
    if str(source) not in presets():
        raise UnknownName("preset", str(source), presets())
    return Path(str(resources.files("insula") / "presets" / f"{source}.toml"))


def analyze(
    recording: Recording | str | Path,
    *,
    preset: str | Path = "fast",
    transcript: str | Path | None = None,
    spoken: str = "",
    labels: Language = "en",
    min_confidence: float | None = None,
    progress: Progress | None = None,
) -> Analysis:
    """Analyse one recording with a preset.

    transcript: a text or subtitle file with what is said. spoken: ISO 639-1 code of the language
    spoken. labels: the language in which labels are shown. min_confidence: moments whose label is
    less sure stay unlabelled; None leaves it to the preset.
    """
    pipeline = Pipeline.load(preset)
    if min_confidence is not None:
        pipeline.min_confidence = checked_share("min_confidence", min_confidence)
    for channel in pipeline.channels:
        if spoken and hasattr(channel, "language"):
            channel.language = spoken
    if isinstance(recording, str | Path):
        recording = open_recording(recording, transcript=transcript, language=spoken)
        if transcript is not None:
            recording.text()  # a transcript that cannot be read is an error now, not a note later
    return pipeline(recording, language=labels, progress=progress)
