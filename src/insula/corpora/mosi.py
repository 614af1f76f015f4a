"""CMU-MOSI: people on film reviewing films, each utterance with features of words, voice and face.

Layout: `transcripts.csv.gz` with the rows id, words, number of the video's utterances, 0 or 1;
for S in train, test: `text_S.csv.gz`, whose first column is a row of the transcripts, counted from
0; `{text,audio,video}/{text,audio,video}_S0.csv.gz`, in the same order, rows of features and, last,
whether the sentiment is not negative; `sentiment.csv` with the columns utterance, official_split
and sentiment, from -3 to 3. Here sentiment is -1 to 1.

Split: by the file names; no video is in both parts. The features of text and video were themselves
trained on the training part, so parts cut from it judge too kindly.

Source: Zadeh et al., "Multimodal sentiment intensity analysis in videos", IEEE Intelligent Systems
31, 2016. Features: Poria et al., "Context-dependent sentiment analysis in user-generated videos",
ACL 2017.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from insula.core.roles import Corpus, Example
from insula.core.space import Space
from insula.corpora.labelled_audio import check_protocol
from insula.corpora.labelled_text import LabelledTexts, examples
from insula.errors import FilesMissing, UnexpectedLayout

NAME = "CMU-MOSI"
PARTS = ("train", "test")
WIDTHS = {"text": 100, "audio": 73, "video": 100}  # features an utterance
STRONGEST = 3.0  # sentiment, as annotated
TRANSCRIPTS, SENTIMENT = "transcripts.csv.gz", "sentiment.csv"
ADVICE = "Get the raw features of CMU-MOSI from its authors or from soujanyaporia on GitHub."
POLARITY = Space(
    "sentiment",
    ("sentiment",),
    "axes",
    "Zadeh et al. (2016), Multimodal sentiment intensity analysis in videos; -3 to 3 there",
    low=-1.0,
)


@dataclass(frozen=True, eq=False)
class Utterances:
    """One part, N utterances.

    keys: "VIDEO_NUMBER". texts: what is said. features: modality -> (N, D) float32. sentiment: (N,)
    float32 in [-1, 1]. positive: (N,) bool, not negative,
    as the feature files have it.
    """

    keys: tuple[str, ...]
    texts: tuple[str, ...]
    features: Mapping[str, np.ndarray]
    sentiment: np.ndarray
    positive: np.ndarray

    @property
    def videos(self) -> tuple[str, ...]:
        """The video of each utterance, which must not be in two parts."""
        return tuple(key.rpartition("_")[0] for key in self.keys)


class MOSI(Corpus):
    """What is said, as text, with its sentiment; `read_part` gives the features too."""

    name = "mosi"
    title = "CMU-MOSI, utterances of film reviews with sentiment and features of three modalities"
    citation = "Zadeh et al. (2016), Multimodal sentiment intensity analysis, IEEE Intell. Syst."
    licence = "research use; videos are their makers'"
    access = "on request from CMU MultiComp Lab; features from soujanyaporia on GitHub"
    layout = (
        f"{TRANSCRIPTS}, {SENTIMENT}, text_{{train,test}}.csv.gz and "
        "{text,audio,video}/{text,audio,video}_{train,test}0.csv.gz"
    )
    space = "sentiment"
    protocols = ("train-test",)
    splits = PARTS
    group = "video"
    counts = {"train": 1447, "test": 752}  # 2199 together, in 93 videos

    def __iter__(self) -> Iterator[Example]:
        for part in PARTS:
            read = read_part(self.root, part)
            texts = LabelledTexts(read.texts, read.keys, "sentiment", read.sentiment[:, None])
            rows = examples(texts, language="en", corpus=NAME, splits=[part] * len(read.keys))
            for example, video in zip(rows, read.videos, strict=True):
                groups = {**example.groups, "video": video}
                yield Example(example.recording, example.truth, groups=groups)

    def split(self, protocol: str) -> list[tuple[Sequence[int], Sequence[int]]]:
        """The split of the file names, "train-test"."""
        check_protocol(NAME, protocol, self.protocols)
        train, test = (len(read_part(self.root, part).keys) for part in PARTS)
        return [(range(train), range(train, train + test))]

    @staticmethod
    def make_fixture(folder: str | Path, groups: int = 3, *, rng: np.random.Generator) -> None:
        """Files of the same layout: in each part `groups` made-up videos of two utterances."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        transcripts: list[list[object]] = []
        sentiments: list[list[object]] = [["utterance", "official_split", "sentiment"]]
        for part in PARTS:
            rows = range(len(transcripts), len(transcripts) + 2 * groups)
            _write(folder / f"text_{part}.csv.gz", [[row, 0.0] for row in rows])
            values = rng.uniform(-STRONGEST, STRONGEST, len(rows)).round(1)
            for row, value in zip(rows, values, strict=True):
                key = f"{part}video{row // 2}_{row % 2}"
                transcripts.append([key, f"THIS IS {value}", 2, int(value > 0)])
                sentiments.append([key, part, value])
            for modality, width in WIDTHS.items():
                (folder / modality).mkdir(exist_ok=True)
                planted = np.outer(values, np.arange(width) % 2)  # in every other feature
                shown = rng.normal(planted, 1.0).round(4)
                lines = [[*row, int(value > 0)] for row, value in zip(shown, values, strict=True)]
                _write(folder / modality / f"{modality}_{part}0.csv.gz", lines)
        _write(folder / TRANSCRIPTS, transcripts)
        with (folder / SENTIMENT).open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows(sentiments)


def read_part(root: str | Path, part: str) -> Utterances:
    """The utterances of "train" or "test", in the order of the files."""
    root = Path(root)
    places = {name: root / name / f"{name}_{part}0.csv.gz" for name in WIDTHS}
    order, transcripts = root / f"text_{part}.csv.gz", root / TRANSCRIPTS
    needed = [*places.values(), order, transcripts, root / SENTIMENT]
    missing = [str(path.relative_to(root)) for path in needed if not path.is_file()]
    if missing:
        raise FilesMissing(NAME, root, missing, ADVICE)
    said = _rows(transcripts)
    with (root / SENTIMENT).open(encoding="utf-8", newline="") as stream:
        sentiments = {row["utterance"]: row["sentiment"] for row in csv.DictReader(stream)}
    chosen = [said[number] for number in _numbers(order, len(said))]
    keys = tuple(row[0] for row in chosen)
    unknown = [key for key in keys if key not in sentiments]
    if unknown:
        expected = "every utterance of the transcripts"
        raise UnexpectedLayout(NAME, root / SENTIMENT, f"no {unknown[0]!r}", expected)
    tables = {name: _table(path, WIDTHS[name], len(keys)) for name, path in places.items()}
    sentiment = np.array([float(sentiments[key]) for key in keys], np.float32) / STRONGEST
    return Utterances(
        keys,
        tuple(row[1].lower() for row in chosen),
        {name: table[:, :-1] for name, table in tables.items()},
        sentiment,
        tables["text"][:, -1] > 0,
    )


def _numbers(path: Path, count: int) -> list[int]:
    """Rows of the transcripts; each below `count`."""
    try:
        numbers = [int(row[0]) for row in _rows(path)]
    except (ValueError, IndexError):
        numbers = [-1]
    if not all(0 <= number < count for number in numbers):
        expected = f"numbers from 0 to {count - 1} in the first column"
        raise UnexpectedLayout(NAME, path, "another number of a row", expected)
    return numbers


def _table(path: Path, width: int, count: int) -> np.ndarray:
    """Features and label of `count` utterances, (N, width + 1) float32, finite."""
    expected = f"{count} rows of {width} finite features and a label"
    rows = _rows(path)
    try:
        table = np.array(rows, np.float32)
    except ValueError:
        raise UnexpectedLayout(NAME, path, "what is no number", expected) from None
    if table.shape != (count, width + 1) or not np.isfinite(table).all():
        raise UnexpectedLayout(NAME, path, f"a table of {table.shape}", expected)
    return table


def _rows(path: Path) -> list[list[str]]:
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
            return list(csv.reader(stream))
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise UnexpectedLayout(NAME, path, f"a damaged file ({error})", "gzip of CSV") from error


def _write(path: Path, rows: Sequence[Sequence[object]]) -> None:
    with gzip.open(path, "wt", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)
