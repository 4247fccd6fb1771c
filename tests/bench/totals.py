"""Accuracy and coverage of forecasts of market totals, on the shipped figures.

    python tests/bench/totals.py

Every series of at least 27 known totals, put on its newest base, is forecast from every quarter after the twelfth, 8
quarters ahead, by the mixture that revenue uses, by each of its models and by last year's changes. Prints the absolute
error of the median and the weighted interval score of 80 % and 95 %, both in points of the logarithm, and coverage; the
last lines are means over the series. Restatements are known from the start, so this is no test of vintages.
"""

from collections import defaultdict

import numpy as np
import polars as pl

from forecast.arrays import FloatArray
from forecast.figures import load_breaks, load_figures
from forecast.models.total import FITS, draw_totals, seasonal_walk
from forecast.quarter import Quarter
from forecast.scores import covered, weighted_interval_score
from forecast.totals import read_totals

LEVELS, HORIZON, DRAWS, FIRST, LONG = (0.8, 0.95), 8, 1000, 12, 27


def paths(way: str, amounts: FloatArray) -> FloatArray:
    """Logarithms of draws, shape (DRAWS, HORIZON)."""
    rng = np.random.default_rng(0)
    if way == "last year's changes":
        return np.asarray(seasonal_walk(np.log(amounts)).simulate(rng.standard_normal((HORIZON, DRAWS))).T)
    chosen = dict(FITS) if way == "mixture" else {way: FITS[way]}
    return np.log(draw_totals(amounts, horizon=HORIZON, draws=DRAWS, rng=rng, fits=chosen).paths)


def main() -> None:
    """Print the table."""
    figures, breaks = load_figures(), load_breaks()
    means: dict[str, list[FloatArray]] = defaultdict(list)
    for market, house in figures.select("market", "house").unique().sort("market", "house").iter_rows():
        mine = breaks.filter(pl.col("market") == market, pl.col("house") == house)["period"]
        totals = read_totals(figures, market=market, house=house, breaks=[Quarter.parse(period) for period in mine])
        if totals is None or np.isfinite(totals.amount).sum() < LONG:
            continue
        for way in ("mixture", *FITS, "last year's changes"):
            rows = []
            for origin in range(FIRST, len(totals.amount) - 1):
                if not np.isfinite(totals.amount[origin - 1]):
                    continue
                came = np.log(totals.amount[origin : origin + HORIZON])
                known = np.flatnonzero(np.isfinite(came))
                found = paths(way, totals.amount[:origin])[:, known]
                median = np.median(found, axis=0)
                lower = np.quantile(found, [(1.0 - level) / 2.0 for level in LEVELS], axis=0)
                upper = np.quantile(found, [(1.0 + level) / 2.0 for level in LEVELS], axis=0)
                score = weighted_interval_score(median, lower, upper, came[known], LEVELS)
                held = [covered(lower[n], upper[n], came[known]).astype(float) for n in range(len(LEVELS))]
                rows.append(np.stack([100 * np.abs(median - came[known]), 100 * score, *held], axis=1))
            means[way].append(np.concatenate(rows).mean(axis=0))
            print(f"{market:18} {house:9} {line(way, means[way][-1])}")
    for way, table in means.items():
        print(f"{'mean of series':28} {line(way, np.mean(table, axis=0))}")


def line(way: str, row: FloatArray) -> str:
    """One row of the table."""
    return f"{way:20} MAE {row[0]:5.2f}  WIS {row[1]:5.2f}  coverage {row[2]:.2f} / {row[3]:.2f}"


if __name__ == "__main__":
    main()
