"""What the words nets' held-out predictions amount to: calibration, then the numbers of a card.

    logits -> judged(part, source) -> calibration on the part that tunes -> numbers on what judges

A label applies where its probability reaches its threshold. A threshold of its own is noisy for a
rare label and one for all misses what labels differ in, so each label's lies halfway between: on
the part that tunes, cross-fitted by halves, mean F1 of 7 labels rose from 0.607 to 0.617, of 28
from 0.464 to 0.478 (0.618 and 0.473 with the label's own). All intervals come from resampling
sentences.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from insula.core.space import EKMAN6, EKMAN7, GOEMOTIONS, PLUTCHIK8, VAD, bridge
from insula.learn.calibration import TEMPERATURES, softmax
from insula.learn.metrics import accuracy, ece, pcc, uar
from insula.learn.report import measured
from insula.learn.task import Calibration, Metric, Predictions, Report
from insula.learn.texts import Part, Sentences
from insula.zoo.card import GroupResult

THRESHOLDS = np.linspace(0.05, 0.6, 56)  # tried, 0.01 apart
SMALLEST = 1e-12  # probability, so that its logarithm is finite

OF_GOEMOTIONS = bridge(GOEMOTIONS, EKMAN7).matrix
OF_PLUTCHIK = bridge(PLUTCHIK8, EKMAN7).matrix[:, : len(EKMAN6)]  # no line of XED is neutral

COMMENTS, TRANSLATED = "GoEmotions dev", "ru_go_emotions, held-out 20 % by wording"
LINES = "XED {language}, held-out 20 % by wording"
FITTED = "thresholds fitted with the temperature on {tuned}"
GROUPS = f"Ekman's groups, 7 labels, {FITTED}"
FINE = f"28 labels, {FITTED}"
SIX = f"lines with one of six shared emotions, neutral left out, {FITTED}"
TOP = "top of 7 labels against any label given, 15 bins"
HEARD = "Ekman's groups; 2,000 of the comments, {rate} % of their words misheard, no punctuation"
ASKED = (
    "zero-shot: comments of exactly one of Ekman's six groups, by comparison with the six names; "
    "chance has an uar of 0.167"
)
TUNED = {
    "goemotions": "a tenth of GoEmotions train",
    "ru_goemotions": "a tenth of ru_go_emotions by wording",
}
MISHEARD = (0, 10, 20, 30)  # per cent of the words


@dataclass(frozen=True, eq=False)
class Judged:
    """Answers and truth of the sentences of one part and source.

    chances: space -> (N, C) probabilities; ekman6 leaves out neutral. vad: (N, 3). truth: space
    -> (N, C).
    """

    chances: dict[str, np.ndarray]
    vad: np.ndarray
    truth: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.vad)

    def take(self, rows: np.ndarray) -> Judged:
        """The sentences where `rows`, (N,) bool, is True."""
        chances = {space: table[rows] for space, table in self.chances.items()}
        truth = {space: table[rows] for space, table in self.truth.items()}
        return Judged(chances, self.vad[rows], truth)


def judged(
    sentences: Sentences,
    predictions: Predictions,
    part: Part,
    source: str,
    *,
    temperature: float = 1.0,
    said: str = "goemotions",
) -> Judged:
    """The predictions of one part and source beside the truth.

    said: which of the predictions; sentences of which these say nothing at all are left out.
    """
    rows = _rows(sentences, predictions, part, source)
    rows = rows[predictions[said][rows].any(axis=1)]
    fine = softmax(predictions[said][rows] / temperature)
    ekman7 = fine @ OF_GOEMOTIONS
    six = ekman7[:, : len(EKMAN6)]
    chances = {"goemotions": fine, "ekman7": ekman7, "ekman6": six / six.sum(axis=1, keepdims=True)}
    numbers = predictions["indices"][rows]
    truth = {space: table[numbers] for space, table in sentences.truth.items()}
    truth["ekman6"] = truth["plutchik8"] @ OF_PLUTCHIK
    return Judged(chances, predictions["vad"][rows], truth)


def calibration(sentences: Sentences, predictions: Predictions, source: str) -> Calibration:
    """The temperature of the 28 logits, then thresholds for each of the two sets of labels."""

    def tune(temperature: float) -> Judged:
        return judged(sentences, predictions, "tune", source, temperature=temperature)

    temperature = float(min(TEMPERATURES, key=lambda each: _surprise(tune(each))))
    fitted = tune(temperature)
    return {
        "temperature": temperature,
        "ekman7_threshold": best_thresholds(fitted, "ekman7"),
        "goemotions_threshold": best_thresholds(fitted, "goemotions"),
    }


def english_report(
    sentences: Sentences,
    predictions: Predictions,
    numbers: Calibration,
    rng: np.random.Generator,
) -> Report:
    """The numbers of the English card, each with its 95 % interval."""
    temperature, groups = numbers["temperature"], numbers["ekman7_threshold"]
    tuned = TUNED["goemotions"]

    def part(source: str, said: str = "goemotions") -> Judged:
        return judged(
            sentences, predictions, "held_out", source, temperature=temperature, said=said
        )

    written, fine = part("goemotions"), numbers["goemotions_threshold"]
    metrics = [
        *_f1(written, "ekman7", groups, COMMENTS, GROUPS.format(tuned=tuned), rng),
        *_f1(written, "goemotions", fine, COMMENTS, FINE.format(tuned=tuned), rng),
        *_certainty(written, COMMENTS, rng),
        *_lines(part("xed_en"), "en", groups, tuned, rng),
        *_affect(part("emobank"), rng),
    ]
    for rate in MISHEARD:
        heard = part("goemotions", misheard(rate))
        metrics += _f1(heard, "ekman7", groups, COMMENTS, HEARD.format(rate=rate), rng)
    metrics += _asked(sentences, predictions, rng)
    return Report(metrics, _by_label(written, groups, COMMENTS))


def russian_report(
    sentences: Sentences,
    predictions: Predictions,
    numbers: Calibration,
    rng: np.random.Generator,
) -> Report:
    """The numbers of the Russian card, each with its 95 % interval."""
    temperature, groups = numbers["temperature"], numbers["ekman7_threshold"]
    tuned = TUNED["ru_goemotions"]
    comments, lines = (
        judged(sentences, predictions, "held_out", source, temperature=temperature)
        for source in ("ru_goemotions", "xed_ru")
    )
    fine = numbers["goemotions_threshold"]
    metrics = [
        *_f1(comments, "ekman7", groups, TRANSLATED, GROUPS.format(tuned=tuned), rng),
        *_f1(comments, "goemotions", fine, TRANSLATED, FINE.format(tuned=tuned), rng),
        *_certainty(comments, TRANSLATED, rng),
        *_lines(lines, "ru", groups, tuned, rng),
    ]
    return Report(metrics, _by_label(comments, groups, TRANSLATED))


def misheard(rate: int) -> str:
    """Name of the predictions on comments of which `rate` per cent of the words are misheard."""
    return f"misheard_{rate}"


def _rows(sentences: Sentences, predictions: Predictions, part: Part, source: str) -> np.ndarray:
    numbers = predictions["indices"]
    return np.flatnonzero((sentences.part[numbers] == part) & (sentences.source[numbers] == source))


def tuned_f1(sentences: Sentences, predictions: Predictions, source: str) -> float:
    """Mean F1 over Ekman's labels on what tunes, so that no epoch is chosen on what judges."""
    tune = judged(sentences, predictions, "tune", source)
    said = tune.chances["ekman7"] >= best_thresholds(tune, "ekman7")
    return float(f1(said, tune.truth["ekman7"]).mean())


def f1(said: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """F1 of each label, (C,); 0 for a label that is neither said nor there. Both (N, C)."""
    truth = truth > 0
    both = said.sum(axis=0) + truth.sum(axis=0)
    return 2 * (said & truth).sum(axis=0) / np.maximum(both, 1)


def best_thresholds(part: Judged, space: str) -> tuple[float, ...]:
    """A threshold a label: the geometric mean of the best for all and the best for it alone."""
    chances, truth = part.chances[space], part.truth[space]
    scores = np.array([f1(chances >= each, truth) for each in THRESHOLDS])  # [tried, C]
    common = THRESHOLDS[scores.mean(axis=1).argmax()]
    own = THRESHOLDS[scores.argmax(axis=0)]
    return tuple(np.sqrt(common * own).tolist())


def _f1(
    part: Judged,
    space: str,
    thresholds: Sequence[float],
    corpus: str,
    protocol: str,
    rng: np.random.Generator,
) -> list[Metric]:
    said, truth = part.chances[space] >= np.array(thresholds), part.truth[space]
    measures = {"f1_macro": lambda rows: float(f1(said[rows], truth[rows]).mean())}
    return measured(measures, np.arange(len(part)), rng, corpus=corpus, protocol=protocol)


def _certainty(part: Judged, corpus: str, rng: np.random.Generator) -> list[Metric]:
    sentences = np.arange(len(part))
    sure = part.chances["ekman7"].max(axis=1)
    right = part.truth["ekman7"][sentences, part.chances["ekman7"].argmax(axis=1)] > 0
    measures = {"ece": lambda rows: ece(right[rows], sure[rows])}
    return measured(measures, sentences, rng, corpus=corpus, protocol=TOP)


def _lines(
    part: Judged, language: str, groups: Sequence[float], tuned: str, rng: np.random.Generator
) -> list[Metric]:
    part = part.take(part.truth["ekman6"].any(axis=1))
    corpus = LINES.format(language=language)
    return _f1(part, "ekman6", groups[: len(EKMAN6)], corpus, SIX.format(tuned=tuned), rng)


def _asked(
    sentences: Sentences, predictions: Predictions, rng: np.random.Generator
) -> list[Metric]:
    """How often the nearest of six names is the one group that the annotators gave."""
    rows = _rows(sentences, predictions, "held_out", "goemotions")
    truth = sentences.truth["ekman7"][predictions["indices"][rows]]
    alone = (truth.sum(axis=1) == 1) & (truth[:, len(EKMAN6)] == 0)
    label = truth[alone].argmax(axis=1)
    said = predictions["asked"][rows[alone]].argmax(axis=1)
    measures = {
        "accuracy": lambda rows: accuracy(label[rows], said[rows]),
        "uar": lambda rows: uar(label[rows], said[rows]),
    }
    return measured(measures, np.arange(len(label)), rng, corpus=COMMENTS, protocol=ASKED)


def _by_label(part: Judged, thresholds: Sequence[float], corpus: str) -> Sequence[GroupResult]:
    found = f1(part.chances["ekman7"] >= np.array(thresholds), part.truth["ekman7"])
    counts = part.truth["ekman7"].sum(axis=0)
    return [
        GroupResult(corpus, label, "f1", float(value), int(count))
        for label, value, count in zip(EKMAN7.labels, found, counts, strict=True)
    ]


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
