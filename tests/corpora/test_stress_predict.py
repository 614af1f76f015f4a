"""Stress-Predict: signals on one clock in SI units, labels a second, folds of whole subjects."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from insula.core.time import Span
from insula.corpora.stress_predict import (
    LABELS,
    StressPredict,
    find_signals,
    read_signal,
    read_subjects,
)
from insula.errors import ConfigError, FilesMissing, NoSuchStream, UnexpectedLayout
from insula.testing import check_corpus

PROJECT = Path(__file__).parents[2]
REAL = Path(os.environ.get("INSULA_DATA", PROJECT / "../shared/data")) / "stress_predict"


@pytest.fixture
def corpus(tmp_path: Path) -> StressPredict:
    StressPredict.make_fixture(tmp_path, groups=5, rng=np.random.default_rng(0))
    return StressPredict(tmp_path)


def raw(corpus: StressPredict, file: str) -> Path:
    return Path(corpus.root) / "Raw_data" / "S02" / file


def test_fixture_keeps_the_contract(corpus: StressPredict) -> None:
    check_corpus(corpus, groups=["subject"])


def test_nobody_without_labels(corpus: StressPredict) -> None:
    assert [example.person for example in corpus] == ["S02", "S03", "S04", "S05", "S06"]


def test_signals_are_on_one_clock(corpus: StressPredict) -> None:
    recording = next(iter(corpus)).recording
    assert recording.span == Span(0, 40)
    rates = {"bvp": 64, "eda": 4, "temperature": 4, "hr": 1}
    for name, rate in rates.items():
        track = recording.signal(name)
        first = 10 if name == "hr" else 0
        assert track.times[0] == pytest.approx(first)
        assert len(track) == (40 - first) * rate
        assert track.width == pytest.approx(1 / rate)
    assert recording.signal("ibi").times[:2].tolist() == pytest.approx([20.0, 20.8])
    assert "signal:eda" in recording.streams
    with pytest.raises(NoSuchStream, match="signal:ecg"):
        recording.signal("ecg")


def test_signals_are_in_si_units(corpus: StressPredict) -> None:
    recording = next(iter(corpus)).recording
    written = float(raw(corpus, "EDA.csv").read_text().split()[2])
    assert recording.signal("eda").values[0, 0] == pytest.approx(written * 1e-6)
    assert 0.5 <= recording.signal("hr").values.mean() <= 0.51  # 30 beats a minute
    assert 30 <= recording.signal("temperature").values.mean() <= 30.5


def test_labels_meet_the_signals(corpus: StressPredict) -> None:
    """The fixture plants stress in the skin: both must change in the same second."""
    example = next(iter(corpus))
    stress, skin = example.truth["stress"].track, example.recording.signal("eda")
    moments = np.floor(skin.times).astype(int)
    high = {int(second) for second in moments[skin.values[:, 0] > 0.8e-6]}
    labelled = {int(t) for t, value in zip(stress.times, stress.values[:, 0], strict=True) if value}
    assert labelled == high
    assert stress.times[0] == 9.5 and stress.width == 1


def test_a_crop_keeps_the_clock_and_the_signals(corpus: StressPredict) -> None:
    part = next(iter(corpus)).recording.crop(Span(5, 12))
    assert part.signal("hr").times.tolist() == [10.0, 11.0]
    assert [view.signal("eda").times[0] for view in part.views(2)] == [5.0, 5.0]


def test_signals_are_read_when_asked_for(corpus: StressPredict) -> None:
    raw(corpus, "BVP.csv").write_text("1644226061\n64\nnoise\n")
    example = next(iter(corpus))
    with pytest.raises(UnexpectedLayout, match=r"BVP\.csv' holds what cannot be read"):
        example.recording.signal("bvp")


def test_packed_files_are_as_good(corpus: StressPredict) -> None:
    plain = raw(corpus, "EDA.csv")
    before = read_signal(plain, "eda")
    packed = raw(corpus, "EDA.csv.gz")
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    example = next(iter(corpus))
    assert np.array_equal(example.recording.signal("eda").values, before[1].values)
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(UnexpectedLayout, match=r"EDA\.csv\.gz"):
        next(iter(corpus)).recording.signal("eda")


def test_missing_signals_are_named(corpus: StressPredict) -> None:
    raw(corpus, "HR.csv").unlink()
    raw(corpus, "IBI.csv").unlink()
    (Path(corpus.root) / "Raw_data" / "S04" / "BVP.csv").unlink()
    named = r"lacks 3 expected files: Raw_data/S02/HR\.csv, Raw_data/S02/IBI\.csv, Raw_data/S04/BVP"
    with pytest.raises(FilesMissing, match=named):
        list(corpus)


def test_a_copy_may_lack_subjects(corpus: StressPredict, tmp_path: Path) -> None:
    raw(corpus, "").rename(tmp_path / "away")
    assert [subject.number for subject in read_subjects(corpus.root)] == [3, 4, 5, 6]
    with pytest.raises(FilesMissing, match="binary"):
        list(StressPredict(tmp_path / "nowhere"))


@pytest.mark.parametrize("broken", ["3,80,12.5,1644226090,2\n", "3,80\n"])
def test_broken_labels_are_named(corpus: StressPredict, broken: str) -> None:
    with (Path(corpus.root) / LABELS).open("a", encoding="utf-8") as table:
        table.write(broken)
    with pytest.raises(UnexpectedLayout, match=r"binary\.csv.*0 or 1 as Label"):
        list(corpus)


def test_folds_of_whole_subjects(corpus: StressPredict) -> None:
    tested = [position for _, test in corpus.split("subject5") for position in test]
    assert sorted(tested) == list(range(5))
    with pytest.raises(ConfigError, match="Choose one of: subject5"):
        corpus.split("random")


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no copy of Stress-Predict in {REAL}")
def test_real_counts() -> None:
    subjects = read_subjects(REAL)
    assert len(subjects) == 27
    assert sum(len(subject.labels) for subject in subjects) == 89_100
    places = find_signals(subjects[0].folder)
    heart, beats = (read_signal(places[name], name)[1] for name in ("hr", "ibi"))
    assert 0.7 < heart.mean()[0] * beats.mean()[0] < 1.3  # beats a second, seconds a beat
