"""EmpatheticDialogues: commas in words, quotation marks in texts, whose feeling it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from insula.corpora.empathetic_dialogues import (
    EMOTIONS,
    EMPATHETIC32,
    EmpatheticDialogues,
    read_part,
)
from insula.errors import ConfigError, FilesMissing, UnexpectedLayout, UnknownName
from insula.testing import check_corpus

HEADER = "conv_id,utterance_idx,context,prompt,speaker_idx,utterance,selfeval,tags"


@pytest.fixture
def corpus(tmp_path: Path) -> EmpatheticDialogues:
    EmpatheticDialogues.make_fixture(tmp_path, groups=1, rng=np.random.default_rng(0))
    return EmpatheticDialogues(tmp_path)


def write(corpus: EmpatheticDialogues, *rows: str, header: str = HEADER) -> Path:
    path = Path(corpus.root) / "valid.csv"
    path.write_text("\n".join([header, *rows]), encoding="utf-8")
    return path


def test_fixture_keeps_the_contract(corpus: EmpatheticDialogues) -> None:
    check_corpus(corpus, groups=["dialogue"])


def test_there_are_32_feelings_in_the_order_of_the_alphabet() -> None:
    assert len(EMPATHETIC32) == len(set(EMPATHETIC32.labels)) == 32
    assert list(EMOTIONS) == sorted(EMOTIONS)
    assert EMPATHETIC32.labels[:2] == ("fear", "anger")


def test_the_speaker_has_the_odd_turns(corpus: EmpatheticDialogues) -> None:
    write(
        corpus,
        "c,2,proud,I ran_comma_ far,0,How far?,5|5|5,",
        "c,1,proud,I ran_comma_ far,1,I ran_comma_ and ran.,5|5|5,",
        "c,3,proud,I ran_comma_ far,1,A mile! ,5|5|5,",
    )
    [conversation] = read_part(corpus.root, "valid")
    assert conversation.prompt == "I ran, far"
    assert conversation.turns == ((1, "I ran, and ran."), (2, "How far?"), (3, "A mile!"))
    [example] = corpus.part("valid")
    marks = example.recording.text()
    assert [mark.text for mark in marks] == ["I ran, and ran.", "A mile!"]
    assert marks[0].language == "en" and example.recording.span.end == 2
    assert example.truth["empathetic32"].top(1) == [("pride", 1.0)]
    assert example.groups == {"dialogue": "c", "language": "en", "split": "valid"}


def test_quotation_marks_are_text(corpus: EmpatheticDialogues) -> None:
    """One that stands alone would join the lines up to the next one."""
    write(corpus, 'c,1,sad,"So,1,"I said no,,', 'd,1,sad,so,1,He said "yes",,')
    found = [(each.prompt, each.speaker) for each in read_part(corpus.root, "valid")]
    assert found == [('"So', ('"I said no',)), ("so", ('He said "yes"',))]


def test_cells_behind_the_utterance_may_vary(corpus: EmpatheticDialogues) -> None:
    write(corpus, "c,1,sad,so,1,one", "c,3,sad,so,1,two,5|5|5,,candidate|other")
    assert read_part(corpus.root, "valid")[0].speaker == ("one", "two")


def test_a_listener_alone_says_nothing(corpus: EmpatheticDialogues) -> None:
    write(corpus, "c,2,sad,so,1,Oh.")
    [example] = corpus.part("valid")
    assert example.recording.text() == () and example.recording.span.end == 1


def test_windows_1252_is_read(corpus: EmpatheticDialogues) -> None:
    path = write(corpus)
    path.write_bytes(f"{HEADER}\nc,1,sad,so,1,don’t\n".encode("cp1252"))
    assert read_part(corpus.root, "valid")[0].speaker == ("don’t",)


def test_parts_are_the_files(corpus: EmpatheticDialogues) -> None:
    assert corpus.split("train-valid") == [(range(32), range(32, 64))]
    assert corpus.split("train-test") == [(range(32), range(64, 96))]
    parts = [example.groups["split"] for example in corpus]
    assert parts == ["train"] * 32 + ["valid"] * 32 + ["test"] * 32
    with pytest.raises(ConfigError, match="train-valid, train-test"):
        corpus.split("random")
    with pytest.raises(UnknownName, match="test, train, valid"):
        read_part(corpus.root, "dev")


@pytest.mark.parametrize(
    "row", ["c,1,sad,so,1", "c,one,sad,so,1,text,,", "c,1,happy,so,1,text,,", ""]
)
def test_a_broken_row_is_shown(corpus: EmpatheticDialogues, row: str) -> None:
    path = write(corpus, row, "c,1,sad,so,1,text,,")
    with pytest.raises(UnexpectedLayout) as error:
        list(corpus)
    assert str(path) in str(error.value) and repr(row) in str(error.value)


def test_two_feelings_of_one_conversation(corpus: EmpatheticDialogues) -> None:
    write(corpus, "c,1,sad,so,1,one,,", "c,2,angry,so,1,two,,")
    with pytest.raises(UnexpectedLayout, match=r"valid\.csv.*angry and sad as context of 'c'"):
        list(corpus)


def test_other_columns_are_named(corpus: EmpatheticDialogues) -> None:
    write(corpus, header="conv_id,context,utterance")
    with pytest.raises(UnexpectedLayout, match=r"valid\.csv.*expected conv_id,utterance_idx"):
        list(corpus)


def test_missing_files_are_named(corpus: EmpatheticDialogues, tmp_path: Path) -> None:
    (tmp_path / "test.csv").unlink()
    assert len(list(corpus.part("train"))) == 32
    for ask in (lambda: list(corpus), lambda: corpus.split("train-valid")):
        with pytest.raises(FilesMissing, match=r"lacks 1 .*test\.csv\. Get empathetic"):
            ask()
