"""Forecasts whose draws are given, so that what follows from them is known in closed form."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from forecast.arrays import FloatArray
from forecast.draws import summarise
from forecast.quarter import Quarter
from forecast.results import Forecast, ModelProvenance
from forecast.shares import check_shares

ORIGIN = Quarter.parse("2025Q4")


def forecast_of(draws: FloatArray, latest: Sequence[float], providers: Sequence[str] = ()) -> Forecast:
    """A forecast made of these draws, shape (draw, H, K); providers A, B, C, ... unless named."""
    summary = summarise(draws, (0.8, 0.95))
    return Forecast(
        market="m",
        house="",
        providers=tuple(providers) or tuple("ABCDEFGHIJ"[: draws.shape[2]]),
        origin=ORIGIN,
        levels=(0.8, 0.95),
        mean=summary.mean,
        median=summary.median,
        lower=summary.lower,
        upper=summary.upper,
        provenance=ModelProvenance("given", (("given", 1.0),), "0", "", 0),
        draws=draws,
        latest=np.array(latest),
    )


def walks(seed: int, n: int, horizon: int, latest: Sequence[float], step: float = 0.02) -> FloatArray:
    """Random walks of K parts from `latest`, cut at zero and closed: (n, horizon, K) compositions."""
    rng = np.random.default_rng(seed)
    steps = step * rng.standard_normal((n, horizon, len(latest))) * np.sqrt(np.array(latest) + 1e-3)
    parts = np.maximum(np.array(latest) + steps.cumsum(axis=1), 1e-6)
    return np.asarray(parts / parts.sum(axis=2, keepdims=True))


def four_quarters() -> pl.DataFrame:
    """A checked shares table of three providers, a year of it."""
    shares = [0.5, 0.3, 0.2, 0.48, 0.31, 0.21, 0.47, 0.31, 0.22, 0.45, 0.32, 0.23]
    periods = [f"2025Q{n}" for n in (1, 2, 3, 4) for _ in range(3)]
    return check_shares(
        pl.DataFrame({"market": ["m"] * 12, "period": periods, "provider": [*"ABC"] * 4, "share": shares})
    )
