"""What is known of a method beside its code, as data: `insula methods` prints it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Stage: TypeAlias = Literal["early", "mid", "late", "hybrid", "training", "temporal", "unimodal"]
"""Where modalities meet: before the encoder that decides, between encoders and a joint net, after
each has its own answer, or in two of these places; else what the method is about."""


@dataclass(frozen=True)
class Published:
    """A number that the authors report. protocol: split and measure, in words."""

    corpus: str
    protocol: str
    metric: str
    value: float


@dataclass(frozen=True)
class Method:
    """One entry of the survey.

    name: registry name. id: of `methods.md`, such as "F9". mechanism: in the words of its part B.
    modalities: that it was made for, or ("any",). tasks: "classes", "labels", "axes", "dialogue".
    source: the paper. code: address of the class, "package.module:Class".
    """

    name: str
    id: str
    title: str
    stage: Stage
    mechanism: str
    modalities: tuple[str, ...]
    tasks: tuple[str, ...]
    source: str
    code: str
    published: tuple[Published, ...] = ()
