"""Forecasts of many markets as one table: what a batch is made of, and `forecast.forecast_markets`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from forecast.brought import TableLike, read_table
from forecast.errors import InvalidTable, NotEnoughData, SharecastError
from forecast.forecasting import OF_RECORD, check_request, check_seed, forecast_shares
from forecast.models.base import FEWEST_QUARTERS
from forecast.preparing import cells_of, completion_notes
from forecast.prior import Prior, shipped_prior
from forecast.quarter import Quarter
from forecast.results import OTHERS, level_name
from forecast.shares import NOTES_SCHEMA, SharesTable, by_market

if TYPE_CHECKING:
    from forecast.models.bulk import Summaries


MOST_PLAIN = 600
"""Markets that are forecast one by one by the plain form of the model of record, which needs no compiler; more are
taken together by its compiled form, as compiling it, once for an installation, takes as long as a thousand."""


@dataclass(frozen=True, slots=True, eq=False)
class MarketForecasts:
    """Forecasts of many markets."""

    table: pl.DataFrame  # columns as `forecast.results.Forecast.to_frame`, markets in order
    failures: tuple[tuple[str, Exception], ...] = ()  # markets without a forecast, and why
    notes: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=NOTES_SCHEMA))  # market, note
    # What `forecast.forecasting.provenance_of_record` needs of each market that was forecast, where the model of record
    # took them all at once: the weight of the smoothings, and the restlessness in points.
    told: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def forecast_markets(
    shares: "SharesTable | TableLike",
    *,
    horizon: int = 8,
    levels: Sequence[float] = (0.8, 0.95),
    model: str = OF_RECORD,
    seed: int = 0,
) -> MarketForecasts:
    """Forecast every market of a table of shares or amounts; one that is unfit or fails is listed, the others go on.

    Args:
        shares: As `forecast.forecasting.forecast_shares` takes it, with a column `market`.
        horizon: Quarters ahead, 1 to 40.
        levels: Nominal levels of the intervals, each in (0, 1).
        model: One of `forecast.MODELS`.
        seed: Of the draws, as in `forecast.forecasting.forecast_shares`.

    Returns:
        The forecasts table, the markets without a forecast each with its error, and what was assumed of each market.

    Raises:
        InvalidTable: the table as a whole is no table of shares.
        InvalidArgument, NotFound: as `forecast.forecasting.check_request`.
    """
    horizon, levels = check_request(horizon=horizon, levels=levels, model=model)
    seed = check_seed(seed)
    read = shares if isinstance(shares, SharesTable) else read_table(shares)
    compiled = read.shares["market"].n_unique() > MOST_PLAIN
    together = replace(read, shares=by_market(read.shares))
    made = forecast_read(together, horizon=horizon, levels=levels, model=model, seed=seed, compiled=compiled)
    refused = tuple(
        (market, InvalidTable(market, (), message=message)) for market, _, message in read.refused.iter_rows()
    )
    return replace(made, failures=(*refused, *made.failures))


def forecast_read(
    read: SharesTable, /, *, horizon: int, levels: Sequence[float], model: str, seed: int, compiled: bool
) -> MarketForecasts:
    """Forecast every market of a table that was read, the rows of a market standing together.

    The compiled form of the model of record takes all markets at once; where that fails unforeseen they are taken one
    by one, so that only the market that is the cause has no forecast.
    """
    if compiled and model == OF_RECORD and read.shares.height:
        try:
            made = forecast_table(read.shares, horizon=horizon, levels=levels)
        except Exception:  # unforeseen: whose fault it is shows one by one
            pass
        else:
            return replace(made, notes=pl.concat([read.notes, made.notes]))

    def make(mine: SharesTable) -> tuple[pl.DataFrame, Sequence[str]]:
        made_one = forecast_shares(mine, horizon=horizon, levels=levels, model=model, seed=seed)
        # What the model of record notes is how it works, the same for every such market.
        of_model = () if model == OF_RECORD else made_one.provenance.notes
        return made_one.to_frame(), (*made_one.warnings, *of_model)

    return one_by_one(read, levels, make)


def one_by_one(
    read: SharesTable, levels: Sequence[float], make: Callable[[SharesTable], tuple[pl.DataFrame, Sequence[str]]], /
) -> MarketForecasts:
    """Forecast every market of a table by itself.

    Args:
        read: The table.
        levels: Nominal levels of the intervals.
        make: The forecasts table of one market, and its notes; what it raises is why that market has none.
    """
    frames: list[pl.DataFrame] = []
    failures: list[tuple[str, Exception]] = []
    notes: list[tuple[str, str]] = []
    for name, mine in _each(read):
        try:
            frame, told_of_one = make(mine)
        except Exception as error:  # one bad market must not end a run of thousands
            failures.append((name, error))
        else:
            frames.append(frame)
            notes += [(name, note) for note in told_of_one]
    lost = pl.Series([name for name, _ in failures], dtype=pl.String)
    told = pl.concat(
        [
            read.notes.filter(
                pl.col("market").is_in(lost.implode())
                | ~pl.col("market").is_in(read.shares["market"].unique().implode())
            ),
            pl.DataFrame(notes, schema=NOTES_SCHEMA, orient="row"),
        ]
    )
    table = pl.concat(frames) if frames else pl.DataFrame(schema=forecasts_schema(tuple(levels)))
    return MarketForecasts(table, tuple(failures), told)


def forecast_table(
    shares: pl.DataFrame, *, horizon: int = 8, levels: Sequence[float] = (0.8, 0.95), prior: Prior | None = None
) -> MarketForecasts:
    """Forecast every market of a table with the model of record, without draws.

    The numbers are those of `forecast.forecasting.forecast_shares`, to all but the last bit or two, as a compiler is
    free to order a sum in another way.

    Args:
        shares: A checked shares table, the rows of a market standing together.
        horizon: Quarters ahead, 1 to 40.
        levels: Nominal levels, each in (0, 1).
        prior: Of the model of record; None for the one that ships.

    Raises:
        InvalidArgument: as `forecast.forecasting.check_request`.
    """
    from forecast.models.bulk import summarise_markets  # loads a compiler

    horizon, levels = check_request(horizon=horizon, levels=levels, model=OF_RECORD)
    ascending = tuple(sorted(levels))
    markets, cells = cells_of(shares)
    names = shares["provider"].unique(maintain_order=True)
    names = names.append(pl.Series([OTHERS])) if OTHERS not in names else names
    number = shares["provider"].cast(pl.Enum(names)).to_physical().cast(pl.Int64).to_numpy(writable=True)
    others = int(names.index_of(OTHERS) or 0)
    made = summarise_markets(cells, number, others, prior or shipped_prior(), horizon, ascending)
    failed = np.flatnonzero(made.parts == 0)
    failures: tuple[tuple[str, SharecastError], ...] = tuple(
        (markets[i], NotEnoughData(markets[i], int(made.quarters[i]), FEWEST_QUARTERS)) for i in failed.tolist()
    )
    notes = pl.DataFrame(list(_notes(markets, names, made)), schema=NOTES_SCHEMA, orient="row")
    told = {
        market: (weight, restlessness)
        for market, weight, restlessness, parts in zip(
            markets.to_list(),
            made.smoothing_weight.tolist(),
            made.restlessness.tolist(),
            made.parts.tolist(),
            strict=True,
        )
        if parts
    }
    return MarketForecasts(_table(made, markets, names, horizon, ascending), failures, notes, told)


def forecasts_schema(levels: tuple[float, ...]) -> dict[str, type[pl.DataType]]:
    """Columns of the forecasts table for these levels: what there is where no market could be forecast."""
    bounds = [f"{side}_{level_name(level)}" for level in sorted(set(levels)) for side in ("lower", "upper")]
    texts = dict.fromkeys(("market", "provider", "origin", "period"), pl.String)
    return {**texts, "horizon": pl.Int32, **dict.fromkeys(("mean", "median", *bounds), pl.Float64)}


def _each(read: SharesTable) -> Iterator[tuple[str, SharesTable]]:
    for shares in read.shares.partition_by("market", maintain_order=True):
        yield str(shares["market"][0]), replace(read, shares=shares, violations=(), broken=0)


def _notes(markets: pl.Series, names: pl.Series, made: "Summaries") -> Iterator[tuple[str, str]]:
    """What completing the quarters of each market took, in the words of `forecast.preparing.completion_notes`."""
    fates: dict[int, dict[str, int]] = {}
    for i, provider, fate in made.fates.tolist():
        fates.setdefault(i, {})[names[provider]] = fate
    for i in np.flatnonzero(made.parts > 0).tolist():
        zeros, given = made.completed[i].tolist()
        for note in completion_notes(fates.get(i, {}), zeros, given):
            yield markets[i], note


def _table(
    made: "Summaries", markets: pl.Series, names: pl.Series, horizon: int, levels: tuple[float, ...]
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
