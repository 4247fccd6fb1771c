"""Whether a condition on the future helps where it comes true: shares told one provider's, on real markets.

    python tests/bench/conditions.py CASES

CASES is the folder that ``accuracy.py`` takes. Of every case the forecast is given the share that the largest provider
did have a year ahead (``--ahead 8``: two), and the shares of all others in that quarter are scored: with the condition,
without it, and without it but with the rest scaled to what is left, which is what one would do by hand. Passes, with
status 0, when the condition beats both in WIS and is within half a per cent of the better one in MAE.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from forecast.arrays import FloatArray
from forecast.conditions import Pinned, condition_forecast
from forecast.draws import summarise
from forecast.events import drawn
from forecast.forecasting import forecast_shares
from forecast.quarter import Quarter
from forecast.results import Forecast
from forecast.scores import covered, weighted_interval_score
from forecast.wording import named

LEVELS = (0.5, 0.8, 0.95)
SLACK = 1.005  # of the MAE


def by_hand(made: Forecast, place: int, share: float) -> Forecast:
    """The quarters with one share set, the others scaled to what it leaves, draw by draw."""
    draws = drawn(made)[0].copy()
    draws[..., place] = 0.0
    draws *= (1.0 - share) / np.maximum(draws.sum(axis=2, keepdims=True), 1e-12)
    draws[..., place] = share
    summary = summarise(draws, LEVELS)
    return replace(made, median=summary.median, lower=summary.lower, upper=summary.upper)


def scores(made: Forecast, row: int, truth: FloatArray, others: list[int]) -> list[float]:
    """Mean WIS and absolute error (points) and coverage of each level over the others in the quarter asked of."""
    lower, upper, median = made.lower[:, row, others], made.upper[:, row, others], made.median[row, others]
    held = [
        float(covered(lower[n] - 1e-9, upper[n] + 1e-9, truth[others]).astype(float).mean()) for n in range(len(LEVELS))
    ]
    wis = 100 * float(np.mean(weighted_interval_score(median, lower, upper, truth[others], LEVELS)))
    return [wis, 100 * float(np.abs(median - truth[others]).mean()), *held]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=Path)
    parser.add_argument("--ahead", type=int, choices=range(1, 9), default=4, help="quarters")
    arguments = parser.parse_args()
    ahead: int = arguments.ahead
    residual = pl.col("provider").replace("Other", "Others")
    actuals = pl.read_parquet(arguments.cases / "actuals.parquet").with_columns(residual)
    groups: dict[str, str] = dict(actuals.select("market", "group").unique().iter_rows())
    names = sorted(set(groups.values()))
    came = {str(market): rows for (market,), rows in actuals.group_by("market")}
    found: list[tuple[str, FloatArray]] = []
    cases = pl.read_parquet(arguments.cases / "histories.parquet")
    for (market,), rows in cases.group_by("market", maintain_order=True):
        group = groups[str(market)]
        made = forecast_shares(rows, horizon=ahead, levels=LEVELS, keep_draws=True)
        truth = np.full(len(made.providers), np.nan)
        for period, provider, share in came[str(market)].select("period", "provider", "share").iter_rows():
            if share is not None and Quarter.parse(period) == made.origin + ahead:
                truth[made.providers.index(provider)] = share
        first = max(named(made.providers), key=lambda k: made.mean[0, k])
        others = [k for k in range(len(truth)) if k != first and np.isfinite(truth[k])]
        if not others or not np.isfinite(truth[first]):
            continue
        given = condition_forecast(made, [Pinned(made.providers[first], float(truth[first]), (made.origin + ahead,))])
        ways = (made, by_hand(made, first, float(truth[first])), given.forecast)
        found.append((group, np.array([scores(way, ahead - 1, truth, others) for way in ways])))
    counts = {name: sum(group == name for group, _ in found) for name in names}
    weights = np.array([1.0 / counts[group] for group, _ in found])
    table = np.average(np.stack([rows for _, rows in found]), axis=0, weights=weights)
    print(f"{len(found)} cases, {len(names)} groups; the others {ahead} quarters ahead")
    for name, row in zip(("without", "scaled by hand", "given the leader's share"), table, strict=True):
        held = " / ".join(f"{value:.3f}" for value in row[2:])
        print(f"  {name:25} WIS {row[0]:.3f} points, MAE {row[1]:.3f} points, coverage {held}")
    without, scaled, told = table[:, :2]
    if told[0] > min(without[0], scaled[0]) or told[1] > SLACK * min(without[1], scaled[1]):
        sys.exit("FAIL: scaling by hand does better")


if __name__ == "__main__":
    main()
