"""The timeline as a Parquet file. Leaf module: importing it needs pyarrow, and not pandas."""

from __future__ import annotations

from pathlib import Path

import pyarrow
import pyarrow.parquet

from insula.core.records import Analysis
from insula.outputs.tables import columns, rows


def write_parquet(analysis: Analysis, folder: Path) -> Path:
    """Write timeline.parquet into `folder`: the columns of the CSV, null where not known."""
    text = {"person", "top"}
    fields = [
        (name, pyarrow.string() if name in text else pyarrow.float64())
        for name in columns(analysis)
    ]
    table = pyarrow.Table.from_pylist(list(rows(analysis)), schema=pyarrow.schema(fields))
    path = folder / "timeline.parquet"
    pyarrow.parquet.write_table(table, path)
    return path
