"""What a model sees of a market: its quarterly compositions, made from a history or from a table of shares."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from forecast.arrays import FloatArray
from forecast.completing import CARRIED, ENDED, SILENT, complete
from forecast.errors import NotEnoughData
from forecast.models.base import FEWEST_QUARTERS, Cells, Series
from forecast.name_changes import Names
from forecast.quarter import Quarter
from forecast.results import OTHERS, History, Status

UNSAID_RESOLUTION = 0.0005  # whole per cents and tenths are what is printed; where nobody says, a tenth
FORGOTTEN_AFTER = 12  # quarters without a word, after which a provider's share is counted in Others


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
    if history.completed is not None:
        return _prepared(
            history.market,
            history.completed,
            history.providers,
            history.quarters[0],
            history.resolution,
            history.warnings,
        )
    said = np.array([[s in (Status.REPORTED, Status.COMBINED) for s in row] for row in history.status])
    holder = _holders(history)
    for k in np.flatnonzero(holder != np.arange(len(holder))):
        said[:, holder[k]] |= said[:, k]
        said[:, k] = False
    added = np.eye(len(holder))[holder]  # (K, K): row k has its one in the column of whom k is part of
    rows = np.flatnonzero(said.any(axis=1))
    if len(rows) < FEWEST_QUARTERS:
        when = f"as of {history.as_of}" if history.as_of else ""
        raise NotEnoughData(history.market, len(rows), FEWEST_QUARTERS, when)
    first, last = int(rows[0]), int(rows[-1])
    others = len(history.providers) - 1
    latest = np.array([np.flatnonzero(said[:, k]).max(initial=-1) for k in range(others)])
    kept = [k for k in range(others) if last - latest[k] < FORGOTTEN_AFTER and holder[k] == k]
    forgotten = [history.providers[k] for k in range(others) if k not in kept and holder[k] == k]

    def visible(compositions: FloatArray) -> FloatArray:
        shares = np.full((last - first + 1, len(kept) + 1), np.nan)
        shares[rows - first, :-1] = (compositions[rows] @ added)[:, kept]
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


def _holders(history: History) -> npt.NDArray[np.int64]:
    """For every provider (K,) the position of whom it is part of in the end, as declared; mostly itself."""
    names = Names.known(history.name_changes, market=history.market, house=history.house)
    place = {name: k for k, name in enumerate(history.providers)}
    return np.array([place.get(names.final(name), len(place) - 1) for name in history.providers])


def cells_of(frame: pl.DataFrame) -> tuple[pl.Series, Cells]:
    """The markets of a checked shares table, the rows of a market standing together, and their cells."""
    columns = frame.select(
        quarter=pl.col("period").str.head(4).cast(pl.Int64) * 4 + pl.col("period").str.tail(1).cast(pl.Int64) - 1,
        share=pl.col("share").cast(pl.Float64).fill_null(np.nan),
        decimals=pl.col("decimals").cast(pl.Float64).fill_null(np.nan),
    )
    runs = frame["market"].rle().struct.unnest()
    starts = np.concatenate([[0], runs["len"].cum_sum().to_numpy()]).astype(np.int64)
    decimals = columns["decimals"].to_numpy()
    printed = np.fmax.reduceat(decimals, starts[:-1]) if len(decimals) else decimals
    half, own = (0.5 * 10.0 ** (-2.0 - of) for of in (printed, decimals))
    return runs["value"], Cells(
        starts,
        columns["quarter"].to_numpy(writable=True),
        columns["share"].to_numpy(writable=True),
        np.where(np.isfinite(half), half, UNSAID_RESOLUTION),
        np.where(np.isfinite(own), own, 0.0),
    )


def prepare_shares(frame: pl.DataFrame) -> Prepared:
    """Lay out one market of a checked shares table.

    Raises:
        NotEnoughData: fewer than two quarters have a share.
    """
    # By hand: `cells_of` is for many markets, and takes most of a millisecond for one.
    market = str(frame["market"][0])
    quarter = np.array([4 * int(period[:4]) + int(period[5]) - 1 for period in frame["period"].to_list()])
    halves = np.array([0.0 if d is None else 0.5 * 10.0 ** (-2.0 - d) for d in frame["decimals"].to_list()])
    half = float(halves[halves > 0.0].min(initial=np.inf)) if halves.any() else 0.0  # the finest of the market
    place: dict[str, int] = {}
    column = [place.setdefault(name, len(place)) for name in frame["provider"].to_list()]
    earliest = int(quarter.min())
    table = np.full((int(quarter.max()) - earliest + 1, len(place)), np.nan)
    printed = np.zeros(table.shape)
    table[quarter - earliest, column] = frame["share"].to_numpy()  # null becomes NaN
    printed[quarter - earliest, column] = halves
    shares, names, warnings = complete_rows(table, tuple(place), printed)
    return _prepared(market, shares, names, Quarter(earliest), half, warnings)


def _prepared(
    market: str,
    shares: FloatArray,
    providers: tuple[str, ...],
    start: Quarter,
    half: float,
    warnings: tuple[str, ...],
) -> Prepared:
    observed = np.flatnonzero(np.isfinite(shares[:, :1]).any(axis=1))
    if len(observed) < FEWEST_QUARTERS:
        raise NotEnoughData(market, len(observed), FEWEST_QUARTERS)
    first, last = int(observed[0]), int(observed[-1])
    series = Series(market, shares[first : last + 1], resolution=half or UNSAID_RESOLUTION)
    return Prepared(series, providers, start + last, warnings)


def complete_rows(
    table: FloatArray, providers: tuple[str, ...], half: FloatArray | float
) -> tuple[FloatArray, tuple[str, ...], tuple[str, ...]]:
    """Make a composition of every quarter that has a share, as `forecast.completing.complete` says.

    A provider without a single report is left out. The residual part is `Others`.

    Args:
        table: Shape (T, K), shares; NaN where not reported.
        providers: K names.
        half: Shape (T, K), or one for all: half a unit of what a share is printed in, fraction; 0 where nobody says.

    Returns:
        Compositions (T, K'), rows without any share all NaN; K' names; warnings.
    """
    others = providers.index(OTHERS) if OTHERS in providers else -1
    filled, ever, zeros, added, given, fate = complete(table, others, np.broadcast_to(half, table.shape))
    names = tuple(name for name, said in zip(providers, ever, strict=True) if said)
    fates = dict(zip(providers, fate.tolist(), strict=True))
    warnings = completion_notes(fates, int(zeros.sum()), given)
    return filled, (*names, OTHERS) if added else names, warnings


def completion_notes(fates: Mapping[str, int], zeros: int, given: int) -> tuple[str, ...]:
    """What was done to complete the quarters of a table, in words.

    Args:
        fates: Providers, and what became of each, as `forecast.completing.complete` tells it.
        zeros: Quarters that are zeros alone.
        given: Quarters whose rest went to the residual part.
    """
    silent, ended, carried = ([name for name in fates if fates[name] == fate] for fate in (SILENT, ENDED, CARRIED))
    told = []
    if silent:
        told.append(f"left out, as no share of theirs is reported: {', '.join(silent)}")
    if zeros:
        told.append(f"{_quarters(zeros)} whose shares are all zero: left out")
    if given:
        told.append(f"the shares of {_quarters(given)} sum to less than 1: the rest is counted in {OTHERS}")
    if ended:
        told.append(f"without a share in the last quarter, which the others make whole, so 0 there: {', '.join(ended)}")
    if carried:
        told.append(
            f"without a share in the last quarter, taken at what the others leave of it: {', '.join(carried)}; "
            "write 0 where it has ended"
        )
    return tuple(told)


def _quarters(count: int) -> str:
    return f"{count} quarter{'' if count == 1 else 's'}"
