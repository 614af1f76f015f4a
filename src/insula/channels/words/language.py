"""Which language a text is in: py3langid, whose model ships in its wheel."""

from __future__ import annotations

import re

import py3langid

# Below this many letters statistics guess wildly; the script alone decides then.
ENOUGH_LETTERS = 20
_CYRILLIC = re.compile(r"[\u0400-\u04ff]")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")


def language_of(text: str) -> str:
    """ISO 639-1 code of the language `text` is most likely in; "" where there are no letters.

    A few words in Latin script count as English and in Cyrillic as Russian.
    """
    letters = sum(character.isalpha() for character in text)
    if not letters:
        return ""
    if letters < ENOUGH_LETTERS:
        if len(_CYRILLIC.findall(text)) > letters / 2:
            return "ru"
        if len(_LATIN.findall(text)) > letters / 2:
            return "en"
    return str(py3langid.classify(text)[0])
