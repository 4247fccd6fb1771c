"""Calibration of the probabilities of events on real shares, against climatology.

    python tests/bench/events.py CASES [--model auto] [--save FILE]

CASES is the folder that ``accuracy.py`` takes. Of every case and of horizons 1, 4 and 8 it asks: does each of the five
largest providers overtake the next larger one (in the quarter, at any time up to it); does the leader still lead; is
each share above what it was, and a tenth, a quarter more or less than that; does the top 1, 2, 3 change; is the market
more concentrated than it was, and than a tenth more or less (HHI). Each event has an answer in what came. Climatology
is how often events of that kind and horizon happened in the other groups of markets. Prints the Brier score of both,
group-weighted, the skill, how often events happened that were given about the same probability, how often the intervals
of the HHI held, and how far expected ranks were off. Passes, with status 0, when each family of events (overtakes,
leads, above, top, HHI) has skill over climatology, and what happened lies within 5 points of what was given on average.
"""

import argparse
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

from forecast.arrays import FloatArray
from forecast.events import (
    Concentrated,
    Event,
    Leads,
    Limit,
    Overtakes,
    Statement,
    TopChanges,
    When,
    concentration,
    drawn,
    herfindahl,
    ranks,
)
from forecast.forecasting import forecast_shares
from forecast.grammar import Sign
from forecast.quarter import Quarter
from forecast.results import OTHERS, Forecast

HORIZON, ASKED = 8, (1, 4, 8)
LARGEST = 5
FACTORS = (0.75, 0.9, 1.0, 1.1, 1.25)
INDEX_FACTORS = (0.9, 1.0, 1.1)
LEVELS = (0.5, 0.8, 0.95)
MOST_OFF = 0.05  # mean distance of what happened from what was given
EDGES = (0.0, 0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98, 1.0)


def statements(made: Forecast) -> Iterator[tuple[str, Statement, tuple[When, ...]]]:
    """What is asked of a case: kind, statement, when."""
    _, latest = drawn(made)
    order = sorted(
        (k for k, name in enumerate(made.providers) if name != OTHERS and latest[k] > 0), key=lambda k: -latest[k]
    )[:LARGEST]
    names = [made.providers[k] for k in order]
    for smaller, larger in zip(names[1:], names, strict=False):
        yield "overtakes", Overtakes(smaller, larger), (When.IN, When.BY)
    yield "leader leads", Leads(names[0]), (When.IN, When.THROUGH)
    for name, k in zip(names, order, strict=True):
        for factor in FACTORS:
            if factor * latest[k] < 1.0:
                yield f"above {factor:g} x", Limit((name,), Sign.ABOVE, float(factor * latest[k])), (When.IN, When.BY)
    for n in (1, 2, 3):
        if n < sum(name != OTHERS for name in made.providers):
            yield f"top {n} changes", TopChanges(n), (When.IN, When.BY)

    index = float(herfindahl(latest, made.providers))
    for factor in INDEX_FACTORS:
        if factor * index < 1.0:
            yield f"HHI above {factor:g} x", Concentrated(factor * index, Sign.ABOVE), (When.IN, When.BY)


def measured(made: Forecast, came: FloatArray) -> Iterator[tuple[int, float, float, float, float, float]]:
    """Horizon, whether the interval of each level of the HHI held what came, errors of expected and of old ranks."""
    index, order = concentration(made), ranks(made)
    places = [made.providers.index(name) for name in order.providers]
    for h in ASKED:
        if not np.isfinite(came[h - 1]).all():
            continue
        true = float(herfindahl(came[h - 1], made.providers))
        held = [float(index.lower[n, h - 1] <= true <= index.upper[n, h - 1]) for n in range(len(LEVELS))]
        shares = came[h - 1, places]
        rank = 0.5 + (shares > shares[:, None]).sum(axis=1) + 0.5 * (shares == shares[:, None]).sum(axis=1)
        off = np.abs(order.expected[h - 1] - rank).mean(), np.abs(order.latest - rank).mean()
        yield h, held[0], held[1], held[2], float(off[0]), float(off[1])


def answered(made: Forecast, came: FloatArray) -> Iterator[tuple[str, str, int, float, bool]]:
    """Kind, when, horizon, probability and answer of every event whose quarters all came; `came` has shape (H, K)."""
    _, latest = drawn(made)
    known = np.asarray(np.isfinite(came).all(axis=1))
    for kind, statement, whens in statements(made):
        truth = statement.holds(np.nan_to_num(came), latest, made.providers)
        for when in whens:
            for h in ASKED:
                first = h - 1 if when is When.IN else 0
                if h > len(came) or not known[first:h].all():
                    continue
                probability = float(Event(statement, when, made.origin + h).happens(made).mean())
                happened = truth[first:h].all() if when is When.THROUGH else truth[first:h].any()
                yield kind, str(when), h, probability, bool(happened)


def collect(cases: pl.DataFrame, actuals: pl.DataFrame, model: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """One row per event: group, market, kind, when, horizon, probability, happened; and one per case and horizon."""
    groups: dict[str, str] = dict(actuals.select("market", "group").unique().iter_rows())
    rows_of = {str(market): rows for (market,), rows in actuals.group_by("market")}
    found: list[tuple[object, ...]] = []
    told: list[tuple[object, ...]] = []
    for (market,), rows in cases.group_by("market", maintain_order=True):
        group = groups[str(market)]
        made = forecast_shares(rows, horizon=HORIZON, levels=LEVELS, model=model, keep_draws=True)
        came = np.full(made.mean.shape, np.nan)
        for period, provider, share in rows_of[str(market)].select("period", "provider", "share").iter_rows():
            if share is not None:
                came[Quarter.parse(period) - made.origin - 1, made.providers.index(provider)] = share
        # A part that no longer comes counts as nothing where all others sum to one.
        came[np.nansum(came, axis=1) > 0.999] = np.nan_to_num(came[np.nansum(came, axis=1) > 0.999])
        found += [(group, str(market), *row) for row in answered(made, came)]
        told += [(group, *row) for row in measured(made, came)]
    names = ["group", "market", "kind", "when", "horizon", "probability", "happened"]
    more = ["group", "horizon", *(f"held {level:g}" for level in LEVELS), "expected rank", "old rank"]
    return pl.DataFrame(found, schema=names, orient="row"), pl.DataFrame(told, schema=more, orient="row")


def with_climatology(events: pl.DataFrame) -> pl.DataFrame:
    """Add `climatology`, how often the kind happened in the other groups, and `weight`, each group the same."""
    keys = ["kind", "when", "horizon"]
    rates = events.group_by("group", *keys).agg(pl.col("happened").mean().alias("rate"))
    whole = rates.group_by(keys).agg(pl.col("rate").sum().alias("all"), pl.len().alias("groups"))
    return (
        events.join(rates, on=["group", *keys])
        .join(whole, on=keys)
        .filter(pl.col("groups") > 1)
        .with_columns(
            climatology=(pl.col("all") - pl.col("rate")) / (pl.col("groups") - 1),
            weight=1.0 / pl.len().over("group", *keys),
        )
    )


def brier(events: pl.DataFrame, column: str) -> float:
    """Weighted mean of squared differences between a column of probabilities and what happened."""
    gaps = events[column].to_numpy() - events["happened"].cast(pl.Float64).to_numpy()
    return float(np.average(gaps**2, weights=events["weight"].to_numpy()))


def report(events: pl.DataFrame) -> list[str]:
    """Print scores by kind and by horizon, and the reliability table; what does not pass."""
    wrong = []

    def line(name: str, rows: pl.DataFrame) -> float:
        mine, base = brier(rows, "probability"), brier(rows, "climatology")
        rate = float(np.average(rows["happened"].cast(pl.Float64).to_numpy(), weights=rows["weight"].to_numpy()))
        skill = 1.0 - mine / base if base > 0 else float("nan")
        print(f"  {name:28} {rows.height:7,} events, {rate:5.1%} happened: Brier {mine:.4f}, climatology {base:.4f}, "
              f"skill {skill:+.2f}")  # fmt: skip
        return skill

    line("all", events)
    families = events.with_columns(family=pl.col("kind").str.split(" ").list.first())
    for by in (["kind", "when"], ["horizon"], ["family"]):
        for key, rows in families.sort(by).group_by(by, maintain_order=True):
            name = " ".join(str(part) for part in key)
            if not line(name, rows) > 0.0 and by == ["family"]:
                wrong.append(f"no skill over climatology: {name}")
    print("  given         happened   mean given   events")
    gap = 0.0
    total = float(events["weight"].sum())
    for low, high in pairwise(EDGES):
        inside = pl.col("probability").is_between(low, high, closed="both" if high == 1.0 else "left")
        rows = events.filter(inside)
        if rows.height:
            weights = rows["weight"].to_numpy()
            happened = float(np.average(rows["happened"].cast(pl.Float64).to_numpy(), weights=weights))
            given = float(np.average(rows["probability"].to_numpy(), weights=weights))
            gap += abs(happened - given) * weights.sum() / total
            print(f"  {low:4.0%} to {high:4.0%} {happened:10.1%} {given:10.1%} {rows.height:10,}")
    print(f"  mean distance of happened from given {100 * gap:.1f} points")
    if gap > MOST_OFF:
        wrong.append(f"happened is {100 * gap:.1f} points from given on average")
    return wrong


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=Path)
    parser.add_argument("--model", default="auto")
    parser.add_argument("--save", type=Path, help="write the events as Parquet")
    arguments = parser.parse_args()
    cases = pl.read_parquet(arguments.cases / "histories.parquet")
    residual = pl.col("provider").replace("Other", "Others")
    actuals = pl.read_parquet(arguments.cases / "actuals.parquet").with_columns(residual)
    names = sorted(set(actuals["group"]))
    found, told = collect(cases, actuals, arguments.model)
    events = with_climatology(found)
    print(f"{arguments.model}, {events['market'].n_unique()} cases, {len(names)} groups")
    wrong = report(events)
    by_group = told.group_by("group", "horizon").mean().drop("group").group_by("horizon").mean().sort("horizon")
    for h, *held, expected, old in by_group.iter_rows():
        intervals = ", ".join(f"{level:.0%} held {share:.0%}" for level, share in zip(LEVELS, held, strict=True))
        print(f"  {h} ahead: HHI {intervals}; ranks off by {expected:.3f}, those of the origin by {old:.3f}")
    if arguments.save is not None:
        events.write_parquet(arguments.save)
    if wrong:
        sys.exit("FAIL: " + "; ".join(wrong))


if __name__ == "__main__":
    main()
