"""The timeline as a pandas table. Leaf module: importing it needs pandas."""

from __future__ import annotations

import pandas

from insula.core.records import Analysis
from insula.outputs.tables import columns, rows


def to_frame(analysis: Analysis) -> pandas.DataFrame:
    """One row a person and moment; NaN where something is not known."""
    frame = pandas.DataFrame(list(rows(analysis)), columns=columns(analysis))
    numbers = [name for name in frame.columns if name not in ("person", "top")]
    return frame.astype(dict.fromkeys(numbers, "float64"))
