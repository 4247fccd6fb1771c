"""The history of a market whose owner gives its shares as a table: they hold as they are, to their printed precision.

A press release is a noisy measurement (`forecast.history`); a user's own table is not. So nothing is smoothed here:
what is stated is kept, what the table leaves open is completed as `forecast.completing` completes any table of shares,
and the forecast is that of the same table in a batch.
"""

from datetime import date

import numpy as np
import polars as pl

from forecast.arrays import FloatArray
from forecast.completing import FINEST_HALF
from forecast.errors import NotEnoughData
from forecast.name_changes import Names
from forecast.name_tables import one_series_each
from forecast.preparing import complete_rows
from forecast.printed import STATED_SHIFTS
from forecast.quarter import Quarter
from forecast.results import OTHERS, History, Status
from forecast.shares import PRINTED_DECIMALS
from forecast.wording import source_line_of

GUESS_SD = 0.012  # sd of what a quarter without a report differs from its neighbours by, fraction, at a share of 0.2


def own_history(
    known: pl.DataFrame, names: Names, *, market: str, house: str, as_of: date | None, content_hash: str
) -> History:
    """The history of one market as its owner's table of shares gives it.

    Args:
        known: Curated figures of the market and house published by `as_of`, all from tables of shares.
        names: Changes of names that are in force: who has merged is one provider from the first quarter on.
        market: Name of the market.
        house: Whose the shares are.
        as_of: The day; None for the latest.
        content_hash: Of `known`.

    Returns:
        The quarters from the first to the last with a share. A cell that the table states is `reported` and has the
        value stated, one taken as a middle of a bound or beside a missing amount is `combined`, as is Others where
        the named shares leave it; the other cells of a quarter are `inferred`; a quarter without a share is `unknown`.

    Raises:
        NotEnoughData: no share of a quarter was published by then.
    """
    shares = (
        known.filter(pl.col("measure") == "share", ~pl.col("annual"))
        .sort("published_at", maintain_order=True)
        .unique(["period", "providers"], keep="last", maintain_order=True)
    )
    if shares.is_empty():
        raise NotEnoughData(market, 0, 1, f"house {house}" + (f", as of {as_of}" if as_of else ""))
    decimals = [d for d in shares["decimals"].to_list() if d <= PRINTED_DECIMALS]
    half = 0.5 * 10.0 ** (-2.0 - max(decimals)) if decimals else 0.0
    shift = pl.col("qualifier").replace_strict(STATED_SHIFTS, return_dtype=pl.Float64)
    unit = 10.0 ** (-2.0 - pl.min_horizontal("decimals", PRINTED_DECIMALS))
    cells = shares.select(
        pl.lit(market).alias("market"),
        "period",
        pl.col("providers").alias("provider"),
        (pl.col("value") + shift * unit).clip(0.0, 1.0).alias("share"),
        pl.when(pl.col("decimals") <= PRINTED_DECIMALS).then("decimals").alias("decimals"),
    )
    named = cells["provider"].unique().to_list()
    cells = one_series_each(cells, names, table=house)
    providers = _by_size(cells)
    periods = [Quarter.parse(period) for period in cells["period"]]
    first, last = min(periods), max(periods)
    quarters = tuple(first + t for t in range(last - first + 1))
    table = np.full((len(quarters), len(providers)), np.nan)
    printed = np.zeros(table.shape)
    place = {name: k for k, name in enumerate(providers)}
    for quarter, name, share, decimals in zip(
        periods, cells["provider"], cells["share"], cells["decimals"], strict=True
    ):
        table[quarter - first, place[name]] = np.nan if share is None else share
        printed[quarter - first, place[name]] = 0.0 if decimals is None else 0.5 * 10.0 ** (-2.0 - decimals)
    stated = np.full_like(table, np.nan)
    exact = np.zeros(table.shape, dtype=bool)
    sources: list[list[tuple[int, ...]]] = [[() for _ in providers] for _ in quarters]
    for period, name, value, qualifier, figure_id in shares.select(
        "period", "providers", "value", "qualifier", "figure_id"
    ).iter_rows():
        t, k = Quarter.parse(period) - first, place[names.final(name)]
        alone = not sources[t][k] and names.final(name) == names.current(name)
        stated[t, k], exact[t, k] = (value, qualifier == "exact") if alone else (np.nan, False)
        sources[t][k] = (*sources[t][k], figure_id)
    # Of who has merged, the share of one alone is not that of both.
    part = np.isnan(table)
    stated[part], exact[part] = np.nan, False
    completed, kept, warnings = complete_rows(table, tuple(providers), printed)
    added = len(kept) - len(providers)
    if added:
        nothing = np.full((len(quarters), added), np.nan)
        table, stated = np.hstack([table, nothing]), np.hstack([stated, nothing])
        exact = np.hstack([exact, np.zeros(nothing.shape, dtype=bool)])
        for row in sources:
            row.append(tuple(dict.fromkeys(i for cell in row for i in cell)))
    # The residual part is what the named shares leave, whatever was stated of it.
    for k, name in enumerate(kept):
        if name == OTHERS:
            exact[:, k] &= ~(np.abs(stated[:, k] - completed[:, k]) > max(half, FINEST_HALF) + 1e-9)
    # A zero of a quarter without any other share is a report too, though no composition comes of it.
    zero = np.isnan(completed) & exact & (stated == 0.0)
    status = _status(table, exact, completed, kept)
    bridged = _bridged(completed)
    share = np.where(np.isfinite(stated) & exact, stated, completed)
    sd = np.where(np.isfinite(table), half / np.sqrt(3.0), _guess_sd(table, bridged))
    unknown = np.isnan(completed) & ~zero
    return History(
        market=market,
        house=house,
        as_of=as_of,
        quarters=quarters,
        providers=kept,
        share=np.where(unknown, np.nan, share),
        sd=np.where(unknown, np.nan, sd),
        status=status,
        smoothed=bridged,
        smoothed_sd=sd,
        sources=tuple(map(tuple, sources)),
        source_line=source_line_of(shares),
        vintage=shares["published_at"].max(),  # type: ignore[arg-type]  # a date column
        figures_used=shares.height,
        content_hash=content_hash,
        warnings=(*names.told(named), *warnings),
        name_changes=names.of(named),
        completed=completed,
        resolution=half,
    )


def _by_size(cells: pl.DataFrame) -> list[str]:
    """The providers, the largest of its own last quarter first, Others last."""
    latest = cells.sort("period").group_by("provider", maintain_order=True).agg(pl.col("share").drop_nulls().last())
    ranked = latest.sort("share", "provider", descending=[True, False], nulls_last=True)["provider"].to_list()
    return [name for name in ranked if name != OTHERS] + [name for name in ranked if name == OTHERS]


def _status(
    table: FloatArray, exact: np.ndarray, completed: FloatArray, names: tuple[str, ...]
) -> tuple[tuple[Status, ...], ...]:
    found = []
    for t in range(len(table)):
        whole = all(np.isfinite(table[t, k]) for k, name in enumerate(names) if name != OTHERS)
        row = []
        for k, name in enumerate(names):
            if np.isnan(completed[t, k]) and not (exact[t, k] and table[t, k] == 0.0):
                row.append(Status.UNKNOWN)
            elif np.isfinite(table[t, k]):
                row.append(Status.REPORTED if exact[t, k] else Status.COMBINED)
            else:
                row.append(Status.COMBINED if name == OTHERS and whole else Status.INFERRED)
        found.append(tuple(row))
    return tuple(found)


def _bridged(completed: FloatArray) -> FloatArray:
    """Compositions of every quarter: straight lines over those without a share."""
    rows = np.arange(len(completed))
    known = np.flatnonzero(np.isfinite(completed).all(axis=1))
    return np.column_stack([np.interp(rows, known, completed[known, k]) for k in range(completed.shape[1])])


def _guess_sd(table: FloatArray, bridged: FloatArray) -> FloatArray:
    """Sd of cells that were completed: it grows with the share and the quarters to its next report."""
    rows = np.arange(len(table))
    apart = np.ones_like(table)
    for k in range(table.shape[1]):
        known = np.flatnonzero(np.isfinite(table[:, k]))
        if len(known):
            apart[:, k] = np.maximum(np.abs(rows[:, None] - known).min(axis=1), 1)
    return np.asarray(GUESS_SD * np.sqrt(np.maximum(bridged, 0.01) / 0.2 * apart))
