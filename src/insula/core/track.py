"""Values over time: the one container for embeddings, action units, pitch, boxes, scores.

Shapes: `T` rows (moments), `D` columns (named values).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from insula.core.smoothing import interpolate
from insula.core.time import Span

Array = np.ndarray


def frozen_array(values: object, dtype: type) -> Array:
    """A read-only copy of `values` as an array of `dtype`."""
    array: Array = np.array(values, dtype=dtype)
    array.flags.writeable = False
    return array


@dataclass(frozen=True, eq=False)
class Track:
    """Named values at increasing moments; a moment without a value has `valid = False`.

    times: (T,) float64 seconds, strictly increasing. values: (T, D) float32, finite; rows with
    valid=False hold zeros. names: D column names. valid: (T,) bool, all True by default. width:
    seconds that each row stands for, centred on its time; 0 for moments without length.

    >>> track = Track([0.0, 1.0, 2.0], [[1.0], [2.0], [3.0]], ("level",))
    >>> track.crop(Span(0.5, 2.5)).column("level")
    array([2., 3.], dtype=float32)
    """

    times: Array
    values: Array
    names: tuple[str, ...]
    valid: Array | None = None
    width: float = 0.0

    def __post_init__(self) -> None:
        times = frozen_array(self.times, np.float64)
        valid = np.ones(len(times), bool) if self.valid is None else np.array(self.valid, bool)
        values = np.array(self.values, dtype=np.float32)
        if values.size != len(times) * len(self.names):
            raise ValueError(
                f"values have shape {values.shape}; expected ({len(times)}, {len(self.names)}), "
                f"a row a time and a column for each of {self.names}."
            )
        values = values.reshape(len(times), len(self.names))
        if valid.shape != times.shape:
            raise ValueError(f"valid has shape {valid.shape}, times {times.shape}; make them one.")
        if len(times) > 1 and not (np.diff(times) > 0).all():
            raise ValueError("times must increase strictly; sort them and drop repeats.")
        values[~valid] = 0.0
        if not (np.isfinite(values).all() and np.isfinite(times).all()):
            raise ValueError("values and times must be finite; mark missing rows valid=False.")
        values.flags.writeable = False
        valid.flags.writeable = False
        object.__setattr__(self, "times", times)
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "names", tuple(self.names))
        object.__setattr__(self, "valid", valid)

    def __len__(self) -> int:
        return len(self.times)

    @property
    def mask(self) -> Array:
        """`valid` as an array, never None. (T,) bool."""
        assert self.valid is not None  # set in __post_init__
        return self.valid

    def column(self, name: str) -> Array:
        """The values called `name`, (T,)."""
        column: Array = self.values[:, self.names.index(name)]
        return column

    def crop(self, span: Span) -> Track:
        """The rows whose time lies in `span`."""
        keep = (self.times >= span.start) & (self.times < span.end)
        return Track(self.times[keep], self.values[keep], self.names, self.mask[keep], self.width)

    def mean(self) -> Array:
        """Mean of the valid rows, (D,); zeros where there is none."""
        if not self.mask.any():
            return np.zeros(len(self.names), np.float32)
        mean: Array = self.values[self.mask].mean(axis=0)
        return mean

    def resample(self, times: Array, *, width: float, max_gap: float = 1.0) -> Track:
        """The track at other moments: the mean of the valid rows within each cell.

        times: (G,) centres of cells of `width` seconds. A cell without a valid row takes the row
        whose own width covers its centre, else is filled by linear interpolation between the
        valid rows around it where these lie at most `max_gap` seconds apart (`methods.md` P7),
        else is invalid.

        >>> Track([0.0, 1.0], [[0.0], [2.0]], ("x",)).resample(
        ...     np.array([0.0, 0.5, 1.0]), width=0.2).values.ravel()
        array([0., 1., 2.], dtype=float32)
        """
        times = np.asarray(times, np.float64)
        good_times, good_values = self.times[self.mask], self.values[self.mask]
        values = np.zeros((len(times), len(self.names)), np.float32)
        if not len(good_times):
            return Track(times, values, self.names, np.zeros(len(times), bool), width)
        first = np.searchsorted(good_times, times - width / 2 - 1e-9, side="left")
        last = np.searchsorted(good_times, times + width / 2 - 1e-9, side="left")
        inside = last - first
        sums = np.vstack([np.zeros((1, values.shape[1])), np.cumsum(good_values, 0, np.float64)])
        valid = inside > 0
        values[valid] = (sums[last] - sums[first])[valid] / inside[valid, None]
        nearest = np.searchsorted((good_times[1:] + good_times[:-1]) / 2, times)
        held = ~valid & (np.abs(good_times[nearest] - times) < self.width / 2 + 1e-9)
        values[held] = good_values[nearest][held]
        line, between = self._between(good_times, good_values, times, max_gap)
        fill = ~valid & ~held & between
        values[fill] = line[fill]
        return Track(times, values, self.names, valid | held | fill, width)

    def _between(
        self, good_times: Array, good_values: Array, times: Array, max_gap: float
    ) -> tuple[Array, Array]:
        """Linear interpolation at `times` and where it is allowed."""
        after = np.searchsorted(good_times, times)
        inner = (after > 0) & (after < len(good_times))
        gaps = np.append(np.diff(good_times), np.inf)  # after each of them
        short = gaps[np.maximum(after - 1, 0)] <= max_gap
        return interpolate(times, good_times, good_values), inner & short

    def shifted(self, seconds: float) -> Track:
        """The same values, `seconds` later."""
        return Track(self.times + seconds, self.values, self.names, self.mask, self.width)


def paint(
    span: Span, spans: Sequence[Span], values: Array, names: tuple[str, ...], *, hop: float
) -> Track:
    """Lay values of spans onto a regular grid over `span`; cells outside all spans are invalid.

    spans: S of them, in order. values: (S, D), one row a span. Where spans overlap, the values
    are averaged by how much of the cell each covers.

    >>> paint(Span(0, 2), [Span(0, 1)], [[5.0]], ("x",), hop=0.5).mask
    array([ True,  True, False, False])
    """
    times = span.grid(hop)
    values = np.asarray(values, np.float64).reshape(len(spans), len(names))
    total = np.zeros((len(times), len(names)))
    weight = np.zeros(len(times))
    edges = times - hop / 2
    for piece, value in zip(spans, values, strict=True):
        low = np.maximum(edges, piece.start)
        covered = np.clip(np.minimum(edges + hop, piece.end) - low, 0, None)
        total += covered[:, None] * value
        weight += covered
    valid = weight > 0.1 * hop  # less than a tenth of a cell says nothing about it
    total[valid] /= weight[valid, None]
    return Track(times, total, names, valid, hop)
