"""Tables and texts as users give them, read into what is asked of a server."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast

from forecast.errors import InvalidArgument
from forecast.name_changes import NameChange
from forecast.quarter import Quarter
from service.convert import name_changes_of
from service.queries import (
    BatchQuery,
    MarketTable,
    RevenueQuestion,
    ShareRow,
    TotalRow,
    end_of_day,
    parse_date,
    parse_moment,
)

if TYPE_CHECKING:
    import polars as pl

T = TypeVar("T")

SharesTable: TypeAlias = "pl.DataFrame | Iterable[Mapping[str, object]]"
"""A Polars frame, or rows such as ``{"period": "2020Q3", "provider": "A", "share": 0.4}``; see `service.client`."""

TotalsTable: TypeAlias = "pl.DataFrame | Iterable[Mapping[str, object]]"
"""A Polars frame, or rows such as ``{"period": "2020Q3", "amount": 5.1}``: the size of a market."""

EventsAsked: TypeAlias = Iterable[str] | Mapping[str, Iterable[str]]
"""Events asked of every market; or by market, those asked of every one under the empty name."""

ImportTable: TypeAlias = "pl.DataFrame | Iterable[Mapping[str, object]]"
"""A Polars frame, or rows by column, of figures or shares; see `service.client.Client.import_figures`."""

NameChangesGiven: TypeAlias = Iterable[NameChange | Mapping[str, object]]
"""Declared changes of providers' names, as values or as rows by column."""

_MOST_BYTES = 3_200_000  # of the markets of a message: a server takes 4 MiB
_LONGEST = 2_000  # quarters of a market
_COLUMNS = frozenset({"market", "period", "provider", "share", "value", "decimals"})


def texts(given: Iterable[str], /, field: str) -> tuple[str, ...]:
    """Texts as given; one alone counts as one.

    Raises:
        InvalidArgument: one is no text; names its place in `field`.
    """
    found = (given,) if isinstance(given, str) else tuple(given)  # one text is an iterable of letters
    for number, text in enumerate(found):
        if not isinstance(text, str):
            raise InvalidArgument(f"{field}[{number}]", text, "a text")
    return found


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
    events: "EventsAsked" = (),
    name_changes: NameChangesGiven = (),
) -> tuple[BatchQuery, ...]:
    """The queries behind `Client.stream_forecasts`, each of which fits into a message.

    Raises:
        InvalidArgument: a date is no date, a row of shares has an unknown column or a value of the wrong type, a
            market's quarters and providers stand twice, or events are asked of a market that is not sent.
    """
    every, own = _events_asked(events)
    common = BatchQuery(
        house=house or "",
        as_of=as_date(as_of),
        horizon=horizon,
        levels=tuple(levels),
        model=model,
        seed=seed,
        events=every,
        name_changes=name_changes_of(name_changes),
    )
    named = ((name, own.pop(name, ())) for name in markets)
    found = []
    for some in _fitting(named, lambda one: _bytes_of(one[0], *one[1])):
        names, mine = zip(*some, strict=True)
        found.append(replace(common, markets=names, own_events=mine if any(mine) else ()))
    told = () if shares is None else _market_tables(shares)
    tables = (replace(table, events=own.pop(table.market, ())) for table in told)
    for few in _fitting(tables, _bytes_of_table):
        found.append(replace(common, shares=tuple(few), house="", as_of=None))
    if not found:
        raise InvalidArgument("markets", (), "at least one market, or shares")
    if own:
        raise InvalidArgument("events", next(iter(own)), "the markets that are sent")
    return tuple(found)


def _fitting(items: Iterable[T], size: Callable[[T], int]) -> Iterator[list[T]]:
    """The items in lists, each of which fits into a message."""
    some: list[T] = []
    total = 0
    for item in items:
        mine = size(item)
        if some and total + mine > _MOST_BYTES:
            yield some
            some, total = [], 0
        some.append(item)
        total += mine
    if some:
        yield some


def _bytes_of(*texts: str) -> int:
    """About what a market of these texts takes in a message, or more, so that no message has too many markets."""
    return 32 + sum(len(text.encode(errors="replace")) + 4 for text in texts)


def _bytes_of_table(table: MarketTable) -> int:
    return 8 * len(table.shares) + _bytes_of(table.market, *table.providers, *table.events)


def _events_asked(events: "EventsAsked") -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    """Those asked of every market, and those asked of one alone."""
    if not isinstance(events, Mapping):
        return texts(events, "events"), {}
    own = {name: texts(asked, f"events[{name!r}]") for name, asked in events.items() if name}
    return texts(events.get("", ()), "events['']"), own


def one_batch(queries: tuple[BatchQuery, ...], /) -> BatchQuery:
    """The queries as one, for a job.

    Raises:
        InvalidArgument: they do not fit into one message.
    """
    sizes = [_bytes_of_table(table) for query in queries for table in query.shares]
    for query in queries:
        own = query.own_events or ((),) * len(query.markets)
        sizes += [_bytes_of(name, *asked) for name, asked in zip(query.markets, own, strict=True)]
    if sum(sizes) > _MOST_BYTES:
        raise InvalidArgument(
            "markets", sum(sizes), f"{_MOST_BYTES} at most: start several jobs", f"take {sum(sizes)} bytes"
        )
    # What fits together was not divided: markets of the server are in the first query, or there are none.
    return replace(queries[0], shares=tuple(table for query in queries for table in query.shares))


def _market_tables(shares: SharesTable) -> Iterator[MarketTable]:
    """The markets of a table, in the order in which they come first."""
    found: dict[str, tuple[dict[tuple[int, str], float], dict[str, None], set[int | None]]] = {}
    for place, row in enumerate(table_rows(shares)):
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
            raise InvalidArgument(
                "shares", last - first + 1, f"{_LONGEST} at most", f"of {name} span {last - first + 1} quarters"
            )
        yield MarketTable(
            market=name,
            first_period=str(Quarter(first)),
            providers=tuple(providers),
            shares=tuple(cells.get((i, p), math.nan) for i in range(first, last + 1) for p in providers),
            decimals=decimals.pop() if len(decimals) == 1 else None,
        )


def as_date(as_of: date | str | None, /) -> date | None:
    """A day as given, or as text such as 2021-05-01.

    Raises:
        InvalidArgument: the text is no date.
    """
    return parse_date(as_of) if isinstance(as_of, str) else as_of


def as_moment(recorded_by: datetime | date | str | None, /) -> datetime | None:
    """A moment as given, in UTC; a day, or a text that is a date, stands for its end in UTC.

    Raises:
        InvalidArgument: the text is no moment, or the moment has no time zone.
    """
    if recorded_by is None or isinstance(recorded_by, str):
        return None if recorded_by is None else parse_moment(recorded_by)
    if not isinstance(recorded_by, datetime):
        return end_of_day(recorded_by)
    return parse_moment(recorded_by.isoformat())


def table_rows(table: "pl.DataFrame | Iterable[Mapping[str, object]]", /) -> Iterable[Mapping[str, object]]:
    """The rows of a table of either form."""
    named = getattr(table, "iter_rows", None)  # asked for by name, so that Polars need not be loaded to ask
    return cast("Iterable[Mapping[str, object]]", named(named=True) if named else table)


def share_rows(shares: SharesTable, /, market: str) -> tuple[ShareRow, ...]:
    """The rows of one market's shares.

    Raises:
        InvalidArgument: a row has an unknown column, another market or a value of the wrong type.
    """
    return tuple(_share_row(row, place, market) for place, row in enumerate(table_rows(shares)))


def revenue_question(revenue: "TotalsTable | bool", unit: str, /) -> RevenueQuestion | None:
    """What revenue is worked out from; None: it is not asked for.

    Raises:
        InvalidArgument: a total is of the wrong type, there is none, or a unit stands without totals.
    """
    if isinstance(revenue, bool):
        if unit:
            raise InvalidArgument("unit", unit, "empty without totals of your own")
        return RevenueQuestion() if revenue else None
    totals = []
    for place, row in enumerate(table_rows(revenue)):
        period, amount = row.get("period"), row.get("amount")
        if not isinstance(period, str):
            raise InvalidArgument(f"revenue.totals[{place}].period", period, "a quarter such as 2020Q3")
        if not isinstance(amount, int | float) or isinstance(amount, bool):
            raise InvalidArgument(f"revenue.totals[{place}].amount", amount, "an amount above zero")
        totals.append(TotalRow(period, float(amount)))
    if not totals:
        raise InvalidArgument(
            "revenue.totals", 0, "give at least two quarters, or revenue=True for published totals", "has no row"
        )
    return RevenueQuestion(tuple(totals), unit)


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
