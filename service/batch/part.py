"""One part of a batch: some markets in, one file of forecasts out. The same in every process and engine."""

import json
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import polars as pl

from forecast.brought import with_names
from forecast.errors import InvalidTable, SharecastError
from forecast.forecasting import forecast_shares
from forecast.many import MarketForecasts, forecast_read
from forecast.name_changes import NameChange
from forecast.quarter import Quarter
from forecast.shares import SharesTable
from service.batch.source import Rows

if TYPE_CHECKING:
    from forecast.events import Event
    from service.batch.questions import Probability


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked of every market."""

    horizon: int  # quarters
    levels: tuple[float, ...]  # in (0, 1)
    model: str
    seed: int  # of the whole batch
    events: str = ""  # SHA-256 of the events asked; empty: none
    reading: str = ""  # what the owner of the input says about it; empty: nothing
    names: str = ""  # changes of providers' names, as `names_text` writes them; empty: none
    server: str = ""  # address of the server that forecasts; empty: this program does
    compiled: bool = True  # whether the compiled form of the model of record takes the markets of a part together


@dataclass(frozen=True, slots=True)
class Part:
    """Markets to be forecast together."""

    number: int  # from 0 on, in the order of the input
    rows: Rows
    into: Path  # what is written here gets an ending of its own
    ask: Ask
    questions: Path | None = None  # events, as `service.batch.questions.keep_questions` wrote them

    def __str__(self) -> str:
        return str(self.rows)


@dataclass(frozen=True, slots=True)
class Failure:
    """A market that could not be forecast: a row of the errors table."""

    market: str
    code: str  # invalid_shares, not_enough_data, model_failed, ... or internal
    message: str


KINDS = ("forecasts", "refused", "failures", "events", "notes")  # of files of a part
ERRORS_SCHEMA = dict.fromkeys(("market", "code", "message"), pl.String)


@dataclass(frozen=True, slots=True)
class PartResult:
    """What became of a part: counts, and Parquet files; None where there would be no row."""

    number: int  # the part's
    markets: int  # failed ones included
    failed: int
    forecasts: Path | None
    refused: Path | None  # errors rows of markets that broke a rule of the table
    failures: Path | None  # errors rows of the other markets without a forecast
    events: Path | None = None  # rows of events asked
    unanswered: int = 0  # events that could not be asked of their market
    notes: Path | None = None  # rows of what was assumed of the markets

    def files(self) -> dict[str, Path]:
        """Those that are there, by kind."""
        return {kind: path for kind in KINDS if (path := getattr(self, kind)) is not None}


class Forecaster(Protocol):
    """Who forecasts the markets of a part."""

    def forecast(self, read: SharesTable, ask: Ask, /) -> MarketForecasts:
        """Forecast every market of a table, the rows of a market standing together."""

    def probabilities(self, market: SharesTable, events: "Sequence[Event]", ask: Ask, /) -> "Sequence[Probability]":
        """How probable events of one market are, in their order."""


class _Here:
    """Forecasts them in this process."""

    def forecast(self, read: SharesTable, ask: Ask, /) -> MarketForecasts:
        return forecast_read(
            read, horizon=ask.horizon, levels=ask.levels, model=ask.model, seed=ask.seed, compiled=ask.compiled
        )

    def probabilities(self, market: SharesTable, events: "Sequence[Event]", ask: Ask, /) -> "Sequence[Probability]":
        made = forecast_shares(
            market, horizon=ask.horizon, levels=ask.levels, model=ask.model, seed=ask.seed, keep_draws=True
        )
        from forecast.events import event_probability

        return [event_probability(made, event) for event in events]


_HERE = _Here()


def forecast_part(part: Part, /, by: Forecaster = _HERE) -> PartResult:
    """Check and forecast every market of a part; one that fails is reported and the rest goes on.

    Raises:
        InvalidArgument: the input is damaged.
        ServiceError: a server was to forecast, and could not.
    """
    read, ask = part.rows.read(), part.ask
    named, unnamed = _with_names(read, ask)
    made = by.forecast(named, ask)
    failures = [*unnamed, *(failure_of(market, error) for market, error in made.failures)]
    told = pl.DataFrame(
        [(failure.market, failure.code, failure.message) for failure in failures], schema=ERRORS_SCHEMA, orient="row"
    )
    events, unanswered = _events(named.shares, part, told["market"], by)
    return PartResult(
        part.number,
        read.shares["market"].n_unique() + read.refused.height,
        read.refused.height + told.height,
        _written(made.table, part.into, "forecasts"),
        _written(read.refused, part.into, "refused"),
        _written(told, part.into, "failures"),
        _written(events, part.into, "events"),
        unanswered,
        _written(made.notes, part.into, "notes"),
    )


def names_text(changes: Iterable[NameChange], /) -> str:
    """Changes of names as text, from which `_with_names` reads them back."""
    cells = [(c.provider, c.into, c.kind, str(c.period or ""), c.market) for c in changes]
    return json.dumps(cells, ensure_ascii=False) if cells else ""


def _with_names(read: SharesTable, ask: Ask) -> tuple[SharesTable, list[Failure]]:
    """The table after the changes of names, and the markets in which these contradict the shares."""
    if not ask.names or read.shares.is_empty():
        return read, []
    changes = [
        NameChange(provider, into, kind, Quarter.parse(period) if period else None, market)
        for provider, into, kind, period, market in json.loads(ask.names)
    ]
    parts: list[SharesTable] = [replace(read, shares=read.shares.clear(), notes=read.notes.clear())]
    failures: list[Failure] = []
    for market in read.shares.partition_by("market", maintain_order=True):
        name = str(market["market"][0])
        mine = replace(read, shares=market, notes=read.notes.filter(pl.col("market") == name))
        try:
            changed = with_names(mine, changes)
        except InvalidTable as error:
            failures.append(failure_of(name, error))
        else:
            parts.append(replace(changed, notes=changed.notes.with_columns(market=pl.lit(name))))
    others = read.notes.filter(~pl.col("market").is_in(read.shares["market"].unique().implode()))
    notes = pl.concat([others, *(part.notes for part in parts)])
    return replace(read, shares=pl.concat([part.shares for part in parts]), notes=notes), failures


def _events(shares: pl.DataFrame, part: Part, failed: pl.Series, by: Forecaster) -> tuple[pl.DataFrame, int]:
    if part.questions is None:
        return pl.DataFrame(), 0
    from service.batch.questions import answer_questions

    ask, asked = part.ask, shares.filter(~pl.col("market").is_in(failed.implode()))
    return answer_questions(
        asked,
        part.questions,
        horizon=ask.horizon,
        probabilities=lambda market, events: by.probabilities(market, events, ask),
    )


def part_file(into: Path, kind: str, /) -> Path:
    """The file of one kind of a part that goes to `into`."""
    return into.with_name(f"{into.name}.{kind}.parquet")


def _written(frame: pl.DataFrame, into: Path, kind: str) -> Path | None:
    """Write a file that is whole as soon as it has its name: whoever is killed, or does a part that another one did."""
    if frame.is_empty():
        return None
    path = part_file(into, kind)
    beside = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
    frame.write_parquet(beside, compression="uncompressed", statistics=False)  # read once, and soon
    beside.replace(path)
    return path


def failure_of(market: str, error: Exception) -> Failure:
    """The errors row of a market: the code is the error's class name in small letters, or internal."""
    if isinstance(error, SharecastError):
        return Failure(market, re.sub(r"(?<!^)(?=[A-Z])", "_", type(error).__name__).lower(), str(error))
    return Failure(market, "internal", f"unforeseen {type(error).__name__}: {error}")
