"""Spaces: what emotions *are* in an answer: a set of labels, or axes. And the bridges between.

A label order is never implied: every array of scores comes with the space that names its columns.
Going from one space to another takes a bridge with a source; where none is published there is an
error that lists the bridges that exist.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np

from insula.core.track import Array, Track
from insula.errors import UnknownName
from insula.registry import spaces

Kind = Literal["exclusive", "independent", "axes"]
Language = Literal["en", "ru", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "ru", "zh")


@dataclass(frozen=True)
class Space:
    """A named, ordered set of labels or axes.

    kind: "exclusive" (probabilities that sum to 1), "independent" (each in [0, 1] for itself) or
    "axes" (values between `low` and `high`). source: the publication it comes from.
    """

    name: str
    labels: tuple[str, ...]
    kind: Kind
    source: str
    low: float = 0.0
    high: float = 1.0

    def __len__(self) -> int:
        return len(self.labels)

    def index(self, label: str) -> int:
        """Column of `label`."""
        if label not in self.labels:
            raise UnknownName(f"label of the space {self.name}", label, self.labels)
        return self.labels.index(label)

    def titles(self, language: Language = "en") -> tuple[str, ...]:
        """The labels as people of that language read them."""
        return tuple(title(label, language) for label in self.labels)

    def prior(self) -> Array:
        """The answer of one who saw nothing: uniform, or the middle of the axes. (C,)"""
        value = {
            "exclusive": 1 / len(self),
            "independent": 0.0,
            "axes": (self.low + self.high) / 2,
        }[self.kind]
        prior: Array = np.full(len(self), value, np.float32)
        return prior


@dataclass(frozen=True, eq=False)
class Bridge:
    """A published way from one space to another, as a linear map.

    matrix: (S, T), row s says where label s goes. kept: (S,) bool; labels without a counterpart
    are left out and the others share their probability. source: who says so.
    """

    origin: Space
    target: Space
    matrix: Array
    kept: Array
    source: str

    def apply(self, values: Array) -> Array:
        """Scores of the origin, (..., S), to scores of the target, (..., T).

        Where nothing but left-out labels has probability, the target's prior is returned.
        """
        values = np.asarray(values, np.float64)
        if self.origin.kind == "axes":  # values, not shares: nothing is divided among the rest
            moved: Array = (values @ self.matrix).astype(np.float32)
            return moved
        mass = values @ self.kept.astype(np.float64)
        empty = mass < 1e-9
        mapped = (values @ self.matrix) / np.where(empty, 1.0, mass)[..., None]
        mapped = np.where(empty[..., None], self.target.prior(), mapped)
        return np.clip(mapped, self.target.low, self.target.high).astype(np.float32)

    def mass(self, values: Array) -> Array:
        """Share of the probability that lies on labels with a counterpart; (...,) in [0, 1].

        What is left out was seen all the same: an opinion that lost half of itself on the bridge
        deserves half the trust.
        """
        values = np.asarray(values, np.float64)
        if self.origin.kind == "axes":
            return np.ones(values.shape[:-1])
        total = values.sum(axis=-1)
        mass: Array = (values @ self.kept.astype(np.float64)) / np.where(total > 0, total, 1)
        return mass

    def track(self, track: Track) -> Track:
        """A track of the origin's labels as a track of the target's."""
        values = self.apply(track.values) if len(track) else np.zeros((0, len(self.target)))
        return Track(track.times, values, self.target.labels, track.mask, track.width)

    def then(self, other: Bridge) -> Bridge:
        """This bridge, then `other`: both sources are named."""
        kept = self.kept & ((self.matrix @ other.kept.astype(float)) > 0)
        source = f"{self.source}; then {other.source}"
        return Bridge(self.origin, other.target, self.matrix @ other.matrix, kept, source)


EKMAN6 = Space(
    "ekman6",
    ("anger", "disgust", "fear", "happiness", "sadness", "surprise"),
    "exclusive",
    "Ekman (1992), An argument for basic emotions, Cognition and Emotion 6",
)
EKMAN7 = Space("ekman7", (*EKMAN6.labels, "neutral"), "exclusive", f"{EKMAN6.source}; + neutral")
EKMAN8 = Space(
    "ekman8",
    (*EKMAN7.labels, "contempt"),
    "exclusive",
    "Barsoum et al. (2016), FER+, ICMI: the classes of EKMAN7 and contempt",
)
RAVDESS8 = Space(
    "ravdess8",
    ("neutral", "calm", "happiness", "sadness", "anger", "fear", "disgust", "surprise"),
    "exclusive",
    "Livingstone and Russo (2018), RAVDESS, PLOS ONE 13",
)
GOEMOTIONS = Space(
    "goemotions",
    (
        *("admiration", "amusement", "anger", "annoyance", "approval", "caring", "confusion"),
        *("curiosity", "desire", "disappointment", "disapproval", "disgust", "embarrassment"),
        *("excitement", "fear", "gratitude", "grief", "joy", "love", "nervousness", "optimism"),
        *("pride", "realization", "relief", "remorse", "sadness", "surprise", "neutral"),
    ),
    "independent",
    "Demszky et al. (2020), GoEmotions, ACL",
)
PLUTCHIK8 = Space(
    "plutchik8",
    ("anger", "anticipation", "disgust", "fear", "joy", "sadness", "surprise", "trust"),
    "independent",
    "Plutchik (1980), A general psychoevolutionary theory of emotion; order of XED",
)
VA = Space(
    "va",
    ("valence", "arousal"),
    "axes",
    "Russell (1980), A circumplex model of affect, JPSP 39",
    low=-1.0,
)
VAD = Space(
    "vad",
    ("valence", "arousal", "dominance"),
    "axes",
    "Russell and Mehrabian (1977), Evidence for a three-factor theory of emotions, JRP 11",
    low=-1.0,
)


def get_space(name: str | Space) -> Space:
    """The space called `name`.

    >>> get_space("ekman6").titles("ru")[:2]
    ('гнев', 'отвращение')
    """
    return name if isinstance(name, Space) else cast(Space, spaces.get(name))


def bridge(origin: str | Space, target: str | Space) -> Bridge:
    """The published way from one space to another.

    >>> bridge("ekman8", "ekman7").apply(np.eye(8)[7]).round(2)  # contempt has no counterpart
    array([0.14, 0.14, 0.14, 0.14, 0.14, 0.14, 0.14], dtype=float32)
    """
    origin, target = get_space(origin), get_space(target)
    if origin == target:
        size = len(origin)
        return Bridge(origin, target, np.eye(size), np.ones(size, bool), "the same space")
    found = BRIDGES.get((origin.name, target.name))
    if found is None:
        known = [f"{start} -> {end}" for start, end in BRIDGES]
        raise UnknownName("bridge", f"{origin.name} -> {target.name}", known)
    return found


def reaches(origin: str | Space, target: str | Space) -> bool:
    """Whether `bridge` knows a way.

    >>> reaches("ekman7", "va"), reaches("va", "ekman7")
    (True, False)
    """
    origin, target = get_space(origin), get_space(target)
    return origin == target or (origin.name, target.name) in BRIDGES


def _grouping(
    origin: Space, target: Space, groups: Mapping[str, Sequence[str]], source: str
) -> Bridge:
    """A bridge that sends whole labels to labels; `groups` maps target to origin labels."""
    matrix: Array = np.zeros((len(origin), len(target)))
    for end, starts in groups.items():
        for start in starts:
            matrix[origin.index(start), target.index(end)] = 1.0
    return Bridge(origin, target, matrix, matrix.sum(axis=1) > 0, source)


def _same_names(origin: Space, target: Space, source: str) -> Bridge:
    shared = [label for label in target.labels if label in origin.labels]
    return _grouping(origin, target, {label: [label] for label in shared}, source)


# Mean ratings of emotion words on pleasure, arousal and dominance, Russell and Mehrabian (1977),
# the anchors in common use; neutral is the origin of the axes by definition.
PLEASURE_AROUSAL_DOMINANCE = {
    "anger": (-0.51, 0.59, 0.25),
    "disgust": (-0.60, 0.35, 0.11),
    "fear": (-0.64, 0.60, -0.43),
    "happiness": (0.76, 0.48, 0.35),
    "sadness": (-0.63, -0.27, -0.33),
    "surprise": (0.40, 0.67, -0.13),
    "neutral": (0.0, 0.0, 0.0),
}

# Demszky et al. (2020), the mapping file published with GoEmotions.
_EKMAN_OF_GOEMOTIONS = {
    "anger": ("anger", "annoyance", "disapproval"),
    "disgust": ("disgust",),
    "fear": ("fear", "nervousness"),
    "happiness": (
        *("joy", "amusement", "approval", "excitement", "gratitude", "love", "optimism"),
        *("relief", "pride", "admiration", "desire", "caring"),
    ),
    "sadness": ("sadness", "disappointment", "embarrassment", "grief", "remorse"),
    "surprise": ("surprise", "realization", "confusion", "curiosity"),
    "neutral": ("neutral",),
}


def _bridges() -> dict[tuple[str, str], Bridge]:
    anchors = np.array([PLEASURE_AROUSAL_DOMINANCE[label] for label in EKMAN7.labels])
    everything = np.ones(len(EKMAN7), bool)
    to_vad = Bridge(EKMAN7, VAD, anchors, everything, VAD.source)
    to_va = Bridge(EKMAN7, VA, anchors[:, :2], everything, VAD.source)
    without_contempt = _same_names(
        EKMAN8, EKMAN7, "contempt left out, as the seven-class protocol of AffectNet does"
    )
    names = {label: [label] for label in EKMAN7.labels}
    without_calm = _grouping(
        RAVDESS8,
        EKMAN7,
        names | {"neutral": ["neutral", "calm"]},
        f"{RAVDESS8.source}: calm was recorded as a second neutral baseline",
    )
    of_goemotions = _grouping(
        GOEMOTIONS, EKMAN7, _EKMAN_OF_GOEMOTIONS, f"{GOEMOTIONS.source}, its Ekman mapping"
    )
    shared = {label: [label] for label in EKMAN6.labels if label in PLUTCHIK8.labels}
    of_plutchik = _grouping(
        PLUTCHIK8,
        EKMAN7,
        shared | {"happiness": ["joy"]},
        f"{PLUTCHIK8.source}: the six shared emotions; anticipation and trust left out",
    )
    without_neutral = _same_names(EKMAN7, EKMAN6, "neutral left out")
    with_contempt = _same_names(EKMAN7, EKMAN8, "the same labels; contempt unseen")
    with_neutral = _same_names(EKMAN6, EKMAN7, "the same labels; neutral unseen")
    affect = _same_names(VAD, VA, "dominance left out")
    made = [to_vad, to_va, without_contempt, without_calm, of_goemotions, of_plutchik]
    made += [without_neutral, with_contempt, with_neutral, affect]
    for first in (without_contempt, without_calm, of_goemotions, of_plutchik, with_neutral):
        made += [first.then(to_va), first.then(to_vad)]
    return {(each.origin.name, each.target.name): each for each in made}


# English, Russian and Chinese names of every label; a label not listed shows as it is.
_TITLES: dict[str, tuple[str, str, str]] = {
    "anger": ("anger", "гнев", "愤怒"),
    "disgust": ("disgust", "отвращение", "厌恶"),
    "fear": ("fear", "страх", "恐惧"),
    "happiness": ("happiness", "радость", "快乐"),
    "sadness": ("sadness", "грусть", "悲伤"),
    "surprise": ("surprise", "удивление", "惊讶"),
    "neutral": ("neutral", "нейтрально", "中性"),
    "contempt": ("contempt", "презрение", "蔑视"),
    "calm": ("calm", "спокойствие", "平静"),
    "admiration": ("admiration", "восхищение", "钦佩"),
    "amusement": ("amusement", "веселье", "逗乐"),
    "annoyance": ("annoyance", "раздражение", "恼怒"),
    "approval": ("approval", "одобрение", "赞同"),
    "caring": ("caring", "забота", "关心"),
    "confusion": ("confusion", "растерянность", "困惑"),
    "curiosity": ("curiosity", "любопытство", "好奇"),
    "desire": ("desire", "желание", "渴望"),
    "disappointment": ("disappointment", "разочарование", "失望"),
    "disapproval": ("disapproval", "неодобрение", "不赞成"),
    "embarrassment": ("embarrassment", "смущение", "尴尬"),
    "excitement": ("excitement", "воодушевление", "兴奋"),
    "gratitude": ("gratitude", "благодарность", "感激"),
    "grief": ("grief", "горе", "悲痛"),
    "joy": ("joy", "радость", "喜悦"),
    "love": ("love", "любовь", "爱"),
    "nervousness": ("nervousness", "волнение", "紧张"),
    "optimism": ("optimism", "оптимизм", "乐观"),
    "pride": ("pride", "гордость", "自豪"),
    "realization": ("realization", "осознание", "领悟"),
    "relief": ("relief", "облегчение", "如释重负"),
    "remorse": ("remorse", "раскаяние", "懊悔"),
    "anticipation": ("anticipation", "предвкушение", "期待"),
    "trust": ("trust", "доверие", "信任"),
    "dog bark": ("dog bark", "лай собаки", "狗叫"),
    "rain": ("rain", "дождь", "雨声"),
    "sea waves": ("sea waves", "шум моря", "海浪"),
    "baby cry": ("baby cry", "плач младенца", "婴儿哭"),
    "clock tick": ("clock tick", "тиканье часов", "钟表滴答"),
    "person sneeze": ("person sneeze", "чихание", "打喷嚏"),
    "helicopter": ("helicopter", "вертолёт", "直升机"),
    "chainsaw": ("chainsaw", "бензопила", "电锯"),
    "rooster": ("rooster", "крик петуха", "公鸡叫"),
    "fire crackling": ("fire crackling", "треск огня", "火焰噼啪"),
    "speech": ("speech", "речь", "说话声"),
    "silence": ("silence", "тишина", "静音"),
    "valence": ("valence", "валентность", "效价"),
    "arousal": ("arousal", "возбуждение", "唤醒度"),
    "dominance": ("dominance", "доминантность", "支配度"),
    "sentiment": ("sentiment", "тональность", "情感倾向"),
    "frustration": ("frustration", "разочарованность", "沮丧"),
    "other": ("other", "другое", "其他"),
    "anxiety": ("anxiety", "тревога", "焦虑"),
    "shame": ("shame", "стыд", "羞耻"),
    "guilt": ("guilt", "вина", "内疚"),
    "hope": ("hope", "надежда", "希望"),
    "loneliness": ("loneliness", "одиночество", "孤独"),
    "jealousy": ("jealousy", "ревность", "嫉妒"),
    "nostalgia": ("nostalgia", "ностальгия", "怀旧"),
    "determination": ("determination", "решимость", "决心"),
    "empathic pain": ("empathic pain", "сострадание", "共情之痛"),
    "stress": ("stress", "стресс", "压力"),
    "apprehension": ("apprehension", "опасение", "忧虑"),
    "confidence": ("confidence", "уверенность", "自信"),
    "contentment": ("contentment", "удовлетворённость", "满足"),
    "devastation": ("devastation", "опустошённость", "崩溃"),
    "faithfulness": ("faithfulness", "верность", "忠诚"),
    "fury": ("fury", "ярость", "暴怒"),
    "preparedness": ("preparedness", "готовность", "准备就绪"),
    "sentimentality": ("sentimentality", "сентиментальность", "多愁善感"),
    "terror": ("terror", "ужас", "恐怖"),
    # Names of the Facial Action Coding System (Ekman and Friesen, 1978).
    "AU1": ("inner brow raiser", "подъём внутренней части брови", "内眉上扬"),
    "AU2": ("outer brow raiser", "подъём внешней части брови", "外眉上扬"),
    "AU4": ("brow lowerer", "опускание бровей", "皱眉"),
    "AU6": ("cheek raiser", "подъём щёк", "脸颊上提"),
    "AU7": ("lid tightener", "напряжение век", "眼睑收紧"),
    "AU10": ("upper lip raiser", "подъём верхней губы", "上唇上提"),
    "AU12": ("lip corner puller", "подъём уголков рта", "嘴角上扬"),
    "AU15": ("lip corner depressor", "опускание уголков рта", "嘴角下拉"),
    "AU23": ("lip tightener", "напряжение губ", "嘴唇收紧"),
    "AU24": ("lip pressor", "сжатие губ", "嘴唇紧压"),
    "AU25": ("lips part", "раскрытие губ", "双唇分开"),
    "AU26": ("jaw drop", "опускание челюсти", "下颌下落"),
}


def title(label: str, language: Language = "en") -> str:
    """A label as people of that language read it."""
    return _TITLES.get(label, (label,) * 3)[LANGUAGES.index(language)]


BRIDGES = _bridges()
