"""How long a history takes to rebuild: `python tests/bench/history_speed.py`.

A market of 40 quarters and 8 providers, told every quarter: the shares of seven and the rest, growth of three beside
the market's, market totals, whole years, two reprints that differ in rounding, and one gross slip. Processor time of
`forecast.reconstruct`, warm, the joint draws of the past included: the median of 30 runs and the fastest, and beside it
those of the shipped series.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: threads that wait for each other are not work

import time
from datetime import date

import numpy as np
import polars as pl

from forecast.figures import CURATED_SCHEMA, load_breaks, load_figures
from forecast.history import reconstruct

QUARTERS, PROVIDERS, RUNS = 40, 8, 30
SHIPPED = (
    ("cn-cloud", "canalys"),
    ("world-cloud", "canalys"),
    ("world-cloud", "synergy"),
    ("world-smartphones", "canalys"),
    ("world-smartphones", "idc"),
)


def made_figures() -> pl.DataFrame:
    """The figures of the made market, columns of `forecast.figures.CURATED_SCHEMA`."""
    rng = np.random.default_rng(0)
    growth = 0.03 + 0.03 * rng.standard_normal((QUARTERS, PROVIDERS))
    amounts = np.exp(np.log(np.linspace(8.0, 1.0, PROVIDERS)) + growth.cumsum(axis=0))
    shares = amounts / amounts.sum(axis=1, keepdims=True)
    names = [*(f"P{k}" for k in range(PROVIDERS - 1)), "Others"]
    rows: list[tuple[str, str, str, float, int]] = []
    for t in range(QUARTERS):
        period = f"{2010 + t // 4}Q{t % 4 + 1}"
        rows += [
            (period, name, "share", round(float(share), 3), 1) for name, share in zip(names, shares[t], strict=True)
        ]
        rows += [(period, names[k], "share", round(float(shares[t, k]), 2), 0) for k in (0, 1)]
        rows.append((period, "TOTAL", "spend_usd_bn", round(float(amounts[t].sum()), 1), 1))
        if t >= 4:
            grown = amounts[t] / amounts[t - 4] - 1.0
            rows += [(period, names[k], "yoy_growth", round(float(grown[k]), 2), 0) for k in range(3)]
            market = amounts[t].sum() / amounts[t - 4].sum() - 1.0
            rows.append((period, "TOTAL", "yoy_growth", round(float(market), 2), 0))
        if t % 4 == 3:
            year = amounts[t - 3 : t + 1].sum(axis=0)
            rows.append((period[:4], names[0], "share", round(float(year[0] / year.sum()), 2), 0))
    rows.append(("2015Q2", "P0|P1|P2", "share", 0.97, 0))  # a slip
    made = [
        {
            "figure_id": n,
            "market": "made",
            "research_house": "house",
            "house": "house",
            "period": period,
            "annual": len(period) == 4,
            "providers": provider,
            "measure": measure,
            "unit": "fraction",
            "value": value,
            "qualifier": "exact",
            "decimals": decimals,
            "mark": "ok",
            "published_at": date(int(period[:4]) + 1, 2, 1),
            "published_inferred": False,
            "pages": 1,
        }
        for n, (period, provider, measure, value, decimals) in enumerate(rows)
    ]
    return pl.DataFrame(made, schema=CURATED_SCHEMA)


def milliseconds(figures: pl.DataFrame, breaks: pl.DataFrame, market: str, house: str) -> str:
    """Median and least processor time of a rebuild, warm."""
    taken = []
    for _ in range(RUNS + 3):
        start = time.process_time()
        reconstruct(figures, breaks, market=market, house=house)
        taken.append(time.process_time() - start)
    return f"{1000.0 * float(np.median(taken[3:])):.1f} ms, fastest {1000.0 * min(taken[3:]):.1f} ms"


def main() -> None:
    """Print the time of each series."""
    everything = made_figures()
    shares = everything.filter(~pl.col("annual"), pl.col("measure") == "share", pl.col("decimals") == 1)
    for what, figures in (("made", everything), ("made, a share a cell", shares)):
        history = reconstruct(figures, load_breaks(), market="made", house="house")
        shape = f"{len(history.quarters)} quarters x {len(history.providers)} providers, {history.figures_used} figures"
        print(f"{what}: {shape}: {milliseconds(figures, load_breaks(), 'made', 'house')}")
    for market, house in SHIPPED:
        history = reconstruct(load_figures(), load_breaks(), market=market, house=house)
        shape = f"{len(history.quarters)} x {len(history.providers)}, {history.figures_used} figures"
        print(f"{market} {house}: {shape}: {milliseconds(load_figures(), load_breaks(), market, house)}")


if __name__ == "__main__":
    main()
