"""RAMAS: marks of annotators as a truth over time, actors by name and not by day."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from insula.corpora.ramas import ACTORS, FILMS, RAMAS, RAMAS7, TABLES, read_films
from insula.errors import ConfigError, FilesMissing, UnexpectedLayout, UnreadableMedia
from insula.testing import check_corpus


@pytest.fixture
def corpus(tmp_path: Path) -> RAMAS:
    RAMAS.make_fixture(tmp_path, groups=4, rng=np.random.default_rng(0))
    return RAMAS(tmp_path)


def mark(corpus: RAMAS, label: str, *rows: str, header: str = "ID;File;Start;End") -> Path:
    """The marks of one emotion, replaced; those of the others, emptied."""
    for each, file in TABLES.items():
        text = "\n".join([header, *rows]) if each == label else "ID;File;Start;End\n"
        (Path(corpus.root) / file).write_text(text, encoding="utf-8")
    return Path(corpus.root) / TABLES[label]


def test_fixture_keeps_the_contract(corpus: RAMAS) -> None:
    check_corpus(corpus, groups=["speaker"])


def test_emotions_stand_in_the_order_of_the_sheet() -> None:
    order = "anger sadness disgust happiness fear surprise neutral"
    assert RAMAS7.labels == tuple(order.split())
    assert TABLES["fear"] == "Annotations_by_emotions/data_Scared.csv"


def test_the_truth_is_how_many_agree(corpus: RAMAS) -> None:
    name = "10dec_D11_1"
    mark(corpus, "fear", f"1;{name};0.2;0.6", f"2;{name};0.4;0.8", f"3;{name};0.4;0,6")
    [example] = corpus
    truth = example.truth["ramas7"].track
    assert truth.width == pytest.approx(0.1)
    shares = truth.column("fear") * 5
    assert shares.round(3).tolist() == [0, 0, 1, 1, 3, 3, 1, 1, 0, 0]
    assert truth.mask.tolist() == [False] * 2 + [True] * 6 + [False] * 2
    assert truth.values.sum() * 5 == pytest.approx(10)  # nothing in the other columns


def test_a_mark_ends_before_its_end(corpus: RAMAS) -> None:
    """Start <= t < End, at moments 0.05, 0.15, ..."""
    mark(corpus, "anger", "1;10dec_D11_1;0.15;0.25")
    [example] = corpus
    assert np.flatnonzero(example.truth["ramas7"].track.mask).tolist() == [1]


def test_more_than_five_annotators_are_all_of_them(corpus: RAMAS) -> None:
    mark(corpus, "anger", *[f"{number};10dec_D11_1;0;1" for number in range(7)])
    [example] = corpus
    assert example.truth["ramas7"].track.column("anger").max() == 1


def test_actors_are_told_apart_by_name(corpus: RAMAS) -> None:
    people = {film.path.name: film.groups["speaker"] for film in read_films(corpus.root)}
    assert people["10dec_D11_1_Video.mov"] == people["11dec_D12_4_Video.mov"] == "Actor 1"
    examples, folds = list(corpus), corpus.split("actor10")
    assert len(folds) == 4
    for _, test in folds:
        [name] = {examples[i].person for i in test}
        assert [examples[i].groups["date"] for i in test] == ["10dec", "11dec"], name
    with pytest.raises(ConfigError, match="actor10"):
        corpus.split("random")


def test_films_are_seen(corpus: RAMAS) -> None:
    example = next(iter(corpus))
    assert example.groups == {"speaker": "Actor 1", "date": "10dec", "scene": "10dec_D11"}
    batches = list(example.recording.frames(rate=4))
    assert batches[0].images.shape[1:] == (64, 64, 3)


def test_commas_between_cells(corpus: RAMAS) -> None:
    mark(corpus, "anger", "1,10dec_D11_1,0.0,0.5", header="ID,File,Start,End")
    [example] = corpus
    assert example.truth["ramas7"].top(1) == [("anger", pytest.approx(0.2))]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1;10dec_D11_1;0.5;0.2", "the interval '0.5' to '0.2'; expected seconds"),
        ("1;10dec_D11_1;early", "the interval 'early' to ''"),
    ],
)
def test_a_broken_mark_is_shown(corpus: RAMAS, row: str, message: str) -> None:
    path = mark(corpus, "anger", row)
    with pytest.raises(UnexpectedLayout, match=message) as error:
        list(corpus)
    assert str(path) in str(error.value)


def test_other_columns_are_named(corpus: RAMAS) -> None:
    path = mark(corpus, "anger", header="ID;Film;Start;End")
    with pytest.raises(UnexpectedLayout, match="columns File, Start, End") as error:
        list(corpus)
    assert str(path) in str(error.value)


def test_an_actor_that_nobody_knows(corpus: RAMAS) -> None:
    (Path(corpus.root) / ACTORS).write_text("Date;ID;Name\n10dec;2;B\n", encoding="utf-8")
    with pytest.raises(UnexpectedLayout, match=r"index 1 on 10dec.*actors_descr\.csv"):
        list(corpus)


def test_missing_files_are_named(corpus: RAMAS, tmp_path: Path) -> None:
    (tmp_path / FILMS / "10dec_D11_1_Video.mov").unlink()
    with pytest.raises(FilesMissing, match=r"lacks 1 .*Video_close/10dec_D11_1_Video\.mov"):
        list(corpus)
    with pytest.raises(FilesMissing, match=r"lacks 8 .*data_Angry\.csv.*Get the corpus"):
        list(RAMAS(tmp_path / "nothing"))


def test_a_damaged_film_is_named(corpus: RAMAS, tmp_path: Path) -> None:
    (tmp_path / FILMS / "10dec_D11_1_Video.mov").write_bytes(b"no film")
    damaged, *others = corpus
    assert len(others) == 7
    with pytest.raises(UnreadableMedia, match=r"10dec_D11_1_Video\.mov"):
        list(damaged.recording.frames(rate=4))
