"""Order statistics of many rows, compiled by numba: a bucket a value, and only the buckets asked for put in order."""

import numpy as np
import numpy.typing as npt

from forecast.arrays import FloatArray
from forecast.compiling import compiled

_BUCKETS = 1024


@compiled
def order_statistics(rows: FloatArray, ranks: npt.NDArray[np.int64]) -> FloatArray:
    """The values at some ranks of each row.

    Args:
        rows: Shape (R, n), finite.
        ranks: Shape (m,), from 0, in any order.

    Returns:
        Shape (R, m).
    """
    R, n = rows.shape
    found = np.empty((R, len(ranks)))
    bucket = np.empty(n, dtype=np.int64)
    placed = np.empty(n)
    start = np.empty(_BUCKETS + 1, dtype=np.int64)
    ordered = np.empty(_BUCKETS, dtype=np.bool_)
    for r in range(R):
        low, high = rows[r, 0], rows[r, 0]
        for i in range(n):
            low, high = min(low, rows[r, i]), max(high, rows[r, i])
        per_bucket = (_BUCKETS - 1) / (high - low) if high > low else 0.0
        for b in range(_BUCKETS + 1):
            start[b] = 0
        for i in range(n):
            b = int((rows[r, i] - low) * per_bucket)
            bucket[i] = b
            start[b + 1] += 1
        for b in range(_BUCKETS):
            ordered[b] = False
            start[b + 1] += start[b]
        for i in range(n):
            placed[start[bucket[i]]] = rows[r, i]
            start[bucket[i]] += 1  # from here on, where the next bucket starts
        for m in range(len(ranks)):
            b = _bucket_of(start, ranks[m])
            if not ordered[b]:
                _sort(placed, start[b - 1] if b > 0 else 0, start[b])
                ordered[b] = True
            found[r, m] = placed[ranks[m]]
    return found


@compiled
def _bucket_of(end: npt.NDArray[np.int64], rank: int) -> int:
    """The first bucket that ends beyond a rank."""
    low, high = 0, _BUCKETS - 1
    while low < high:
        middle = (low + high) // 2
        if end[middle] > rank:
            high = middle
        else:
            low = middle + 1
    return low


@compiled
def _sort(values: FloatArray, first: int, end: int) -> None:
    """Shell's sort of values[first:end], in place; a bucket of one value many times costs little more than a look."""
    gap = 1
    while gap < (end - first) // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(first + gap, end):
            value = values[i]
            j = i
            while j >= first + gap and values[j - gap] > value:
                values[j] = values[j - gap]
                j -= gap
            values[j] = value
        gap //= 3
