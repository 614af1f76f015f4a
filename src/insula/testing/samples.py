"""Analyses made of thin air: for trying outputs, pages and plug-ins without a recording.

    from insula.testing.samples import sample_analysis
    sample_analysis(people=2, seconds=20).save("out")

Everything follows from `rng`, so the same seed gives the same analysis.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import insula
from insula.core.records import Analysis, ChannelReport, Estimate, Observation
from insula.core.space import EKMAN7, EKMAN8, RAVDESS8, VA, Language, Space, bridge
from insula.core.time import Mark, Span
from insula.core.track import Array, Track, paint

HOP = 0.5  # seconds between fused answers
SENTENCE = 3.2  # seconds from one sentence to the next
SPACES = {"face": EKMAN8, "voice": RAVDESS8, "words": EKMAN7}
QUALITY = {"face": 0.8, "voice": 0.55, "words": 0.65}

SENTENCES = {
    "happiness": "I am so glad you came, this is wonderful news!",
    "anger": "No, that is simply not fair, I told you twice.",
    "sadness": "I miss them, the house has been quiet ever since.",
    "surprise": "Wait, you did all of that in one afternoon?",
    "fear": "I am not sure this is safe, please hold on to me.",
    "disgust": "Ugh, take it away, I cannot even look at it.",
    "neutral": "The train leaves at nine from the other platform.",
}


def sample_analysis(
    people: int = 2,
    seconds: float = 20.0,
    rng: np.random.Generator | None = None,
    *,
    channels: Sequence[str] = ("face", "voice", "words"),
    language: Language = "en",
) -> Analysis:
    """An analysis of a recording that never was.

    people: how many are seen and heard in turn; none gives the answer to an empty recording.
    channels: which of face, voice and words ran.
    """
    rng = rng if rng is not None else np.random.default_rng(0)
    span = Span(0, seconds)
    moods = [_mood(span, rng) for _ in range(people)]
    turns = _turns(span, people)
    observations = [
        _observe(channel, f"person-{number}", span, mood, turns[number - 1], rng)
        for number, mood in enumerate(moods, 1)
        for channel in channels
    ]
    if "voice" in channels:
        observations.append(_sounds(span))
    fused = [_fuse(f"person-{number}", observations, span) for number in range(1, people + 1)]
    without = {
        person.person: {
            channel: _fuse(
                person.person, [each for each in observations if each.channel != channel], span
            ).mean()
            - person.mean()
            for channel in channels
        }
        for person in fused
    }
    kinds = {"face": ("video", "640 x 360, 25 fps"), "voice": ("audio", "48 kHz, stereo")}
    streams = dict(kinds[name] for name in channels if name in kinds) or {"text": "English"}
    return Analysis(
        "sample.mp4" if "video" in streams else "sample",
        span,
        streams,
        tuple(fused),
        tuple(observations),
        _reports(channels),
        without,
        ("words: transcribed as English by pocketsphinx, since no language was given",)
        if "words" in channels and people
        else (),
        {
            "insula": insula.__version__,
            "config": {
                "hop": HOP,
                "channels": {name: {} for name in channels},
                "fusion": {"name": "reliability"},
            },
            "weights": {"face-ferplus": "sha256:" + "0" * 64} if "face" in channels else {},
        },
        language,
    )


def _reports(channels: Sequence[str]) -> dict[str, ChannelReport]:
    lacks = {"face": "video", "voice": "audio", "words": "text and no audio", "sounds": "audio"}
    ran = {*channels, *(["sounds"] if "voice" in channels else [])}
    return {
        name: ChannelReport(True, seconds=1.0)
        if name in ran
        else ChannelReport(False, f"the recording has no {lacks[name]}")
        for name in (*SPACES, "sounds")
    }


def _mood(span: Span, rng: np.random.Generator) -> tuple[Array, Array]:
    """Moments and a smooth course of ekman7 scores through a few random states; (K,), (K, 7)."""
    pace = max(1.0, span.duration / 150) * rng.uniform(4, 6)
    knots = np.arange(span.start, span.end + pace, pace)
    # Everyone has a favourite, or the mean of an hour would be flat.
    liked = rng.permutation([0.4, 0.2, 0.15, 0.1, 0.06, 0.05, 0.04])
    labels = rng.choice(len(EKMAN7), len(knots), p=liked)
    scores = 0.04 + rng.uniform(0.5, 1.1) * np.eye(len(EKMAN7))[labels]
    return knots, scores / scores.sum(axis=1, keepdims=True)


def _turns(span: Span, people: int) -> list[list[Span]]:
    """Who speaks when: one sentence each in turn, with a pause after each."""
    starts = np.arange(span.start + 0.4, max(span.end - 1.0, span.start + 0.5), SENTENCE)
    turns: list[list[Span]] = [[] for _ in range(people)]
    for number, start in enumerate(starts):
        if people:
            end = min(start + SENTENCE - 0.6, span.end)
            turns[number % people].append(Span(start, max(start, end)))
    return turns


def _observe(
    channel: str,
    person: str,
    span: Span,
    mood: tuple[Array, Array],
    turns: Sequence[Span],
    rng: np.random.Generator,
) -> Observation:
    """What one channel says: the person's mood with noise, where there is evidence."""
    space = SPACES[channel]
    if channel == "face":
        times = span.grid(0.2)
        width, seen = 0.2, np.abs(times - span.end * 0.62) > span.duration * 0.05
        scores = _noisy(times, mood, space, 0.05, rng)
    else:
        width = HOP
        middles = np.array([turn.middle for turn in turns])
        # Words lag and voices exaggerate: channels that never disagree would be no sample.
        late = 2.0 if channel == "words" else 0.0
        painted = paint(
            span,
            turns,
            _noisy(middles - late, mood, space, 0.12, rng),
            space.labels,
            hop=HOP,
        )
        times, scores, seen = painted.times, painted.values, painted.mask
    quality = QUALITY[channel] + 0.15 * np.sin(times * 0.7 + len(channel))
    estimate = Estimate(
        space, Track(times, scores, space.labels, seen, width), quality, channel, person
    )
    if channel == "face":
        boxes = np.tile([0.1 + 0.28 * (int(person[-1]) - 1), 0.2, 0.18, 0.4], (len(times), 1))
        track = Track(times, boxes, ("x", "y", "width", "height"), seen, width)
        return Observation(channel, person, span, {"face": track}, estimate=estimate)
    marks = tuple(_sentence(turn, mood) for turn in turns) if channel == "words" else ()
    return Observation(channel, person, span, marks=marks, estimate=estimate)


def _noisy(
    times: Array, mood: tuple[Array, Array], space: Space, noise: float, rng: np.random.Generator
) -> Array:
    """The mood at `times` in the columns of `space`, (T, C), with noise."""
    knots, course = mood
    scores = np.full((len(times), len(space)), 0.01)
    for column, label in enumerate(EKMAN7.labels):
        scores[:, space.index(label)] += np.interp(times, knots, course[:, column])
    scores *= np.exp(rng.normal(0, noise * 4, scores.shape))
    noisy: Array = scores / scores.sum(axis=1, keepdims=True)
    return noisy


def _sentence(turn: Span, mood: tuple[Array, Array]) -> Mark:
    nearest = int(np.abs(mood[0] - turn.middle).argmin())
    label = EKMAN7.labels[int(mood[1][nearest].argmax())]
    return Mark(turn, "sentence", SENTENCES[label], 0.82, "en")


def _sounds(span: Span) -> Observation:
    marks = [
        Mark(Span(share * span.duration, (share + 0.04) * span.duration), "sound", label, score)
        for share, label, score in (
            (0.02, "dog bark", 0.91),
            (0.4, "rain", 0.63),
            (0.7, "dog bark", 0.58),
        )
    ]
    speech = [Mark(turn, "sound", "speech") for turn in _turns(span, 1)[0]]
    return Observation("sounds", "", span, marks=tuple(marks + speech))


def _fuse(person: str, observations: Sequence[Observation], span: Span) -> Estimate:
    """The mean of the channels weighted by quality, as the rule "reliability" does it."""
    times = span.grid(HOP)
    said = {
        each.channel: each.estimate
        for each in observations
        if each.person == person and each.estimate is not None
    }
    scores = np.zeros((len(times), len(EKMAN7)))
    weights: dict[str, Array] = {}
    for name, estimate in said.items():
        aligned = estimate.into(EKMAN7).track.resample(times, width=HOP)
        weights[name] = QUALITY[name] * aligned.mask
        scores += weights[name][:, None] * aligned.values
    total = np.sum(list(weights.values()), axis=0) if weights else np.zeros(len(times))
    scores /= np.maximum(total, 1e-9)[:, None]
    valid = total > 0
    trust = 1 - np.prod([1 - weight for weight in weights.values()] or [np.ones(len(times))], 0)
    confidence = trust * scores.max(axis=1)
    way = bridge(EKMAN7, VA)
    affect = Estimate(
        VA,
        Track(times, way.apply(scores), VA.labels, valid, HOP),
        confidence,
        "reliability",
        person,
        basis=f"bridge from ekman7: {way.source}",
    )
    return Estimate(
        EKMAN7,
        Track(times, scores, EKMAN7.labels, valid, HOP),
        confidence,
        "reliability",
        person,
        {name: weight / np.maximum(total, 1e-9) for name, weight in weights.items()},
        affect,
        "reliability of " + ", ".join(weights),
    )
