"""The JSON: it keeps to its schema, and its numbers are the analysis's."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from insula.core.records import Analysis, Estimate
from insula.core.space import VA, Space
from insula.core.track import Track
from insula.outputs.document import SCHEMA, schema, to_dict, write_json
from insula.testing.samples import sample_analysis


def test_every_document_keeps_to_the_schema(any_analysis: Analysis) -> None:
    jsonschema.Draft202012Validator(schema()).validate(to_dict(any_analysis))


def test_the_schema_is_valid_and_named() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    assert schema()["title"] == SCHEMA == "insula/analysis/1"


@pytest.mark.parametrize("key", sorted(to_dict(sample_analysis())))
def test_the_schema_misses_no_key_and_takes_no_other(key: str, analysis: Analysis) -> None:
    check = jsonschema.Draft202012Validator(schema())
    document = to_dict(analysis)
    assert not check.is_valid({**document, "surprise": 1})
    del document[key]
    assert not check.is_valid(document)


def test_emotions_asked_for_are_in_the_person_they_are_of(analysis: Analysis) -> None:
    assert [each["asked"] for each in to_dict(analysis)["people"]] == [None] * len(analysis.people)
    space = Space("asked", ("boredom", "pride"), "exclusive", "by comparison")
    track = Track(np.array([0.5, 1.5]), np.array([[0.9, 0.1], [0.5, 0.5]]), space.labels, width=1.0)
    asked = Estimate(space, track, np.ones(2), "words")
    person = analysis.people[0].person
    first = next(each for each in analysis.observations if each.person == person)
    others = tuple(each for each in analysis.observations if each is not first)
    told = replace(analysis, observations=(replace(first, asked=asked), *others))
    document = to_dict(told)
    jsonschema.Draft202012Validator(schema()).validate(document)
    assert document["people"][0]["asked"] == {"boredom": 0.7, "pride": 0.3}


def test_numbers_survive_the_file(analysis: Analysis, tmp_path: Path) -> None:
    document = json.loads(write_json(analysis, tmp_path).read_text(encoding="utf-8"))
    assert document == to_dict(analysis)
    person, read = analysis.people[0], document["people"][0]
    timeline = read["timeline"]
    assert timeline["labels"] == list(person.space.labels)
    np.testing.assert_allclose(timeline["times"], person.track.times, atol=5e-4)
    for row, values, seen in zip(
        timeline["probabilities"], person.track.values, person.track.mask, strict=True
    ):
        if seen:
            np.testing.assert_allclose(row, values, atol=5.1e-5)
        else:
            assert row is None
    np.testing.assert_allclose(timeline["confidence"], person.confidence, atol=5.1e-5)
    np.testing.assert_allclose(timeline["parts"]["face"], person.parts["face"], atol=5.1e-5)
    assert [each["label"] for each in read["summary"]["top"]] == [
        label for label, _ in person.top(3)
    ]
    change = analysis.without["person-1"]["voice"]
    np.testing.assert_allclose(list(read["without"]["voice"].values()), change, atol=5.1e-5)


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    one, two = (write_json(sample_analysis(), tmp_path).read_bytes() for _ in range(2))
    assert one == two


def test_what_was_not_seen_is_null_never_zero_or_nan() -> None:
    document = json.dumps(to_dict(sample_analysis(people=2)))
    assert "NaN" not in document
    timeline = to_dict(sample_analysis(people=2))["people"][0]["timeline"]  # type: ignore[index]
    unseen = [index for index, row in enumerate(timeline["probabilities"]) if row is None]
    assert unseen
    assert all(timeline["valence"][index] is None for index in unseen)
    assert all(timeline["confidence"][index] == 0 for index in unseen)


def test_labels_are_shown_in_the_language_of_the_analysis() -> None:
    person = to_dict(sample_analysis(language="ru"))["people"][0]  # type: ignore[index]
    first = person["summary"]["top"][0]
    assert first["label"].isascii()
    assert not first["title"].isascii()


def test_an_answer_on_axes_has_valence_and_no_labels(analysis: Analysis) -> None:
    affect = analysis.people[0].affect
    assert affect is not None
    on_axes = replace(analysis, people=(replace(affect, person="person-1"),), without={})
    person = to_dict(on_axes)["people"][0]  # type: ignore[index]
    assert person["timeline"]["labels"] == [] == person["summary"]["top"]
    assert person["summary"]["valence"] == pytest.approx(float(affect.mean()[0]), abs=1e-4)
    jsonschema.validate(to_dict(on_axes), schema())


def test_channels_tell_what_they_say_on_their_own(analysis: Analysis) -> None:
    channels = to_dict(analysis)["channels"]
    assert list(channels["face"]["summary"]) == ["person-1", "person-2"]  # type: ignore[index]
    assert channels["sounds"]["summary"] is None  # type: ignore[index]
    assert channels["sounds"]["quality"] is None  # type: ignore[index]


def test_configuration_of_any_type_becomes_plain(analysis: Analysis) -> None:
    config = {"a": np.float32(0.5), "b": (1, 2), "c": Path("x"), "d": float("inf"), "e": None}
    document = to_dict(replace(analysis, provenance={"config": config}))
    plain = document["provenance"]["config"]  # type: ignore[index]
    assert plain == {"a": 0.5, "b": [1, 2], "c": "x", "d": "inf", "e": None}


def test_valence_by_a_bridge_names_its_source(analysis: Analysis) -> None:
    bare = [replace(each, affect=None) for each in analysis.people]
    document = to_dict(replace(analysis, people=tuple(bare)))
    summary = document["people"][0]["summary"]  # type: ignore[index]
    assert "Russell and Mehrabian (1977)" in summary["basis"]
    assert summary["valence"] is not None


def test_valence_alone_is_no_reason_to_fail(analysis: Analysis) -> None:
    track = Track([0.25], [[0.1, 0.2]], VA.labels, width=0.5)
    bare = Estimate(VA, track, 0.5, "test", "person-1")
    jsonschema.validate(to_dict(replace(analysis, people=(bare,))), schema())


def test_what_is_not_sure_enough_has_no_label_and_keeps_its_confidence(analysis: Analysis) -> None:
    whole = analysis.people[0]
    least = float(np.median(whole.confidence[whole.track.mask]))
    unsure = whole.track.mask & (whole.confidence < least)
    person = to_dict(replace(analysis, people=(whole.withholding(least),)))["people"][0]
    timeline = person["timeline"]
    labelled = [row is not None for row in timeline["probabilities"]]
    assert labelled == (whole.track.mask & ~unsure).tolist()
    assert timeline["confidence"] == [round(float(each), 4) for each in whole.confidence]
    assert person["summary"]["unlabelled"] == pytest.approx(
        unsure.sum() / whole.track.mask.sum(), abs=1e-4
    )


def test_one_who_is_never_sure_has_no_top_label(analysis: Analysis) -> None:
    person = replace(analysis, people=(analysis.people[0].withholding(1.0),))
    summary = to_dict(person)["people"][0]["summary"]
    assert summary["top"] == []
    assert summary["unlabelled"] == 1.0
    assert summary["confidence"] == 0.0
    assert summary["valence"] is not None  # the confidence is in the label
