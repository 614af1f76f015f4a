"""Speech to text: faster-whisper where its weights were pulled, else pocketsphinx (English).

Both give `Mark(kind="sentence")` with times, a confidence in [0, 1] and a language. Only spans
in which someone speaks are listened to, so that no text is invented on silence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from insula.core.records import Recording
from insula.core.time import Mark, Span
from insula.registry import load_object
from insula.zoo.card import find_card
from insula.zoo.store import place

# Best first: what `engine="auto"` takes of those that are on this machine.
WHISPER_SIZES = ("whisper-small", "whisper-base", "whisper-tiny")
SPHINX_LANGUAGES = ("en",)


def choose_engine(wanted: str, language: str) -> tuple[str, str]:
    """The engine to use and "", or "" and the reason why there is none."""
    if wanted.startswith("whisper"):
        return wanted, ""
    if wanted == "auto":
        for name in WHISPER_SIZES:
            if _is_here(name):
                return name, ""
    if language in ("", *SPHINX_LANGUAGES):
        return "pocketsphinx", ""
    return "", (
        f"no speech-to-text engine here knows the language {language!r}; pocketsphinx knows "
        f"{', '.join(SPHINX_LANGUAGES)}. For others run: insula models pull whisper-small"
    )


def transcribe(
    recording: Recording, spans: Sequence[Span], *, engine: str, language: str
) -> Iterator[Mark]:
    """Sentences spoken in `spans`. Each engine is imported only when it is used."""
    if engine == "pocketsphinx":
        listen = load_object("insula.channels.words.sphinx:listen", needed_by="pocketsphinx")
        yield from listen(recording, spans)  # type: ignore[operator]
    else:
        listen = load_object("insula.channels.words.whisper:listen", needed_by=engine)
        yield from listen(recording, spans, engine, language)  # type: ignore[operator]


def _is_here(name: str) -> bool:
    card = find_card(name)
    return all((place(card) / file.name).is_file() for file in card.files)
