"""What someone says: a transcript, and the emotion of each of its sentences.

The transcript comes, in this order, from the one given, from subtitles beside or inside the file,
from faster-whisper where its weights are on this machine, from pocketsphinx (English). Each
sentence goes through the text model; its scores are painted onto a grid over its time.
Shapes: `S` sentences, `C` labels, `T` grid cells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from insula.channels.words.language import ENOUGH_LETTERS, language_of, letters
from insula.channels.words.reading import read
from insula.channels.words.recognition import choose_engine, transcribe
from insula.channels.words.zero_shot import LANGUAGE, asked_space, compare
from insula.core.records import Estimate, Observation, Recording
from insula.core.roles import Channel
from insula.core.space import VA, get_space
from insula.core.time import Mark
from insula.core.track import Array, Track, paint
from insula.errors import MediaError
from insula.media.speech import speech
from insula.media.text import Untimed
from insula.zoo.session import Model

# A sentence of this many words can say all it has to say; a shorter one is weaker evidence.
FULL_SENTENCE = 4
# Languages that a text model was trained on.
LANGUAGES = ("en", "ru")


class Words(Channel):
    """Transcript and the emotion of its sentences.

    model, russian: the text models of English and Russian, a weight name or a folder each.
    engine: "auto", "pocketsphinx" or a whisper card's name. language: ISO 639-1 code of the speech,
    "" to find out where that is possible. emotions: names to compare English sentences with, for a
    second opinion over exactly these; () for none.
    """

    name = "words"
    needs = frozenset({"audio"})  # or text; see `lacks`
    gives = frozenset({"sentence"})
    seeks = "words"
    space = "ekman7"
    window = 5.0

    def __init__(
        self,
        model: str = "words-goemotions",
        russian: str = "words-ru",
        engine: str = "auto",
        language: str = "",
        emotions: Sequence[str] = (),
        hop: float = 0.5,
    ) -> None:
        self.model = model
        self.russian = russian
        self.engine = engine
        self.language = language
        self.emotions = emotions
        self.hop = hop

    @property
    def weights(self) -> tuple[str, ...]:
        """The text models, and the speech model where it has weights of its own.

        What "auto" stands for depends on this machine, so provenance must name it.
        """
        engine, _ = choose_engine(self.engine, self.language)
        heard = [engine] if engine.startswith("whisper") else []
        return tuple(dict.fromkeys([self.model, self.russian, *heard]))

    def lacks(self, recording: Recording) -> str | None:
        """Text will do, and so will audio."""
        if {"text", "audio"} & set(recording.streams):
            return None
        return "the recording has neither text nor audio"

    def open(self) -> None:
        """Load the English text model; the Russian one is loaded when Russian comes."""
        Model.shared(self.model)
        if self.emotions:
            asked_space(self.emotions)

    def observe(self, recording: Recording) -> list[Observation]:
        """One observation for all that is said: whose it is, `people` decides."""
        sentences, notes = self._sentences(recording)
        if not sentences:
            if not notes:
                return []
            person = "voice" if speech(recording) else ""  # nobody spoke: a note on the scene
            return [Observation(self.name, person, recording.span, notes=tuple(notes))]
        known = [mark for mark in sentences if mark.language in LANGUAGES]
        for language in sorted({mark.language for mark in sentences} - set(LANGUAGES)):
            notes.append(
                f"the text model does not know the language {language or 'of some sentences'!r}; "
                f"it knows {', '.join(LANGUAGES)}, so these words count for nothing"
            )
        estimate, asked = self._opinions(recording, known) if known else (None, None)
        if self.emotions and asked is None:
            notes.append("the emotions asked for are compared with English sentences only")
        return [
            Observation(
                self.name,
                "voice",
                recording.span,
                {},
                tuple(sentences),
                estimate,
                tuple(notes),
                asked,
            )
        ]

    def score(self, texts: Sequence[str], language: str = LANGUAGE) -> Mapping[str, Array]:
        """What the text model of a language says of texts, a row each, by the name of the space.

        "ekman7" (S, 7), "goemotions" (S, 28), "vad" (S, 3) in [-1, 1]; also "embedding" where the
        model has one.
        """
        out = read(self.russian if language == "ru" else self.model, texts)
        out[self.space or ""] = out.pop("probabilities")
        return out

    def _sentences(self, recording: Recording) -> tuple[list[Mark], list[str]]:
        """What is said, each sentence with its language, and what to note about it."""
        notes = []
        if "text" in recording.streams:
            try:
                return self._given(recording)
            except MediaError as error:
                if "audio" not in recording.streams:
                    raise
                notes.append(f"{error} Listening instead.")
        spans = speech(recording)
        if not spans:
            return [], notes
        engine, reason = choose_engine(self.engine, self.language)
        if not engine:
            return [], [*notes, reason]
        if engine == "pocketsphinx" and not self.language:
            notes.append(
                "transcribed as English by pocketsphinx, since no language was given; "
                "for other languages pull a whisper model and use --language"
            )
        found = transcribe(recording, spans, engine=engine, language=self.language)
        return sorted(found, key=lambda mark: mark.span), notes

    def _given(self, recording: Recording) -> tuple[list[Mark], list[str]]:
        """The sentences that came with the recording, each with its language, and notes."""
        given = recording.text()
        notes = [
            f"the text has no times; {placed}"
            for placed in sorted({mark.placed for mark in given if isinstance(mark, Untimed)})
        ]
        unnamed = " ".join(mark.text for mark in given if not mark.language)
        language = self.language or language_of(unnamed)
        if not self.language and language in LANGUAGES and letters(unnamed) < ENOUGH_LETTERS:
            notes.append(
                f"a text this short hardly tells its language; it was taken for {language!r} "
                f"(say it with --language)"
            )
        return [replace(mark, language=mark.language or language) for mark in given], notes

    def _opinions(
        self, recording: Recording, sentences: Sequence[Mark]
    ) -> tuple[Estimate, Estimate | None]:
        """The learned estimate over time, and that over the emotions asked for, if any."""
        learned = np.zeros((len(sentences), len(get_space(self.space or ""))), np.float32)
        axes = np.zeros((len(sentences), len(VA)), np.float32)
        asked = None
        for language in LANGUAGES:
            rows = [n for n, mark in enumerate(sentences) if mark.language == language]
            if not rows:
                continue
            out = self.score([sentences[row].text for row in rows], language)
            learned[rows], axes[rows] = out[self.space or ""], out["vad"][:, : len(VA)]
            if self.emotions and language == LANGUAGE:
                mine = [sentences[row] for row in rows]
                asked = self._asked(recording, mine, out["embedding"])
        return self._learned(recording, sentences, learned, axes), asked

    def _learned(
        self, recording: Recording, sentences: Sequence[Mark], shares: Array, axes: Array
    ) -> Estimate:
        """Scores of the sentences over time; confidence from recognition and length."""
        space = get_space(self.space or "")
        scores = _painted(recording, sentences, shares, space.labels, self.hop)
        affect = _painted(recording, sentences, axes, VA.labels, self.hop)
        quality = _quality(recording, sentences, self.hop)
        return Estimate(
            space,
            scores,
            quality,
            self.name,
            affect=Estimate(VA, affect, quality, self.name, basis="a learned head (EmoBank)"),
            basis=self.model,
        )

    def _asked(
        self, recording: Recording, sentences: Sequence[Mark], embeddings: Array
    ) -> Estimate:
        """The same over the emotions asked for, which nothing here was taught."""
        space = asked_space(self.emotions)
        shares = compare(self.model, embeddings, space)
        track = _painted(recording, sentences, shares, space.labels, self.hop)
        quality = _quality(recording, sentences, self.hop)
        return Estimate(space, track, quality, self.name, basis=space.source)


def _quality(recording: Recording, sentences: Sequence[Mark], hop: float) -> Array:
    """How much each moment's sentence is worth as evidence, (T,) in [0, 1]."""
    counts = np.array([len(mark.text.split()) for mark in sentences])
    trust = np.minimum(1, counts / FULL_SENTENCE) * [mark.score for mark in sentences]
    return _painted(recording, sentences, trust[:, None], ("quality",), hop).column("quality")


def _painted(
    recording: Recording,
    sentences: Sequence[Mark],
    values: Array,
    names: tuple[str, ...],
    hop: float,
) -> Track:
    """A row of values a sentence, laid over its time."""
    return paint(recording.span, [mark.span for mark in sentences], values, names, hop=hop)
