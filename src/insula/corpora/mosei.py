"""CMU-MOSEI: people speaking to a camera, each utterance as features of words, voice and face.

Layout, as released with CARAT: `train_valid_test.pt`, for each of train, valid and test lists
`src-text`, `src-audio` and `src-visual` of features at the same 60 words, and `tgt`, lists of
tokens, between two markers, of the emotions whose mean intensity is above 0; and
`mosei_senti_data_noalign.pkl`, the same utterances in the same order, as the authors of CARAT read
them, of which `labels`, sentiment from -3 to 3, and `id`, the video and then where in it, are read.
Here sentiment is -1 to 1.

Both are files of pickled objects, which may hold code; they are read so that only numbers, texts
and plain containers of them come out. Infinitely quiet audio (-inf) becomes 0. There is neither
text nor sound: a recording of this corpus is empty, the features come from `read_part`. The
intensities of the emotions are in the `.csd` files of the corpus's own release, not read here.

Split: by the file, as published by the authors of the corpus; no video is in two parts.

Sources: Zadeh et al., "Multimodal language analysis in the wild: CMU-MOSEI dataset and
interpretable dynamic fusion graph", ACL 2018. Features: Peng et al., "CARAT", AAAI 2024.
"""

from __future__ import annotations

import argparse
import codecs
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from insula.core.roles import Corpus, Example
from insula.core.space import Space
from insula.corpora.labelled_audio import check_protocol, part_ranges
from insula.corpora.labelled_text import SECOND, check_files, indicators, stack
from insula.corpora.mosi import POLARITY, STRONGEST
from insula.corpora.spoken import of_whole
from insula.errors import UnexpectedLayout, UnknownName
from insula.media.recording import from_arrays
from insula.registry import load_object

NAME = "CMU-MOSEI"
PARTS = ("train", "valid", "test")
WORDS = 60  # moments of the features
WIDTHS = {"text": 300, "audio": 74, "video": 35}  # features a moment
KEYS = {"text": "src-text", "audio": "src-audio", "video": "src-visual"}  # in the file
FEATURES, SENTIMENT = "train_valid_test.pt", "mosei_senti_data_noalign.pkl"
ADVICE = "Get both files from the authors of CARAT, or the corpus from CMU MultiComp Lab."
FIRST_TOKEN = 4  # of an emotion; the smaller ones are markers
START, END = 2, 3
EMOTIONS = Space(
    "mosei_emotions",
    ("happiness", "sadness", "anger", "surprise", "disgust", "fear"),
    "independent",
    "Zadeh et al. (2018), CMU-MOSEI, ACL: an emotion is there where its mean intensity is above 0",
)

# What the two files may be made of besides plain containers: arrays, and the settings of a script.
_RECONSTRUCT, _SCALAR = np.zeros(1).__reduce__()[0], np.float64(0).__reduce__()[0]
HARMLESS: Mapping[str, object] = {
    "argparse.Namespace": argparse.Namespace,
    "numpy.ndarray": np.ndarray,
    "numpy.dtype": np.dtype,
    "_codecs.encode": codecs.encode,
    # NumPy 1 and 2 keep them in different places.
    "numpy.core.multiarray._reconstruct": _RECONSTRUCT,
    "numpy._core.multiarray._reconstruct": _RECONSTRUCT,
    "numpy.core.multiarray.scalar": _SCALAR,
    "numpy._core.multiarray.scalar": _SCALAR,
}
NUMBERS = [type(np.dtype(kind)) for kind in ("f4", "f8", "i4", "i8")]


@dataclass(frozen=True, eq=False)
class Utterances:
    """One part, N utterances.

    keys: the parts of the id, joined by "_". videos: (N,) which must not be in two parts. features:
    modality -> (N, 60, D) float32. emotions: (N, 6) float32, 1 where one is there, in the columns
    of `EMOTIONS`. sentiment: (N,) float32 in [-1, 1].
    """

    keys: tuple[str, ...]
    videos: tuple[str, ...]
    features: Mapping[str, np.ndarray]
    emotions: np.ndarray
    sentiment: np.ndarray


class MOSEI(Corpus):
    """Emotions and sentiment of each utterance; `read_part` gives the features too."""

    name = "mosei"
    title = "CMU-MOSEI, utterances with emotions, sentiment and features of three modalities"
    citation = "Zadeh et al. (2018), Multimodal language analysis in the wild, ACL"
    licence = "research use; videos are their makers'"
    access = "direct download for non-commercial use; features from the authors of CARAT"
    layout = f"{FEATURES} and {SENTIMENT}"
    space = "mosei_emotions"
    protocols = ("train-valid", "train-test")
    splits = PARTS
    group = "video"
    counts = {"train": 16326, "valid": 1871, "test": 4659}

    def __iter__(self) -> Iterator[Example]:
        contents = _contents(self.root)
        for part in PARTS:
            yield from _examples(_part(self.root, contents, part), part)

    def part(self, split: str) -> Iterator[Example]:
        """The utterances of "train", "valid" or "test"."""
        yield from _examples(read_part(self.root, split), split)

    def split(self, protocol: str) -> list[tuple[Sequence[int], Sequence[int]]]:
        """The published split: the training part against "train-valid" or "train-test"."""
        check_protocol(NAME, protocol, self.protocols)
        contents = _contents(self.root)
        ranges = part_ranges({part: len(_part(self.root, contents, part).keys) for part in PARTS})
        return [(ranges["train"], ranges[protocol.removeprefix("train-")])]

    @staticmethod
    def make_fixture(folder: str | Path, groups: int = 3, *, rng: np.random.Generator) -> None:
        """Files of the same layout: in each part `groups` made-up videos of two utterances.

        What is there is planted in every feature of its number; the first sound is -inf.
        """
        save = cast(Callable[..., None], load_object("torch:save", needed_by="mosei"))
        Path(folder).mkdir(parents=True, exist_ok=True)
        features: dict[str, object] = {"settings": argparse.Namespace(max_text_seq_len=WORDS)}
        features["dict"] = {"src": None, "tgt": {"<s>": START, "</s>": END}}
        sentiments = {}
        for part in PARTS:
            numbers = range(2 * groups)
            tokens = [sorted({FIRST_TOKEN + number % 6, FIRST_TOKEN + 4}) for number in numbers]
            made: dict[str, list[object]] = {"tgt": [[START, *row, END] for row in tokens]}
            for modality, width in WIDTHS.items():
                arrays = rng.normal(size=(len(tokens), WORDS, width)).astype(np.float32)
                for row, found in zip(arrays, tokens, strict=True):
                    row[:, [token - FIRST_TOKEN for token in found]] += 9
                if modality == "audio":
                    arrays[0, 0, 0] = -np.inf
                made[KEYS[modality]] = list(arrays)
            features[part] = made
            ids = [[f"{part}-video_{number // 2}", f"{number % 2}", "9"] for number in numbers]
            values = rng.uniform(-STRONGEST, STRONGEST, (len(ids), 1, 1)).round(2)
            sentiments[part] = {"labels": values, "id": np.array(ids)}
        save(features, Path(folder) / FEATURES)
        with (Path(folder) / SENTIMENT).open("wb") as stream:
            pickle.dump(sentiments, stream, protocol=2)


def read_part(root: str | Path, part: str) -> Utterances:
    """The utterances of "train", "valid" or "test", in the order of the files."""
    if part not in PARTS:
        raise UnknownName(f"part of {NAME}", part, PARTS)
    return _part(root, _contents(root), part)


def _examples(read: Utterances, part: str) -> Iterator[Example]:
    rows = zip(read.keys, read.videos, read.emotions, read.sentiment[:, None], strict=True)
    for key, video, emotions, sentiment in rows:
        empty = from_arrays(key, span=SECOND)
        truth = {
            EMOTIONS.name: of_whole(empty, EMOTIONS, emotions, corpus=NAME),
            POLARITY.name: of_whole(empty, POLARITY, sentiment, corpus=NAME),
        }
        yield Example(empty, truth, groups={"video": video, "split": part})


def _contents(root: str | Path) -> tuple[object, object]:
    """What the two files hold."""
    features, sentiment = Path(root) / FEATURES, Path(root) / SENTIMENT
    check_files(NAME, root, (FEATURES, SENTIMENT), advice=ADVICE)
    load = cast(Callable[..., object], load_object("torch:load", needed_by="mosei"))
    permit = cast(type, load_object("torch.serialization:safe_globals", needed_by="mosei"))
    allowed = [*NUMBERS, *((thing, name) for name, thing in HARMLESS.items())]
    try:
        with permit(allowed):
            first = load(features, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise _unreadable(features, error) from error
    try:
        with sentiment.open("rb") as stream:
            return first, _Careful(stream).load()
    except (pickle.UnpicklingError, EOFError, ValueError, IndexError, KeyError) as error:
        raise _unreadable(sentiment, error) from error


class _Careful(pickle.Unpickler):
    """Makes arrays and plain containers, and refuses everything else before it could run."""

    def find_class(self, module: str, name: str) -> object:
        if f"{module}.{name}" not in HARMLESS:
            raise pickle.UnpicklingError(f"{module}.{name} is more than data")
        return HARMLESS[f"{module}.{name}"]


def _unreadable(path: Path, error: Exception) -> UnexpectedLayout:
    reason = str(error).partition("\n")[0]
    expected = "an undamaged file of arrays, texts and plain containers"
    return UnexpectedLayout(NAME, path, f"what cannot be read safely ({reason})", expected)


def _part(root: str | Path, contents: tuple[object, object], part: str) -> Utterances:
    """One part of what the two files hold, checked and in step."""
    features, sentiment = Path(root) / FEATURES, Path(root) / SENTIMENT
    rows = cast(Sequence[Sequence[int]], _entry(features, contents[0], part, "tgt"))
    tokens = [[int(token) for token in row[1:-1]] for row in rows]
    last = FIRST_TOKEN + len(EMOTIONS)
    wrong = [token for row in tokens for token in row if not FIRST_TOKEN <= token < last]
    if wrong:
        expected = f"tokens from {FIRST_TOKEN} to {last - 1} between two markers"
        raise UnexpectedLayout(NAME, features, f"the token {wrong[0]} in tgt", expected)
    emotions = [indicators((t - FIRST_TOKEN for t in row), len(EMOTIONS)) for row in tokens]
    ids = [_cells(row) for row in _entry(sentiment, contents[1], part, "id")]
    labels = _entry(sentiment, contents[1], part, "labels")
    if not len(ids) == len(labels) == len(tokens):
        found = f"{len(ids)} ids and {len(labels)} labels in {part}"
        raise UnexpectedLayout(NAME, sentiment, found, f"one for each of {len(tokens)} utterances")
    values = np.array(labels, np.float32).reshape(len(ids), -1)[:, 0] / STRONGEST
    if not (np.abs(values) <= 1).all():
        found = f"sentiments from {values.min() * STRONGEST} to {values.max() * STRONGEST}"
        raise UnexpectedLayout(NAME, sentiment, found, "sentiments from -3 to 3")
    return Utterances(
        tuple("_".join(cells) for cells in ids),
        # A video and where in it; or one text, the number of the segment behind the last "_".
        tuple(cells[0] if cells[1:] else cells[0].rpartition("_")[0] for cells in ids),
        {
            modality: _table(
                features, _entry(features, contents[0], part, key), modality, len(rows)
            )
            for modality, key in KEYS.items()
        },
        stack(emotions, len(EMOTIONS)),
        values,
    )


def _entry(path: Path, contents: object, part: str, key: str) -> Sequence[object]:
    """What is under the part and the key; UnexpectedLayout where there is nothing."""
    try:
        found: Sequence[object] = contents[part][key]  # type: ignore[index]
    except (KeyError, IndexError, TypeError):
        expected = f"it for each of {', '.join(PARTS)}"
        raise UnexpectedLayout(NAME, path, f"no {key!r} under {part!r}", expected) from None
    return found


def _cells(row: object) -> list[str]:
    """The parts of an id, as text."""
    cells = np.atleast_1d(np.asarray(row)).tolist()
    return [cell.decode() if isinstance(cell, bytes) else str(cell) for cell in cells]


def _table(path: Path, rows: Sequence[object], modality: str, count: int) -> np.ndarray:
    """Features of all utterances, (N, 60, D) float32, finite."""
    expected = (
        f"{WORDS} moments of {WIDTHS[modality]} finite features for each of {count} utterances"
    )
    try:
        table = np.array([np.asarray(row, np.float32) for row in rows]).reshape(
            len(rows), WORDS, -1
        )
    except (ValueError, TypeError):
        raise UnexpectedLayout(NAME, path, f"uneven {KEYS[modality]}", expected) from None
    if modality == "audio":
        table[np.isneginf(table)] = 0  # the logarithm of nothing
    if table.shape != (count, WORDS, WIDTHS[modality]) or not np.isfinite(table).all():
        found = f"{KEYS[modality]} of shape {table.shape}, or no numbers in it"
        raise UnexpectedLayout(NAME, path, found, expected)
    return table
