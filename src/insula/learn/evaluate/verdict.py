"""The answer to `evaluate`: how good, on what, by which weights; as plain values for JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from importlib.metadata import version
from pathlib import Path

from insula.errors import OutputError
from insula.learn.evaluate.judging import Judgement
from insula.learn.resampling import Value
from insula.registry import load_object

DIGITS = 5  # decimals of a number


@dataclass(frozen=True)
class Asked:
    """What was asked, as `evaluate` takes it."""

    corpus: str
    split: str
    protocol: str
    channels: tuple[str, ...]
    fusion: str
    model: str


@dataclass(frozen=True, eq=False)
class Verdict:
    """How good a channel or a fusion is on a corpus.

    title: of the corpus. group: the key of what is resampled. judgement: of the main answers.
    heads: of further answers, in the corpus's own space, by that space's name. corruptions: fault
    -> judgement of the main answers under it. left_out: examples whose truth has no counterpart
    in the answers' space. weights: name -> SHA-256. judged_by: weights or net -> examples.
    transfer: the weights never learnt from this corpus. notes: what a reader should know.
    """

    asked: Asked
    title: str
    group: str
    judgement: Judgement
    heads: Mapping[str, Judgement] = field(default_factory=dict)
    corruptions: Mapping[str, Judgement] = field(default_factory=dict)
    left_out: int = 0
    weights: Mapping[str, str] = field(default_factory=dict)
    judged_by: Mapping[str, int] = field(default_factory=dict)
    transfer: bool = False
    notes: tuple[str, ...] = ()

    @property
    def metrics(self) -> dict[str, Value]:
        """All metrics; those of a further head end in the name of its space."""
        found = dict(self.judgement.metrics)
        for space, head in self.heads.items():
            found |= {f"{name}_{space}": value for name, value in head.metrics.items()}
        return found

    def draw(self, folder: str | Path) -> list[Path]:
        """Write its pictures into `folder`; needs the extra "train"."""
        draw = load_object("insula.learn.evaluate.pictures:draw", needed_by="pictures of a verdict")
        paths: list[Path] = draw(self, Path(folder))  # type: ignore[operator]
        return paths

    def save(self, path: str | Path, **more: object) -> None:
        """Write everything as JSON, with `more` before it."""
        document = {**more, **self.to_dict()}
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
            Path(path).write_text(text, encoding="utf-8")
        except OSError as error:
            raise OutputError(path, error.strerror or str(error)) from error

    def to_dict(self) -> dict[str, object]:
        """Everything, as plain values."""
        judged, majority = self.judgement, self.judgement.majority
        return {
            "insula": version("insula"),
            "date": date.today().isoformat(),
            "asked": {name: value for name, value in asdict(self.asked).items() if value},
            "corpus": self.title,
            "weights": dict(self.weights),
            "judged_by": dict(self.judged_by),
            "transfer": self.transfer,
            "kind": judged.kind,
            "labels": list(judged.labels),
            "bridge": judged.way,
            "metrics": _values(self.metrics),
            "n": judged.n,
            "groups": judged.groups,
            "group": self.group,
            "left_out": self.left_out,
            "unanswered": judged.unanswered,
            "majority_rate": None if majority is None else _rounded(majority[1]),
            "majority_label": None if majority is None else majority[0],
            "near_majority": judged.near_majority,
            "notes": list(self.notes),
            "by_class": _by_class(judged),
            "confusion": _confusion(judged),
            "risk_coverage": {"coverage": _rounded(judged.coverage), "risk": _rounded(judged.risk)},
            "reliability": [
                {"confidence": _rounded(sure), "right": _rounded(right), "n": n}
                for sure, right, n in judged.reliability
            ],
            "by_group": _rounded(judged.by_group),
            "heads": {
                name: {"labels": list(head.labels), "by_class": _by_class(head)}
                for name, head in self.heads.items()
            },
            "corruptions": {
                name: {
                    "metrics": _values(each.metrics),
                    "n": each.n,
                    "unanswered": each.unanswered,
                    "near_majority": each.near_majority,
                }
                for name, each in self.corruptions.items()
            },
        }


def _values(values: Mapping[str, Value]) -> dict[str, object]:
    return {name: _rounded(asdict(value)) for name, value in values.items()}


def _by_class(judged: Judgement) -> dict[str, object]:
    return {
        label: {
            "n": judged.counts[label],
            "recall": _rounded(asdict(judged.recall[label])),
            "f1": _rounded(asdict(judged.f1[label])),
        }
        for label in judged.recall
        if judged.counts[label]
    }


def _confusion(judged: Judgement) -> dict[str, object] | None:
    """Rows are true labels, columns what they were taken for."""
    if judged.confusion is None:
        return None
    return {"labels": list(judged.labels), "counts": judged.confusion.tolist()}


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, Mapping):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    return value
