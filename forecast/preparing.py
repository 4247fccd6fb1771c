"""What a model sees of a market: its quarterly compositions, made from a history or from a table of shares."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from forecast.arrays import FloatArray
from forecast.errors import NotEnoughData
from forecast.models.base import Series
from forecast.quarter import Quarter
from forecast.results import OTHERS, History, Status

FEWEST_QUARTERS = 2
FORGOTTEN_AFTER = 12  # quarters without a word, after which a provider's share is counted in Others
ROUNDING = 0.02  # shares of a quarter may miss 1 by so much and still be the whole market


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A market ready for a model."""

    series: Series
    providers: tuple[str, ...]
    origin: Quarter
    warnings: tuple[str, ...]


def prepare_history(history: History) -> Prepared:
    """Choose the quarters and providers of a history that a model sees.

    Raises:
        NotEnoughData: fewer than two quarters have a figure.
    """
    said = np.array([[s in (Status.REPORTED, Status.COMBINED) for s in row] for row in history.status])
    rows = np.flatnonzero(said.any(axis=1))
    if len(rows) < FEWEST_QUARTERS:
        when = f"as of {history.as_of}" if history.as_of else ""
        raise NotEnoughData(history.market, len(rows), FEWEST_QUARTERS, when)
    first, last = int(rows[0]), int(rows[-1])
    others = len(history.providers) - 1
    latest = np.array([np.flatnonzero(said[:, k]).max(initial=-1) for k in range(others)])
    kept = [k for k in range(others) if last - latest[k] < FORGOTTEN_AFTER]
    forgotten = [history.providers[k] for k in range(others) if k not in kept]

    def visible(compositions: FloatArray) -> FloatArray:
        shares = np.full((last - first + 1, len(kept) + 1), np.nan)
        shares[rows - first, :-1] = compositions[rows][:, kept]
        shares[rows - first, -1] = np.maximum(1.0 - shares[rows - first, :-1].sum(axis=1), 0.0)
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))

    broken = (quarter - history.quarters[first] for quarter, _ in history.breaks)
    breaks = tuple(row for row in broken if 0 < row <= last - first)
    histories = () if history.draws is None else tuple(visible(draw) for draw in history.draws)
    warnings = list(history.warnings)
    if forgotten:
        warnings.append(
            f"counted in {OTHERS}, as nothing was said of them in the last {FORGOTTEN_AFTER} quarters: "
            + ", ".join(forgotten)
        )
    providers = (*(history.providers[k] for k in kept), history.providers[-1])
    series = Series(history.market, visible(history.smoothed), breaks, histories)
    return Prepared(series, providers, history.quarters[last], tuple(warnings))


def prepare_shares(frame: pl.DataFrame) -> Prepared:
    """Lay out one market of a checked shares table.

    Raises:
        NotEnoughData: fewer than two quarters have a share.
    """
    (prepared,) = prepare_markets(frame)
    if isinstance(prepared, NotEnoughData):
        raise prepared
    return prepared


def prepare_markets(frame: pl.DataFrame) -> Iterator[Prepared | NotEnoughData]:
    """Lay out every market of a checked shares table, the rows of a market standing together.

    Yields:
        The markets in order; for one with fewer than two quarters that have a share, the error.
    """
    columns = frame.select(
        market=pl.col("market"),
        quarter=pl.col("period").str.slice(0, 4).cast(pl.Int64) * 4
        + pl.col("period").str.slice(5, 1).cast(pl.Int64)
        - 1,
        share=pl.col("share").cast(pl.Float64).fill_null(np.nan),
        decimals=pl.col("decimals").cast(pl.Float64).fill_null(np.nan) if "decimals" in frame.columns else np.nan,
    )
    lengths = columns["market"].rle().struct.unnest()
    quarter, share, decimals = (columns[name].to_numpy() for name in ("quarter", "share", "decimals"))
    names = frame["provider"].to_list()
    start = 0
    for length, market in lengths.iter_rows():
        cells = slice(start, start + length)
        start += length
        # Whole per cents and tenths are what is printed; where nobody says, a tenth.
        printed = np.fmax.reduce(decimals[cells])
        resolution = 0.5 * 10.0 ** (-2.0 - printed) if np.isfinite(printed) else 0.0005
        yield prepare_cells(market, quarter[cells], names[cells], share[cells], resolution)


def prepare_cells(
    market: str, quarter: npt.NDArray[np.int64], provider: Sequence[str], share: FloatArray, resolution: float
) -> Prepared | NotEnoughData:
    """Lay out the cells of one market, each given once.

    Args:
        market: Its name.
        quarter: Shape (n,), `Quarter.index` of each cell.
        provider: n names.
        share: Shape (n,), NaN where not reported.
        resolution: Half a unit of the printed precision, fraction.
    """
    place: dict[str, int] = {}
    column = [place.setdefault(name, len(place)) for name in provider]
    earliest = int(quarter.min())
    table = np.full((int(quarter.max()) - earliest + 1, len(place)), np.nan)
    table[quarter - earliest, column] = share
    shares, names, warnings = complete_rows(table, tuple(place))
    observed = np.flatnonzero(np.isfinite(shares[:, :1]).any(axis=1))
    if len(observed) < FEWEST_QUARTERS:
        return NotEnoughData(market, len(observed), FEWEST_QUARTERS)
    first, last = int(observed[0]), int(observed[-1])
    series = Series(market, shares[first : last + 1], resolution=resolution)
    return Prepared(series, names, Quarter(earliest + last), warnings)


def complete_rows(table: FloatArray, providers: tuple[str, ...]) -> tuple[FloatArray, tuple[str, ...], tuple[str, ...]]:
    """Make a composition of every quarter that has a share.

    A provider without a single report is left out, and said so. What the reported shares leave over goes to the cells
    not reported, in proportion to a straight line between their own reports; where every cell is reported and a part of
    the market is still left over, it goes to `Others`.

    Args:
        table: Shape (T, K), shares; NaN where not reported.
        providers: K names.

    Returns:
        Compositions (T, K'), rows without any share all NaN; K' names; warnings.
    """
    total = table.sum(axis=1)
    if ((np.abs(total - 1.0) <= ROUNDING) | np.isnan(table).all(axis=1)).all() and not np.isnan(total).all():
        return table / total[:, None], providers, ()  # whole quarters, as most tables have them
    warnings: list[str] = []
    ever = np.asarray(np.isfinite(table).any(axis=0))
    if not ever.all():
        silent = ", ".join(name for name, said in zip(providers, ever, strict=True) if not said)
        warnings.append(f"left out, as no share of theirs is reported: {silent}")
        table = table[:, ever]
        providers = tuple(name for name, said in zip(providers, ever, strict=True) if said)
    observed = np.asarray(np.isfinite(table).any(axis=1))
    total = np.nansum(table, axis=1)
    whole = np.isfinite(table).all(axis=1)
    # Rows of zeros alone say nothing about a composition.
    empty = observed & (total <= 0.0) & whole
    if empty.any():
        warnings.append(f"{int(empty.sum())} quarter(s) whose shares are all zero were left out")
        observed &= ~empty
    if (whole & observed & (total < 1.0 - ROUNDING)).any() and OTHERS not in providers:
        rest = np.where(whole, np.maximum(1.0 - total, 0.0), np.nan)
        table = np.column_stack([table, np.where(rest <= ROUNDING, 0.0, rest)])
        providers = (*providers, OTHERS)
        warnings.append(f"the shares of a quarter sum to less than 1: the rest is counted in {OTHERS}")
    rows = np.arange(len(table))
    lines = np.zeros_like(table)
    for k in range(table.shape[1]):
        known = np.isfinite(table[:, k])
        if known.any():
            lines[:, k] = np.interp(rows, rows[known], table[known, k])
    left = np.maximum(1.0 - np.nansum(table, axis=1, keepdims=True), 0.0)
    missing = ~np.isfinite(table)
    claims = np.where(missing, lines, 0.0)
    # Parts that are zero wherever they are reported claim equally.
    claims = np.where(missing & (claims.sum(axis=1, keepdims=True) == 0.0), 1.0, claims)
    total_claims = claims.sum(axis=1, keepdims=True)
    filled = np.where(missing, left * claims / np.where(total_claims > 0.0, total_claims, 1.0), table)
    sums = filled.sum(axis=1, keepdims=True)
    filled = np.where(observed[:, None] & (sums > 0.0), filled / np.where(sums > 0.0, sums, 1.0), np.nan)
    return filled, providers, tuple(warnings)
