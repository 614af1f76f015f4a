"""CEAP-360VR: ratings on axes, gaze by the frames of each film, folds of whole people."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from insula.corpora.ceap360vr import (
    CEAP360VR,
    FIXATIONS,
    FRAME_RATES,
    RATINGS,
    find_people,
    read_gaze,
    read_viewings,
)
from insula.errors import ConfigError, FilesMissing, UnexpectedLayout
from insula.testing import check_corpus

PROJECT = Path(__file__).parents[2]
REAL = Path(os.environ.get("INSULA_DATA", PROJECT / "../shared/data")) / "ceap360vr"


@pytest.fixture
def corpus(tmp_path: Path) -> CEAP360VR:
    CEAP360VR.make_fixture(tmp_path, groups=5, rng=np.random.default_rng(0))
    return CEAP360VR(tmp_path)


def ratings(corpus: CEAP360VR) -> Path:
    return Path(corpus.root) / RATINGS.format(person="P1")


def rewrite(path: Path, change: Callable[[list[dict[str, object]]], object]) -> None:
    """The same file with other films."""
    content = json.loads(path.read_text())
    [[person]] = content.values()
    change(next(films for key, films in person.items() if key != "ParticipantID"))
    path.write_text(json.dumps(content))


def test_fixture_keeps_the_contract(corpus: CEAP360VR) -> None:
    check_corpus(corpus, groups=["person"])


def test_ratings_become_axes(corpus: CEAP360VR) -> None:
    rows = [
        {"TimeStamp": 0.1, "Valence": 1, "Arousal": 9},
        {"TimeStamp": 0.2, "Valence": 5, "Arousal": 7},
    ]
    rewrite(ratings(corpus), lambda films: films[0].update(TimeStamp_Valence_Arousal=rows))
    track = next(iter(corpus)).truth["va"].track
    assert track.names == ("valence", "arousal")
    assert track.values.tolist() == [[-1, 1], [0, 0.5]]
    assert track.times.tolist() == [0.1, 0.2]


def test_gaze_by_frame(corpus: CEAP360VR) -> None:
    first, second, *_ = corpus
    slow, fast = first.recording.signal("gaze"), second.recording.signal("gaze")
    assert slow.times[1] - slow.times[0] == pytest.approx(1 / 25)
    assert fast.times[1] - fast.times[0] == pytest.approx(1 / 30)
    assert np.flatnonzero(slow.mask).tolist() == [*range(10), *range(50, 60), *range(100, 110)]
    assert slow.values[0] == pytest.approx(np.radians([-9.5, 90.0]))
    assert (first.groups, first.person) == ({"person": "P1", "film": "V1"}, "P1")
    assert first.recording.span.end == pytest.approx(0.1 + 49 * 0.117 + 0.117 / 2)


def test_films_of_the_release() -> None:
    assert {"V1": 25} | {f"V{number}": 30 for number in range(2, 9)} == FRAME_RATES


def test_people_by_number(corpus: CEAP360VR) -> None:
    for place in (RATINGS, FIXATIONS):
        path = Path(corpus.root) / place.format(person="P1")
        path.rename(path.with_name(path.name.replace("P1_", "P10_")))
    assert find_people(corpus.root) == ["P2", "P3", "P4", "P5", "P10"]


def test_folds_of_whole_people(corpus: CEAP360VR) -> None:
    examples = list(corpus)
    assert len(examples) == 10
    tested = [position for _, test in corpus.split("person5") for position in test]
    assert sorted(tested) == list(range(10))
    with pytest.raises(ConfigError, match="Choose one of: person5"):
        corpus.split("random")


def test_nobody_looked_anywhere(corpus: CEAP360VR) -> None:
    path = Path(corpus.root) / FIXATIONS.format(person="P1")
    rewrite(path, lambda films: films[0].update(Fixation=[]))
    assert len(read_gaze(path, "V1")) == 0


def test_missing_files_are_named(corpus: CEAP360VR, tmp_path: Path) -> None:
    for person in ("P2", "P4"):
        (Path(corpus.root) / FIXATIONS.format(person=person)).unlink()
    with pytest.raises(FilesMissing, match=r"lacks 2 .*EM_Fixation/P2_.*EM_Fixation/P4_"):
        list(corpus)
    with pytest.raises(FilesMissing, match="Get the release from cwi-dis"):
        list(CEAP360VR(tmp_path / "nowhere"))


def row(time: float, valence: object) -> dict[str, object]:
    return {"TimeStamp": time, "Valence": valence, "Arousal": 5}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([row(0.1, 9.5)], "ratings from 1 to 9"),
        ([row(0.2, 5), row(0.1, 5)], "increasing moments"),
        ([row(0.1, "high")], "numbers called TimeStamp, Valence, Arousal"),
        ([row(0.1, float("nan"))], "not finite"),
        ([{"TimeStamp": 0.1}], "numbers called"),
        ([], "other ratings of V1"),
    ],
)
def test_broken_ratings_are_named(
    corpus: CEAP360VR, rows: list[dict[str, object]], message: str
) -> None:
    rewrite(ratings(corpus), lambda films: films[0].update(TimeStamp_Valence_Arousal=rows))
    with pytest.raises(UnexpectedLayout, match=rf"P1_Annotation_TransData\.json.*{message}"):
        list(corpus)


def test_broken_files_are_named(corpus: CEAP360VR) -> None:
    path = Path(corpus.root) / FIXATIONS.format(person="P1")
    wrong = [{"StartFrame": 9, "EndFrame": 3, "Pitch": 0, "Yaw": 0}]
    rewrite(path, lambda films: films[0].update(Fixation=wrong))
    with pytest.raises(UnexpectedLayout, match="a last one that does not lie before it"):
        next(iter(corpus)).recording.signal("gaze")
    rewrite(path, lambda films: films.pop(0))
    with pytest.raises(UnexpectedLayout, match="the film V1 too"):
        next(iter(corpus)).recording.signal("gaze")
    rewrite(ratings(corpus), lambda films: films[0].update(VideoID="V0"))
    with pytest.raises(UnexpectedLayout, match="the film 'V0'"):
        list(corpus)
    ratings(corpus).write_text('{"ContinuousAnnotation_TransData": [')
    with pytest.raises(UnexpectedLayout, match="what cannot be read"):
        list(corpus)


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no copy of CEAP-360VR in {REAL}")
def test_real_counts() -> None:
    people = find_people(REAL)
    viewings = [viewing for person in people for viewing in read_viewings(REAL, person)]
    assert (len(people), len(viewings)) == (12, 96)
    assert sum(len(viewing.times) for viewing in viewings) == 47_980
    for person in people:  # no eye rests beyond the end of a film of a minute
        path = REAL / FIXATIONS.format(person=person)
        assert all(read_gaze(path, film).times[-1] < 60.1 for film in FRAME_RATES)
