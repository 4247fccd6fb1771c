"""Accuracy and coverage of a model on real shares.

    python tests/bench/accuracy.py CASES [--model auto] [--learn shipped|leave-one-group-out] [--peers FOLDER]

CASES is a folder with ``histories.parquet`` (shares tables as visible at an origin), ``actuals.parquet`` (what came,
with the group of markets that move together), ``markets.parquet`` (whole series, for learning) and, to compare with,
``peer_NAME.parquet`` (a peer's forecasts of the same cases; ``peers.py`` makes them, in FOLDER). With
leave-one-group-out nothing learned has seen the group that is scored. Prints group-weighted scores, ratios to each peer
(geometric mean over cases, every group the same), and coverage by level, by horizon and by size of the share; then,
from joint draws, the energy score and how often simultaneous bands held all providers and quarters of a case at once.
"""

import argparse
from pathlib import Path

import numpy as np
import polars as pl

from forecast.data.make_prior import Window, learn_many, windows
from forecast.draws import bands_of
from forecast.forecasting import forecast_shares
from forecast.prior import Prior, shipped_prior
from forecast.quarter import Quarter
from forecast.scores import covered, energy_score, weighted_interval_score

LEVELS = (0.5, 0.8, 0.95)
HORIZON = 8
NAMES = [f"{side}_{level * 100:g}" for level in LEVELS for side in ("lower", "upper")]


def forecasts(cases: pl.DataFrame, groups: dict[str, str], model: str, priors: dict[str, Prior]) -> pl.DataFrame:
    """Forecast every case with the prior of its group."""
    return pl.concat(
        [
            forecast_shares(
                rows, horizon=HORIZON, levels=LEVELS, model=model, prior=priors[groups[str(market)]]
            ).to_frame()
            for (market,), rows in cases.group_by("market", maintain_order=True)
        ]
    )


def scored(found: pl.DataFrame, actuals: pl.DataFrame) -> pl.DataFrame:
    """One row per cell that came: group, market, horizon, share, absolute error, WIS (points) and hits."""
    joined = actuals.filter(pl.col("share").is_not_null()).join(found, on=["market", "provider", "period"], how="left")
    if joined["median"].null_count():
        raise SystemExit(f"{joined['median'].null_count()} cells were not forecast")
    truth = joined["share"].to_numpy()
    lower = np.stack([joined[f"lower_{level * 100:g}"].to_numpy() for level in LEVELS])
    upper = np.stack([joined[f"upper_{level * 100:g}"].to_numpy() for level in LEVELS])
    median = joined["median"].to_numpy()
    return joined.select("group", "market", "provider", "period", "share").with_columns(
        error=100 * np.abs(truth - median),
        wis=100 * weighted_interval_score(median, lower, upper, truth, LEVELS),
        **{f"cov{level * 100:g}": covered(lower[n] - 1e-9, upper[n] + 1e-9, truth) for n, level in enumerate(LEVELS)},
    )


def per_case(cells: pl.DataFrame) -> pl.DataFrame:
    """Mean over the cells of a case, with the weight that makes every group count the same."""
    cases = cells.group_by("group", "market").agg(pl.col("error", "wis", "cov50", "cov80", "cov95").mean())
    return cases.with_columns(weight=1.0 / pl.len().over("group")).sort("market")


def weighted(cases: pl.DataFrame, column: str) -> float:
    """Group-weighted mean."""
    return float(np.average(cases[column].to_numpy(), weights=cases["weight"].to_numpy()))


def ratio(cases: pl.DataFrame, peer: pl.DataFrame, column: str) -> float:
    """Geometric mean over cases of the ratio to a peer, every group the same."""
    joined = cases.join(peer.select("market", base=column), on="market")
    logs = np.log((joined[column].to_numpy() + 1e-3) / (joined["base"].to_numpy() + 1e-3))
    return float(np.exp(np.average(logs, weights=joined["weight"].to_numpy())))


def joint(
    cases: pl.DataFrame, actuals: pl.DataFrame, groups: dict[str, str], model: str, priors: dict[str, Prior]
) -> pl.DataFrame:
    """One row per case: group, energy score (points) and whether each level's bands held; from 2,000 draws."""
    came = {str(market): rows for (market,), rows in actuals.group_by("market")}
    found = []
    for (market,), rows in cases.group_by("market", maintain_order=True):
        group = groups[str(market)]
        made = forecast_shares(rows, horizon=HORIZON, levels=LEVELS, model=model, prior=priors[group], keep_draws=True)
        truth = np.full(made.mean.shape, np.nan)
        for period, provider, share in came[str(market)].select("period", "provider", "share").iter_rows():
            if share is not None:
                truth[Quarter.parse(period) - made.origin - 1, made.providers.index(provider)] = share
        known = np.isfinite(truth)
        bands = [bands_of(made, level) for level in LEVELS]
        held = [bool(((truth >= low - 1e-9) & (truth <= high + 1e-9))[known].all()) for low, high in bands]
        assert made.draws is not None
        energy = 100 * float(np.mean(energy_score(made.draws, truth)[known.any(axis=1)]))
        found.append((group, energy, *map(float, held)))
    names = ["group", "energy", *(f"held{level * 100:g}" for level in LEVELS)]
    return pl.DataFrame(found, schema=names, orient="row").with_columns(weight=1.0 / pl.len().over("group"))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=Path)
    parser.add_argument("--model", default="auto")
    parser.add_argument("--peers", type=Path, help="folder of peer_NAME.parquet; default: CASES")
    parser.add_argument("--learn", choices=("shipped", "leave-one-group-out"), default="shipped")
    arguments = parser.parse_args()
    cases = pl.read_parquet(arguments.cases / "histories.parquet")
    actuals = pl.read_parquet(arguments.cases / "actuals.parquet")
    groups: dict[str, str] = dict(actuals.select("market", "group").unique().iter_rows())
    if arguments.learn == "shipped":
        priors = dict.fromkeys(groups.values(), shipped_prior())
    else:
        learning: list[Window] = windows(pl.read_parquet(arguments.cases / "markets.parquet"))
        priors = learn_many(learning, leaving_out=sorted(set(groups.values())))
    cells = scored(forecasts(cases, groups, arguments.model, priors), actuals)
    table = per_case(cells)
    print(f"{arguments.model}, prior: {arguments.learn}, {table.height} cases, {table['group'].n_unique()} groups")
    print(f"  MAE {weighted(table, 'error'):.3f} points, WIS {weighted(table, 'wis'):.3f} points, coverage", end=" ")
    print(" / ".join(f"{weighted(table, f'cov{level * 100:g}'):.3f}" for level in LEVELS))
    for path in sorted((arguments.peers or arguments.cases).glob("peer_*.parquet")):
        peer = per_case(scored(pl.read_parquet(path), actuals))
        name = path.stem.removeprefix("peer_")
        coverage = " / ".join(f"{weighted(peer, f'cov{level * 100:g}'):.2f}" for level in LEVELS)
        print(
            f"  ratio to {name} (whose coverage is {coverage}): WIS {ratio(table, peer, 'wis'):.4f}, "
            f"MAE {ratio(table, peer, 'error'):.4f}"
        )
    first = dict(cells.group_by("market").agg(pl.col("period").min()).iter_rows())
    number = [int(p[:4]) * 4 + int(p[5]) for p in cells["period"]]
    start = [int(first[m][:4]) * 4 + int(first[m][5]) for m in cells["market"]]
    sized = cells.with_columns(
        horizon=np.array(number) - np.array(start) + 1,
        size=pl.when(pl.col("share") < 0.02).then(pl.lit("under 2 %"))
        .when(pl.col("share") <= 0.10).then(pl.lit("2 to 10 %")).otherwise(pl.lit("over 10 %")),
        weight=1.0 / pl.len().over("group"),
    )  # fmt: skip
    for by in ("horizon", "size"):
        for (key,), rows in sized.sort(by).group_by(by, maintain_order=True):
            hits = " / ".join(
                f"{np.average(rows[f'cov{level * 100:g}'].to_numpy(), weights=rows['weight'].to_numpy()):.3f}"
                for level in LEVELS
            )
            print(f"  {by} {key}: coverage {hits}")
    whole = joint(cases, actuals, groups, arguments.model, priors)
    held = " / ".join(f"{weighted(whole, f'held{level * 100:g}'):.3f}" for level in LEVELS)
    alike = " / ".join(f"{np.mean(whole[f'held{level * 100:g}'].to_numpy()):.3f}" for level in LEVELS)
    print(f"  from draws: energy score {weighted(whole, 'energy'):.3f} points, simultaneous bands held {held}", end="")
    print(f" (every case alike {alike})")


if __name__ == "__main__":
    main()
