"""Which language a text is in: py3langid, whose model ships in its wheel."""

from __future__ import annotations

import functools
import re

from py3langid.langid import MODEL_FILE, LanguageIdentifier

# Below this many letters statistics guess wildly: the script decides, unless another language is
# `CLEARLY` times as likely. Of 1,500 subtitles as short as this in each language (XED; Russian:
# 1,055) that loses 0.5 % of the English and 0.2 % of the Russian ones, and 15 % of the German, 15 %
# of the French and 14 % of the Spanish ones still pass for English.
ENOUGH_LETTERS = 20
CLEARLY = 8.5
_CYRILLIC = re.compile(r"[\u0400-\u04ff]")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")


def language_of(text: str) -> str:
    """ISO 639-1 code of the language `text` is most likely in; "" where there are no letters.

    A few words in Latin script count as English and in Cyrillic as Russian, unless they clearly
    look like another language.
    """
    count = letters(text)
    if not count:
        return ""
    ranking = _identifier().rank(text)
    likeliest, chance = ranking[0]
    expected = _expected(text, count) if count < ENOUGH_LETTERS else ""
    if expected and chance < CLEARLY * dict(ranking)[expected]:
        return expected
    return str(likeliest)


def letters(text: str) -> int:
    """How many letters `text` has."""
    return sum(character.isalpha() for character in text)


def _expected(text: str, count: int) -> str:
    """The language to expect of a short text of `count` letters, by its script."""
    for script, language in ((_CYRILLIC, "ru"), (_LATIN, "en")):
        if len(script.findall(text)) > count / 2:
            return language
    return ""


@functools.cache
def _identifier() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
