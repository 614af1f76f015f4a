"""One question, one door: how good is this channel, or this fusion, on that corpus?

    corpus on disk -> examples of a split -> who may judge each (leaks) -> opinions (panel)
    -> in one space with the truth (matching) -> metrics with intervals (judging) -> Verdict
    and again under each corruption

Nothing is trained here. What is asked is what ships, by the code that `insula analyze` runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from insula.core.records import Recording
from insula.core.roles import Corpus, Example
from insula.core.space import Space, get_space
from insula.corpora import open_corpus
from insula.errors import ConfigError, FilesMissing
from insula.learn.corrupt import CORRUPTIONS, corrupted
from insula.learn.evaluate.judging import Judgement, judge
from insula.learn.evaluate.leaks import tested_by
from insula.learn.evaluate.matching import first_match, match
from insula.learn.evaluate.opinions import Opinion
from insula.learn.evaluate.panel import Panel, count_judges
from insula.learn.evaluate.verdict import Asked, Verdict

ALL = "all"  # the protocol that judges on every example there is
SEED = 0  # of resampling and of corruptions: the same question has the same answer
FEW_GROUPS = 5  # below, an interval over groups says little

Progress = Callable[[int, int, str], None]
"""Told how many of how many examples are judged, and under which corruption ("" for none)."""


def evaluate(
    corpus: str,
    data: str | Path,
    *,
    channels: Sequence[str] = (),
    fusion: str = "",
    split: str = "",
    protocol: str = "",
    model: str = "",
    corruptions: bool = False,
    progress: Progress | None = None,
) -> Verdict:
    """Judge one channel, or a fusion of several, on a corpus.

    corpus: a registry name. data: the folder of the corpus, or one that holds it under that name.
    channels: one to judge alone; with `fusion` (a name, or a folder that training wrote) those
    that it hears, by default those of the preset "fast". split: a published part. protocol: "all",
    or a published protocol, of which all test sides are judged. model: other weights than the
    channel's own, a name or a folder. corruptions: judge also under each fault of `learn.corrupt`.

    Raises UnknownName and ConfigError for what does not exist, FilesMissing and UnexpectedLayout
    for data that is not there, Leak where the weights learnt from what would judge them.
    """
    opened = open_corpus(corpus, data)
    examples = _chosen(opened, split, protocol)
    panel = Panel(opened, channels, fusion, model, examples[0].recording)
    judges = [panel.judges_of(example) for example in examples]

    def under(fault: str) -> dict[str, Judgement]:
        def tell(done: int) -> None:
            if progress is not None:
                progress(done, len(examples), fault)

        tell(0)
        opinions = panel.opinions(examples, judges, _befalling(fault), tell)
        return _judged(opened, examples, opinions, panel)

    heads = under("")
    main = heads.pop("")
    streams = examples[0].recording.streams
    faults = [name for name, each in CORRUPTIONS.items() if each.stream in streams]
    asked = Asked(
        corpus, split, protocol, tuple(each.name for each in panel.channels), fusion, model
    )
    return Verdict(
        asked,
        opened.title,
        opened.group,
        main,
        heads,
        corruptions={fault: under(fault)[""] for fault in faults} if corruptions else {},
        left_out=len(examples) - main.n,
        weights=panel.hashes(),
        judged_by=count_judges(judges),
        transfer=not panel.met(),
        notes=tuple(_notes(opened, main, len(examples), transfer=not panel.met())),
    )


def _chosen(corpus: Corpus, split: str, protocol: str) -> list[Example]:
    """The examples that judge, in the order of the corpus; at least one."""
    splits, protocols = ", ".join(corpus.splits) or "none", ", ".join((ALL, *corpus.protocols))
    if bool(split) == bool(protocol):
        raise ConfigError(
            f"Which examples of {corpus.name} shall judge? Give either a split ({splits}) or a "
            f"protocol ({protocols}), not {'both' if split else 'neither'}."
        )
    if split and split not in corpus.splits:
        raise ConfigError(
            f"{corpus.name} has no split {split!r}. Splits: {splits}; protocols: {protocols}."
        )
    examples = list(corpus.part(split) if split else corpus)
    if protocol and protocol != ALL:
        examples = [examples[row] for row in tested_by(corpus, examples, protocol)]
    if not examples:
        wanted = f"examples of the split {split!r}" if split else "examples"
        raise FilesMissing(corpus.name, corpus.root, [wanted], f"It should hold: {corpus.layout}.")
    return examples


def _befalling(fault: str) -> Callable[[Recording], Recording]:
    """What happens to each recording before it is judged; nothing without a fault."""
    if not fault:
        return lambda recording: recording
    rng = np.random.default_rng(SEED)
    return lambda recording: corrupted(recording, fault, rng)


def _judged(
    corpus: Corpus,
    examples: Sequence[Example],
    opinions: Sequence[Opinion],
    panel: Panel,
) -> dict[str, Judgement]:
    """The main answers under "", those of a second head in the corpus's own labels by its name."""
    truth_space = get_space(corpus.space)
    truth = np.stack([example.truth[truth_space.name].mean() for example in examples])
    answered: dict[Space, None] = {}
    for opinion in opinions:
        answered |= dict.fromkeys(opinion)
    if not answered:
        raise ConfigError(
            f"Nothing was found in any of the {len(examples)} examples of {corpus.name}. "
            f"Listen to or look at one of them: is this the right channel for it?"
        )
    main = first_match(truth_space, answered)
    heads = {"": main}
    heads |= {s.name: s for s in answered if s != main and s.labels == truth_space.labels}
    keys = [example.groups for example in examples]
    group = [each.get(corpus.group, str(row)) for row, each in enumerate(keys)]
    found = {}
    for name, space in heads.items():
        nothing = np.full(len(space), np.nan)
        said = np.stack([opinion.get(space, nothing) for opinion in opinions])
        matched = match(truth_space, truth.astype(np.float64), space, said.astype(np.float64))
        limits = [panel.limits(space, each.get("language", "")) for each in keys]
        found[name] = judge(matched, group, keys, limits=limits, rng=np.random.default_rng(SEED))
    return found


def _notes(corpus: Corpus, judged: Judgement, count: int, *, transfer: bool) -> list[str]:
    """What a reader of the numbers should know."""
    notes = []
    if judged.near_majority and judged.majority is not None:
        label, rate = judged.majority
        notes.append(
            f"no better than always saying {label!r}, which is right in {rate:.1%}: "
            f"a majority classifier in disguise"
        )
    if transfer:
        notes.append(f"transfer: these weights never learnt from {corpus.name}")
    if judged.way:
        notes.append(f"answers and truth brought together: {judged.way}")
    if count > judged.n:
        notes.append(f"{count - judged.n} of {count} examples left out: no label for their truth")
    if judged.unanswered:
        notes.append(
            f"no answer for {judged.unanswered} of {judged.n} examples; these count as the prior"
        )
    if judged.groups < FEW_GROUPS:
        notes.append(
            f"only {judged.groups} {corpus.group or 'group'}{'s'[: judged.groups > 1]}: "
            f"intervals over so few mean little"
        )
    return notes
