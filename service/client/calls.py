"""What both clients share: the queries they build, the channel's options, the errors they raise."""

import json
import math
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, cast

import grpc

from forecast.errors import InvalidArgument, SharecastError
from forecast.quarter import Quarter
from service import convert
from service.queries import (
    BacktestQuery,
    BatchQuery,
    FiguresQuery,
    ForecastQuery,
    HistoryQuery,
    ImportQuery,
    MarketTable,
    ShareRow,
    parse_date,
)
from service.status import unpack_error
from sharecast.v1.market_service_pb2 import ImportFiguresRequest

if TYPE_CHECKING:
    import polars as pl

SharesTable: TypeAlias = "pl.DataFrame | Iterable[Mapping[str, object]]"
"""A Polars frame, or rows such as ``{"period": "2020Q3", "provider": "A", "share": 0.4}``; see `service.client`."""

ImportTable: TypeAlias = "pl.DataFrame | Iterable[Mapping[str, object]]"
"""A Polars frame, or rows by column, of figures or shares; see `service.client.Client.import_figures`."""

DEFAULT_TIMEOUT = 30.0  # seconds
BACKTEST_TIMEOUT = 600.0  # seconds, as long as a server works on one
IMPORT_TIMEOUT = 600.0  # likewise

_RETRIES = {  # only what no server has begun to work on
    "maxAttempts": 4,
    "initialBackoff": "0.2s",
    "maxBackoff": "2s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}
_STREAMS = (
    ("sharecast.v1.ForecastService", "Backtest"),
    ("sharecast.v1.ForecastService", "StreamForecasts"),
    ("sharecast.v1.JobService", "WatchForecastJob"),
)
_SERVICE_CONFIG = {
    "methodConfig": [
        {
            "name": [
                {"service": f"sharecast.v1.{name}"} for name in ("ForecastService", "MarketService", "JobService")
            ],
            "retryPolicy": _RETRIES,
        },
        # gRPC 1.85 never ends a stream of responses that it tries again at a server that has gone meanwhile.
        {"name": [{"service": service, "method": method} for service, method in _STREAMS]},
    ],
    "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1},  # a server in trouble is not asked four times as often
}
CHANNEL_OPTIONS = (
    ("grpc.initial_reconnect_backoff_ms", 100),  # a second, as usual, would use up the retries of a call
    ("grpc.max_reconnect_backoff_ms", 5_000),
    ("grpc.enable_retries", 1),
    ("grpc.service_config", json.dumps(_SERVICE_CONFIG)),
    ("grpc.max_receive_message_length", 64 * 2**20),  # the history of a market with many sources passes 4 MiB
)

_MOST_CELLS = 400_000  # of a message, eight bytes each: a server takes 4 MiB
_LONGEST = 2_000  # quarters of a market
STREAM_TIMEOUT = 600.0  # seconds, as long as a server works on one

_COLUMNS = frozenset({"market", "period", "provider", "share", "value", "decimals"})


def forecast_query(
    market: str,
    *,
    house: str | None,
    as_of: date | str | None,
    horizon: int,
    levels: Iterable[float],
    model: str,
    seed: int,
    shares: "SharesTable | None",
    include_history: bool,
    events: Iterable[str],
    conditions: Iterable[str],
) -> ForecastQuery:
    """The query behind `Client.forecast`.

    Raises:
        InvalidArgument: a date is no date, or a row of shares has an unknown column, another market or a value of the
            wrong type.
    """
    return ForecastQuery(
        market=market,
        house=house or "",
        as_of=_as_date(as_of),
        shares=None if shares is None else _share_rows(shares, market),
        horizon=horizon,
        levels=tuple(levels),
        model=model,
        seed=seed,
        include_history=include_history,
        events=_texts(events, "events"),
        conditions=_texts(conditions, "conditions"),
    )


def _texts(given: Iterable[str], field: str) -> tuple[str, ...]:
    texts = (given,) if isinstance(given, str) else tuple(given)  # one text is an iterable of letters
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise InvalidArgument(f"{field}[{number}]", text, "a text")
    return texts


def backtest_query(
    market: str,
    *,
    house: str | None,
    origins: int,
    horizon: int,
    levels: Iterable[float],
    models: Iterable[str],
    seed: int,
    shares: "SharesTable | None",
) -> BacktestQuery:
    """The query behind `Client.backtest`.

    Raises:
        InvalidArgument: a row of shares has an unknown column, another market or a value of the wrong type.
    """
    return BacktestQuery(
        market=market,
        house=house or "",
        shares=None if shares is None else _share_rows(shares, market),
        origins=origins,
        horizon=horizon,
        levels=tuple(levels),
        models=tuple(models),
        seed=seed,
    )


def batch_queries(
    markets: Iterable[str],
    *,
    shares: "SharesTable | None",
    house: str | None,
    as_of: date | str | None,
    horizon: int,
    levels: Iterable[float],
    model: str,
    seed: int,
) -> tuple[BatchQuery, ...]:
    """The queries behind `Client.stream_forecasts`, each of which fits into a message.

    Raises:
        InvalidArgument: a date is no date, a row of shares has an unknown column or a value of the wrong type, or a
            market's quarters and providers stand twice.
    """
    common = BatchQuery(
        house=house or "", as_of=_as_date(as_of), horizon=horizon, levels=tuple(levels), model=model, seed=seed
    )
    names = tuple(markets)
    found = [replace(common, markets=names)] if names else []
    tables: list[MarketTable] = []
    cells = 0
    for table in () if shares is None else _market_tables(shares):
        if tables and cells + len(table.shares) > _MOST_CELLS:
            found.append(replace(common, shares=tuple(tables), house="", as_of=None))
            tables, cells = [], 0
        tables.append(table)
        cells += len(table.shares) + 8 * len(table.providers) + 8
    if tables:
        found.append(replace(common, shares=tuple(tables), house="", as_of=None))
    if not found:
        raise InvalidArgument("markets", names, "at least one market, or shares")
    return tuple(found)


def one_batch(queries: tuple[BatchQuery, ...], /) -> BatchQuery:
    """The queries as one, for a job.

    Raises:
        InvalidArgument: they do not fit into one message.
    """
    first, *others = queries
    if (others and not first.markets) or len(others) > 1:
        raise InvalidArgument("shares", f"more than {_MOST_CELLS} cells", "fewer; start several jobs")
    return replace(first, shares=others[0].shares) if others else first


def job_query(as_of: date | str | None, /) -> BatchQuery:
    """What the outcomes of a job are read with.

    Raises:
        InvalidArgument: the date is no date.
    """
    return BatchQuery(as_of=_as_date(as_of))


def _market_tables(shares: SharesTable) -> Iterator[MarketTable]:
    """The markets of a table, in the order in which they come first."""
    found: dict[str, tuple[dict[tuple[int, str], float], dict[str, None], set[int | None]]] = {}
    for place, row in enumerate(_rows(shares)):
        name = row.get("market")
        if not isinstance(name, str) or not name:
            raise InvalidArgument(f"shares.rows[{place}].market", name, "the name of a market")
        read = _share_row(row, place, name)
        if read.value is not None:
            raise InvalidArgument(f"shares.rows[{place}].value", read.value, "shares, when many markets are sent")
        cells, providers, decimals = found.setdefault(name, ({}, {}, set()))
        at = (Quarter.parse(read.period, f"shares.rows[{place}].period").index, read.provider)
        if at in cells:
            raise InvalidArgument(f"shares.rows[{place}].provider", read.provider, "each provider once a quarter")
        cells[at] = math.nan if read.share is None else read.share
        providers[read.provider] = None
        decimals.add(read.decimals)
    for name, (cells, providers, decimals) in found.items():
        quarters = [index for index, _ in cells]
        first, last = min(quarters), max(quarters)
        if last - first > _LONGEST:
            raise InvalidArgument("shares", f"{last - first + 1} quarters of {name}", f"{_LONGEST} at most")
        yield MarketTable(
            market=name,
            first_period=str(Quarter(first)),
            providers=tuple(providers),
            shares=tuple(cells.get((i, p), math.nan) for i in range(first, last + 1) for p in providers),
            decimals=decimals.pop() if len(decimals) == 1 else None,
        )


def history_query(market: str, *, house: str | None, as_of: date | str | None) -> HistoryQuery:
    """The query behind `Client.get_history`.

    Raises:
        InvalidArgument: the date is no date.
    """
    return HistoryQuery(market=market, house=house or "", as_of=_as_date(as_of))


def figures_query(
    *,
    market: str | None,
    house: str | None,
    quarter: Quarter | str | None,
    provider: str | None,
    as_of: date | str | None,
    page_size: int,
) -> FiguresQuery:
    """The query behind `Client.list_figures`.

    Raises:
        InvalidArgument: the quarter is no quarter, or the date no date.
    """
    return FiguresQuery(
        market=market,
        house=house,
        quarter=Quarter.parse(quarter, "quarter") if isinstance(quarter, str) else quarter,
        provider=provider,
        as_of=_as_date(as_of),
        page_size=page_size,
    )


def import_requests(
    table: ImportTable,
    *,
    kind: Literal["figures", "shares"],
    house: str,
    request_id: str,
    validate_only: bool,
) -> tuple[ImportFiguresRequest, ...]:
    """The messages behind `Client.import_figures`, all made before the first is sent.

    Raises:
        InvalidArgument: a cell is of the wrong type, or a column unknown.
    """
    query = ImportQuery(kind, house, request_id or str(uuid.uuid4()), validate_only)
    return tuple(convert.import_requests(query, _rows(table)))


def error_of(failed: grpc.RpcError, /, timeout: float) -> SharecastError:
    """The error a failed call tells of, of either stack."""
    call = cast(grpc.Call, failed)  # what both stacks raise is also the call, or reads like one
    return unpack_error(call.code(), call.details(), call.trailing_metadata(), timeout=timeout)


class Page(Protocol):
    """One page of a list."""

    @property
    def next_page_token(self) -> str:
        """Empty on the last page."""


class _Cancellable(Protocol):
    def cancel(self) -> bool: ...


@contextmanager
def answering(call: _Cancellable, /, *, timeout: float) -> Iterator[None]:
    """While the responses of a call are read: an error of gRPC becomes ours, and the call ends with the block."""
    try:
        yield
    except grpc.RpcError as failed:
        raise error_of(failed, timeout=timeout) from None  # the cause would show addresses and transport states
    finally:
        call.cancel()  # for a caller that left the loop; a call that has ended stays ended


def _as_date(as_of: date | str | None) -> date | None:
    return parse_date(as_of) if isinstance(as_of, str) else as_of


def _rows(table: "pl.DataFrame | Iterable[Mapping[str, object]]") -> Iterable[Mapping[str, object]]:
    named = getattr(table, "iter_rows", None)  # asked for by name, so that Polars need not be loaded to ask
    return cast("Iterable[Mapping[str, object]]", named(named=True) if named else table)


def _share_rows(shares: SharesTable, market: str) -> tuple[ShareRow, ...]:
    return tuple(_share_row(row, place, market) for place, row in enumerate(_rows(shares)))


def _share_row(row: Mapping[str, object], place: int, market: str) -> ShareRow:
    def cell(name: str, kind: type | tuple[type, ...], allowed: str) -> object:
        value = row.get(name)
        if value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
            raise InvalidArgument(f"shares.rows[{place}].{name}", value, allowed)
        return value

    if unknown := sorted(set(row) - _COLUMNS):
        raise InvalidArgument(f"shares.rows[{place}]", unknown[0], f"the columns {', '.join(sorted(_COLUMNS))}")
    if (row_market := row.get("market")) not in (None, market):
        raise InvalidArgument(f"shares.rows[{place}].market", row_market, f"{market!r} alone, the market asked for")
    number = "a number, or None where not reported"
    return ShareRow(
        period=cast(str, cell("period", str, "a quarter such as 2020Q3") or ""),
        provider=cast(str, cell("provider", str, "a name") or ""),
        share=cast("float | None", cell("share", (int, float), number)),
        value=cast("float | None", cell("value", (int, float), number)),
        decimals=cast("int | None", cell("decimals", int, "a whole number, or None")),
    )
