"""How often intervals of the model of record held what came, by restlessness of the market.

    python tests/bench/class_coverage.py CASES [--write]

CASES is the folder that ``accuracy.py`` takes. Nothing of the model is learned from cases, so none has to be left out.
Every group of markets weighs the same within a class, as does every share within a group. With --write the figures go
to ``forecast/data/coverage.json``, from where each forecast takes those of its own class.
"""

import argparse
import json
import math
from pathlib import Path

import numpy as np
import polars as pl

import forecast.data
from forecast.many import forecast_markets
from forecast.results import level_name

LEVELS = (0.5, 0.8, 0.9, 0.95, 0.99)
BOUNDS = (1.0, 2.0, 4.0, math.inf)  # restlessness, points, at which a class ends
HORIZON = 8


def measure(cases: pl.DataFrame, actuals: pl.DataFrame) -> pl.DataFrame:
    """One row per class: the bound it ends at, cells, groups, and how often each level held."""
    made = forecast_markets(cases, horizon=HORIZON, levels=LEVELS)
    restless = pl.DataFrame(
        [(market, restlessness) for market, (_, restlessness) in made.told.items()],
        schema=["market", "restlessness"],
        orient="row",
    )
    came = actuals.filter(pl.col("share").is_not_null()).with_columns(pl.col("provider").replace("Other", "Others"))
    cells = came.join(made.table, on=["market", "provider", "period"], how="left").join(restless, on="market")
    if cells["median"].null_count():
        raise SystemExit(f"{cells['median'].null_count()} cells were not forecast")
    names = [level_name(level) for level in LEVELS]
    below = np.array(BOUNDS)[np.searchsorted(BOUNDS, cells["restlessness"].to_numpy(), side="right")]
    held = cells.select(
        "group",
        pl.Series("below", below),
        *(pl.col("share").is_between(pl.col(f"lower_{n}") - 1e-9, pl.col(f"upper_{n}") + 1e-9).alias(n) for n in names),
    )
    by_group = held.group_by("below", "group").agg(pl.len().alias("cells"), pl.col(names).mean())
    return (
        by_group.group_by("below")
        .agg(pl.col("cells").sum(), pl.len().alias("groups"), pl.col(names).mean().round(3))
        .sort("below")
    )


def main() -> None:
    """Print the table, and write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=Path)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    cases = pl.read_parquet(arguments.cases / "histories.parquet")
    found = measure(cases, pl.read_parquet(arguments.cases / "actuals.parquet"))
    print(found)
    if arguments.write:
        # JSON has no infinity: the class without an end has a null.
        classes = [
            {"below": below if math.isfinite(below) else None, "held": held} for below, _, _, *held in found.iter_rows()
        ]
        lines = ",\n".join("  " + json.dumps(each) for each in classes)
        content = f'{{\n "levels": {json.dumps(LEVELS)},\n "classes": [\n{lines}\n ]\n}}\n'
        Path(forecast.data.__file__).with_name("coverage.json").write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
