"""Features once: what channels observe of a corpus, kept for whoever learns from it.

    corpus, channels -> for each example the weights that may look at it -> a key
    keys that the store lacks -> observe, in this process or in several -> Parquet, a file a key
    store, corpus, channels -> read -> each example with its observations

A key is the SHA-256 of what an observation depends on: the content of the recording, the channel
and its configuration, the hashes of its weights, the version of the store's format. So a changed
file or weight is observed anew, and a run that was stopped goes on where it was.

Of an ensemble that learnt from the corpus in folds, each example is observed by the net that never
met its group (as `insula evaluate` judges), so that features do not give labels away. Weights that
learnt from the corpus as a whole observe it too: what they say of what they learnt from is too sure
of itself, and `learn.feature_material` refuses it for the part that judges.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import signal
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, cast

import numpy as np

from insula.channels.face import Face
from insula.core.promises import check_observations, promise
from insula.core.records import Estimate, Observation, Recording
from insula.core.roles import Channel, Corpus, Example
from insula.errors import ConfigError, CorpusError, InsulaError, Leak, MediaError, OutputError
from insula.learn.cut_face import CutFace
from insula.learn.evaluate.leaks import judge_of
from insula.learn.feature_content import FORMAT, content_of
from insula.registry import load_object
from insula.zoo.card import NET_MARK, Card, find_card, whole_and_net
from insula.zoo.store import checksum, place, weights_path

if TYPE_CHECKING:
    from insula.learn.feature_store import Store


Progress: TypeAlias = Callable[[int, int, float], None]
"""Told how many of how many examples are done, and how many a second were observed."""


@dataclass(frozen=True)
class Failure:
    """One channel that could not observe one example, and why."""

    example: str
    channel: str
    reason: str

    def __str__(self) -> str:
        return f"{self.channel} failed on {self.example}: {self.reason}"


@dataclass(frozen=True)
class Extraction:
    """What `extract` did.

    examples: of the corpus. observed: pairs of example and channel that were observed now. kept:
    those that were in the store already. failures: those that could not be. seconds: it took.
    """

    examples: int
    observed: int
    kept: int
    failures: tuple[Failure, ...]
    seconds: float


class Observed(NamedTuple):
    """An example with what each channel observed of it; a channel that failed on it is left out."""

    example: Example
    observations: Mapping[str, Sequence[Observation]]


def extract(
    corpus: Corpus,
    channels: Sequence[Channel],
    *,
    store: str | Path,
    workers: int = 1,
    progress: Progress | None = None,
) -> Extraction:
    """Let the channels observe every example that the store does not hold yet.

    store: a folder, made if it is not there. workers: processes, each with one thread for weights.
    An example on which a channel fails is told of in the answer, noted in the store, and tried
    again next time; the others go on.

    Raises OutputError where the store cannot be written (what is in it stays whole), ConfigError
    where it is of another version, WeightsError where weights are not here.
    """
    if workers < 1:
        raise ConfigError(f"workers is {workers}; give 1 or more, at most one a processor core.")
    began = time.perf_counter()
    observers = Observers(corpus, channels)
    kept = _open(Path(store), make=True)
    tasks: list[Task] = []
    failures: list[Failure] = []
    examples, there = 0, 0
    asked: set[str] = set()  # two examples of the same content share a key
    for number, example in enumerate(corpus):
        examples += 1
        try:
            keys = observers.keys(example)
        except MediaError as error:
            failures += [_failure(example, name, error) for name in observers.names]
            continue
        missing = {n: key for n, key in keys.items() if key not in asked and not kept.has(key)}
        asked.update(missing.values())
        there += len(keys) - len(missing)
        if missing:
            tasks.append(Task(number, missing))
    done, observed, started = examples - len(tasks), 0, time.perf_counter()
    tell = progress or (lambda done, total, rate: None)
    tell(done, examples, 0.0)
    some = workers > 1 and tasks
    work = _at_once(observers, kept, tasks, workers) if some else _in_turn(observers, kept, tasks)
    with closing(work):  # or processes would go on with their tasks after an error
        for outcome in work:
            if outcome.unwritable:
                raise OutputError(kept.folder, outcome.unwritable)
            failures += outcome.failures
            observed += outcome.observed
            done += 1
            rate = (done - examples + len(tasks)) / (time.perf_counter() - started)
            tell(done, examples, rate)
    seconds = time.perf_counter() - began
    return Extraction(examples, observed, there, tuple(failures), seconds)


def read(store: str | Path, corpus: Corpus, channels: Sequence[Channel]) -> Iterator[Observed]:
    """Every example of the corpus with what was observed of it, in the order of the corpus.

    Raises ConfigError where the store lacks an example: it must be extracted first.
    """
    kept = _open(Path(store))
    observers = Observers(corpus, channels)
    for example in corpus:
        try:
            keys = observers.keys(example)
        except MediaError:  # `extract` has told of it
            yield Observed(example, {})
            continue
        for name, key in keys.items():
            if not kept.has(key) and not kept.failed(key):
                options = " ".join(f"--channel {each}" for each in observers.names)
                raise ConfigError(
                    f"The feature store {str(store)!r} does not hold what {name!r} observes of "
                    f"{example.recording.id!r} in {corpus.name}; all must be there, made with this "
                    f"configuration and these weights. Run: insula features {corpus.name} "
                    f"{options} --data {corpus.root} --store {store}"
                )
        yield Observed(
            example, {name: kept.read(key) for name, key in keys.items() if kept.has(key)}
        )


class Observers:
    """Who looks at an example of a corpus, and under which key the answer lies."""

    def __init__(self, corpus: Corpus, channels: Sequence[Channel]) -> None:
        self.corpus = corpus
        self.channels = {channel.name: channel for channel in channels}
        self.names = tuple(self.channels)
        if len(self.channels) < len(channels) or not channels:
            given = ", ".join(channel.name for channel in channels) or "none"
            raise ConfigError(
                f"The channels are {given}; features need at least one, each name once. "
                f"`insula channels` lists them."
            )
        self._told: dict[str, dict[str, str]] = {}

    def channel(self, name: str, example: Example) -> Channel:
        """The channel as it looks at this example: with the net that never met its group."""
        channel = self.channels[name]
        config = channel.config()
        cards = [find_card(each) for each in channel.weights]
        for weights, card in zip(channel.weights, cards, strict=True):
            if weights == config.get("model") and whole_and_net(weights)[1] is None:
                net = _net_of(card, self.corpus, example)
                config |= {"model": f"{weights}{NET_MARK}{net}"} if net is not None else {}
        cut = self.corpus.unit == "face" and type(channel) is Face
        return (CutFace if cut else type(channel))(**config)

    def about(self, channel: Channel) -> Mapping[str, str]:
        """What an observation depends on beside the recording; complains of missing weights."""
        who = repr(channel)
        if who not in self._told:
            hashes = {}
            for name in channel.weights:
                card = find_card(name)
                weights_path(card)  # complains where they are missing or damaged
                files = [checksum(place(card) / file.name, "sha256") for file in card.files]
                hashes[card.name] = "+".join(files)
            self._told[who] = {
                "channel": channel.name,
                "configuration": who,
                "weights": json.dumps(hashes, sort_keys=True),
                "format": str(FORMAT),
            }
        return self._told[who]

    def keys(self, example: Example) -> dict[str, str]:
        """The key of what each channel observes of the example; reads the recording."""
        content = content_of(example.recording)
        keys = {}
        for name in self.names:
            about = {**self.about(self.channel(name, example)), "content": content}
            keys[name] = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
        return keys


class Task(NamedTuple):
    """An example, by its place in the corpus, and the key of each channel that is to observe it."""

    number: int
    keys: Mapping[str, str]


class Outcome(NamedTuple):
    """How a task went. unwritable: why nothing can be written any more, "" where it can."""

    observed: int = 0
    failures: tuple[Failure, ...] = ()
    unwritable: str = ""


class Worker:
    """Observes the examples of tasks, whose numbers increase, and writes what it finds."""

    def __init__(self, observers: Observers, store: Store) -> None:
        self.observers, self.store = observers, store
        self._examples = enumerate(observers.corpus)

    def observe(self, task: Task) -> Outcome:
        """Let each channel of the task observe its example."""
        example = self._example(task.number)
        observed, failures = 0, []
        for name, key in task.keys.items():
            about: Mapping[str, str] = {"example": example.recording.id}
            try:
                channel = self.observers.channel(name, example)
                about = {**about, **self.observers.about(channel)}
                try:
                    self.store.write(key, observe(channel, example.recording), about)
                    observed += 1
                except OutputError:
                    raise
                except Exception as error:  # this example's alone, whatever the channel raised
                    failures.append(_failure(example, name, error))
                    self.store.fail(key, failures[-1].reason, about)
            except OutputError as error:
                # Plain text, since an error with arguments of its own cannot travel between
                # processes.
                reason = getattr(error.__cause__, "strerror", None) or str(error)
                return Outcome(unwritable=reason)
        return Outcome(observed, tuple(failures))

    def _example(self, wanted: int) -> Example:
        for number, example in self._examples:
            if number == wanted:
                return example
        raise CorpusError(
            f"{self.observers.corpus.name} in {str(self.observers.corpus.root)!r} has no example "
            f"{wanted} any more. Leave its folder as it is while features are extracted; run again."
        )


def observe(channel: Channel, recording: Recording) -> list[Observation]:
    """What the channel observes, held to the promises of its role and to finite numbers."""
    lack = channel.lacks(recording)
    if lack is not None:
        raise MediaError(f"{lack}. Leave the channel out, or the recording.")
    channel.open()
    found = channel.observe(recording)
    check_observations(channel, found, recording.span)
    for each in found:
        for estimate in (each.estimate, each.asked):
            _check_finite(channel, estimate)
    return found


def _check_finite(channel: Channel, estimate: Estimate | None) -> None:
    """Tracks are finite by their making; confidence and shares are not."""
    while estimate is not None:
        numbers = [estimate.confidence, *estimate.parts.values()]
        finite = all(np.isfinite(each).all() for each in numbers)
        promise(channel, "features are finite numbers", finite, "NaN or infinity in an estimate")
        estimate = estimate.affect


# The worker of a process of its own; the pool gives tasks no other way to reach it.
_here: Worker | None = None


def _begin(corpus: Corpus, channels: Sequence[Channel], folder: Path) -> None:
    global _here
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent to handle
    _here = Worker(Observers(corpus, channels), _open(folder))


def _observe_here(task: Task) -> Outcome:
    assert _here is not None
    return _here.observe(task)


def _in_turn(observers: Observers, store: Store, tasks: Sequence[Task]) -> Generator[Outcome]:
    """Outcomes of the tasks, in this process."""
    worker = Worker(observers, store)
    for task in tasks:
        yield worker.observe(task)


def _at_once(
    observers: Observers, store: Store, tasks: Sequence[Task], workers: int
) -> Generator[Outcome]:
    """Outcomes of the tasks, which several processes share; in their order."""
    # Started afresh, not forked: a copy of a process with threads of onnxruntime may hang.
    context = multiprocessing.get_context("spawn")
    given = (observers.corpus, tuple(observers.channels.values()), store.folder)
    try:
        with ProcessPoolExecutor(
            min(workers, len(tasks)), context, initializer=_begin, initargs=given
        ) as pool:
            yield from pool.map(_observe_here, tasks)
    except BrokenProcessPool as error:
        raise ConfigError(
            f"One of {workers} processes that extracted features died, for lack of memory or since "
            f"it cannot import a channel. What is in the store stays; run again with fewer workers."
        ) from error


def _net_of(card: Card, corpus: Corpus, example: Example) -> int | None:
    """The net that never met the example's group; None where there is no such."""
    try:
        return judge_of(card, corpus, example)
    except Leak:
        return None


def _failure(example: Example, channel: str, error: Exception) -> Failure:
    reason = str(error) if isinstance(error, InsulaError) else f"{type(error).__name__}: {error}"
    return Failure(example.recording.id, channel, reason.replace("\n", " "))


def _open(folder: Path, *, make: bool = False) -> Store:
    """The store in the folder; the module that has it needs pyarrow."""
    address = f"insula.learn.feature_store:{'make' if make else 'open'}_store"
    found = cast("Callable[[Path], Store]", load_object(address, needed_by="the feature store"))
    return found(folder)
