"""Rows of a table that are sums of other rows: totals, subtotals and joined names, recognised by their numbers.

A row counts as a sum where its numbers say so in every quarter that has it. A name that usually stands for a sum
("Total", "Top 3") whose numbers do not say so is refused by its row, unless the table only adds up with it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import polars as pl

from forecast.arrays import FloatArray
from forecast.errors import RowViolation
from forecast.names import is_subtotal, is_total, joined_names, name_key
from forecast.results import OTHERS

TOTALS_SCHEMA: dict[str, type[pl.DataType]] = {
    "market": pl.String,
    "period": pl.String,
    "published_at": pl.String,
    "total": pl.Float64,
}
"""The size of a market in a quarter as a total row gives it; published_at is null where the table has none."""

_FEWEST_QUARTERS = 2  # in which an unnamed row must be the sum of all others
_FEWEST_QUARTERS_OF_A_RUN = 3  # in which it must be the sum of the rows above it
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
        sums = list(_sums(grid, measure, str(market), misfits))
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
        # The first quarter shows whether a row can be the sum of all others, or of those above it.
        first = typed.filter(pl.col("period") == pl.col("period").first().over("market"))
        more = [
            market[0]
            for market, rows in first.group_by("market", maintain_order=True)
            if _shows_a_sum(np.array(rows[measure].fill_null(np.nan)))
        ]
    return [market for market in dict.fromkeys([*flagged, *more]) if market is not None]


def _may_be_sum(name: str) -> bool:
    return is_total(name) or is_subtotal(name) or bool(joined_names(name))


def _shows_a_sum(values: FloatArray) -> bool:
    values = values[np.isfinite(values)]
    if len(values) < 3:
        return False
    whole = values.sum()
    if (np.abs(2.0 * values - whole) <= 1e-3 * whole).any():
        return True
    before = np.concatenate([[0.0], np.cumsum(values)])
    for place in range(2, len(values)):
        runs = before[place] - before[: place - 1]
        if (np.abs(runs - values[place]) <= 1e-3 * max(values[place], 1e-300)).any() and values[place] > 0.0:
            return True
    return False


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
    grid: _Grid, measure: str, market: str, misfits: list[tuple[str, RowViolation]]
) -> Iterator[tuple[int, str, _Totals]]:
    """Names to take out: their place, of what they are the sum, and of a total row the total of each quarter."""
    left = list(range(len(grid.names)))
    for k, what in _subtotals(grid, left, market, misfits):
        left.remove(k)
        yield k, what, []
    for k in list(left) if measure == "value" else []:
        if not is_total(grid.names[k]) and _is_run(grid, k, left):
            left.remove(k)
            yield k, "the sum of rows above it", []
    named = [k for k in left if is_total(grid.names[k])]
    for k in named:
        others = [n for n in left if n not in named]
        verdict = _verdict(grid, k, others, measure)
        if verdict == "misfit":
            misfits.append((market, _misfit(grid, k, others, "the sum of its quarter")))
        elif verdict != "provider":
            yield k, verdict, _totals(grid, k, others)
    for k in [] if named else left:
        others = [n for n in left if n != k]
        if len(others) >= 2 and grid.names[k] != OTHERS and _is_unnamed_total(grid, k, others, measure):
            yield k, "the sum of its quarter", _totals(grid, k, others)
            return


def _subtotals(
    grid: _Grid, left: Sequence[int], market: str, misfits: list[tuple[str, RowViolation]]
) -> Iterator[tuple[int, str]]:
    """Rows whose name says that they are a part of the whole, and of what they are the sum."""
    keys = {name_key(name): k for k, name in enumerate(grid.names)}
    for k, name in enumerate(grid.names):
        joined = joined_names(name)
        parts = [keys[key] for key in joined if key in keys]
        if parts and len(parts) == len(joined):
            if _equals(grid, k, [parts]):
                yield k, "the sum of those it names"
            else:
                misfits.append((market, _misfit(grid, k, parts, "the sum of those it names")))
        elif is_subtotal(name) and not is_total(name):
            found = _subtotal_of(grid, k, [n for n in left if n != k and not is_total(grid.names[n])])
            if found is None:
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


def _is_unnamed_total(grid: _Grid, k: int, others: Sequence[int], measure: str) -> bool:
    if not _equals(grid, k, [others]):
        return False
    if measure == "value":
        return bool(np.isfinite(grid.values[:, k]).sum() >= _FEWEST_QUARTERS)
    given = np.isfinite(grid.values[:, k])
    return bool((np.nansum(grid.values[given], axis=1) > 1.0 + grid.room(len(others))).all())


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
    if (np.abs(gap) <= room).all():
        return "the sum of its quarter"
    if measure == "share":
        if (np.abs(grid.values[both, k] - 1.0) <= grid.room(1)).all():
            return "the whole market"
        within = np.nansum(grid.values[both][:, [*others, k]], axis=1) <= 1.0 + grid.room(beside[both].sum(axis=1))
        return "provider" if within.all() else "misfit"
    return "the whole market, of which the other rows are a part" if (gap >= -room).all() else "misfit"


def _equals(grid: _Grid, k: int, sets: Sequence[Sequence[int]]) -> bool:
    """Whether a row is the sum of one set of others in every quarter that has it."""
    given = np.isfinite(grid.values[:, k])
    if not given.any():
        return False
    for members in sets:
        told = np.isfinite(grid.values[given][:, members])
        sums = np.where(told, grid.values[given][:, members], 0.0).sum(axis=1)
        if told.any(axis=1).all() and (np.abs(grid.values[given, k] - sums) <= grid.room(told.sum(axis=1))).all():
            return True
    return False


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


def _is_run(grid: _Grid, k: int, left: Sequence[int]) -> bool:
    """Whether a row is the sum of two or more rows right above it, but not of all others, in every quarter."""
    if np.isfinite(grid.values[:, k]).sum() < _FEWEST_QUARTERS_OF_A_RUN or grid.names[k] == OTHERS:
        return False
    above = [n for n in left if n < k]
    return any(_equals(grid, k, [above[i:]]) for i in range(len(above) - 1) if len(above[i:]) < len(left) - 1)


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
