"""Amounts as shares of their quarter, and the totals they are shares of.

A quarter with an amount of every provider is divided by its total. Where a total row says what the market was, that is
what its amounts are divided by. Else an amount that is missing is taken at the provider's own share, on a straight line
between the quarters that have it, so that the others neither lose nor gain by the hole; before its first amount, and
where it has had none for a year, a provider has nothing. A quarter of which most is missing is not used. Whatever was
taken so is said.
"""

from typing import TypeAlias

import numpy as np
import polars as pl

from forecast.arrays import FloatArray

Totals: TypeAlias = pl.DataFrame
"""Columns market, period, published_at (text, null), total (above zero, in the unit of the amounts)."""

ENDED_AFTER = 4  # quarters without an amount at the end, from which on a provider counts as gone
MOST_MISSING = 0.75  # of a quarter, at the missing providers' own shares, for its total to be told from the rest
_LISTED = 6  # quarters that a note lists


def divided(
    typed: pl.DataFrame, stated: Totals, notes: list[tuple[str, str]], /, *, dated: bool
) -> tuple[pl.DataFrame, Totals]:
    """Shares of amounts.

    Args:
        typed: Columns market, period, provider, value, decimals, and published_at where dated; cells once each.
        stated: What total rows say, as `forecast.sums.without_sums` returns it.
        notes: What was assumed is added, by market.
        dated: Whether a quarter may have several days of publication.

    Returns:
        `typed` with `share`: null where there is no amount, or the quarter has nothing but zeros; and a row for every
        quarter's total. A quarter of which some amounts were published anew on a later day has a row for every provider
        on that day, as all shares change.
    """
    if dated:
        typed = _carried(typed)
    day = ["published_at"] if dated else []
    quarter = ["market", "period", *day]
    filled = pl.col("value").is_not_null()
    providers = typed.filter(filled).group_by("market").agg(parts=pl.col("provider").n_unique())
    told = (
        typed.filter(filled)
        .group_by(quarter, maintain_order=True)
        .agg(sum=pl.col("value").sum(), said=pl.col("provider").n_unique())
    )
    if not dated:
        told = told.with_columns(published_at=pl.lit(None, dtype=pl.String))
    whole = (
        told.join(providers, on="market", maintain_order="left")
        .join(stated, on=["market", "period", "published_at"], how="left", nulls_equal=True, maintain_order="left")
        .with_columns(pl.coalesce("total", pl.when(pl.col("said") == pl.col("parts")).then("sum")).alias("total"))
    )
    whole = whole.with_columns(guess=pl.lit(None, dtype=pl.Float64))
    holed = whole.filter(pl.col("total").is_null())["market"].unique(maintain_order=True)
    if len(holed):
        estimated = [
            (market, *row)
            for market in holed
            for row in _estimated(typed.filter(pl.col("market") == market), whole, str(market), notes, dated=dated)
        ]
        guessed = pl.DataFrame(
            estimated,
            schema={"market": pl.String, "period": pl.String, "published_at": pl.String, "guess": pl.Float64},
            orient="row",
        )
        whole = (
            whole.drop("guess")
            .join(guessed, on=["market", "period", "published_at"], how="left", nulls_equal=True, maintain_order="left")
            .with_columns(total=pl.coalesce("total", "guess"))
        )
    totals = whole.filter(pl.col("total") > 0.0).select("market", "period", "published_at", "total")
    keyed = typed if dated else typed.with_columns(published_at=pl.lit(None, dtype=pl.String))
    about = whole.filter(pl.col("guess").is_not_null()).select(
        "market", "period", "published_at", about=pl.lit("about")
    )
    keyed = keyed.join(
        about, on=["market", "period", "published_at"], how="left", nulls_equal=True, maintain_order="left"
    ).with_columns(qualifier=pl.coalesce("about", "qualifier"))
    found = keyed.join(
        totals, on=["market", "period", "published_at"], how="left", nulls_equal=True, maintain_order="left"
    ).with_columns(share=(pl.col("value") / pl.col("total")).clip(upper_bound=1.0))
    dropped = ["total", "value", "about"] if dated else ["total", "value", "about", "published_at"]
    return found.drop(dropped), totals


def _carried(typed: pl.DataFrame) -> pl.DataFrame:
    """A row for every provider of a quarter on each day on which some of its amounts were published anew."""
    days = typed.group_by("market", "period").agg(days=pl.col("published_at").n_unique())
    again = days.filter(pl.col("days") > 1).drop("days")
    if again.is_empty():
        return typed
    restated = typed.join(again, on=["market", "period"], how="semi", maintain_order="left")
    cells = restated.select("market", "period", "provider").unique(maintain_order=True)
    dates = restated.select("market", "period", "published_at").unique(maintain_order=True)
    full = (
        cells.join(dates, on=["market", "period"], maintain_order="left")
        .join(
            restated,
            on=["market", "period", "provider", "published_at"],
            how="left",
            nulls_equal=True,
            maintain_order="left",
        )
        .sort("market", "period", "provider", "published_at", nulls_last=False, maintain_order=True)
        .with_columns(
            pl.exclude("market", "period", "provider", "published_at")
            .forward_fill()
            .over("market", "period", "provider")
        )
        .filter(pl.col("value").is_not_null() | pl.col("row").is_not_null())
    )
    rest = typed.join(again, on=["market", "period"], how="anti", maintain_order="left")
    return pl.concat([rest, full.select(typed.columns)])


def _estimated(
    mine: pl.DataFrame, whole: pl.DataFrame, market: str, notes: list[tuple[str, str]], *, dated: bool
) -> list[tuple[str, str | None, float]]:
    """Totals of the quarters of one market that miss an amount."""
    totals = whole.filter(pl.col("market") == market).sort("period", "published_at", nulls_last=False)
    keys = list(zip(totals["period"], totals["published_at"], strict=True))
    at = {key: t for t, key in enumerate(keys)}
    names = list(dict.fromkeys(mine.filter(pl.col("value").is_not_null())["provider"].to_list()))
    place = {name: k for k, name in enumerate(names)}
    values = np.full((len(keys), len(names)), np.nan)
    days = mine["published_at"].to_list() if dated else [None] * mine.height
    for period, day, name, value in zip(mine["period"], days, mine["provider"], mine["value"], strict=True):
        if value is not None:
            values[at[period, day], place[name]] = value
    periods = [period for period, _ in keys]
    index = np.array([4 * int(p[:4]) + int(p[5]) for p in periods])
    gone = _outside(values, index)
    for k, name in enumerate(names):
        if gone[:, k].any():
            where = np.flatnonzero(gone[:, k])
            notes.append(
                (
                    market,
                    f"no amount of {name} in {_listed(periods, where)}: counted as none; "
                    "where it is only not known, leave these quarters out, or give the market's total as a row",
                )
            )
    values = np.where(gone & np.isnan(values), 0.0, values)
    given = totals["total"].fill_null(np.nan).to_numpy()
    complete = np.where(np.isnan(given) & np.isfinite(values).all(axis=1), values.sum(axis=1), given)
    shares = values / complete[:, None]
    lines = np.full_like(shares, np.nan)
    for k in range(len(names)):
        known = np.flatnonzero(np.isfinite(shares[:, k]) & ~gone[:, k])
        if len(known):
            lines[:, k] = np.interp(index, index[known], shares[known, k])
    found = []
    sized = np.isfinite(given)
    for t, (period, day) in enumerate(keys):
        if sized[t]:
            continue
        missing = np.isnan(values[t])
        claimed = float(np.nansum(lines[t, missing]))
        if np.isfinite(lines[t, missing]).all() and claimed <= MOST_MISSING:
            found.append((period, day, float(np.nansum(values[t])) / (1.0 - claimed)))
            sized[t] = True
    if not sized.all():
        notes.append(
            (
                market,
                f"of {_listed(periods, np.flatnonzero(~sized))} too little is known to tell the whole, and the "
                "amounts are not used: give those that are missing, or the market's total as a row",
            )
        )
    for k, name in enumerate(names):
        holes = np.flatnonzero(np.isnan(values[:, k]) & np.isnan(given) & sized)
        if len(holes):
            taken = ", ".join(f"{100 * lines[t, k]:.1f} %" for t in holes[:_LISTED])
            notes.append(
                (
                    market,
                    f"no amount of {name} in {_listed(periods, holes)}: taken at its share before and "
                    f"after ({taken}), so that the others keep theirs; write 0 where it had none",
                )
            )
    return found


def _outside(values: FloatArray, index: np.ndarray) -> np.ndarray:
    """Where a provider has nothing: before its first amount, and at the end where it had none for a year or more."""
    gone = np.zeros(values.shape, dtype=bool)
    for k in range(values.shape[1]):
        known = np.flatnonzero(np.isfinite(values[:, k]))
        gone[: known[0], k] = True
        if index[-1] - index[known[-1]] >= ENDED_AFTER:
            gone[known[-1] + 1 :, k] = True
    return gone


def _listed(periods: list[str], where: np.ndarray) -> str:
    """Quarters as a list, or the first and the last of many."""
    names = list(dict.fromkeys(periods[t] for t in where))
    if len(names) <= _LISTED:
        return ", ".join(names)
    return f"{len(names)} quarters from {names[0]} to {names[-1]}"
