"""Make a shares table of many distinct markets, for measuring batches.

    python tests/bench/make_markets.py 10000 markets.parquet [--seed 0]

Every market has 3 to 8 providers and 12 to 40 quarters, rounded to 0, 1 or 2 decimals of a percentage as a research
house prints them: shares that drift and trend, a season in half of the markets, providers that enter and leave (null
before, zero or null after), quarters without a figure. No two markets are alike. The same number and seed give the
same rows, and the first markets of a longer file are those of a shorter one. Written in row groups as it goes, so that
a million markets need no more memory than a thousand.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
from polars.io.plugins import register_io_source

BLOCK = 500  # markets made at a time
ROW_GROUP = 131_072
SCHEMA = {"market": pl.String, "period": pl.String, "provider": pl.String, "share": pl.Float64, "decimals": pl.Int64}


def compositions(rng: np.random.Generator) -> np.ndarray:
    """One market: shape (quarters, providers), each row a composition with some parts zero."""
    providers, quarters = int(rng.integers(3, 9)), int(rng.integers(12, 41))
    level = np.sqrt(np.sort(rng.dirichlet(np.full(providers, 1.2)))[::-1])
    steps = rng.standard_normal((quarters, providers)) * rng.lognormal(-4.2, 0.5)
    if rng.random() < 0.3:  # a shift that stays
        steps[rng.integers(1, quarters)] += rng.standard_normal(providers) * 0.06
    trend = rng.standard_normal(providers) * rng.lognormal(-5.5, 0.7)
    roots = level + np.cumsum(steps + trend * 0.97 ** np.arange(quarters)[:, None], axis=0)
    if rng.random() < 0.5:
        season = rng.standard_normal((4, providers)) * 0.02
        roots += (season - season.mean(axis=0))[np.arange(quarters) % 4]
    parts = np.maximum(roots, 0.0) ** 2
    for provider in range(2, providers):
        chance = rng.random()
        if chance < 0.10:  # enters
            parts[: rng.integers(1, quarters // 2), provider] = 0.0
        elif chance < 0.16:  # leaves
            parts[rng.integers(quarters // 2, quarters) :, provider] = 0.0
    parts[:, 0] = np.maximum(parts[:, 0], 0.02)  # someone is always there
    return np.asarray(parts / parts.sum(axis=1, keepdims=True))


def market_rows(number: int, seed: int) -> dict[str, np.ndarray]:
    """The rows of one market, a function of its number and the seed alone."""
    rng = np.random.default_rng((seed, number))
    shares = compositions(rng)
    quarters, providers = shares.shape
    decimals = int(rng.integers(0, 3))
    printed = np.round(100.0 * shares, decimals) / 100.0
    if printed.sum(axis=1).max() > 1.019:  # by rounding; more than 1.02 is no composition
        decimals = 2
        printed = np.round(100.0 * shares, decimals) / 100.0
    reported = np.ones(shares.shape, dtype=bool)
    if rng.random() < 0.3:  # some providers are not mentioned every quarter
        reported &= (rng.random(shares.shape) > 0.05) | (np.arange(providers) == 0)
    if rng.random() < 0.5:  # null rather than zero before an entry
        reported &= np.cumsum(printed, axis=0) > 0.0
    told = np.ones(quarters, dtype=bool)
    if rng.random() < 0.2:  # quarters without a figure
        told[rng.integers(1, quarters - 1, size=2)] = False
    rows = np.argwhere(np.repeat(told[:, None], providers, axis=1))
    first = 4 * int(rng.integers(2005, 2015)) + int(rng.integers(0, 4))
    index = first + np.arange(quarters)
    periods = np.array([f"{i // 4}Q{i % 4 + 1}" for i in index])
    names = np.array([f"Provider {name}" for name in rng.permutation(list("ABCDEFGHJKLM"))[:providers]])
    share = np.where(reported, printed, np.nan)[rows[:, 0], rows[:, 1]]
    return {
        "market": np.full(len(rows), f"market-{number:07d}"),
        "period": periods[rows[:, 0]],
        "provider": names[rows[:, 1]],
        "share": share,
        "decimals": np.full(len(rows), decimals),
    }


def blocks(count: int, seed: int) -> Iterator[pl.DataFrame]:
    """The table in frames of `BLOCK` markets."""
    for start in range(0, count, BLOCK):
        made = [market_rows(number, seed) for number in range(start, min(start + BLOCK, count))]
        columns = {name: np.concatenate([rows[name] for rows in made]) for name in SCHEMA}
        yield pl.DataFrame(columns, schema=SCHEMA).with_columns(pl.col("share").fill_nan(None))


def write_markets(count: int, path: Path, *, seed: int = 0) -> None:
    """Write `count` markets to a Parquet, CSV or Arrow file, by its ending."""

    def source(
        columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        del predicate, n_rows, batch_size  # a sink asks for everything
        for frame in blocks(count, seed):
            yield frame if columns is None else frame.select(columns)

    table = register_io_source(source, schema=SCHEMA)
    match path.suffix:
        case ".parquet":
            table.sink_parquet(path, row_group_size=ROW_GROUP, maintain_order=True)
        case ".csv":
            table.sink_csv(path, maintain_order=True)
        case ".arrow":
            table.sink_ipc(path, record_batch_size=ROW_GROUP, maintain_order=True)
        case other:
            raise SystemExit(f"{path} ends in {other!r}; allowed: .parquet, .csv, .arrow")


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", type=int)
    parser.add_argument("path", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    write_markets(arguments.count, arguments.path, seed=arguments.seed)


if __name__ == "__main__":
    main()
