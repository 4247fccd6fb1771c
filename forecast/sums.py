"""Rows of a table that are sums of other rows: totals, subtotals and joined names, recognised by their numbers.

A row counts as a sum where its numbers say so in every quarter that has it. A name that usually stands for a sum
("Total", "Top 3") whose numbers do not say so is refused by its row, unless the table only adds up with it. So is a
row without such a name that is a sum in most quarters and not in all. Rows called "of which" are parts of one above.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from forecast.arrays import FloatArray
from forecast.errors import RowViolation
from forecast.names import is_part, is_subtotal, is_total, is_whole, joined_names, name_key
from forecast.results import OTHERS

TOTALS_SCHEMA: dict[str, type[pl.DataType]] = {
    "market": pl.String,
    "period": pl.String,
    "published_at": pl.String,
    "total": pl.Float64,
}
"""The size of a market in a quarter as a total row gives it; published_at is null where the table has none."""

_FEWEST_QUARTERS_OF_A_RUN = 4  # in which an unnamed row must be the sum of the rows right above or below it
_MOST = 0.7  # of the quarters of a row in which it is a sum, from which the others are in doubt
_SURE = 1e-6  # chance that amounts of providers match so well, below which an unnamed row is a sum
_UNSURE = 0.5  # chance below which it may be one
_TIGHT = 0.005  # of a row whose name may say that it is the whole market: how far a sum may be from it
_NEAR = 0.1  # of an amount: how near to a sum of others that of a provider may lie anyway
_NAMES_SHOWN = 6  # in one message
_HALF_OF_UNSAID = 5e-6  # half a unit of a share whose printed precision is not known, fraction


@dataclass(slots=True, eq=False)
class _Grid:
    """One market: T quarters (of a day of publication) by K providers, in the order of the rows."""

    quarters: list[tuple[str, str | None]]
    names: list[str]
    values: FloatArray  # (T, K), NaN where not reported
    rows: FloatArray  # (T, K), number of the row; NaN where there is none
    half: float  # half a unit of the printed precision

    def room(self, parts: FloatArray | int) -> FloatArray:
        """By how much a sum of so many parts may miss it by rounding."""
        return np.asarray((np.asarray(parts) + 1.0) * self.half * (1.0 + 1e-9) + 1e-9 * np.nanmax(np.abs(self.values)))


def without_sums(
    typed: pl.DataFrame, measure: str, notes: list[tuple[str, str]], *, dated: bool
) -> tuple[pl.DataFrame, list[tuple[str, RowViolation]], pl.DataFrame]:
    """Take out the rows that are sums of others.

    Args:
        typed: Columns market, period, provider, share or value, decimals, row, and published_at where dated.
        measure: `share` or `value`.
        notes: What was taken out is added, by market.
        dated: Whether a quarter may have several days of publication.

    Returns:
        The other rows; rows whose name says that they are sums and whose numbers do not, by market; and what the total
        rows of amounts say, columns of `TOTALS_SCHEMA`.
    """
    cell = ["market", "period", "provider", *(["published_at"] if dated else [])]
    out: list[tuple[str, str]] = []
    misfits: list[tuple[str, RowViolation]] = []
    totals: list[tuple[str, str, str | None, float]] = []
    for market in _candidates(typed, measure, dated=dated):
        mine = typed.filter(pl.col("market") == market)
        if mine.select(cell).is_duplicated().any():
            continue  # a cell given twice: its market is refused for that
        grid = _grid(mine, measure, dated=dated)
        sums = list(_sums(grid, measure, str(market), notes, misfits))
        if len(sums) == len(grid.names):
            misfits.append((str(market), _nothing_left(grid)))
            continue
        for k, what, quarters in sums:
            out.append((str(market), grid.names[k]))
            notes.append((str(market), f"{grid.names[k]!r} is {what}, not a provider: its rows were left out"))
            if measure == "value":
                totals += [(str(market), period, day, total) for (period, day), total in quarters]
    found = pl.DataFrame(totals, schema=TOTALS_SCHEMA, orient="row").unique(
        ["market", "period", "published_at"], keep="first", maintain_order=True
    )
    if not out:
        return typed, misfits, found
    # By name: the rows of a sheet may be those of all its providers.
    gone = pl.DataFrame(out, schema={"market": pl.String, "provider": pl.String}, orient="row")
    return typed.join(gone, on=["market", "provider"], how="anti", maintain_order="left"), misfits, found


def _candidates(typed: pl.DataFrame, measure: str, *, dated: bool) -> list[object]:
    """The markets in which a row may be a sum."""
    quarter = ["market", "period", "published_at"] if dated else ["market", "period"]
    names = typed["provider"].unique().drop_nulls()
    suspects = [name for name in names if name != OTHERS and _may_be_sum(name)]
    flagged = typed.filter(pl.col("provider").is_in(suspects))["market"].unique(maintain_order=True).to_list()
    value = pl.col(measure).filter(pl.col(measure).is_finite())
    if measure == "share":
        room = 1e-9 + (0.5 * 10.0 ** (-2.0 - pl.col("decimals").fill_null(3.0))).sum()
        over = (
            typed.group_by(quarter)
            .agg(value.sum().alias("sum"), room.alias("room"))
            .filter(pl.col("sum") > 1.0 + pl.col("room"))
        )
        more = over["market"].unique(maintain_order=True).to_list()
    else:
        # Quarters of the most amounts show whether a row can be the sum of all others, or of those above or below it:
        # two of them, as one may hold a slip.
        told = value.count().over(quarter)
        fullest = typed.filter(told == told.max().over("market"))
        here = pl.struct(quarter)
        shown = fullest.filter((here == here.first().over("market")) | (here == here.last().over("market")))
        more = [
            key[0]
            for key, rows in shown.group_by(quarter, maintain_order=True)
            if _shows_a_sum(np.array(rows[measure].fill_null(np.nan)))
        ]
    return [market for market in dict.fromkeys([*flagged, *more]) if market is not None]


def _may_be_sum(name: str) -> bool:
    return is_total(name) or is_whole(name) or is_subtotal(name) or is_part(name) or bool(joined_names(name))


def _shows_a_sum(values: FloatArray) -> bool:
    values = values[np.isfinite(values)]
    if len(values) < 3:
        return False
    whole = values.sum()
    if (np.abs(2.0 * values - whole) <= 1e-3 * whole).any():
        return True
    before = np.concatenate([[0.0], np.cumsum(values)])
    runs = before[None, :] - before[:, None]  # of the values from i up to j
    near = 1e-3 * values
    two = np.subtract.outer(np.arange(len(before)), np.arange(len(before))).T >= 2
    above = two[:, :-1] & (np.abs(runs[:, :-1] - values) <= near)
    below = two[1:] & (np.abs(runs[1:] - values[:, None]) <= near[:, None])
    return bool((above & (values > 0.0)).any() or (below & (values > 0.0)[:, None]).any())


def _grid(mine: pl.DataFrame, measure: str, *, dated: bool) -> _Grid:
    days = mine["published_at"].to_list() if dated else [None] * mine.height
    keys = list(zip(mine["period"].to_list(), days, strict=True))
    quarters = list(dict.fromkeys(keys))
    names = list(dict.fromkeys(mine["provider"].fill_null("").to_list()))
    at = {key: t for t, key in enumerate(quarters)}
    place = {name: k for k, name in enumerate(names)}
    values = np.full((len(quarters), len(names)), np.nan)
    rows = np.full_like(values, np.nan)
    for key, name, value, row in zip(
        keys, mine["provider"].fill_null(""), mine[measure].cast(pl.Float64), mine["row"], strict=True
    ):
        if value is not None and np.isfinite(value) and np.isnan(values[at[key], place[name]]):
            values[at[key], place[name]] = value
        rows[at[key], place[name]] = row
    if measure == "share":
        decimals = mine["decimals"].max()
        half = _HALF_OF_UNSAID if decimals is None else 0.5 * 10.0 ** (-2.0 - float(decimals))  # type: ignore[arg-type]
    else:
        half = 0.5 * _unit(values)
    return _Grid(quarters, names, values, rows, half)


def _unit(values: FloatArray) -> float:
    """One unit of the last printed digit of amounts, at most 1."""
    told = values[np.isfinite(values)]
    for decimals in range(9):
        if (np.abs(told - np.round(told, decimals)) <= 1e-9 * np.maximum(np.abs(told), 1.0)).all():
            return float(10.0**-decimals)
    return 1e-9


_Totals: TypeAlias = list[tuple[tuple[str, str | None], float]]


def _sums(
    grid: _Grid, measure: str, market: str, notes: list[tuple[str, str]], misfits: list[tuple[str, RowViolation]]
) -> Iterator[tuple[int, str, _Totals]]:
    """Names to take out: their place, of what they are the sum, and of a total row the total of each quarter."""
    left = list(range(len(grid.names)))
    for read in (_parts, _subtotals):
        for k, what in read(grid, tuple(left), measure, market, notes, misfits):
            left.remove(k)
            yield k, what, []
    named = [k for k in left if is_total(grid.names[k])]
    if measure == "value":
        named += _whole_names(grid, left, named, market, misfits)
        for k, what in _runs(grid, left, named, market, misfits):
            left.remove(k)
            yield k, what, []
    else:
        for k in _runs_beyond_whole(grid, left, named):
            left.remove(k)
            yield k, "the sum of rows above it", []
    taken: list[int] = []
    for k in named:
        others = [n for n in left if n not in named]
        verdict = _verdict(grid, k, others, measure)
        if verdict == "misfit":
            misfits.append((market, _misfit(grid, k, others, "the sum of its quarter")))
        elif verdict == "provider":
            notes.append((market, _needed(grid, k)))
        elif measure == "value" and taken and not _equals(grid, k, [taken[:1]]):
            misfits.append((market, _misfit(grid, k, taken[:1], "the sum of its quarter")))
        else:
            taken.append(k)
            yield k, verdict, _totals(grid, k, others)
    if not named:
        yield from _without_name(grid, left, measure, market, notes, misfits)


def _without_name(
    grid: _Grid,
    left: Sequence[int],
    measure: str,
    market: str,
    notes: list[tuple[str, str]],
    misfits: list[tuple[str, RowViolation]],
) -> Iterator[tuple[int, str, _Totals]]:
    """As `_sums`: a row that is the sum of all others, where none has a name of one."""
    found = _unnamed_totals(grid, left, measure)
    misfits += [(market, slip) for slip in _slips(grid, left)] if measure == "value" and not found else []
    for k, chance in found[:1]:
        others = [n for n in left if n != k]
        if chance < _SURE:
            yield k, "the sum of its quarter", _totals(grid, k, others)
        elif measure == "value" and chance < _UNSURE:
            misfits.append((market, _unsure(grid, k, others, "Total")))
        elif measure == "value":
            told = f"{grid.names[k]!r} equals the sum of all others and is taken as a provider"
            notes.append((market, f"{told}: if it is their sum, call it Total"))


def _whole_names(
    grid: _Grid, left: list[int], named: Sequence[int], market: str, misfits: list[tuple[str, RowViolation]]
) -> list[int]:
    """Rows whose name may stand for the whole market and whose numbers do; those that may are taken out of `left`."""
    found = []
    whole = [k for k in left if k not in named and is_whole(grid.names[k])]
    others = [n for n in left if n not in named and n not in whole]
    for k in whole:
        if _equals(grid, k, [others], near=_TIGHT):
            found.append(k)
        elif members := _sum_of_some(grid, k, others):
            misfits.append((market, _unsure(grid, k, members, "Total")))
            left.remove(k)
    return found


def _parts(
    grid: _Grid,
    left: Sequence[int],
    measure: str,
    market: str,
    notes: list[tuple[str, str]],
    misfits: list[tuple[str, RowViolation]],
) -> Iterator[tuple[int, str]]:
    """Rows whose name says that they are a part of a row above them, which counts them already."""
    whole = None
    for k in tuple(left):
        if not is_part(grid.names[k]):
            whole = k
        elif measure == "share" and _is_needed(grid, k, [n for n in left if n != k]):
            notes.append((market, _needed(grid, k)))
        elif whole is None or (grid.values[:, k] > grid.values[:, whole] + grid.room(0)).any():
            misfits.append((market, _no_part(grid, k, whole)))
        else:
            yield k, f"a part of {grid.names[whole]!r}"


def _runs(
    grid: _Grid, left: Sequence[int], named: Sequence[int], market: str, misfits: list[tuple[str, RowViolation]]
) -> Iterator[tuple[int, str]]:
    """Rows without a name of a sum that are the sum of rows right above or below them, and of which."""
    gone: set[int] = set()
    for k in list(left):
        beside = _run_beside(grid, k, [n for n in left if n not in gone], named)
        if beside is None:
            continue
        chance, members = beside
        counted = _counted(grid, k, left, named)
        if counted is None and chance >= _SURE:
            misfits.append((market, _unsure(grid, k, members, "Subtotal")))
        elif counted is not True:
            gone.add(k)
            yield k, f"the sum of rows {'above' if members[0] < k else 'below'} it"


def _runs_beyond_whole(grid: _Grid, left: Sequence[int], named: Sequence[int]) -> Sequence[int]:
    """Rows of shares that are the sum of rows right above them, where every quarter adds up to 1 without them only."""
    runs = []
    for k in left:
        above = [n for n in left if n < k]
        often = np.isfinite(grid.values[:, k]).sum() >= _FEWEST_QUARTERS_OF_A_RUN
        free = k not in named and grid.names[k] not in ("", OTHERS)
        if free and often and _equals(grid, k, [above[i:] for i in range(len(above) - 1)]):
            runs.append(k)
    if not runs:
        return []
    rest = [k for k in left if k not in runs and k not in named]
    sums = np.nansum(grid.values[:, rest], axis=1)
    return runs if (np.abs(sums - 1.0) <= grid.room(len(rest))).all() else []


def _subtotals(
    grid: _Grid,
    left: Sequence[int],
    measure: str,
    market: str,
    notes: list[tuple[str, str]],
    misfits: list[tuple[str, RowViolation]],
) -> Iterator[tuple[int, str]]:
    """Rows whose name says that they are a part of the whole, and of what they are the sum."""
    keys = {name_key(name): k for k, name in enumerate(grid.names)}
    for k, name in enumerate(grid.names):
        joined = joined_names(name)
        parts = [keys[key] for key in joined if key in keys]
        others = [n for n in left if n != k and not is_total(grid.names[n])]
        if parts and len(parts) == len(joined):
            if measure == "share" and _is_needed(grid, k, others):
                notes.append((market, _needed(grid, k)))
            elif _equals(grid, k, [parts]):
                yield k, "the sum of those it names"
            else:
                misfits.append((market, _misfit(grid, k, parts, "the sum of those it names")))
        elif is_subtotal(name) and not is_total(name):
            found = _subtotal_of(grid, k, others)
            if found is None and measure == "share" and _is_needed(grid, k, others):
                notes.append((market, _needed(grid, k)))
            elif found is None:
                misfits.append((market, _misfit(grid, k, [], "the sum of rows of this table")))
            else:
                yield k, found


def _totals(grid: _Grid, k: int, others: Sequence[int]) -> _Totals:
    """The total of each quarter: that of a total row, or what it rounds where every other amount is there."""
    whole = np.isfinite(grid.values[:, others]).all(axis=1)
    sums = np.where(whole, grid.values[:, others].sum(axis=1), np.nan)
    close = whole & (np.abs(grid.values[:, k] - sums) <= grid.room(len(others)))
    told = np.where(close, sums, grid.values[:, k])
    return [(quarter, float(total)) for quarter, total in zip(grid.quarters, told, strict=True) if total > 0.0]


def _unnamed_totals(grid: _Grid, left: Sequence[int], measure: str) -> list[tuple[int, float]]:
    """Rows that may be the sum of all others, and the chance of that among providers."""
    found = []
    for k in left if len(left) > 2 else []:
        others = [n for n in left if n != k]
        if grid.names[k] in ("", OTHERS) or not _equals(grid, k, [others]):
            continue
        if measure == "share":
            own = grid.values[np.isfinite(grid.values[:, k]), k]
            if (np.abs(own - 1.0) <= grid.room(0)).all():
                found.append((k, 0.0))
        else:
            found.append((k, len(left) * _chance(grid, k, others)))
    if measure == "share" and len(found) > 1:
        return []  # nobody can tell which: the quarter sums to 2, and is refused for that
    return sorted(found, key=lambda row: row[1])


def _sum_of_some(grid: _Grid, k: int, others: Sequence[int]) -> Sequence[int]:
    """The rows of which one that may be the whole market is the sum; all others where it is larger than these."""
    given = np.isfinite(grid.values[:, k])
    if others and given.any() and (grid.values[given, k] >= np.nansum(grid.values[given][:, others], axis=1)).all():
        return others
    above = [n for n in others if n < k]
    return next((above[i:] for i in range(len(above) - 1) if _equals(grid, k, [above[i:]], near=_TIGHT)), [])


def _run_beside(grid: _Grid, k: int, left: Sequence[int], named: Sequence[int]) -> tuple[float, list[int]] | None:
    """The rows right above or below one of which it may be the sum, two or more but not all others; and the chance."""
    if k in named or grid.names[k] in ("", OTHERS):
        return None
    runs = _near_runs(grid, k, left, named)
    chances = [(len(left) * count * _chance(grid, k, run), run) for count, run in runs if _equals(grid, k, [run])]
    chance, run = min(chances, default=(1.0, []))
    if np.isfinite(grid.values[:, k]).sum() < _FEWEST_QUARTERS_OF_A_RUN:
        chance = max(chance, _SURE)
    return (chance, run) if chance < _UNSURE else None


def _near_runs(grid: _Grid, k: int, left: Sequence[int], named: Sequence[int]) -> Iterator[tuple[int, list[int]]]:
    """Runs of rows right above or below one, of which its first or last quarter is the sum; and of how many."""
    told = np.flatnonzero(np.isfinite(grid.values[:, k]))
    told = told[[0, -1]] if len(told) else told
    above = [n for n in left if n < k and n not in named][::-1]
    below = [n for n in left if n > k and n not in named]
    for side in (above, below):
        lengths = range(2, min(len(side), len(left) - 2) + 1)
        sums = np.cumsum(np.nan_to_num(grid.values[told][:, side]), axis=1)
        gap = np.abs(sums - grid.values[told, k][:, None]) <= grid.room(len(side))
        for length in lengths:
            if gap[:, length - 1].any():
                yield len(lengths), sorted(side[:length])


def _slips(grid: _Grid, left: Sequence[int]) -> Iterator[RowViolation]:
    """Rows that are a sum of others in most quarters, beyond chance, and not in all: the first quarter that differs."""
    for k in left if len(left) > 2 else []:
        if grid.names[k] in ("", OTHERS):
            continue
        sets = [[n for n in left if n != k], *(run for _, run in _near_runs(grid, k, left, []))]
        for members in sets:
            fits = _fits(grid, k, members)
            given = np.isfinite(grid.values[:, k])
            if fits.sum() < max(_FEWEST_QUARTERS_OF_A_RUN, _MOST * given.sum()) or (fits | ~given).all():
                continue
            if len(left) * len(sets) * _chance(grid, k, members, fits) < _SURE:
                yield _slip(grid, k, members, fits)
                break


def _counted(grid: _Grid, k: int, left: Sequence[int], named: Sequence[int]) -> bool | None:
    """Whether the totals that have a name of one count a row; None where none of them tells."""
    rest = [n for n in left if n not in named]
    without = [n for n in rest if n != k]
    for total in named:
        with_it, without_it = _equals(grid, total, [rest]), _equals(grid, total, [without])
        if with_it != without_it:
            return with_it
    return None


def _chance(grid: _Grid, k: int, members: Sequence[int], rows: npt.NDArray[np.bool_] | None = None) -> float:
    """The chance that a provider's amounts come as near to a sum of others as those of this row do.

    In its first quarter it may lie anywhere within a tenth of the sum; from then on, where its rivals move against each
    other, it would have moved as far. What all have in common, such as growth, tells nothing; nor do digits that no
    amount has.
    """
    given = np.isfinite(grid.values[:, k]) if rows is None else rows
    order = sorted(np.flatnonzero(given), key=lambda t: (grid.quarters[t][0], grid.quarters[t][1] or ""))
    parts = np.nan_to_num(grid.values[order][:, members])
    sums = parts.sum(axis=1)
    parts, own, sums = parts[sums > 0.0], grid.values[order, k][sums > 0.0], sums[sums > 0.0]
    if not len(sums):
        return 1.0
    step = np.full(len(sums), _step(grid))
    for decimals in (1, 0):  # amounts that were made of round shares tell no more than these
        unit = sums * 2.0 * 10.0 ** (-2.0 - decimals)
        if (np.abs(parts - np.round(parts / unit[:, None]) * unit[:, None]) <= 1.01 * grid.half).all():
            step = np.maximum(step, unit)
    window = 2.0 * np.abs(own - sums).max() + step
    moves = np.abs(parts[1:] - parts[:-1] * (sums[1:] / sums[:-1])[:, None]).max(axis=1)
    return float(np.prod(window / (window + np.concatenate([[_NEAR * sums[0]], moves]))))


def _step(grid: _Grid) -> float:
    """What all amounts are multiples of."""
    unit = 2.0 * grid.half
    counts = np.round(grid.values[np.isfinite(grid.values)] / unit)
    return unit * float(np.gcd.reduce(counts.astype(np.int64))) if np.abs(counts).max(initial=0.0) < 2.0**62 else unit


def _verdict(grid: _Grid, k: int, others: Sequence[int], measure: str) -> str:
    """What a row called a total is: the words of its note, `provider` or `misfit`."""
    given = np.isfinite(grid.values[:, k])
    beside = np.isfinite(grid.values[:, others]) if others else np.zeros((len(grid.values), 0), bool)
    sums = np.nansum(np.where(beside, grid.values[:, others], 0.0), axis=1)
    both = given & beside.any(axis=1)
    if not others or not both.any():
        return "misfit" if given.any() and others else "provider"
    gap = grid.values[both, k] - sums[both]
    room = grid.room(beside[both].sum(axis=1))
    if measure == "share" and _is_needed(grid, k, others):
        return "provider"
    if (np.abs(gap) <= room).all():
        return "the sum of its quarter"
    if measure == "share":
        if (np.abs(grid.values[both, k] - 1.0) <= grid.room(1)).all():
            return "the whole market"
        within = np.nansum(grid.values[both][:, [*others, k]], axis=1) <= 1.0 + grid.room(beside[both].sum(axis=1))
        return "provider" if within.all() else "misfit"
    return "the whole market, of which the other rows are a part" if (gap >= -room).all() else "misfit"


def _is_needed(grid: _Grid, k: int, others: Sequence[int]) -> bool:
    """Whether every quarter of shares adds up to 1 with a row and not without it."""
    given = np.isfinite(grid.values[:, k])
    without = np.nansum(grid.values[given][:, others], axis=1)
    room = grid.room(np.isfinite(grid.values[given][:, others]).sum(axis=1))
    adds_up = np.abs(without + grid.values[given, k] - 1.0) <= room
    return bool(given.any() and (adds_up & (np.abs(without - 1.0) > room) & (without > room)).all())


def _needed(grid: _Grid, k: int) -> str:
    return f"{grid.names[k]!r} is taken as a provider, not a sum: the shares of its quarters add up with it"


def _equals(grid: _Grid, k: int, sets: Sequence[Sequence[int]], near: float | None = None) -> bool:
    """Whether a row is the sum of one set of others in every quarter that has it, to rounding and a part of itself."""
    given = np.isfinite(grid.values[:, k])
    if not given.any():
        return False
    for members in sets:
        told = np.isfinite(grid.values[given][:, members])
        sums = np.where(told, grid.values[given][:, members], 0.0).sum(axis=1)
        room = grid.room(told.sum(axis=1))
        if near is not None:
            room = np.fmin(room, grid.room(-1) + near * grid.values[given, k])
        if told.any(axis=1).all() and (np.abs(grid.values[given, k] - sums) <= room).all():
            return True
    return False


def _fits(grid: _Grid, k: int, members: Sequence[int]) -> npt.NDArray[np.bool_]:
    """In which quarters a row is the sum of others."""
    told = np.isfinite(grid.values[:, members])
    sums = np.where(told, grid.values[:, members], 0.0).sum(axis=1)
    return np.asarray(told.any(axis=1) & (np.abs(grid.values[:, k] - sums) <= grid.room(told.sum(axis=1))))


def _subtotal_of(grid: _Grid, k: int, others: Sequence[int]) -> str | None:
    """Of what a row called a subtotal is the sum, in words; None where of nothing here."""
    digits = "".join(c for c in grid.names[k] if c.isdigit())
    if digits and name_key(grid.names[k]).startswith("top"):
        size = int(digits)
        named = [n for n in others if grid.names[n] != OTHERS]
        given = np.isfinite(grid.values[:, k])
        largest = -np.sort(-np.nan_to_num(grid.values[given][:, named]), axis=1)[:, :size]
        fits = np.abs(largest.sum(axis=1) - grid.values[given, k]) <= grid.room(size)
        return f"the sum of the {size} largest" if given.any() and fits.all() else None
    runs = [others[i:j] for i in range(len(others)) for j in range(i + 2, len(others) + 1)]
    return "the sum of rows beside it" if _equals(grid, k, runs) else None


def _nothing_left(grid: _Grid) -> RowViolation:
    """A market of nothing but sums."""
    names = ", ".join(map(repr, grid.names[:_NAMES_SHOWN]))
    allowed = "at least one provider beside rows that are sums of others"
    return RowViolation("market_has_providers", int(np.nanmin(grid.rows)), "provider", f"nothing but {names}", allowed)


def _misfit(grid: _Grid, k: int, others: Sequence[int], what: str) -> RowViolation:
    """The first row of a name that says it is a sum and is not."""
    t = int(np.flatnonzero(np.isfinite(grid.rows[:, k]))[0])
    if others:
        sums = np.nansum(grid.values[:, others], axis=1)
        off = np.isfinite(grid.values[:, k]) & (np.abs(grid.values[:, k] - sums) > grid.room(len(others)))
        t = int(np.flatnonzero(off)[0]) if off.any() else t
        beside = f", beside rows that sum to {sums[t]:.6g}"
    else:
        beside = ""
    period = grid.quarters[t][0]
    value = f"{grid.names[k]!r} of {period} at {grid.values[t, k]:.6g}{beside}"
    allowed = (
        f"providers; this name stands for {what}, which its numbers are not: correct it, rename it or leave it out"
    )
    return RowViolation("row_is_provider", int(grid.rows[t, k]), "provider", value, allowed)


def _no_part(grid: _Grid, k: int, whole: int | None) -> RowViolation:
    """The first row whose name says that it is a part of the row above, where it cannot be."""
    off = np.isfinite(grid.values[:, k]) & ((whole is None) | (grid.values[:, k] > grid.values[:, whole or 0]))
    t = int(np.flatnonzero(off)[0]) if off.any() else int(np.flatnonzero(np.isfinite(grid.rows[:, k]))[0])
    beside = "with no row above it" if whole is None else f"below {grid.names[whole]!r} at {grid.values[t, whole]:.6g}"
    value = f"{grid.names[k]!r} of {grid.quarters[t][0]} at {grid.values[t, k]:.6g}, {beside}"
    allowed = "providers; this name stands for a part of the row above it: correct it, rename it or leave it out"
    return RowViolation("row_is_provider", int(grid.rows[t, k]), "provider", value, allowed)


def _slip(grid: _Grid, k: int, members: Sequence[int], fits: npt.NDArray[np.bool_]) -> RowViolation:
    """The first quarter in which a row that is a sum in the others is none."""
    given = np.isfinite(grid.values[:, k])
    t = int(np.flatnonzero(given & ~fits)[0])
    total = float(np.nansum(grid.values[t, members]))
    value = (
        f"{grid.names[k]!r} of {grid.quarters[t][0]} at {grid.values[t, k]:.6g}, which is the sum of "
        f"{_listed(grid, members)} in {fits.sum()} of {given.sum()} quarters, and here they sum to {total:.6g}"
    )
    allowed = "one kind of row: correct a sum and call it Total or Subtotal; of a provider give shares, not amounts"
    return RowViolation("row_is_provider", int(grid.rows[t, k]), "provider", value, allowed)


def _listed(grid: _Grid, members: Sequence[int]) -> str:
    names = [repr(grid.names[n]) for n in members[:_NAMES_SHOWN]]
    more = f" and {len(members) - len(names)} more" if len(members) > len(names) else ""
    return f"{', '.join(names)}{more}"


def _unsure(grid: _Grid, k: int, members: Sequence[int], called: str) -> RowViolation:
    """The first row of a name that says nothing of a sum, and whose numbers may be one or a provider's."""
    t = int(np.flatnonzero(np.isfinite(grid.values[:, k]))[0])
    sums = f"the sum of {_listed(grid, members)}"
    value = f"{grid.names[k]!r} of {grid.quarters[t][0]} at {grid.values[t, k]:.6g}, which may be {sums} or a provider"
    allowed = (
        f"a name that tells a sum from a provider: call a sum {called}; beside a provider add a row Total that counts "
        "it, or give shares in place of amounts"
    )
    return RowViolation("row_is_provider", int(grid.rows[t, k]), "provider", value, allowed)
