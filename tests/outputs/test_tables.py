"""The tables: one row a person and moment, the same in all three forms."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas
import pyarrow.parquet

from insula.core.records import Analysis
from insula.outputs.tables import columns, rows, to_frame, write_csv, write_parquet


def test_columns_are_in_the_promised_order(analysis: Analysis) -> None:
    labels = list(analysis.people[0].space.labels)
    expected = ["person", "time", *labels, "valence", "arousal", "confidence", "top"]
    assert columns(analysis) == [*expected, "part_face", "part_voice", "part_words"]


def test_a_row_a_person_and_moment(analysis: Analysis) -> None:
    made = list(rows(analysis))
    assert len(made) == sum(len(each.track) for each in analysis.people)
    first = made[0]
    person = analysis.people[0]
    assert first["top"] == person.space.labels[int(person.track.values[0].argmax())]
    np.testing.assert_allclose(first["anger"], person.track.column("anger")[0], atol=5.1e-5)


def test_all_forms_hold_the_same(any_analysis: Analysis, tmp_path: Path) -> None:
    with write_csv(any_analysis, tmp_path).open(encoding="utf-8", newline="") as file:
        plain = list(csv.DictReader(file))
    frame = to_frame(any_analysis)
    table = pyarrow.parquet.read_table(write_parquet(any_analysis, tmp_path)).to_pylist()
    expected = list(rows(any_analysis))
    assert table == expected
    assert len(plain) == len(frame) == len(expected)
    assert list(frame.columns) == columns(any_analysis)
    for text, values in zip(plain, expected, strict=True):
        assert text == {key: "" if each is None else str(each) for key, each in values.items()}


def test_what_was_not_seen_is_empty(analysis: Analysis) -> None:
    frame = to_frame(analysis)
    unseen = frame[frame["confidence"] == 0]
    assert len(unseen)
    assert unseen[["anger", "valence"]].isna().all().all()
    assert unseen["top"].isna().all()
    assert frame["anger"].dtype == np.float64
    assert isinstance(frame, pandas.DataFrame)


def test_csv_needs_neither_pandas_nor_pyarrow(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['pandas'] = sys.modules['pyarrow'] = None\n"
        "from pathlib import Path; from insula.testing.samples import sample_analysis\n"
        f"print(sample_analysis().save(Path({str(tmp_path)!r}), ['csv'])[0].name)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "timeline.csv"
