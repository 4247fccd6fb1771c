"""Forecasts and histories that look like real ones, for the tests of charts."""

from dataclasses import replace
from datetime import date

import numpy as np

from forecast.arrays import FloatArray
from forecast.quarter import Quarter
from forecast.results import Forecast, History, ModelProvenance, Status

CHINA = ("Alibaba Cloud", "Huawei Cloud", "Tencent Cloud", "Baidu AI Cloud", "Others")
ORIGIN = Quarter.parse("2020Q3")


def example_history(
    providers: tuple[str, ...] = CHINA, *, quarters: int = 14, last: Quarter = ORIGIN, seed: int = 1
) -> History:
    """A history with each status, two declared breaks, and a source line."""
    rng = np.random.default_rng(seed)
    smoothed = _walk(rng, np.log(_start(len(providers))), quarters)
    sd = np.broadcast_to(0.004 + 0.02 * np.sqrt(smoothed), smoothed.shape).copy()
    status = tuple(
        tuple(
            Status.UNKNOWN
            if t < 2 and k > 0
            else Status.INFERRED
            if (t + k) % 5 == 3
            else Status.COMBINED
            if (t + 2 * k) % 7 == 0
            else Status.REPORTED
            for k in range(len(providers))
        )
        for t in range(quarters)
    )
    hidden = np.array([[cell is Status.UNKNOWN for cell in row] for row in status])
    return History(
        market="cn-cloud",
        house="canalys",
        as_of=date(2021, 1, 15),
        quarters=tuple(last + (t - quarters + 1) for t in range(quarters)),
        providers=providers,
        share=np.where(hidden, np.nan, smoothed),
        sd=np.where(hidden, np.nan, sd),
        status=status,
        smoothed=smoothed,
        smoothed_sd=sd,
        breaks=((last + -3, "the definition of the market was widened"),),
        source_line="Canalys, by way of press releases and 14 publishers",
        vintage=date(2020, 12, 14),
        figures_used=61,
        warnings=("2019Q2: two figures for Tencent Cloud differ by 0.4 points",),
    )


def example_forecast(
    providers: tuple[str, ...] = CHINA,
    *,
    horizon: int = 8,
    levels: tuple[float, ...] = (0.5, 0.8, 0.95),
    history: bool = True,
    seed: int = 1,
) -> Forecast:
    """A forecast by random walks of log-shares from the end of the example history."""
    past = example_history(providers, seed=seed)
    rng = np.random.default_rng(seed + 1)
    draws = np.stack([_walk(rng, np.log(past.smoothed[-1]), horizon) for _ in range(300)])
    return Forecast(
        market="cn-cloud",
        house="canalys",
        providers=providers,
        origin=ORIGIN,
        levels=levels,
        mean=draws.mean(axis=0),
        median=np.quantile(draws, 0.5, axis=0),
        lower=np.stack([np.quantile(draws, (1 - level) / 2, axis=0) for level in levels]),
        upper=np.stack([np.quantile(draws, (1 + level) / 2, axis=0) for level in levels]),
        provenance=ModelProvenance("auto", (("dlm", 1.0),), "0.1.0", "2025-11", 0),
        as_of=date(2021, 1, 15),
        history=past if history else None,
        warnings=past.warnings,
    )


def extreme_forecast() -> Forecast:
    """Two providers, one of which holds everything and the other nothing, for certain."""
    base = example_forecast(("All", "Nothing"), horizon=5)
    mean = np.tile([1.0, 0.0], (5, 1))
    bounds = np.broadcast_to(mean, (3, 5, 2)).copy()
    return replace(base, mean=mean, median=mean, lower=bounds, upper=bounds, history=None)


def _start(parts: int) -> FloatArray:
    sizes = 0.62 ** np.arange(parts - 1)
    return np.append(0.85 * sizes / sizes.sum(), 0.15)


def _walk(rng: np.random.Generator, start: FloatArray, steps: int) -> FloatArray:
    path = np.exp(start + 0.06 * rng.standard_normal((steps, start.size)).cumsum(axis=0))
    return np.asarray(path / path.sum(axis=1, keepdims=True))
