"""What the words net's held-out predictions amount to: calibration, then the numbers of its card.

    logits -> judged(part, source) -> calibration on the part that tunes -> numbers on what judges

A label applies where its probability reaches one threshold, the same for all labels. All intervals
come from resampling sentences.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from insula.core.space import EKMAN6, EKMAN7, GOEMOTIONS, PLUTCHIK8, VAD, bridge
from insula.learn.calibration import TEMPERATURES, softmax
from insula.learn.metrics import ece, pcc
from insula.learn.report import measured
from insula.learn.task import Calibration, Metric, Predictions, Report
from insula.learn.texts import Part, Sentences
from insula.zoo.card import GroupResult

THRESHOLDS = np.linspace(0.05, 0.6, 56)  # tried, 0.01 apart
SMALLEST = 1e-12  # probability, so that its logarithm is finite

OF_GOEMOTIONS = bridge(GOEMOTIONS, EKMAN7).matrix
OF_PLUTCHIK = bridge(PLUTCHIK8, EKMAN7).matrix[:, : len(EKMAN6)]  # no line of XED is neutral

ONE_THRESHOLD = "one threshold for all, fitted with the temperature on a tenth of GoEmotions train"
GROUPS = f"Ekman's groups, 7 labels, {ONE_THRESHOLD}"
UNSEEN = f"{GROUPS}; only comments whose Russian translation was not learnt from"
FINE = f"28 labels, {ONE_THRESHOLD}"
SIX = f"lines with one of six shared emotions, neutral left out, {ONE_THRESHOLD}"
TOP = "top of 7 labels against any label given, 15 bins"
HELD_OUT = "held-out 20 % by wording"


@dataclass(frozen=True, eq=False)
class Judged:
    """Answers and truth of the sentences of one part and source.

    chances: space -> (N, C) probabilities; ekman6 leaves out neutral. vad: (N, 3). truth: space
    -> (N, C). clean: (N,) bool, as in `Sentences`.
    """

    chances: dict[str, np.ndarray]
    vad: np.ndarray
    truth: dict[str, np.ndarray]
    clean: np.ndarray

    def __len__(self) -> int:
        return len(self.vad)

    def take(self, rows: np.ndarray) -> Judged:
        """The sentences where `rows`, (N,) bool, is True."""
        chances = {space: table[rows] for space, table in self.chances.items()}
        truth = {space: table[rows] for space, table in self.truth.items()}
        return Judged(chances, self.vad[rows], truth, self.clean[rows])


def judged(
    sentences: Sentences,
    predictions: Predictions,
    part: Part,
    source: str,
    *,
    temperature: float = 1.0,
) -> Judged:
    """The predictions of one part and source beside the truth."""
    numbers = predictions["indices"]
    rows = np.flatnonzero((sentences.part[numbers] == part) & (sentences.source[numbers] == source))
    fine = softmax(predictions["goemotions"][rows] / temperature)
    ekman7 = fine @ OF_GOEMOTIONS
    six = ekman7[:, : len(EKMAN6)]
    chances = {"goemotions": fine, "ekman7": ekman7, "ekman6": six / six.sum(axis=1, keepdims=True)}
    truth = {space: table[numbers[rows]] for space, table in sentences.truth.items()}
    truth["ekman6"] = truth["plutchik8"] @ OF_PLUTCHIK
    return Judged(chances, predictions["vad"][rows], truth, sentences.clean[numbers[rows]])


def calibration(sentences: Sentences, predictions: Predictions) -> Calibration:
    """The temperature of the 28 logits, then a threshold for each of the two sets of labels."""

    def tune(temperature: float) -> Judged:
        return judged(sentences, predictions, "tune", "goemotions", temperature=temperature)

    temperature = float(min(TEMPERATURES, key=lambda each: _surprise(tune(each))))
    fitted = tune(temperature)
    return {
        "temperature": temperature,
        "threshold": best_threshold(fitted, "ekman7"),
        "goemotions_threshold": best_threshold(fitted, "goemotions"),
    }


def words_report(
    sentences: Sentences,
    predictions: Predictions,
    numbers: Calibration,
    rng: np.random.Generator,
) -> Report:
    """The numbers of the card, each with its 95 % interval."""

    def part(source: str) -> Judged:
        temperature = numbers["temperature"]
        return judged(sentences, predictions, "held_out", source, temperature=temperature)

    threshold, fine_threshold = numbers["threshold"], numbers["goemotions_threshold"]
    english, russian, rated = part("goemotions"), part("ru_goemotions"), part("emobank")
    unseen = english.take(english.clean)
    corpus, translated = "GoEmotions dev", f"ru_go_emotions, {HELD_OUT}"
    metrics = [
        *_f1(english, "ekman7", threshold, corpus, GROUPS, rng),
        *_f1(unseen, "ekman7", threshold, corpus, UNSEEN, rng),
        *_f1(english, "goemotions", fine_threshold, corpus, FINE, rng),
        *_f1(russian, "ekman7", threshold, translated, GROUPS, rng),
    ]
    for language in ("en", "ru"):
        lines = part(f"xed_{language}")
        lines = lines.take(lines.truth["ekman6"].any(axis=1))
        metrics += _f1(lines, "ekman6", threshold, f"XED {language}, {HELD_OUT}", SIX, rng)
    metrics += _certainty(english, corpus, rng) + _certainty(russian, translated, rng)
    metrics += _affect(rated, rng)
    by_label = f1(english.chances["ekman7"] >= threshold, english.truth["ekman7"])
    counts = english.truth["ekman7"].sum(axis=0)
    groups = [
        GroupResult(corpus, label, "f1", float(value), int(count))
        for label, value, count in zip(EKMAN7.labels, by_label, counts, strict=True)
    ]
    return Report(metrics, groups)


def f1(said: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """F1 of each label, (C,); 0 for a label that is neither said nor there. Both (N, C)."""
    truth = truth > 0
    both = said.sum(axis=0) + truth.sum(axis=0)
    return 2 * (said & truth).sum(axis=0) / np.maximum(both, 1)


def best_threshold(part: Judged, space: str) -> float:
    """The one threshold with the highest mean F1 over the labels."""
    chances, truth = part.chances[space], part.truth[space]
    return float(max(THRESHOLDS, key=lambda each: f1(chances >= each, truth).mean()))


def _f1(
    part: Judged,
    space: str,
    threshold: float,
    corpus: str,
    protocol: str,
    rng: np.random.Generator,
) -> list[Metric]:
    said, truth = part.chances[space] >= threshold, part.truth[space]
    measures = {"f1_macro": lambda rows: float(f1(said[rows], truth[rows]).mean())}
    return measured(measures, np.arange(len(part)), rng, corpus=corpus, protocol=protocol)


def _certainty(part: Judged, corpus: str, rng: np.random.Generator) -> list[Metric]:
    sentences = np.arange(len(part))
    sure = part.chances["ekman7"].max(axis=1)
    right = part.truth["ekman7"][sentences, part.chances["ekman7"].argmax(axis=1)] > 0
    measures = {"ece": lambda rows: ece(right[rows], sure[rows])}
    return measured(measures, sentences, rng, corpus=corpus, protocol=TOP)


def _affect(part: Judged, rng: np.random.Generator) -> list[Metric]:
    said, truth = part.vad.astype(np.float64), part.truth["vad"].astype(np.float64)
    measures = {
        f"pcc_{axis}": lambda rows, column=column: pcc(truth[rows, column], said[rows, column])
        for column, axis in enumerate(VAD.labels)
    }
    protocol = "published split"
    return measured(measures, np.arange(len(part)), rng, corpus="EmoBank dev", protocol=protocol)


def _surprise(part: Judged) -> float:
    """Cross-entropy of Ekman's labels that apply, shared evenly; a mean over sentences."""
    truth = part.truth["ekman7"]
    target = truth / np.maximum(truth.sum(axis=1, keepdims=True), 1)
    return float(-(target * np.log(part.chances["ekman7"] + SMALLEST)).sum(axis=1).mean())
