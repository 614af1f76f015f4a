"""Aff-Wild2: labels and pictures of the same frame at the same second, invalid frames without."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from insula.corpora.affwild2 import (
    ABAW8,
    ACTION_UNITS12,
    AffWild2,
    AffWild2ActionUnits,
    AffWild2Affect,
    AffWild2Expressions,
)
from insula.errors import (
    ConfigError,
    FilesMissing,
    UnexpectedLayout,
    UnknownName,
    UnreadableMedia,
)
from insula.testing import check_corpus

TASKS = (AffWild2Expressions, AffWild2ActionUnits, AffWild2Affect)


@pytest.fixture
def corpus(tmp_path: Path) -> AffWild2Expressions:
    AffWild2Expressions.make_fixture(tmp_path, groups=2, rng=np.random.default_rng(0))
    return AffWild2Expressions(tmp_path)


def write(corpus: AffWild2, name: str, *lines: str) -> Path:
    """Other annotations of a training clip; the header stays."""
    path = Path(corpus.root) / corpus.task / "Train_Set" / f"{name}.txt"
    path.write_text("\n".join([corpus.header, *lines, ""]), encoding="utf-8")
    return path


@pytest.mark.parametrize("task", TASKS)
def test_fixture_keeps_the_contract(task: type[AffWild2], tmp_path: Path) -> None:
    task.make_fixture(tmp_path, groups=1, rng=np.random.default_rng(0))
    corpus = task(tmp_path)
    check_corpus(corpus, groups=["video"])
    for example in corpus:
        truth = example.truth[corpus.space]
        assert truth.track.mask.tolist() == [True, True, False, True, True, True]
        assert truth.confidence.tolist() == [1, 1, 0, 1, 1, 1]


def test_labels_stand_in_the_order_of_the_sheet() -> None:
    assert ABAW8.labels == (
        *("neutral", "anger", "disgust", "fear", "happiness", "sadness", "surprise", "other"),
    )
    units = [1, 2, 4, 6, 7, 10, 12, 15, 23, 24, 25, 26]
    assert ACTION_UNITS12.labels == tuple(f"AU{unit}" for unit in units)


def test_every_number_of_an_expression(corpus: AffWild2Expressions) -> None:
    write(corpus, "train-1", *map(str, [*range(8), -1]))
    example = next(each for each in corpus.part("train") if each.person == "train-1")
    track = example.truth["abaw8"].track
    assert [ABAW8.labels[row.argmax()] for row in track.values[:8]] == list(ABAW8.labels)
    assert track.mask.tolist() == [True] * 8 + [False]


def test_an_action_unit_that_is_unknown_spoils_its_frame(tmp_path: Path) -> None:
    AffWild2ActionUnits.make_fixture(tmp_path, groups=1, rng=np.random.default_rng(0))
    corpus = AffWild2ActionUnits(tmp_path)
    write(corpus, "train-0_left", "0,1,0,0,0,0,0,0,0,0,0,1", "1,1,1,-1,1,1,1,1,1,1,1,1")
    track = next(iter(corpus)).truth["action_units12"].track
    present = track.values[0].nonzero()[0]
    assert [track.names[column] for column in present] == ["AU2", "AU26"]
    assert track.mask.tolist() == [True, False]


def test_affect_counts_where_both_are_known(tmp_path: Path) -> None:
    AffWild2Affect.make_fixture(tmp_path, groups=1, rng=np.random.default_rng(0))
    corpus = AffWild2Affect(tmp_path)
    write(corpus, "train-0_left", "-1,1", "0.3,-5", "-5,-5", "0.25,-0.5")
    track = next(iter(corpus)).truth["va"].track
    assert track.mask.tolist() == [True, False, False, True]
    assert track.column("valence").tolist() == [-1, 0, 0, 0.25]
    assert track.column("arousal")[3] == -0.5


def test_frame_numbers_start_at_one(corpus: AffWild2Expressions) -> None:
    """Four frames a second: frame 3 is at half a second, for labels and pictures alike."""
    example = next(iter(corpus))
    assert example.truth["abaw8"].track.times.tolist() == [0, 0.25, 0.5, 0.75, 1, 1.25]
    times = np.concatenate([batch.times for batch in example.recording.frames(rate=4)])
    assert times.tolist() == [0, 0.5, 0.75, 1, 1.25]  # there is no picture of frame 2
    assert example.recording.span.end >= 1.5  # though its video has but five frames


def test_two_people_share_their_sound_and_their_group(corpus: AffWild2Expressions) -> None:
    left, right, other = corpus.part("train")
    assert (left.person, right.person, other.person) == (
        *("train-0_left", "train-0_right", "train-1"),
    )
    assert left.groups == right.groups == {"video": "train-0", "split": "train"}
    assert other.groups["video"] == "train-1"
    heard = left.recording.audio()
    assert np.array_equal(heard, right.recording.audio())
    assert np.abs(heard).mean() > 0.02


def test_split_is_the_release(corpus: AffWild2Expressions) -> None:
    [(train, valid)] = corpus.split("abaw6")
    assert (train, valid) == (range(3), range(3, 6))
    splits = [example.groups["split"] for example in corpus]
    assert splits == ["train"] * 3 + ["valid"] * 3
    with pytest.raises(ConfigError, match="Choose one of: abaw6"):
        corpus.split("random")
    with pytest.raises(UnknownName, match="Known: train, valid"):
        list(corpus.part("test"))


def test_crops_that_are_not_aligned_will_do(corpus: AffWild2Expressions) -> None:
    root = Path(corpus.root)
    (root / "cropped_aligned").rename(root / "cropped")
    assert len(list(corpus)) == 6


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["8"], "holds the label 8; expected one of -1, 0, 1"),
        (["2.5"], "holds the label 2.5"),
        (["0,1"], r"holds a table of \(1, 2\); expected 1 numbers a line"),
        (["0", "happy"], "holds other lines"),
        (["0", "1,2"], "holds other lines"),
        (["nan"], "holds a table"),
        ([], "holds a table"),
    ],
)
def test_a_broken_file_is_named(
    corpus: AffWild2Expressions, lines: list[str], message: str
) -> None:
    path = write(corpus, "train-0_left", *lines)
    with pytest.raises(UnexpectedLayout, match=message) as error:
        list(corpus)
    assert str(path) in str(error.value)


def test_another_order_of_labels_is_refused(corpus: AffWild2Expressions) -> None:
    path = Path(corpus.root) / corpus.task / "Train_Set/train-1.txt"
    path.write_text("Neutral,Happiness,Sadness,Surprise,Fear,Disgust,Anger,Other\n0\n")
    with pytest.raises(UnexpectedLayout, match="the header 'Neutral,Happiness"):
        list(corpus)


def test_what_is_missing_is_named(corpus: AffWild2Expressions) -> None:
    root = Path(corpus.root)
    (root / "videos/train-1.avi").rename(root / "elsewhere.avi")
    with pytest.raises(FilesMissing, match=r"videos/train-1\.mp4 or train-1\.avi"):
        list(corpus)
    (root / "elsewhere.avi").rename(root / "videos/train-1.avi")
    (root / "cropped_aligned/train-1").rename(root / "elsewhere")
    with pytest.raises(FilesMissing, match=r"cropped_aligned/train-1/00001\.jpg"):
        list(corpus)
    (root / corpus.task / "Validation_Set").rename(root / "gone")
    with pytest.raises(FilesMissing, match=r"EXPR_Recognition_Challenge/Validation_Set/\*\.txt"):
        corpus.split("abaw6")


def test_damaged_and_foreign_pictures_are_named(corpus: AffWild2Expressions) -> None:
    folder = Path(corpus.root) / "cropped_aligned/train-0_left"
    (folder / "00004.jpg").write_bytes(b"no picture")
    first = next(iter(corpus))  # a picture is read when it is asked for
    with pytest.raises(UnreadableMedia, match=r"00004\.jpg"):
        list(first.recording.frames(rate=4))
    (folder / "00004.jpg").rename(folder / "00000.jpg")
    with pytest.raises(UnexpectedLayout, match="the name '00000'; expected 00001 and on"):
        next(iter(corpus))


def test_a_damaged_video_leaves_its_people_without_truth(corpus: AffWild2Expressions) -> None:
    (Path(corpus.root) / "videos/train-0.mp4").write_bytes(b"no film")
    left, right, other = corpus.part("train")
    assert other.truth["abaw8"].track.mask.sum() == 5
    for damaged in (left, right):
        assert not len(damaged.truth["abaw8"].track)
        with pytest.raises(UnreadableMedia, match=r"videos/train-0\.mp4"):
            damaged.recording.audio()
