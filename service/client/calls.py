"""What both clients share: the queries they build, the channel's options, the errors they raise."""

import json
import uuid
from collections.abc import Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

import grpc

from forecast.errors import InvalidArgument, SharecastError
from forecast.quarter import Quarter
from service import convert
from service.queries import (
    BacktestQuery,
    FiguresQuery,
    ForecastQuery,
    HistoryQuery,
    ImportQuery,
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
_SERVICE_CONFIG = {
    "methodConfig": [
        {
            "name": [{"service": "sharecast.v1.ForecastService"}, {"service": "sharecast.v1.MarketService"}],
            "retryPolicy": _RETRIES,
        }
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
    )


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
