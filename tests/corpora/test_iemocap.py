"""IEMOCAP: who speaks in a turn, which label counts as which, folds of sessions and speakers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from insula.corpora.iemocap import (
    IEMOCAP,
    IEMOCAP4,
    IEMOCAP6,
    IEMOCAP10,
    RELEASE,
    IEMOCAPFour,
    IEMOCAPSix,
    read_turns,
)
from insula.errors import ConfigError, FilesMissing, UnexpectedLayout, UnreadableMedia
from insula.testing import check_corpus

HEADER = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n"
DIALOGUE = "Session1/dialog/EmoEvaluation/Ses01M_impro01.txt"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    IEMOCAP.make_fixture(tmp_path, groups=2, rng=np.random.default_rng(0))
    return tmp_path


def relabel(root: Path, *rows: str) -> Path:
    """The labels of the dialogue of session 1, replaced by `rows`."""
    path = root / RELEASE / DIALOGUE
    path.write_text(HEADER + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", [IEMOCAP, IEMOCAPFour, IEMOCAPSix])
def test_fixture_keeps_the_contract(root: Path, kind: type[IEMOCAP]) -> None:
    for protocol, group in (("session5", "session"), ("loso5", "session"), ("loso10", "speaker")):
        corpus = kind(root)
        corpus.protocols = (protocol,)
        check_corpus(corpus, groups=[group])


def test_labels_stand_in_the_order_of_the_sheet() -> None:
    ten = "anger happiness excitement sadness neutral frustration fear surprise disgust other"
    assert IEMOCAP10.labels == tuple(ten.split())
    assert IEMOCAP4.labels == ("happiness", "sadness", "neutral", "anger")
    assert IEMOCAP6.labels == (*IEMOCAP4.labels, "excitement", "frustration")


def test_the_speaker_is_not_who_wears_the_markers(root: Path) -> None:
    turns = {turn.key: turn for turn in read_turns(root)}
    turn = turns["Ses01M_impro01_F000"]
    assert turn.groups == {"speaker": "01F", "session": "1", "dialogue": "Ses01M_impro01"}
    assert len({turn.groups["speaker"] for turn in turns.values()}) == 10


def test_a_turn_is_heard_and_read(root: Path) -> None:
    relabel(root, "[0.1 - 0.2]\tSes01M_impro01_F000\thap\t[1.0, 3.0, 5.0]")
    example = next(iter(IEMOCAP(root)))
    assert example.truth["iemocap10"].top(1) == [("happiness", 1.0)]
    assert example.truth["vad"].mean().tolist() == [-1.0, 0.0, 1.0]
    (said,) = example.recording.text()
    assert (said.text[:8], said.language) == ("This is ", "en")
    assert np.abs(example.recording.audio()).max() > 0.01


def test_excitement_is_happiness_among_four_classes_only(root: Path) -> None:
    rows = [
        f"[0.1 - 0.2]\tSes01M_impro01_{turn}\t{label}\t[2.0, 2.0, 2.0]"
        for turn, label in [("F000", "exc"), ("F001", "fru"), ("M000", "xxx"), ("M001", "oth")]
    ]
    relabel(root, *rows)
    found = {
        kind.name: [
            example.truth[kind.space].top(1)[0][0]
            for example in kind(root)
            if example.groups["session"] == "1"
        ]
        for kind in (IEMOCAP, IEMOCAPFour, IEMOCAPSix)
    }
    assert found == {
        "iemocap": ["excitement", "frustration", "other"],
        "iemocap4": ["happiness"],
        "iemocap6": ["excitement", "frustration"],
    }


def test_turns_without_a_category_are_left_out(root: Path) -> None:
    assert sum(turn.label == "xxx" for turn in read_turns(root)) == 5
    assert len(list(IEMOCAP(root))) == len(read_turns(root)) - 5


def test_a_mean_beyond_the_scale_is_its_end(root: Path) -> None:
    relabel(root, "[0.1 - 0.2]\tSes01M_impro01_F000\tang\t[5.5, 0.5, 3.0]")
    assert read_turns(root)[0].ratings.tolist() == [1.0, -1.0, 0.0]


def test_folds(root: Path) -> None:
    corpus, examples = IEMOCAP(root), list(IEMOCAP(root))
    [(_, test)] = corpus.split("session5")
    assert {examples[i].groups["session"] for i in test} == {"5"}
    assert [len(corpus.split(protocol)) for protocol in ("loso5", "loso10")] == [5, 10]
    with pytest.raises(ConfigError, match="session5, loso5, loso10"):
        corpus.split("random")


def test_files_of_a_mac_are_no_labels(root: Path) -> None:
    path = root / RELEASE / DIALOGUE
    path.with_name(f"._{path.name}").write_bytes(b"\x00\x05\x16\x07")
    assert read_turns(root)


@pytest.mark.parametrize(
    "row",
    [
        "[0.1 - 0.2]\tSes01M_impro01_F000\tjoy\t[2.0, 2.0, 2.0]",
        "[0.1 - 0.2]\tSes01M_impro02_F000\tang\t[2.0, 2.0, 2.0]",
        "[0.1 - 0.2]\tSes01M_impro01_F000\tang\t[2.0, 2.0]",
        "[0.1 - 0.2]\tSes01M_impro01_F000\tang\t[2.0, 2.0, 20.0]",
    ],
)
def test_a_broken_line_is_shown(root: Path, row: str) -> None:
    path = relabel(root, row)
    with pytest.raises(UnexpectedLayout) as error:
        list(IEMOCAP(root))
    assert str(path) in str(error.value) and repr(row) in str(error.value)


def test_a_file_without_turns_is_named(root: Path) -> None:
    relabel(root)
    with pytest.raises(UnexpectedLayout, match=r"Ses01M_impro01\.txt.*no line of a turn"):
        list(IEMOCAP(root))


def test_missing_files_are_named(root: Path) -> None:
    turns = read_turns(root)
    turns[0].path.unlink()
    with pytest.raises(FilesMissing, match=r"Session1/sentences/wav/.*Ses01M_impro01_F000\.wav"):
        list(IEMOCAP(root))
    (root / RELEASE / "Session3").rename(root / "elsewhere")
    with pytest.raises(FilesMissing, match=r"lacks 1 .*Session3/dialog/EmoEvaluation.*usc\.edu"):
        list(IEMOCAP(root))


def test_a_damaged_clip_is_named(root: Path) -> None:
    path = read_turns(root)[0].path
    path.write_bytes(b"not sound")
    damaged, *others = IEMOCAP(root)
    assert len(others) == len(read_turns(root)) - 6  # five of them without a category
    with pytest.raises(UnreadableMedia, match=path.name):
        damaged.recording.audio()
