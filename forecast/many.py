"""Forecasts of many markets as one table, the model of record without draws: what a batch is made of."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from forecast.draws import Summary
from forecast.errors import SharecastError
from forecast.forecasting import check_request
from forecast.models.dlm import summarise_market
from forecast.preparing import Prepared, prepare_markets
from forecast.prior import Prior, shipped_prior
from forecast.quarter import Quarter
from forecast.results import level_name


@dataclass(frozen=True, slots=True, eq=False)
class _Made:
    prepared: Prepared
    summary: Summary


def forecast_table(
    shares: pl.DataFrame, *, horizon: int = 8, levels: Sequence[float] = (0.8, 0.95), prior: Prior | None = None
) -> tuple[pl.DataFrame, tuple[tuple[str, SharecastError], ...]]:
    """Forecast every market of a table with the model of record, without draws.

    The numbers are those of `forecast.forecasting.forecast_shares`, bit by bit.

    Args:
        shares: A checked shares table, the rows of a market standing together.
        horizon: Quarters ahead, 1 to 40.
        levels: Nominal levels, each in (0, 1).
        prior: Of the model of record; None for the one that ships.

    Returns:
        The forecasts table, columns as `forecast.results.Forecast.to_frame`, markets in order; and the markets that
        could not be forecast, each with the error.

    Raises:
        InvalidArgument: as `forecast.forecasting.check_request`.
    """
    check_request(horizon=horizon, levels=levels, model="auto")
    ascending = tuple(sorted(levels))
    known = prior or shipped_prior()
    made: list[_Made] = []
    failures: list[tuple[str, SharecastError]] = []
    for prepared in prepare_markets(shares):
        if isinstance(prepared, Prepared):
            made.append(_Made(prepared, summarise_market(prepared.series, known, horizon, ascending)))
        else:
            failures.append((prepared.market, prepared))
    return _table(made, horizon, ascending), tuple(failures)


def _table(made: Sequence[_Made], horizon: int, levels: tuple[float, ...]) -> pl.DataFrame:
    parts = np.array([len(m.prepared.providers) for m in made], dtype=np.int64)
    rows = parts * horizon
    origins = np.array([m.prepared.origin.index for m in made], dtype=np.int64)
    step = np.concatenate([np.repeat(np.arange(1, horizon + 1), k) for k in parts] or [np.zeros(0, np.int64)])
    origin = np.repeat(origins, rows)
    columns: dict[str, pl.Series | np.ndarray] = {
        "market": pl.Series([m.prepared.series.market for m in made], dtype=pl.String).gather(
            np.repeat(np.arange(len(made)), rows)
        ),
        "provider": pl.Series([p for m in made for p in m.prepared.providers * horizon], dtype=pl.String),
        "origin": _quarters(origin),
        "period": _quarters(origin + step),
        "horizon": step.astype(np.int32),
        "mean": _column([m.summary.mean for m in made]),
        "median": _column([m.summary.median for m in made]),
    }
    for n, level in enumerate(levels):
        columns[f"lower_{level_name(level)}"] = _column([m.summary.lower[n] for m in made])
        columns[f"upper_{level_name(level)}"] = _column([m.summary.upper[n] for m in made])
    return pl.DataFrame(columns)


def _column(blocks: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([block.ravel() for block in blocks] or [np.zeros(0)])


def _quarters(index: np.ndarray) -> pl.Series:
    """Quarters as text; each is written once."""
    found, place = np.unique(index, return_inverse=True)
    return pl.Series([str(Quarter(int(i))) for i in found], dtype=pl.String).gather(place)
