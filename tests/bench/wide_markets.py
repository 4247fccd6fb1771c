"""A server asked for the histories of very wide markets: what each call takes, and what others notice of it.

    python tests/bench/wide_markets.py

Imports figures of 100 and of 150 providers in 40 quarters, and a table of 1,000; asks for their histories three at a
time while a bystander asks for a cached forecast. Prints seconds, the bystander's longest wait, and memory at its peak.
"""

import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from served import peak_mb, serving

from service.client import Client

QUARTERS = 40


def table(market: str, providers: int) -> dict[str, list[object]]:
    """Shares of so many providers, to the hundredth of a per cent."""
    rng = np.random.default_rng(providers)
    walk = rng.standard_normal((QUARTERS, providers)).cumsum(axis=0) * 0.05 + rng.standard_normal(providers)
    shares = (np.exp(walk) / np.exp(walk).sum(axis=1, keepdims=True)).round(4)
    return {
        "market": [market] * shares.size,
        "period": [f"{2010 + t // 4}Q{t % 4 + 1}" for t in range(QUARTERS) for _ in range(providers)],
        "provider": [f"P{k}" for _ in range(QUARTERS) for k in range(providers)],
        "share": shares.ravel().tolist(),
    }


def figures(market: str, providers: int) -> pl.DataFrame:
    """The same as statements of a house."""
    rows = table(market, providers)
    return pl.DataFrame(
        {
            "market": rows["market"],
            "research_house": ["North"] * len(rows["market"]),
            "period": rows["period"],
            "providers": rows["provider"],
            "measure": ["share"] * len(rows["market"]),
            "value": rows["share"],
            "qualifier": ["exact"] * len(rows["market"]),
            "decimals": [2] * len(rows["market"]),
            "published": ["2020-06-01"] * len(rows["market"]),
        }
    )


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder, serving(database=str(Path(folder) / "wide.db")) as server:
        server.settle()
        with Client(server.address, timeout=60) as client:
            client.import_figures(figures("wide 100", 100))
            client.import_figures(figures("wide 150", 150))
            client.import_figures(pl.DataFrame(table("table 1000", 1000)), kind="shares")
            client.forecast("cn-cloud")
            ended, waits = threading.Event(), [0.0]

            def stand_by() -> None:
                while not ended.wait(0.01):
                    began = time.monotonic()
                    client.forecast("cn-cloud")
                    waits.append(time.monotonic() - began)

            def ask(market: str, day: date) -> float:
                began = time.monotonic()
                client.get_history(market, as_of=None if market.startswith("table") else day)
                return time.monotonic() - began

            bystander = threading.Thread(target=stand_by)
            bystander.start()
            for market in ("wide 100", "wide 150", "table 1000"):
                del waits[1:]
                with ThreadPoolExecutor(3) as threads:  # three days, so that none is kept for another
                    days = [date(2021, 1, 1) + timedelta(days=n) for n in range(3)]
                    took = list(threads.map(ask, [market] * 3, days))
                told = ", ".join(f"{seconds:.2f}" for seconds in took)
                print(f"{market}: {told} s; bystander at most {1000 * max(waits):.0f} ms")
            ended.set()
            bystander.join()
        for name, pid in server.processes().items():
            print(f"{name}: {peak_mb(pid):.0f} MB at its peak")


if __name__ == "__main__":
    main()
