"""What someone says: a transcript, and the emotion of each of its sentences.

The transcript comes, in this order, from the one given, from subtitles beside or inside the file,
from faster-whisper where its weights are on this machine, from pocketsphinx (English). Each
sentence goes through the text model; its scores are painted onto a grid over its time.
Shapes: `S` sentences, `C` labels, `T` grid cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from insula.channels.words.language import ENOUGH_LETTERS, language_of, letters
from insula.channels.words.ngrams import encode
from insula.channels.words.recognition import choose_engine, transcribe
from insula.core.records import Estimate, Observation, Recording
from insula.core.roles import Channel
from insula.core.space import VA, get_space
from insula.core.time import Mark
from insula.core.track import Array, paint
from insula.errors import MediaError
from insula.media.speech import speech
from insula.media.text import Untimed
from insula.zoo.session import Model

# A sentence of this many words can say all it has to say; a shorter one is weaker evidence.
FULL_SENTENCE = 4
# Languages the text model was trained on.
LANGUAGES = ("en", "ru")
BATCH = 32  # sentences a call; keeps memory flat on long recordings


class Words(Channel):
    """Transcript and the emotion of its sentences.

    model: the text model, a weight name or a folder. engine: "auto", "pocketsphinx" or a whisper
    card's name. language: ISO 639-1 code of the speech, "" to find out where that is possible.
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
        engine: str = "auto",
        language: str = "",
        hop: float = 0.5,
    ) -> None:
        self.model = model
        self.engine = engine
        self.language = language
        self.hop = hop

    @property
    def weights(self) -> tuple[str, ...]:
        """The text model, and the speech model where it has weights of its own.

        What "auto" stands for depends on this machine, so provenance must name it.
        """
        engine, _ = choose_engine(self.engine, self.language)
        return (self.model, *([engine] if engine.startswith("whisper") else []))

    def lacks(self, recording: Recording) -> str | None:
        """Text will do, and so will audio."""
        if {"text", "audio"} & set(recording.streams):
            return None
        return "the recording has neither text nor audio"

    def open(self) -> None:
        """Load the text model."""
        Model.shared(self.model)

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
        estimate = self._estimate(recording, known) if known else None
        return [
            Observation(
                self.name, "voice", recording.span, {}, tuple(sentences), estimate, tuple(notes)
            )
        ]

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

    def _score(self, texts: Sequence[str]) -> tuple[Array, Array]:
        """Probabilities (S, C) and valence and arousal (S, 2).

        In batches of texts of like length, so that one long text pads but a few others.
        """
        scores = np.zeros((len(texts), len(get_space(self.space or ""))), np.float32)
        axes = np.zeros((len(texts), len(VA)), np.float32)
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        for first in range(0, len(texts), BATCH):
            rows = order[first : first + BATCH]
            ids, weights = encode([texts[row] for row in rows])
            out = Model.shared(self.model).run(ids=ids, weights=weights)
            scores[rows], axes[rows] = out["probabilities"], out["vad"][:, : len(VA)]
        return scores, axes

    def _estimate(self, recording: Recording, sentences: Sequence[Mark]) -> Estimate:
        """Scores of the sentences over time; confidence from recognition and length."""
        probabilities, valence_arousal = self._score([mark.text for mark in sentences])
        space = get_space(self.space or "")
        spans = [mark.span for mark in sentences]
        scores = paint(recording.span, spans, probabilities, space.labels, hop=self.hop)
        axes = paint(recording.span, spans, valence_arousal, VA.labels, hop=self.hop)
        counts = np.array([len(mark.text.split()) for mark in sentences])
        trust = np.minimum(1, counts / FULL_SENTENCE) * [mark.score for mark in sentences]
        quality = paint(recording.span, spans, trust[:, None], ("quality",), hop=self.hop)
        affect = Estimate(
            VA, axes, quality.column("quality"), self.name, basis="a learned head (EmoBank)"
        )
        return Estimate(
            space,
            scores,
            quality.column("quality"),
            self.name,
            affect=affect,
            basis=self.model,
        )
