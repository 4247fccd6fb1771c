"""One part of a batch: some markets in, one file of forecasts out. The same in every process and engine."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from forecast.errors import SharecastError
from forecast.forecasting import forecast_shares
from forecast.results import level_name


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked of every market."""

    horizon: int  # quarters
    levels: tuple[float, ...]  # in (0, 1)
    model: str
    seed: int  # of the whole batch


@dataclass(frozen=True, slots=True)
class Part:
    """Markets to be forecast together."""

    shares: pl.DataFrame  # a checked shares table, the rows of a market together
    into: Path  # Parquet file to write; not written when no market of the part could be forecast
    ask: Ask

    def __str__(self) -> str:
        first, last = self.shares["market"][0], self.shares["market"][-1]
        return f"market {first!r}" if first == last else f"markets {first!r} to {last!r}"


@dataclass(frozen=True, slots=True)
class Failure:
    """A market that could not be forecast: a row of the errors table."""

    market: str
    code: str  # invalid_shares, not_enough_data, model_failed, ... or internal
    message: str


@dataclass(frozen=True, slots=True)
class PartResult:
    """What became of a part."""

    into: Path
    rows: int  # written to `into`
    markets: int  # of the part, failed ones included
    failures: tuple[Failure, ...]


def forecast_part(part: Part, /) -> PartResult:
    """Forecast every market of a part; one that fails is reported and the rest goes on."""
    frames: list[pl.DataFrame] = []
    failures: list[Failure] = []
    markets = part.shares.partition_by("market", maintain_order=True)
    for shares in markets:
        name = str(shares["market"][0])
        try:
            frames.append(_forecast_market(shares, name, part.ask))
        except Exception as error:  # one bad market must not end a run of thousands
            failures.append(failure_of(name, error))
    rows = 0
    if frames:
        table = pl.concat(frames)
        table.write_parquet(part.into)
        rows = table.height
    return PartResult(part.into, rows, len(markets), tuple(failures))


def _forecast_market(shares: pl.DataFrame, name: str, ask: Ask) -> pl.DataFrame:
    return forecast_shares(
        shares, horizon=ask.horizon, levels=ask.levels, model=ask.model, seed=market_seed(ask.seed, name)
    ).to_frame()


def market_seed(seed: int, market: str) -> int:
    """The seed of one market, in [0, 2^63): hangs on the batch's seed and the market's name, on nothing else.

    Not on its position or its process, so that a market's forecast stays the same when others come or go.
    """
    digest = hashlib.sha256(f"{seed}\0{market}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def failure_of(market: str, error: Exception) -> Failure:
    """The errors row of a market: the code is the error's class name in small letters, or internal."""
    if isinstance(error, SharecastError):
        return Failure(market, re.sub(r"(?<!^)(?=[A-Z])", "_", type(error).__name__).lower(), str(error))
    return Failure(market, "internal", f"unforeseen {type(error).__name__}: {error}")


def forecasts_schema(levels: tuple[float, ...]) -> dict[str, type[pl.DataType]]:
    """Columns of the forecasts table for these levels: what a batch writes when no market could be forecast."""
    bounds = [f"{side}_{level_name(level)}" for level in sorted(set(levels)) for side in ("lower", "upper")]
    texts = dict.fromkeys(("market", "provider", "origin", "period"), pl.String)
    return {**texts, "horizon": pl.Int32, **dict.fromkeys(("mean", "median", *bounds), pl.Float64)}
