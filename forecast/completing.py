"""A composition of every quarter of a table of shares, in which no reported share moves by more than its rounding.

Plain loops over a small table: a market on its own runs them as they are, `forecast.models.bulk` compiles them for
tables that come by the ten thousand. So nothing here may need more than arrays and numbers.
"""

from math import isnan

import numpy as np
import numpy.typing as npt

from forecast.arrays import FloatArray

SILENT, ENDED, CARRIED = 1, 2, 3  # what may become of a provider
FINEST_HALF = 5e-6  # half a unit of what still counts as printed, fraction: nobody prints more than 34.123 %


def complete(
    table: FloatArray, others: int, half: FloatArray
) -> tuple[FloatArray, npt.NDArray[np.bool_], npt.NDArray[np.bool_], bool, int, npt.NDArray[np.int64]]:
    """Close every quarter.

    What the reported shares of a quarter miss of 1 within their rounding is spread over them, to each in proportion to
    its `half` and no more than that. What they miss beyond that goes to the cells not reported, in proportion to a
    straight line between their own reports, flat beyond these; where the residual part is reported, to each no more
    than its line, and what then is left to the residual part. Where every cell is reported, all of it goes to the
    residual part, which is added where there is none. A provider before its first or after its last report has no share
    of a quarter that the others make whole.

    Args:
        table: Shape (T, K), shares; NaN where not reported.
        others: Column of the residual part; -1: none.
        half: Shape (T, K), half a unit of what each share is printed in, fraction; not read where it is not reported.

    Returns:
        Compositions (T, K'), quarters without any share, or with zeros alone, all NaN; which columns were kept as some
        share of theirs is reported (K,); which quarters were zeros alone (T,); whether a residual part was added as
        the last column; in how many quarters the residual part was given what was left; and what became of each column
        (K,): `SILENT` where no share of it is reported, `ENDED` where it is not in the last quarter, which the others
        make whole, `CARRIED` where it is not in it and was given a share of it, else 0.
    """
    T, K = table.shape
    ever = np.zeros(K, dtype=np.bool_)
    first = np.full(K, -1, dtype=np.int64)
    last = np.full(K, -1, dtype=np.int64)
    for t in range(T):
        for k in range(K):
            if not isnan(table[t, k]):
                ever[k] = True
                first[k] = t if first[k] < 0 else first[k]
                last[k] = t
    kept = np.zeros(K, dtype=np.int64)
    count = 0
    for k in range(K):
        if ever[k]:
            kept[count] = k
            count += 1
    room = np.zeros(T)  # what rounding explains
    widest = np.full(T, FINEST_HALF)  # of the halves of a quarter
    total = np.zeros(T)
    observed = np.zeros(T, dtype=np.bool_)
    zeros = np.zeros(T, dtype=np.bool_)
    added = False
    residual = -1
    for n in range(count):
        if kept[n] == others:
            residual = n
    for t in range(T):
        said = 0
        for n in range(count):
            if not isnan(table[t, kept[n]]):
                said += 1
                total[t] += table[t, kept[n]]
                room[t] += max(half[t, kept[n]], FINEST_HALF)
                widest[t] = max(widest[t], half[t, kept[n]])
        room[t] += 1e-9
        zeros[t] = said == count and count > 0 and total[t] <= 0.0
        observed[t] = said > 0 and not zeros[t]
        if residual < 0 and said == count and observed[t] and 1.0 - total[t] > room[t]:
            added = True
    columns = count + 1 if added else count
    filled = np.full((T, columns), np.nan)
    lines = np.zeros((T, columns))
    if added:
        residual = count
    for n in range(columns):
        before = -1
        for t in range(T):
            if not observed[t]:
                continue
            if n < count:
                filled[t, n] = table[t, kept[n]]
            else:
                whole = True
                for m in range(count):
                    whole = whole and not isnan(table[t, kept[m]])
                if whole:
                    filled[t, n] = 1.0 - total[t] if 1.0 - total[t] > room[t] else 0.0
            if not isnan(filled[t, n]):
                value = filled[t, n]
                start = filled[before, n] if before >= 0 else value
                for s in range(before + 1, t):
                    lines[s, n] = start + (s - before) / (t - before) * (value - start)
                lines[t, n] = value
                before = t
        if before >= 0:
            for s in range(before + 1, T):
                lines[s, n] = filled[before, n]
    given = 0
    halves = np.zeros(columns)
    for t in range(T):
        if not observed[t]:
            continue
        for n in range(columns):
            # What is not reported moves as what is printed most coarsely.
            reported = n < count and not isnan(table[t, kept[n]])
            halves[n] = max(half[t, kept[n]], FINEST_HALF) if reported else widest[t]
        left = 1.0 - total[t]
        missing = 0
        claimed = 0.0
        for n in range(columns):
            if isnan(filled[t, n]):
                outside = n < count and (t < first[kept[n]] or t > last[kept[n]])
                if outside and left <= room[t]:
                    filled[t, n] = 0.0
                else:
                    missing += 1
                    claimed += lines[t, n]
        spread = left
        if missing > 0:
            capped = left <= room[t] or (residual >= 0 and not isnan(filled[t, residual]))
            share_out = max(left, 0.0)
            if capped:
                share_out = min(share_out, claimed)
            for n in range(columns):
                if isnan(filled[t, n]):
                    filled[t, n] = share_out * (lines[t, n] / claimed if claimed > 0.0 else 1.0 / missing)
            spread = left - share_out
        if added and missing == 0 and left > room[t]:
            spread = 0.0  # it stands in the part that was added
            given += 1
        elif spread > room[t] and residual >= 0:
            filled[t, residual] += spread
            spread = 0.0
            given += 1
        # Within rounding: over the shares above zero, none by more than its rounding, then over the printed zeros.
        above, at_zero = 0.0, 0.0  # halves of both
        for n in range(columns):
            if filled[t, n] > 0.0:
                above += halves[n]
            else:
                at_zero += halves[n]
        if spread > 0.0 and above > 0.0:
            part = min(spread / above, 1.0) if at_zero > 0.0 else spread / above
            for n in range(columns):
                if filled[t, n] > 0.0:
                    filled[t, n] += part * halves[n]
                else:
                    filled[t, n] = max(spread - part * above, 0.0) * halves[n] / at_zero
        while spread < -1e-15 and above > 0.0:
            part = spread / above
            spread = 0.0
            above = 0.0
            for n in range(columns):
                if filled[t, n] > 0.0:
                    spread += min(filled[t, n] + part * halves[n], 0.0)
                    filled[t, n] = max(filled[t, n] + part * halves[n], 0.0)
                    if filled[t, n] > 0.0:
                        above += halves[n]
        reached = 0.0
        for n in range(columns):
            reached += filled[t, n]
        for n in range(columns):
            # Zeros beside cells that claim nothing say nothing either.
            filled[t, n] = filled[t, n] / reached if reached > 0.0 else np.nan
    newest = -1
    for t in range(T):
        if observed[t] and not isnan(filled[t, 0]):
            newest = t
    fate = np.zeros(K, dtype=np.int64)
    for k in range(K):
        if not ever[k]:
            fate[k] = SILENT
    for n in range(count):
        if newest > last[kept[n]] and filled[newest, n] == 0.0:
            fate[kept[n]] = ENDED
        elif newest > last[kept[n]] and n != residual:
            fate[kept[n]] = CARRIED
    return filled, ever, zeros, added, given, fate
