"""An analysis as plain values: the JSON that programs read.

The schema is versioned: a key that changes its meaning or goes away raises the number in SCHEMA.
Times are rounded to milliseconds and shares to four digits; what is not known is null.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

import insula
from insula.core.records import Analysis, Estimate
from insula.core.space import VA, Language, title
from insula.core.track import Array
from insula.outputs.moments import affect_of, labelled, opinions, top_labels

SCHEMA = "insula/analysis/1"


def to_dict(analysis: Analysis) -> dict[str, object]:
    """The analysis by the schema that `schema()` gives."""
    return {
        "schema": SCHEMA,
        "insula": str(analysis.provenance.get("insula", insula.__version__)),
        "recording": {
            "name": analysis.recording,
            "start": _time(analysis.span.start),
            "duration": _time(analysis.span.duration),
            "streams": dict(analysis.streams),
        },
        "people": [_person(analysis, each) for each in analysis.people],
        "channels": _channels(analysis),
        "transcript": [
            {
                "start": _time(mark.span.start),
                "end": _time(mark.span.end),
                "text": mark.text,
                "person": person,
                "confidence": _share(mark.score),
                "language": mark.language,
            }
            for mark, person in analysis.marks("sentence")
        ],
        "sounds": [
            {
                "start": _time(mark.span.start),
                "end": _time(mark.span.end),
                "label": mark.text,
                "score": _share(mark.score),
            }
            for mark, _ in analysis.marks("sound")
        ],
        "faces": _faces(analysis),
        "notes": list(analysis.notes),
        "provenance": {
            "config": _plain(analysis.provenance.get("config", {})),
            "weights": _plain(analysis.provenance.get("weights", {})),
        },
    }


def write_json(analysis: Analysis, folder: Path) -> Path:
    """Write analysis.json, one line a key, into `folder`."""
    lines = [
        f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False, allow_nan=False)}"
        for key, value in to_dict(analysis).items()
    ]
    path = folder / "analysis.json"
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    return path


def _top(estimate: Estimate, language: Language) -> list[dict[str, object]]:
    return [
        {"label": label, "title": title(label, language), "probability": _share(share)}
        for label, share in top_labels(estimate)
    ]


def _person(analysis: Analysis, estimate: Estimate) -> dict[str, object]:
    affect = affect_of(estimate)
    axes = {axis: _axis(affect, axis) for axis in VA.labels}
    labels = estimate.space.labels if labelled(estimate) else ()
    mask = estimate.track.mask
    whole = affect.mean() if affect is not None and affect.track.mask.any() else None
    changes = analysis.without.get(estimate.person, {})
    return {
        "id": estimate.person,
        "summary": {
            "top": _top(estimate, analysis.language),
            **{
                axis: None if whole is None or affect is None else _share(whole[column])
                for column, axis in enumerate(VA.labels)
            },
            "confidence": _share(estimate.certainty),
            "unlabelled": _share(estimate.unlabelled),
            "basis": affect.basis if affect is not None else "",
        },
        "timeline": {
            "times": [_time(time) for time in estimate.track.times],
            "labels": list(labels),
            "probabilities": [
                _shares(row[: len(labels)]) if seen else None
                for row, seen in zip(estimate.track.values, mask, strict=True)
            ],
            **axes,
            "confidence": _shares(estimate.confidence),
            "parts": {name: _shares(part) for name, part in estimate.parts.items()},
        },
        "asked": _asked(analysis.asked(estimate.person)),
        "without": {
            channel: dict(zip(labels, _shares(change), strict=False))
            for channel, change in changes.items()
        },
    }


def _asked(estimate: Estimate | None) -> dict[str, float] | None:
    """The share of each emotion that a user named."""
    if estimate is None or not estimate.track.mask.any():
        return None
    return dict(zip(estimate.space.labels, _shares(estimate.mean()), strict=True))


def _axis(affect: Estimate | None, axis: str) -> list[float | None]:
    if affect is None:
        return []
    values = affect.track.column(axis)
    return [
        _share(value) if seen else None
        for value, seen in zip(values, affect.track.mask, strict=True)
    ]


def _channels(analysis: Analysis) -> dict[str, object]:
    """Each channel: whether it ran, how good its evidence was, and what it says on its own."""
    result: dict[str, object] = {}
    said: dict[str, dict[str, Estimate]] = {}
    for person in dict.fromkeys(each.person for each in analysis.observations):
        for each in opinions(analysis, person):
            if each.estimate is not None:
                said.setdefault(each.channel, {})[person] = each.estimate
    for name, report in analysis.channels.items():
        estimates = said.get(name, {})
        result[name] = {
            "ran": report.ran,
            "reason": report.reason,
            "quality": None if (quality := analysis.quality(name)) is None else _share(quality),
            "summary": {
                person: _top(estimate, analysis.language) for person, estimate in estimates.items()
            }
            or None,
        }
    return result


def _faces(analysis: Analysis) -> list[dict[str, object]]:
    faces: list[dict[str, object]] = []
    for each in analysis.observations:
        track = each.tracks.get("face")
        if track is None:
            continue
        columns = [track.names.index(name) for name in ("x", "y", "width", "height")]
        boxes = np.clip(track.values[track.mask][:, columns], 0, 1)
        faces.append(
            {
                "person": each.person,
                "times": [_time(time) for time in track.times[track.mask]],
                "boxes": [_shares(box) for box in boxes],
            }
        )
    return faces


def _time(seconds: float) -> float:
    return round(float(seconds), 3) + 0.0  # + 0.0 turns -0.0 into 0.0


def _share(value: float) -> float:
    return round(float(value), 4) + 0.0


def _shares(values: Array) -> list[float]:
    return [_share(value) for value in values]


def _plain(value: object) -> object:
    """The same in types that JSON has; anything else as its text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, np.generic):
        return _plain(value.item())
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if np.isfinite(value) else str(value)
    if isinstance(value, Iterable):
        return [_plain(each) for each in value]
    return str(value)


def schema() -> dict[str, object]:
    """JSON Schema (draft 2020-12) of what `to_dict` gives."""
    share = {"type": "number", "minimum": 0, "maximum": 1}
    axis = {"type": ["number", "null"], "minimum": -1, "maximum": 1}
    seconds = {"type": "number"}
    text = {"type": "string"}
    label = _object(label=text, title=text, probability=share)
    timeline = _object(
        times=_list(seconds, "seconds, increasing; each stands for the stretch around it"),
        labels=_list(text, "the columns of probabilities"),
        probabilities=_list(
            {"type": ["array", "null"], "items": share},
            "a row a time; null where nothing was seen, or where the label is not sure enough",
        ),
        valence=_list(axis, "unpleasant -1 to pleasant 1; empty where it is not known at all"),
        arousal=_list(axis, "calm -1 to excited 1; empty where it is not known at all"),
        confidence=_list(
            share, "how likely the top label is, or would be, right; 0 where nothing was seen"
        ),
        parts=_table(_list(share), "channel -> share of the weight it had at each time"),
    )
    summary = _object(
        top=_list(label, "most probable labels of the whole, highest first; empty if none"),
        valence=axis,
        arousal=axis,
        confidence=share,
        unlabelled={
            **share,
            "description": "share of the evidence left without a label, for lack of confidence",
        },
        basis={**text, "description": "where valence and arousal come from"},
    )
    person = _object(
        id=text,
        summary=summary,
        timeline=timeline,
        asked={
            **_table(share, "emotion that a user named -> its share, by comparison with the words"),
            "type": ["object", "null"],
        },
        without=_table(
            _table({"type": "number", "minimum": -1, "maximum": 1}),
            "channel -> label -> change of the summary's probability when the channel is left out",
        ),
    )
    channel = _object(
        ran={"type": "boolean"},
        reason={**text, "description": "why it did not run, or empty"},
        quality={**share, "type": ["number", "null"], "description": "of its evidence"},
        summary={
            **_table(_list(label), "person -> this channel's own top labels; null if it has none"),
            "type": ["object", "null"],
        },
    )
    sentence = _object(
        start=seconds, end=seconds, text=text, person=text, confidence=share, language=text
    )
    box = {"type": "array", "items": share, "minItems": 4, "maxItems": 4}
    face = _object(
        person=text,
        times=_list(seconds),
        boxes=_list(box, "left, top, width, height as shares of the frame"),
    )
    whole = _object(
        schema={"const": SCHEMA},
        insula={**text, "description": "the version that made this"},
        recording=_object(
            name=text,
            start={**seconds, "description": "where its clock begins"},
            duration={**seconds, "minimum": 0},
            streams=_table(text, "kind of stream -> a line about it"),
        ),
        people=_list(person),
        channels=_table(channel),
        transcript=_list(sentence, "what was said, by start"),
        sounds=_list(_object(start=seconds, end=seconds, label=text, score=share)),
        faces=_list(face),
        notes=_list(text, "what a reader should know"),
        provenance=_object(
            config={"type": "object"}, weights=_table(text, "name -> hash of the file that ran")
        ),
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": SCHEMA,
        "description": "How people in a recording appear to feel. Times are in seconds.",
        **whole,
    }


def _object(**properties: object) -> dict[str, object]:
    """An object with exactly these keys."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(items: object, description: str = "") -> dict[str, object]:
    described = {"description": description} if description else {}
    return {"type": "array", "items": items, **described}


def _table(values: object, description: str = "") -> dict[str, object]:
    """An object with any keys whose values are alike."""
    described = {"description": description} if description else {}
    return {"type": "object", "additionalProperties": values, **described}
