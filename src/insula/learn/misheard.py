"""Text as a recogniser would get it wrong: for training and judging on recognised speech.

    text -> words without case and punctuation -> some replaced by words that sound alike,
    some short ones dropped or put in

English errors stay inside the vocabulary of the bundled recogniser, as its own errors do: a word
becomes another whose phones are nearly the same, the likelier the more alike they sound and the
more frequent it is. Pronunciations and frequencies are those that ship with pocketsphinx. Russian
has no such dictionary here; its spelling is close to its sound, so a word is respelt as it sounds.

Source: the confusion by phone distance of Stuttle et al., "A framework for dialogue data collection
with a simulated ASR channel", Interspeech 2004; the shares of the three kinds of error are round
numbers of the usual size.
"""

from __future__ import annotations

import functools
import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pocketsphinx

from insula.errors import ConfigError

Phones: TypeAlias = str
"""A pronunciation, a letter a phone: so that a hundred thousand of them are light to hold."""

LANGUAGES = ("en", "ru")

DROPPED = 0.2  # share of the errors that drop a word; only short words are dropped
INSERTED = 0.1  # share of the errors that put a short word in; the rest replace a word
SHORT = 3  # letters
SHORT_WORDS = {  # what is put in
    "en": ("a", "the", "and", "of", "to", "in", "i", "it", "is", "uh"),
    "ru": ("и", "в", "а", "не", "на", "я", "с", "то", "ну", "у"),
}

SAME_KIND = 0.5  # cost of a phone replaced by one of its own family; of any other error 1
STRICTNESS = 2.0  # how fast the chance of a confusion falls with its cost
FAME = 0.5  # power of a word's frequency in its chance to be heard
ALPHABET_REACH = 3  # neighbours in the alphabet of a word that nothing sounds like
_BASE = 1.0001  # of pocketsphinx's logarithms
_UNHEARD = -(1 << 28)  # its logarithm for words that its language model does not have, and below

_FAMILIES = (
    "P B", "T D", "K G", "F V TH DH", "S Z SH ZH CH JH", "M N NG", "L R W Y", "HH",
    "IY IH EY EH AE", "AA AO AH ER AW AY", "OW UW UH OY",
)  # fmt: skip
_LETTER = {phone: chr(ord("A") + n) for n, phone in enumerate(" ".join(_FAMILIES).split())}
_FAMILY = {_LETTER[phone]: n for n, row in enumerate(_FAMILIES) for phone in row.split()}
_MODEL = Path(pocketsphinx.get_model_path("en-us"))

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")

# How Russian sounds against how it is spelt: endings first, then reduced vowels, then consonants
# that lose or take voice.
_RESPELT = (
    (r"ться$|тся$", "ца"), (r"(?<=[ое])го$", "во"), (r"ч(?=то)", "ш"), (r"^его$", "иво"),
    (r"о", "а"), (r"е", "и"), (r"я", "е"), (r"а", "о"), (r"и", "е"),
    (r"б\b", "п"), (r"в\b", "ф"), (r"г\b", "к"), (r"д\b", "т"), (r"ж\b", "ш"), (r"з\b", "с"),
    (r"т", "д"), (r"с", "з"), (r"п", "б"), (r"ы", "и"), (r"ь", ""),
)  # fmt: skip


def mishear(text: str, *, error_rate: float, rng: np.random.Generator, language: str = "en") -> str:
    """`text` in lower case, without punctuation, with this share of its words in error.

    error_rate: expected edits a word, so the word error rate against the text without case and
    punctuation. 0 only drops case and punctuation. A text without words stays as it is.
    """
    if language not in LANGUAGES:
        raise ConfigError(
            f"Nothing here knows how {language!r} is misheard. "
            f"Choose one of the languages {', '.join(LANGUAGES)}."
        )
    if not 0 <= error_rate <= 1:
        raise ConfigError(f"An error rate lies between 0 and 1, not at {error_rate}.")
    words = spoken_words(text)
    if not words:
        return text
    heard: list[str] = []
    draws = rng.random((len(words), 2))
    for word, (happens, kind) in zip(words, draws, strict=True):
        if happens >= error_rate:
            heard.append(word)
        elif kind < INSERTED:
            heard += [word, str(rng.choice(SHORT_WORDS[language]))]
        elif kind < INSERTED + DROPPED and len(word) <= SHORT and len(words) > 1:
            continue
        else:
            heard.append(_confused(word, rng) if language == "en" else _respelt(word, rng))
    return " ".join(heard or words[:1])


def spoken_words(text: str) -> list[str]:
    """The words of a text as a transcript without case and punctuation has them.

    >>> spoken_words("Don’t go, [NAME]!")
    ["don't", 'go', 'name']
    """
    return [word.lower().replace("’", "'") for word in _WORD.findall(text)]


def _confused(word: str, rng: np.random.Generator) -> str:
    """Another word that sounds like `word`."""
    others, chances = _sound_alikes(word)
    return others[int(np.searchsorted(chances, rng.random(), side="right"))]


@functools.lru_cache(maxsize=20_000)
def _sound_alikes(word: str) -> tuple[tuple[str, ...], np.ndarray]:
    """Words that `word` can be taken for, and their chances, summed up."""
    pronounced, frequency, index, alphabet = _dictionary()
    cost: dict[str, float] = {}
    for phones in pronounced.get(word, ()):
        for key in _keys(phones):
            for other, sound in index.get(key, ()):
                if other != word:
                    distance = _distance(phones, sound)
                    cost[other] = min(distance, cost.get(other, distance))
    if not cost:  # unknown to the recogniser, or like nothing else: one that begins alike
        place = bisect_left(alphabet, word)
        near = alphabet[max(0, place - ALPHABET_REACH) : place + ALPHABET_REACH]
        cost = {other: 0.0 for other in near if other != word}
    chances = np.array([np.exp(-STRICTNESS * c) * frequency[o] ** FAME for o, c in cost.items()])
    sums = np.cumsum(chances / chances.sum())
    sums[-1] = 1.0
    return tuple(cost), sums


@functools.cache
def _dictionary() -> tuple[
    dict[str, list[Phones]],
    dict[str, float],
    dict[Phones, list[tuple[str, Phones]]],
    list[str],
]:
    """Pronunciations of each word, frequencies, words by their keys, and all in order."""
    language_model = pocketsphinx.NGramModel.readfile(str(_MODEL / "en-us.lm.bin"))
    pronounced: dict[str, list[Phones]] = defaultdict(list)
    frequency: dict[str, float] = {}
    index: dict[Phones, list[tuple[str, Phones]]] = defaultdict(list)
    for line in (_MODEL / "cmudict-en-us.dict").read_text(encoding="utf-8").splitlines():
        entry, *phones = line.split()
        word = entry.partition("(")[0]  # "read(2)" is the second pronunciation of "read"
        if word not in frequency:
            logarithm = language_model.prob([word])
            frequency[word] = _BASE**logarithm if logarithm > _UNHEARD else 0.0
        sound = "".join(_LETTER[phone] for phone in phones)
        pronounced[word].append(sound)
        if frequency[word]:
            for key in _keys(sound):
                index[key].append((word, sound))
    heard = sorted(word for word, chance in frequency.items() if chance)
    return dict(pronounced), frequency, dict(index), heard


def _keys(phones: Phones) -> list[Phones]:
    """The phones, and the phones less any one: words that share a key sound alike."""
    shorter = (phones[:at] + phones[at + 1 :] for at in range(len(phones)))
    return [key for key in dict.fromkeys([phones, *shorter]) if key]


def _distance(one: Sequence[str], other: Sequence[str]) -> float:
    """Least cost of turning one sequence into the other; kin phones replace each other cheaply."""
    row = [float(column) for column in range(len(other) + 1)]
    for line, mine in enumerate(one, start=1):
        diagonal, row[0] = row[0], float(line)
        for column, theirs in enumerate(other, start=1):
            kin = _FAMILY.get(mine) == _FAMILY.get(theirs)
            swap = 0.0 if mine == theirs else SAME_KIND if kin else 1.0
            best = min(diagonal + swap, row[column] + 1, row[column - 1] + 1)
            diagonal, row[column] = row[column], best
    return row[-1]


def _respelt(word: str, rng: np.random.Generator) -> str:
    """A Russian word as it might be written by ear; without a vowel to mistake, cut short."""
    fitting = [each for each in _RESPELT if re.search(each[0], word)]
    if not fitting:
        return word[:-1] or SHORT_WORDS["ru"][0]
    pattern, sound = fitting[int(rng.integers(len(fitting)))]
    return re.sub(pattern, sound, word, count=1) or SHORT_WORDS["ru"][0]
