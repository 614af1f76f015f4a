"""Dusha: Russian speech of a crowd and of podcasts in four emotions.

Layout: the archives unpacked beside each other: `paper_setups/` with a manifest for each name of
`MANIFESTS` and, in `test/`, of `TESTS`, any of which may be absent; in each line of a manifest the
JSON keys `id`, `tensor` (the features, a path from the manifest's folder), `wav_length` (seconds),
`label` (0 angry, 1 sad, 2 neutral, 3 positive) and `emotion`. `features/<id>.npy` holds the levels
of 64 mel bands in dB every 10 ms, [1, 64, T].

Where they are there, `crowd_train/raw_crowd_train.jsonl` (or `.tsv`) and their like add what was
said, the source and every annotator's vote, one row a vote; `crowd_train/wavs` adds the sound. The
podcasts come without sound: their recordings have text only, or nothing.

Split: the manifests. A clip stands once for each manifest that lists it. Nobody has published
whether the sources of training and test differ; the group `source` tells, where the raw rows are.

Source: Kondratenko et al., "Large raw emotional dataset with aggregation mechanism", 2022,
arXiv 2212.12266.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from insula.core.records import Recording
from insula.core.roles import Corpus, Example
from insula.core.space import Space
from insula.core.time import Mark, Span
from insula.corpora.labelled_audio import check_protocol, part_ranges, write_clip
from insula.corpora.labelled_text import find_file, read_lines
from insula.corpora.spoken import of_whole, open_spoken
from insula.errors import FilesMissing, UnexpectedLayout, UnknownName
from insula.media.recording import from_arrays

NAME = "Dusha"
FOLDERS = ("paper_setups/", "")  # of the manifests: beside the others, or given itself
MANIFESTS = ("crowd_large", "crowd_medium", "crowd_small", "crowd_unconfident", "podcast_large")
TESTS = ("crowd_test", "podcast_test")
PARTS = (*MANIFESTS, *TESTS)
RAW_SUFFIXES = (".jsonl", ".tsv")
BANDS = 64  # mel bands of the features
EMOTIONS = {"angry": "anger", "sad": "sadness", "neutral": "neutral", "positive": "happiness"}
KEYS = ("id", "tensor", "wav_length", "label", "emotion")
RAW_KEYS = ("hash_id", "audio_path", "annotator_emo", "speaker_text", "source_id", "annotator_id")
ADVICE = "Get paper_setups.tgz and features.tar from salute-developers/golos on GitHub."
DUSHA4 = Space(
    "dusha4",
    tuple(EMOTIONS.values()),
    "exclusive",
    "Kondratenko et al. (2022), Large raw emotional dataset; positive is happiness",
)


@dataclass(frozen=True)
class Raw:
    """What the raw rows say of one clip.

    sound: the file, where it is there. votes: annotator -> emotion, in the words of the release.
    """

    text: str
    source: str
    sound: Path | None
    votes: Mapping[str, str]


@dataclass(frozen=True)
class Clip:
    """One line of a manifest. label: a column of `DUSHA4`; raw: None where there is no raw row."""

    key: str
    label: int
    seconds: float
    features: Path
    groups: Mapping[str, str] = field(default_factory=dict)
    raw: Raw | None = None

    def open(self) -> Recording:
        """Its sound and its words, as far as they are there."""
        text = self.raw.text if self.raw else ""
        if self.raw and self.raw.sound:
            return open_spoken(self.raw.sound, text, language="ru")
        span = Span(0, self.seconds)
        marks = [Mark(span, "sentence", text, language="ru")] if text else []
        return from_arrays(self.key, text=marks, span=span)


class Dusha(Corpus):
    """Clips in the order of the manifests, then of their lines."""

    name = "dusha"
    title = "Dusha, Russian speech in four emotions"
    citation = "Kondratenko et al. (2022), Large raw emotional dataset, arXiv 2212.12266"
    licence = "own licence of the release, see salute-developers/golos"
    access = "free download from salute-developers/golos on GitHub"
    layout = (
        f"paper_setups/{{{','.join(MANIFESTS)}}}.jsonl, paper_setups/test/{{{','.join(TESTS)}}}"
        ".jsonl, features/<id>.npy; raw rows and sound in crowd_train and the like"
    )
    space = "dusha4"
    protocols = MANIFESTS
    splits = PARTS
    group = "source"

    def __iter__(self) -> Iterator[Example]:
        there = [part for part in PARTS if _place(self.root, part)]
        if not there:
            raise FilesMissing(NAME, self.root, [_file(part) for part in PARTS], ADVICE)
        for part in there:
            yield from self.part(part)

    def part(self, split: str) -> Iterator[Example]:
        """The clips of one manifest; the others need not be there."""
        for clip in read_part(self.root, split):
            heard = clip.open()
            one = np.eye(len(DUSHA4))[clip.label]
            truth = {DUSHA4.name: of_whole(heard, DUSHA4, one, corpus=NAME)}
            yield Example(heard, truth, clip.groups.get("source", ""), clip.groups)

    def split(self, protocol: str) -> list[tuple[Sequence[int], Sequence[int]]]:
        """A manifest for training against the test manifest of the same origin."""
        check_protocol(NAME, protocol, self.protocols)
        test = f"{_origin(protocol)}_test"
        needed = (protocol, test)
        missing = [_file(part) for part in needed if not _place(self.root, part)]
        if missing:
            raise FilesMissing(NAME, self.root, missing, ADVICE)
        there = [part for part in PARTS if _place(self.root, part)]
        ranges = part_ranges({part: len(_manifest(self.root, part)) for part in there})
        return [(ranges[protocol], ranges[test])]

    @staticmethod
    def make_fixture(folder: str | Path, groups: int = 3, *, rng: np.random.Generator) -> None:
        """A tree of the same layout: in each manifest `groups` made-up sources of two clips.

        The smaller manifests list clips of the largest one too. The crowd has sound.
        """
        root = Path(folder)
        (root / "features").mkdir(parents=True, exist_ok=True)
        emotions = list(EMOTIONS)
        raw: dict[str, list[dict[str, object]]] = {}
        for part in PARTS:
            origin, prefix = _origin(part), "crowd_large" if part in MANIFESTS[1:4] else part
            lines = []
            for number in range(2 * groups):
                key, label = f"{prefix}{number:04}", number % len(emotions)
                up = "../../" if part in TESTS else "../"
                line = dict(zip(KEYS, (key, f"{up}features/{key}.npy", "0.2", label), strict=False))
                lines.append({**line, "emotion": emotions[label]})
                if prefix != part:
                    continue
                levels = rng.uniform(-80, 0, (1, BANDS, 20)).astype(np.float32)
                np.save(root / "features" / f"{key}.npy", levels)
                home = f"{origin}_{'test' if part in TESTS else 'train'}"
                if origin == "crowd":
                    write_clip(root / home / "wavs" / f"{key}.wav", rng, seconds=0.2)
                for annotator, vote in zip("abc", [emotions[label]] * 2 + ["other"], strict=True):
                    source, said = f"{part} {number // 2}", f"слово {number}"
                    row = (key, f"wavs/{key}.wav", vote, said, source, annotator)
                    raw.setdefault(home, []).append(dict(zip(RAW_KEYS, row, strict=True)))
            _write_lines(root / FOLDERS[0] / _file(part), lines)
        for home, rows in raw.items():
            _write_lines(root / home / f"raw_{home}.jsonl", rows)


def read_part(root: str | Path, part: str) -> list[Clip]:
    """The clips of one manifest, with what the raw rows say of them."""
    raw = read_raw(root, f"{_origin(part)}_{'test' if part in TESTS else 'train'}")
    clips = []
    for clip in _manifest(root, part):
        groups = {"clip": clip.key, "split": part, "origin": _origin(part)}
        found = raw.get(clip.key)
        if found is not None:
            groups["source"] = found.source
        clips.append(replace(clip, groups=groups, raw=found))
    return clips


def read_features(clip: Clip) -> np.ndarray:
    """Levels of the mel bands in dB, (64, T) float32, one column every 10 ms."""
    if not clip.features.is_file():
        raise FilesMissing(NAME, clip.features.parent, [clip.features.name], ADVICE)
    try:
        levels = np.load(clip.features, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise UnexpectedLayout(NAME, clip.features, f"no array ({error})", "an array") from error
    if levels.ndim != 3 or levels.shape[:2] != (1, BANDS) or not np.isfinite(levels).all():
        found = f"an array of {levels.shape}, or no numbers in it"
        raise UnexpectedLayout(NAME, clip.features, found, f"finite numbers of (1, {BANDS}, T)")
    return np.asarray(levels[0], np.float32)


def read_raw(root: str | Path, home: str) -> dict[str, Raw]:
    """Clip -> what the raw rows say of it; {} where there are none.

    home: "crowd_train", "crowd_test", "podcast_train" or "podcast_test".
    """
    file = find_file(root, (f"{home}/raw_{home}{suffix}" for suffix in RAW_SUFFIXES))
    if file is None:
        return {}
    rows: dict[str, Mapping[str, object]] = {}
    votes: dict[str, dict[str, str]] = {}
    for row in _rows(root, file, RAW_KEYS):
        key = str(row["hash_id"])
        rows.setdefault(key, row)
        votes.setdefault(key, {})[str(row["annotator_id"])] = str(row["annotator_emo"])
    raw = {}
    for key, row in rows.items():
        sound = Path(root) / home / str(row["audio_path"])
        said = row["speaker_text"]
        text = said if isinstance(said, str) else ""  # null where it was not transcribed
        there = sound if sound.is_file() else None
        raw[key] = Raw(text, str(row["source_id"]), there, votes[key])
    return raw


def _manifest(root: str | Path, part: str) -> list[Clip]:
    """The lines of a manifest, without the raw rows."""
    if part not in PARTS:
        raise UnknownName(f"part of {NAME}", part, PARTS)
    file = _place(root, part) or _file(part)
    path, names = Path(root) / file, list(EMOTIONS)
    clips = []
    for row in _rows(root, file, KEYS):
        try:
            label, seconds = int(str(row["label"])), float(str(row["wav_length"]))
        except ValueError:
            label, seconds = -1, -1.0
        if label not in range(len(names)) or names[label] != row["emotion"] or not seconds > 0:
            expected = f"a wav_length above 0 and a label with its emotion: 0 to 3, {names}"
            raise UnexpectedLayout(NAME, path, repr(row), expected)
        features = path.parent / str(row["tensor"])
        clips.append(Clip(str(row["id"]), label, seconds, features))
    return clips


def _origin(part: str) -> str:
    """Where the clips of a part come from: "crowd" or "podcast"."""
    return part.partition("_")[0]


def _file(part: str) -> str:
    return f"test/{part}.jsonl" if part in TESTS else f"{part}.jsonl"


def _place(root: str | Path, part: str) -> str | None:
    """Where a manifest lies under `root`; None where it is not there."""
    return find_file(root, (folder + _file(part) for folder in FOLDERS))


def _rows(root: str | Path, file: str, keys: Sequence[str]) -> list[Mapping[str, object]]:
    """The rows of a table in JSON lines, or separated by tabs, that have at least these keys."""
    lines = read_lines(NAME, root, file, advice=ADVICE)
    rows: list[Mapping[str, object]] = []
    if file.endswith(".tsv"):
        rows += csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    else:
        for line in lines:
            try:
                rows.append(json.loads(line))
            except ValueError:
                expected = "a line of JSON for each clip"
                raise UnexpectedLayout(NAME, Path(root) / file, repr(line), expected) from None
    for row in rows:
        if not isinstance(row, dict) or not set(keys) <= set(row):
            expected = f"rows with {', '.join(keys)}"
            raise UnexpectedLayout(NAME, Path(root) / file, repr(row), expected)
    return rows


def _write_lines(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8")
