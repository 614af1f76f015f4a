"""MELD: emotions by name, dialogues in order and apart, Windows-1252, parts that are not there."""

from __future__ import annotations

import csv
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from insula.corpora.meld import COLUMNS, EMOTIONS, FILES, MELD, read_part
from insula.errors import ConfigError, FilesMissing, UnexpectedLayout, UnknownName
from insula.testing import check_corpus

PROJECT = Path(__file__).parents[2]
REAL = Path(os.environ.get("INSULA_DATA", PROJECT / "../shared/data")) / "text" / "meld"


@pytest.fixture
def corpus(tmp_path: Path) -> MELD:
    MELD.make_fixture(tmp_path, groups=2, rng=np.random.default_rng(0))
    return MELD(tmp_path)


def write(corpus: MELD, rows: list[list[object]], *, encoding: str = "utf-8") -> None:
    path = Path(corpus.root) / FILES["dev"]
    with path.open("w", encoding=encoding, newline="") as stream:
        csv.writer(stream).writerows([COLUMNS, *rows])


def row(text: str, dialogue: int, number: int, emotion: str = "joy") -> list[object]:
    return [1, text, "Ann", emotion, "positive", dialogue, number, 4, 7, "0:0:1,0", "0:0:2,0"]


def test_fixture_keeps_the_contract(corpus: MELD) -> None:
    check_corpus(corpus, groups=["dialogue"])


def test_emotions_in_the_order_of_the_authors() -> None:
    assert tuple(EMOTIONS) == (
        *("neutral", "surprise", "fear", "sadness", "joy", "disgust", "anger"),
    )


def test_labels_and_groups(corpus: MELD) -> None:
    write(corpus, [row("Oh!", 3, 5, "joy"), row("No.", 3, 6, "anger")])
    first, second = corpus.part("dev")
    assert first.truth["ekman7"].top(1) == [("happiness", 1.0)]
    assert second.truth["ekman7"].top(1) == [("anger", 1.0)]
    assert first.truth["sentiment"].mean().tolist() == [1.0]
    assert (first.person, first.groups["dialogue"], first.groups["split"]) == (
        *("Ann", "dev-3", "dev"),
    )
    assert first.recording.text()[0].text == "Oh!"


def test_dialogues_keep_their_order(corpus: MELD) -> None:
    write(corpus, [row(f"{d}/{n}", d, n) for d, n in ((10, 1), (9, 10), (10, 0), (9, 9))])
    assert [each.text for each in read_part(corpus.root, "dev")] == ["9/9", "9/10", "10/0", "10/1"]


def test_dialogues_of_two_parts_are_not_one(corpus: MELD) -> None:
    parts = {name: {e.groups["dialogue"] for e in corpus.part(name)} for name in FILES}
    assert parts["train"] == {"train-0", "train-1"}
    assert parts["dev"].isdisjoint(parts["train"])


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_quotation_marks(corpus: MELD, encoding: str) -> None:
    write(corpus, [row("You must’ve…", 0, 0)], encoding=encoding)
    assert read_part(corpus.root, "dev")[0].text == "You must’ve…"


def test_quotation_marks_taken_for_control_characters(corpus: MELD) -> None:
    write(corpus, [row("You must\x92ve é\x85", 0, 0)])
    assert read_part(corpus.root, "dev")[0].text == "You must’ve é…"


def test_split_is_by_files(corpus: MELD) -> None:
    assert corpus.split("official") == [(range(14), range(28, 42))]
    assert corpus.split("train-dev") == [(range(14), range(14, 28))]
    examples = list(corpus)
    for protocol, part in (("official", "test"), ("train-dev", "dev")):
        [(train, test)] = corpus.split(protocol)
        assert {examples[i].groups["split"] for i in train} == {"train"}
        assert {examples[i].groups["split"] for i in test} == {part}
    with pytest.raises(ConfigError, match="Choose one of: official, train-dev"):
        corpus.split("random")


def test_a_missing_part_matters_where_it_is_asked_for(corpus: MELD, tmp_path: Path) -> None:
    (Path(corpus.root) / FILES["test"]).unlink()
    assert len(list(corpus)) == 28
    assert corpus.split("train-dev") == [(range(14), range(14, 28))]
    for ask in (lambda: list(corpus.part("test")), lambda: corpus.split("official")):
        with pytest.raises(FilesMissing, match=r"test_sent_emo\.csv.*Get the folder data/MELD"):
            ask()
    with pytest.raises(UnknownName, match="Known: dev, test, train"):
        list(corpus.part("valid"))
    with pytest.raises(FilesMissing, match="lacks 3 expected files"):
        list(MELD(tmp_path / "nowhere"))


def test_the_repository_of_the_authors(corpus: MELD, tmp_path: Path) -> None:
    inside = tmp_path / "repository" / "data" / "MELD"
    inside.mkdir(parents=True)
    for file in FILES.values():
        (Path(corpus.root) / file).rename(inside / file)
    assert len(list(MELD(tmp_path / "repository"))) == 42


@pytest.mark.parametrize("broken", [row("!", 0, 0, "bored"), [1, "cut off"], row("!", -1, 0)])
def test_broken_rows_are_named(corpus: MELD, broken: list[object]) -> None:
    write(corpus, [row("Yes.", 0, 0), broken])
    with pytest.raises(UnexpectedLayout, match=r"dev_sent_emo\.csv.*an emotion of neutral"):
        list(corpus)


def test_other_columns_are_named(corpus: MELD) -> None:
    (Path(corpus.root) / FILES["dev"]).write_text("text,label\nhello,joy\n")
    with pytest.raises(UnexpectedLayout, match=r"columns \['text', 'label'\]; expected columns Sr"):
        list(corpus)


@pytest.mark.skipif(not REAL.is_dir(), reason=f"the text corpora are not in {REAL}")
def test_real_counts() -> None:
    published = {  # datasets.md, 2.2
        "train": {"anger": 1109, "disgust": 271, "fear": 268, "joy": 1743, "neutral": 4710}
        | {"sadness": 683, "surprise": 1205},
        "dev": {"anger": 153, "disgust": 22, "fear": 40, "joy": 163, "neutral": 470}
        | {"sadness": 111, "surprise": 150},
    }
    for part, counts in published.items():
        said = read_part(REAL, part)
        assert Counter(each.emotion for each in said) == counts
        assert len(said) == MELD.counts[part]
