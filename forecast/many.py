"""Forecasts of many markets as one table, the model of record without draws: what a batch is made of."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from forecast.errors import NotEnoughData, SharecastError
from forecast.forecasting import check_request
from forecast.models.base import FEWEST_QUARTERS
from forecast.models.dlm import Summaries, summarise_markets
from forecast.preparing import cells_of
from forecast.prior import Prior, shipped_prior
from forecast.quarter import Quarter
from forecast.results import OTHERS, level_name


def forecast_table(
    shares: pl.DataFrame, *, horizon: int = 8, levels: Sequence[float] = (0.8, 0.95), prior: Prior | None = None
) -> tuple[pl.DataFrame, tuple[tuple[str, SharecastError], ...]]:
    """Forecast every market of a table with the model of record, without draws.

    The numbers are those of `forecast.forecasting.forecast_shares`, to all but the last bit or two, as a compiler is
    free to order a sum in another way.

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
    markets, cells = cells_of(shares)
    names = shares["provider"].unique(maintain_order=True)
    names = names.append(pl.Series([OTHERS])) if OTHERS not in names else names
    number = shares["provider"].cast(pl.Enum(names)).to_physical().cast(pl.Int64).to_numpy(writable=True)
    others = int(names.index_of(OTHERS) or 0)
    made = summarise_markets(cells, number, others, prior or shipped_prior(), horizon, ascending)
    failed = np.flatnonzero(made.parts == 0)
    failures = tuple(
        (markets[i], NotEnoughData(markets[i], int(made.quarters[i]), FEWEST_QUARTERS)) for i in failed.tolist()
    )
    return _table(made, markets, names, horizon, ascending), failures


def _table(
    made: Summaries, markets: pl.Series, names: pl.Series, horizon: int, levels: tuple[float, ...]
) -> pl.DataFrame:
    rows = made.parts * horizon
    firsts = np.concatenate([[0], np.cumsum(made.parts)[:-1]])
    market = np.repeat(np.arange(len(made.parts)), rows)
    within = np.arange(len(market)) - np.repeat(firsts * horizon, rows)
    parts = made.parts[market]
    step = within // parts + 1
    origin = made.origins[market]
    columns: dict[str, pl.Series | np.ndarray] = {
        "market": markets.gather(market),
        "provider": names.gather(made.members[firsts[market] + within % parts]),
        "origin": _quarters(origin),
        "period": _quarters(origin + step),
        "horizon": step.astype(np.int32),
        "mean": made.mean,
        "median": made.median,
    }
    for n, level in enumerate(levels):
        columns[f"lower_{level_name(level)}"] = made.lower[n]
        columns[f"upper_{level_name(level)}"] = made.upper[n]
    return pl.DataFrame(columns)


def _quarters(index: np.ndarray) -> pl.Series:
    """Quarters as text; each is written once."""
    if not len(index):
        return pl.Series([], dtype=pl.String)
    first = int(index.min())
    texts = [str(Quarter(i)) for i in range(first, int(index.max()) + 1)]
    return pl.Series(texts, dtype=pl.String).gather(index - first)
