"""How fast the store is: `python tests/bench/store_speed.py [--database URL] [--rows 60000] [--repeats 5]`.

Shares of random markets of 40 quarters and 4 providers, imported as one table into a new database (SQLite without
`--database`) by `Catalog.import_table`: checked, compared with what is there, written and synced. Then one series read
as of a day, and the question after newer imports that a catalog asks each time. Medians.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from statistics import median

import numpy as np
import polars as pl

from service.catalog import Catalog
from service.store import open_store

QUARTERS, PROVIDERS = 40, 4
READS = 200


def shares(rows: int, seed: int) -> pl.DataFrame:
    """A table of so many rows."""
    markets = rows // (QUARTERS * PROVIDERS)
    parts = np.random.default_rng(seed).dirichlet(np.full(PROVIDERS, 5.0), size=markets * QUARTERS)
    cells = [
        (f"{seed}-{market}", f"{2010 + quarter // 4}Q{quarter % 4 + 1}", f"P{provider}")
        for market in range(markets)
        for quarter in range(QUARTERS)
        for provider in range(PROVIDERS)
    ]
    return pl.DataFrame(cells, schema=["market", "period", "provider"], orient="row").with_columns(share=parts.ravel())


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", default="")
    parser.add_argument("--rows", type=int, default=60_000)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, open_store(given.database or str(Path(folder) / "new.db")) as store:
        catalog = Catalog.shipped(store)
        tables = [shares(given.rows, seed) for seed in range(given.repeats)]
        imported = [seconds(lambda table=table: catalog.import_table(table, kind="shares")) for table in tables]  # type: ignore[misc]
        again = [seconds(lambda table=table: catalog.import_table(table, kind="shares")) for table in tables]  # type: ignore[misc]
        day = date(2015, 1, 31)
        read = [seconds(lambda n=n: store.figures(f"0-{n}", "own", day)) for n in range(READS)]  # type: ignore[misc]
        asked = [seconds(lambda: store.changes(2 * given.repeats)) for _ in range(READS)]
        print(f"import of {given.rows:,} rows: {median(imported):.2f} s; again, all known: {median(again):.2f} s")
        print(f"a series as of a day ({store.figures('0-0', 'own', day).height} rows): {1e6 * median(read):.0f} us")
        print(f"newer imports: {1e6 * median(asked):.0f} us")


if __name__ == "__main__":
    main()
