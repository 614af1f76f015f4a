"""Frame results made steady: gaps filled, jitter taken out (`methods.md` P6, P7).

Shapes: `T` moments, `D` values a moment, `K` moments of which the values are known.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np

Array = np.ndarray
Kind: TypeAlias = Literal["box", "median", "gaussian"]
KINDS: tuple[Kind, ...] = ("box", "median", "gaussian")


def interpolate(times: Array, known: Array, values: Array) -> Array:
    """Values at `times` on the straight lines between known moments (P7).

    times: (T,), any order. known: (K,) strictly increasing, K at least 1. values: (K, D). Before
    the first known moment the first is repeated, after the last the last. Returns (T, D).

    >>> interpolate(np.array([-1.0, 0.5, 9.0]), np.array([0.0, 2.0]), np.array([[0.0], [8.0]]))
    array([[0.],
           [2.],
           [8.]])
    """
    after = np.clip(np.searchsorted(known, times), 1, max(1, len(known) - 1))
    before, after = after - 1, np.minimum(after, len(known) - 1)
    length = np.where(after > before, known[after] - known[before], 1.0)
    share = np.clip((times - known[before]) / length, 0, 1)[:, None]  # of the later one
    line: Array = values[before] * (1 - share) + values[after] * share
    return line


def smooth(values: Array, valid: Array, *, reach: int, kind: Kind) -> Array:
    """Each valid moment as its neighbours have it: (T, D).

    values: (T, D), evenly spaced. valid: (T,) bool; others neither give nor get anything and come
    back as zeros. reach: moments looked at on either side; at the ends there are fewer. kind: "box"
    (mean), "median", or "gaussian" (sigma = reach / 2, as the source has it).

    >>> smooth(np.array([[0.0], [9.0], [0.0]]), np.ones(3, bool), reach=1, kind="median").ravel()
    array([4.5, 0. , 4.5])
    """
    if reach == 0 or not valid.any():
        return np.where(valid[:, None], values, 0)
    padded = np.pad(np.where(valid[:, None], values, 0), ((reach, reach), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=0)  # (T, D, W)
    inside = np.pad(valid, reach)
    inside = np.lib.stride_tricks.sliding_window_view(inside, 2 * reach + 1)[valid]  # (V, W)
    steady = np.zeros(values.shape)
    if kind == "median":
        steady[valid] = np.nanmedian(np.where(inside[:, None], windows[valid], np.nan), axis=2)
        return steady
    offsets = np.arange(-reach, reach + 1)
    kernel = np.exp(-0.5 * (offsets / (reach / 2)) ** 2) if kind == "gaussian" else offsets * 0 + 1
    weights = inside * kernel
    weights = weights / weights.sum(axis=1, keepdims=True)
    steady[valid] = np.einsum("vw,vdw->vd", weights, windows[valid])
    return steady
