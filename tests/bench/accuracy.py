"""Accuracy and coverage of a model on real shares.

    python tests/bench/accuracy.py CASES [--model auto] [--peers FOLDER] [--no-draws]

CASES is a folder with ``histories.parquet`` (shares tables as visible at an origin), ``actuals.parquet`` (what came,
with the group of markets that move together and their kind: `brands`, firms and products that compete, or
`composition`, by use or region, mostly seasonal) and, to compare with, ``peer_NAME.parquet`` (a peer's forecasts of the
same cases; ``peers.py`` makes them, in FOLDER). Nothing of the model is learned from cases, so none has to be left out.
Prints group-weighted scores and ratios to each peer by kind (geometric mean over cases, every group the same), and
coverage by horizon, by size of the share at the origin and by restlessness of the market; then, from joint draws, the
energy score and how often simultaneous bands held all providers and quarters of a case at once.
"""

import argparse
from pathlib import Path

import numpy as np
import polars as pl

from forecast.draws import bands_of
from forecast.forecasting import OF_RECORD, forecast_shares
from forecast.many import forecast_markets
from forecast.quarter import Quarter
from forecast.scores import covered, energy_score, weighted_interval_score

LEVELS = (0.5, 0.8, 0.95)
HORIZON = 8
NAMES = [f"{side}_{level * 100:g}" for level in LEVELS for side in ("lower", "upper")]


def forecasts(cases: pl.DataFrame, model: str) -> pl.DataFrame:
    """Forecast every case; a residual part of any name is `Others`."""
    made = forecast_markets(cases, horizon=HORIZON, levels=LEVELS, model=model)
    if made.failures:
        raise SystemExit(f"not forecast: {made.failures}")
    return made.table


def scored(found: pl.DataFrame, actuals: pl.DataFrame) -> pl.DataFrame:
    """One row per cell that came: group, market, horizon, share, absolute error, WIS (points) and hits."""
    found = found.with_columns(pl.col("provider").replace("Other", "Others"))
    joined = actuals.filter(pl.col("share").is_not_null()).join(found, on=["market", "provider", "period"], how="left")
    if joined["median"].null_count():
        raise SystemExit(f"{joined['median'].null_count()} cells were not forecast")
    truth = joined["share"].to_numpy()
    lower = np.stack([joined[f"lower_{level * 100:g}"].to_numpy() for level in LEVELS])
    upper = np.stack([joined[f"upper_{level * 100:g}"].to_numpy() for level in LEVELS])
    median = joined["median"].to_numpy()
    return joined.select("group", "kind", "market", "provider", "period", "share").with_columns(
        error=100 * np.abs(truth - median),
        wis=100 * weighted_interval_score(median, lower, upper, truth, LEVELS),
        **{f"cov{level * 100:g}": covered(lower[n] - 1e-9, upper[n] + 1e-9, truth) for n, level in enumerate(LEVELS)},
    )


def per_case(cells: pl.DataFrame) -> pl.DataFrame:
    """Mean over the cells of a case, with the weight that makes every group count the same."""
    cases = cells.group_by("group", "kind", "market").agg(pl.col("error", "wis", "cov50", "cov80", "cov95").mean())
    return cases.with_columns(weight=1.0 / pl.len().over("group")).sort("market")


def weighted(cases: pl.DataFrame, column: str) -> float:
    """Group-weighted mean."""
    return float(np.average(cases[column].to_numpy(), weights=cases["weight"].to_numpy()))


def ratio(cases: pl.DataFrame, peer: pl.DataFrame, column: str) -> float:
    """Geometric mean over cases of the ratio to a peer, every group the same."""
    joined = cases.join(peer.select("market", base=column), on="market")
    logs = np.log((joined[column].to_numpy() + 1e-3) / (joined["base"].to_numpy() + 1e-3))
    return float(np.exp(np.average(logs, weights=joined["weight"].to_numpy())))


def coverage(cells: pl.DataFrame, by: str) -> None:
    """Print the coverage of each class, every group the same."""
    names = [f"cov{level * 100:g}" for level in LEVELS]
    per_group = cells.group_by(by, "group").agg(pl.col(names).mean())
    for key, *held in per_group.group_by(by).agg(pl.col(names).mean()).sort(by).iter_rows():
        print(f"  {by} {key}: coverage {' / '.join(f'{share:.3f}' for share in held)}")


def classed(cells: pl.DataFrame, cases: pl.DataFrame) -> pl.DataFrame:
    """The cells with their horizon, the size of the share when last reported, and the restlessness of the market."""
    quarter = pl.col("period").str.head(4).cast(pl.Int32) * 4 + pl.col("period").str.tail(1).cast(pl.Int32)
    reported = cases.filter(pl.col("share").is_not_null()).sort("market", "provider", "period")
    last = reported.group_by("market", "provider").agg(last=pl.col("share").last())
    origin = reported.group_by("market").agg(origin=quarter.max())
    # Steps between neighbouring rows as they stand: a share that is not reported makes none.
    rows = cases.sort("market", "provider", "period")
    steps = rows.with_columns(step=100 * pl.col("share").diff().over("market", "provider"))
    rms = steps.group_by("market").agg(rms=pl.col("step").pow(2).mean().sqrt())
    joined = cells.join(origin, on="market").join(last, on=["market", "provider"], how="left").join(rms, on="market")
    size = (
        pl.when(pl.col("provider") == "Others")
        .then(pl.lit("of the rest"))
        .when(pl.col("last") < 0.02)
        .then(pl.lit("under 2 %"))
        .when(pl.col("last") < 0.1)
        .then(pl.lit("2 to 10 %"))
        .otherwise(pl.lit("over 10 %"))
    )
    restless = pl.lit("8 points and more")
    for bound in (8.0, 4.0, 2.0, 1.0, 0.5):
        restless = pl.when(pl.col("rms") < bound).then(pl.lit(f"below {bound:g}")).otherwise(restless)
    return joined.with_columns(horizon=quarter - pl.col("origin"), size=size, restlessness=restless)


def joint(cases: pl.DataFrame, actuals: pl.DataFrame, model: str) -> pl.DataFrame:
    """One row per case: group, energy score (points) and whether each level's bands held; from 2,000 draws."""
    groups = dict(actuals.select("market", "group").unique().iter_rows())
    came = {str(market): rows for (market,), rows in actuals.group_by("market")}
    found = []
    for (market,), rows in cases.group_by("market", maintain_order=True):
        made = forecast_shares(rows, horizon=HORIZON, levels=LEVELS, model=model, keep_draws=True)
        truth = np.full(made.mean.shape, np.nan)
        for period, provider, share in came[str(market)].select("period", "provider", "share").iter_rows():
            if share is not None:
                truth[Quarter.parse(period) - made.origin - 1, made.providers.index(provider)] = share
        known = np.isfinite(truth)
        bands = [bands_of(made, level) for level in LEVELS]
        held = [bool(((truth >= low - 1e-9) & (truth <= high + 1e-9))[known].all()) for low, high in bands]
        assert made.draws is not None
        energy = 100 * float(np.mean(energy_score(made.draws, truth)[known.any(axis=1)]))
        found.append((groups[str(market)], energy, *map(float, held)))
    names = ["group", "energy", *(f"held{level * 100:g}" for level in LEVELS)]
    return pl.DataFrame(found, schema=names, orient="row").with_columns(weight=1.0 / pl.len().over("group"))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=Path)
    parser.add_argument("--model", default=OF_RECORD)
    parser.add_argument("--peers", type=Path, help="folder of peer_NAME.parquet; default: CASES")
    parser.add_argument("--no-draws", action="store_true")
    arguments = parser.parse_args()
    named = pl.col("provider").replace("Other", "Others")
    cases = pl.read_parquet(arguments.cases / "histories.parquet").with_columns(named)
    actuals = pl.read_parquet(arguments.cases / "actuals.parquet").with_columns(named)
    cells = scored(forecasts(cases, arguments.model), actuals)
    table = per_case(cells)
    peers = {
        path.stem.removeprefix("peer_"): per_case(scored(pl.read_parquet(path), actuals))
        for path in sorted((arguments.peers or arguments.cases).glob("peer_*.parquet"))
    }
    print(f"{arguments.model}, {table.height} cases, {table['group'].n_unique()} groups")
    for kind in ("all", *sorted(table["kind"].unique())):
        mine = table if kind == "all" else table.filter(pl.col("kind") == kind)
        held = " / ".join(f"{weighted(mine, f'cov{level * 100:g}'):.3f}" for level in LEVELS)
        print(
            f"{kind}: MAE {weighted(mine, 'error'):.3f} points, WIS {weighted(mine, 'wis'):.3f} points, coverage {held}"
        )
        for name, peer in peers.items():
            theirs = peer if kind == "all" else peer.filter(pl.col("kind") == kind)
            held = " / ".join(f"{weighted(theirs, f'cov{level * 100:g}'):.2f}" for level in LEVELS)
            print(
                f"  ratio to {name} (whose coverage is {held}): WIS {ratio(mine, peer, 'wis'):.4f}, "
                f"MAE {ratio(mine, peer, 'error'):.4f}"
            )
    sized = classed(cells, cases)
    for by in ("horizon", "size", "restlessness"):
        coverage(sized, by)
    if arguments.no_draws:
        return
    whole = joint(cases, actuals, arguments.model)
    held = " / ".join(f"{weighted(whole, f'held{level * 100:g}'):.3f}" for level in LEVELS)
    print(f"  from draws: energy score {weighted(whole, 'energy'):.3f} points, simultaneous bands held {held}")


if __name__ == "__main__":
    main()
