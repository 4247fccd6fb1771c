"""Make a composition of every quarter of a table of shares, compiled by numba: tables come by the ten thousand."""

from math import isnan

import numba as nb
import numpy as np
import numpy.typing as npt

from forecast.arrays import FloatArray

ROUNDING = 0.02  # shares of a quarter may miss 1 by so much and still be the whole market


@nb.njit(cache=True, nogil=True, error_model="numpy")
def complete(table: FloatArray, others: int) -> tuple[FloatArray, npt.NDArray[np.bool_], npt.NDArray[np.bool_], bool]:
    """Close every quarter.

    What the reported shares of a quarter leave over goes to the cells not reported, in proportion to a straight line
    between their own reports, beyond these to the nearest; equally where all of these are zero. Where every cell is
    reported and a part of the market is still left over, it goes to a part of its own, unless there is one for that.

    Args:
        table: Shape (T, K), shares; NaN where not reported.
        others: Column of the residual part; -1: none.

    Returns:
        Compositions (T, K'), quarters without any share, or with zeros alone, all NaN; which columns were kept as some
        share of theirs is reported (K,); which quarters were zeros alone (T,); and whether a residual part was added as
        the last column.
    """
    T, K = table.shape
    ever = np.zeros(K, dtype=np.bool_)
    for t in range(T):
        for k in range(K):
            if not isnan(table[t, k]):
                ever[k] = True
    kept = np.zeros(K, dtype=np.int64)
    count = 0
    for k in range(K):
        if ever[k]:
            kept[count] = k
            count += 1
    total = np.zeros(T)
    observed = np.zeros(T, dtype=np.bool_)
    whole = np.zeros(T, dtype=np.bool_)
    zeros = np.zeros(T, dtype=np.bool_)
    left_over = False
    for t in range(T):
        said = 0
        for n in range(count):
            if not isnan(table[t, kept[n]]):
                said += 1
                total[t] += table[t, kept[n]]
        whole[t] = said == count and count > 0
        zeros[t] = whole[t] and total[t] <= 0.0
        observed[t] = said > 0 and not zeros[t]
        left_over = left_over or (whole[t] and observed[t] and total[t] < 1.0 - ROUNDING)
    rest = left_over and not (others >= 0 and ever[others])
    columns = count + 1 if rest else count
    filled = np.full((T, columns), np.nan)
    for t in range(T):
        if observed[t]:
            for n in range(count):
                filled[t, n] = table[t, kept[n]]
            if rest and whole[t]:
                filled[t, count] = 1.0 - total[t] if total[t] < 1.0 - ROUNDING else 0.0
    lines = np.zeros((T, columns))
    for n in range(columns):
        _interpolate(filled, n, lines)
    for t in range(T):
        if not observed[t]:
            continue
        claimed = 0.0
        missing = 0
        for n in range(columns):
            if isnan(filled[t, n]):
                missing += 1
                claimed += lines[t, n]
        if missing > 0:
            left = max(1.0 - total[t], 0.0)
            for n in range(columns):
                if isnan(filled[t, n]):
                    filled[t, n] = left * (lines[t, n] / claimed if claimed > 0.0 else 1.0 / missing)
        reached = 0.0
        for n in range(columns):
            reached += filled[t, n]
        for n in range(columns):
            # Zeros beside cells that claim nothing say nothing either.
            filled[t, n] = filled[t, n] / reached if reached > 0.0 else np.nan
    return filled, ever, zeros, rest


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _interpolate(table: FloatArray, column: int, lines: FloatArray) -> None:
    """Straight lines between the known cells of a column, flat beyond them; untouched where none is known."""
    last = -1
    for t in range(len(table)):
        if not isnan(table[t, column]):
            value = table[t, column]
            before = table[last, column] if last >= 0 else value
            for s in range(last + 1, t):
                part = (s - last) / (t - last)
                lines[s, column] = before + part * (value - before)
            lines[t, column] = value
            last = t
    if last >= 0:
        for s in range(last + 1, len(table)):
            lines[s, column] = table[last, column]
