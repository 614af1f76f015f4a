"""RECOLA: which 40 ms a rating stands for, the mean of raters, parts only from a list."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from insula.core.space import VA
from insula.corpora.recola import FILMS, PARTITION, RATINGS, RECOLA, read_ratings
from insula.errors import ConfigError, FilesMissing, UnexpectedLayout, UnreadableMedia
from insula.testing import check_corpus


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("recola")
    RECOLA.make_fixture(root, groups=3, rng=np.random.default_rng(0))
    return root


@pytest.fixture
def corpus(written: Path, tmp_path: Path) -> RECOLA:
    """A copy of links, of which a test may replace some."""
    for path in written.rglob("*.*"):
        link = tmp_path / path.relative_to(written)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path)
    return RECOLA(tmp_path)


def rate(corpus: RECOLA, axis: str, rows: list[str]) -> Path:
    """Other ratings of P16."""
    path = Path(corpus.root) / RATINGS / axis / "P16.csv"
    path.unlink()
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


def test_fixture_keeps_the_contract(corpus: RECOLA) -> None:
    check_corpus(corpus, groups=["speaker"])


def test_a_rating_stands_for_the_time_up_to_it(corpus: RECOLA) -> None:
    """The first of 7501 rows is dropped; the second stands for 0 to 40 ms."""
    rate(corpus, "valence", [f"{row * 0.04:.2f},{(row % 3 - 1) / 2}" for row in range(7501)])
    rate(corpus, "arousal", [f"{row * 0.04:.2f},{-(row % 3 - 1) / 2}" for row in range(7501)])
    track = read_ratings(corpus.root, "P16")
    assert VA.labels == track.names == ("valence", "arousal")
    assert track.values[:4].tolist() == [[0, 0], [0.5, -0.5], [-0.5, 0.5], [0, 0]]
    assert track.times[[0, -1]].tolist() == pytest.approx([0.02, 299.98])
    assert (len(track), track.width) == (7500, 0.04)


def test_the_truth_is_the_mean_of_the_raters(corpus: RECOLA) -> None:
    rows = [f"{row * 0.04:.2f};-0.2;0.1;0.4" for row in range(7501)]
    rate(corpus, "arousal", ["time;FM1;FM2;FF1", *rows])
    track = read_ratings(corpus.root, "P16")
    assert track.column("arousal") == pytest.approx(0.1)


def test_what_centring_moved_off_the_scale_is_its_end(corpus: RECOLA) -> None:
    rate(corpus, "arousal", [f"{row * 0.04:.2f};1.2" for row in range(7501)])
    assert (read_ratings(corpus.root, "P16").column("arousal") == 1).all()


def test_films_are_seen_and_heard(corpus: RECOLA) -> None:
    example = next(iter(corpus))
    assert (example.recording.id, example.person) == ("P16.mp4", "P16")
    assert {"audio", "video"} <= set(example.recording.streams)
    track = example.truth["va"].track
    assert len(track) == pytest.approx(25, abs=2)  # a second of film
    assert track.times[-1] < example.recording.span.end


def test_parts_are_those_of_the_list(corpus: RECOLA) -> None:
    assert corpus.split("avec16") == [([1], [2])]
    assert [example.groups for example in corpus] == [
        {"speaker": "P16"},
        {"speaker": "P17", "split": "train"},
        {"speaker": "P18", "split": "dev"},
    ]
    assert [example.person for example in corpus.part("dev")] == ["P18"]
    with pytest.raises(ConfigError, match="avec16"):
        corpus.split("random")


def test_without_a_list_nothing_is_guessed(corpus: RECOLA) -> None:
    (Path(corpus.root) / PARTITION).unlink()
    assert len(list(corpus)) == 3
    for ask in (lambda: corpus.split("avec16"), lambda: list(corpus.part("train"))):
        with pytest.raises(FilesMissing, match=r"lacks 1 .*avec16\.csv\. Get the parts"):
            ask()


@pytest.mark.parametrize("row", ["P17", "P17,test", "P17,train\nP17,dev"])
def test_a_broken_list_is_shown(corpus: RECOLA, row: str) -> None:
    (Path(corpus.root) / PARTITION).unlink()
    (Path(corpus.root) / PARTITION).write_text(f"{row}\n", encoding="utf-8")
    with pytest.raises(UnexpectedLayout, match=r"avec16\.csv.*train or dev"):
        list(corpus)


def test_a_listed_film_that_is_not_there(corpus: RECOLA) -> None:
    (Path(corpus.root) / PARTITION).unlink()
    (Path(corpus.root) / PARTITION).write_text("P17,train\nP18,dev\nP99,dev\n", encoding="utf-8")
    with pytest.raises(FilesMissing, match=r"Video_recordings_MP4/P99\.mp4"):
        corpus.split("avec16")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([f"{row * 0.04:.2f};0" for row in range(7500)], "holds 7500 rows"),
        ([f"{row * 0.02:.2f};0" for row in range(7501)], "the second 150.0 in row 7500"),
        (["0.00;a"] + [f"{row * 0.04:.2f};0" for row in range(1, 7501)], "what is no number"),
        ([f"{row * 0.04:.2f};nan" for row in range(7501)], "no numbers in it"),
        ([], "0 rows"),
    ],
)
def test_broken_ratings_are_named(corpus: RECOLA, rows: list[str], message: str) -> None:
    path = rate(corpus, "valence", rows)
    with pytest.raises(UnexpectedLayout, match=message) as error:
        list(corpus)
    assert str(path) in str(error.value)


def test_missing_files_are_named(corpus: RECOLA, tmp_path: Path) -> None:
    (tmp_path / FILMS / "P17.mp4").unlink()
    (tmp_path / RATINGS / "valence/P18.csv").unlink()
    with pytest.raises(FilesMissing, match=r"lacks 2 .*valence/P18\.csv, .*P17\.mp4"):
        list(corpus)
    with pytest.raises(FilesMissing, match=r"lacks 2 .*valence/P\*\.csv.*Get the corpus"):
        list(RECOLA(tmp_path / "nothing"))


def test_a_damaged_film_is_named(corpus: RECOLA, tmp_path: Path) -> None:
    (tmp_path / FILMS / "P16.mp4").unlink()
    (tmp_path / FILMS / "P16.mp4").write_bytes(b"no film")
    damaged, *others = corpus
    assert len(others) == 2
    with pytest.raises(UnreadableMedia, match=r"P16\.mp4"):
        damaged.recording.audio()
