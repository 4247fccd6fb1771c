"""Peers' forecasts of the same cases, each share alone, clipped and renormalised; compotime takes whole compositions.

    python -m venv peers && peers/bin/pip install statsforecast polars pyarrow
    peers/bin/python tests/bench/peers.py CASES OUTPUT ets theta arima
    python -m venv peer && peer/bin/pip install compotime polars pyarrow
    peer/bin/python tests/bench/peers.py CASES OUTPUT compotime

writes ``OUTPUT/peer_NAME.parquet`` for each name, which ``accuracy.py CASES --peers OUTPUT`` scores beside Sharecast.
Two environments, neither ours: compotime asks for NumPy 1, the others for NumPy 2. CASES holds ``histories.parquet``.
"""

import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

HORIZON, LEVELS = 8, (50, 80, 95)


def cases(path: Path) -> Iterator[tuple[str, list[str], int, np.ndarray]]:
    """Market, providers, index of the origin and shares (T, K), gaps filled by straight lines as these tools need."""
    table = pl.read_parquet(path / "histories.parquet")
    for (market,), rows in table.group_by("market", maintain_order=True):
        wide = rows.pivot(on="provider", index="period", values="share").sort("period")
        providers = [name for name in wide.columns if name != "period"]
        last = wide["period"][-1]
        shares = wide.drop("period").to_numpy().astype(np.float64)
        at = np.arange(len(shares))
        for k in range(shares.shape[1]):
            known = np.isfinite(shares[:, k])
            shares[:, k] = np.interp(at, at[known], shares[known, k])
        yield str(market), providers, int(last[:4]) * 4 + int(last[5]) - 1, shares


def alone(name: str, shares: np.ndarray) -> dict[str, np.ndarray]:
    """Each share by itself with statsforecast, season of four quarters: mean and bounds, (H, K) each."""
    from statsforecast.models import AutoARIMA, AutoETS, AutoTheta  # type: ignore[import-not-found]  # its own env

    model = {"ets": AutoETS, "theta": AutoTheta, "arima": AutoARIMA}[name]
    columns: dict[str, list[np.ndarray]] = {}
    for series in shares.T:
        found = model(season_length=4).forecast(y=np.ascontiguousarray(series), h=HORIZON, level=list(LEVELS))
        columns.setdefault("mean", []).append(np.clip(found["mean"], 1e-6, 1.0))
        for level in LEVELS:
            columns.setdefault(f"lower_{level}", []).append(np.clip(np.nan_to_num(found[f"lo-{level}"]), 0.0, 1.0))
            columns.setdefault(f"upper_{level}", []).append(
                np.clip(np.nan_to_num(found[f"hi-{level}"], nan=1.0), 0.0, 1.0)
            )
    made = {key: np.stack(values, axis=1) for key, values in columns.items()}
    made["mean"] /= made["mean"].sum(axis=1, keepdims=True)
    return made


def composed(shares: np.ndarray) -> dict[str, np.ndarray]:
    """compotime's local level, point forecasts only: every bound is the point."""
    import pandas as pd
    from compotime import LocalLevelForecaster  # type: ignore[import-not-found]  # its own environment

    floored = np.maximum(shares, 5e-4)
    frame = pd.DataFrame(
        floored / floored.sum(axis=1, keepdims=True),
        index=range(len(shares)),  # quarters have no equal number of days, and compotime asks for equal steps
        columns=[f"p{k}" for k in range(shares.shape[1])],
    )
    mean = LocalLevelForecaster().fit(frame).predict(HORIZON).to_numpy()
    return {"mean": mean} | {f"{side}_{level}": mean for side in ("lower", "upper") for level in LEVELS}


def last_value(shares: np.ndarray) -> dict[str, np.ndarray]:
    """What stands in for a peer that fails on a case; how often it did is printed."""
    mean = np.repeat(shares[-1:], HORIZON, axis=0)
    sd = np.sqrt((np.diff(shares, axis=0) ** 2).mean(axis=0)) * np.sqrt(np.arange(1, HORIZON + 1))[:, None]
    made = {"mean": mean}
    for level, z in zip(LEVELS, (0.674, 1.282, 1.960), strict=True):
        made[f"lower_{level}"], made[f"upper_{level}"] = np.clip(mean - z * sd, 0, 1), np.clip(mean + z * sd, 0, 1)
    return made


def main() -> None:
    """Write one file for each peer named."""
    source, output, names = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    warnings.filterwarnings("ignore")
    for name in names:
        frames, failed, spent = [], 0, 0.0
        for market, providers, origin, shares in cases(source):
            start = time.perf_counter()
            try:
                made = composed(shares) if name == "compotime" else alone(name, shares)
            except Exception as error:
                failed += 1
                print(f"{name} failed on {market}: {type(error).__name__}: {error}", file=sys.stderr)
                made = last_value(shares)
            spent += time.perf_counter() - start
            periods = [f"{(origin + h) // 4}Q{(origin + h) % 4 + 1}" for h in range(1, HORIZON + 1) for _ in providers]
            columns = {"market": [market] * len(periods), "provider": providers * HORIZON, "period": periods}
            numbers = {key: value.ravel().astype(np.float64) for key, value in sorted(made.items())}
            frames.append(pl.DataFrame(columns | numbers))
        table = pl.concat(frames).with_columns(median=pl.col("mean"))
        table.write_parquet(output / f"peer_{name}.parquet")
        print(f"{name}: {len(frames)} cases, {failed} failed, {1e3 * spent / len(frames):.0f} ms a market")


if __name__ == "__main__":
    main()
