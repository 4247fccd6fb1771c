"""Tables and texts as users give them, read into what is asked of a server."""

import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
from sharecast.v1 import question_pb2

if TYPE_CHECKING:
    import polars as pl

T = TypeVar("T")
V = TypeVar("V")

SharesTable: TypeAlias = "pl.DataFrame | Iterable[Mapping[str, object]]"
"""A Polars frame, or rows such as ``{"period": "2020Q3", "provider": "A", "share": 0.4}``; see `service.client`."""

TotalsTable: TypeAlias = "pl.DataFrame | Iterable[Mapping[str, object]]"
"""A Polars frame, or rows such as ``{"period": "2020Q3", "amount": 5.1}``: the size of a market."""

EventsAsked: TypeAlias = Iterable[str | question_pb2.Event] | Mapping[str, Iterable[str]]
"""Events asked of every market; or sentences by market, those asked of every one under the empty name."""

ImportTable: TypeAlias = "pl.DataFrame | Iterable[Mapping[str, object]]"
"""A Polars frame, or rows by column, of figures or shares; see `service.client.Client.import_figures`."""

NameChangesGiven: TypeAlias = Iterable[NameChange | Mapping[str, object]]
"""Declared changes of providers' names, as values or as rows by column."""

_MOST_BYTES = 3_200_000  # of the markets of a message: a server takes 4 MiB
_LONGEST = 2_000  # quarters of a market
_IMPORT_COLUMNS = frozenset({"market", "period", "provider", "share", "value", "decimals", "published_at", "qualifier"})
_COLUMNS = frozenset({"market", "period", "provider", "share", "value", "decimals"})


def asked(given: "Iterable[str | V]", kind: type[V], /, field: str) -> tuple[tuple[str, ...], tuple[V, ...]]:
    """What is asked in sentences, and what by values of a kind, each in order.

    Raises:
        InvalidArgument: one is neither; names its place in `field`.
    """
    every = (given,) if isinstance(given, str | kind) else tuple(given)
    values = tuple(each for each in every if isinstance(each, kind))
    said = (cast(str, each) for each in every if not isinstance(each, kind))  # as `texts` finds out
    return texts(said, field), values


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
    conditions: Iterable[str | question_pb2.Condition] = (),
    league: bool = False,
    include_history: bool = False,
    revenue: bool = False,
) -> tuple[BatchQuery, ...]:
    """The queries behind `Client.stream_forecasts`, each of which fits into a message.

    Raises:
        InvalidArgument: a date is no date, a row of shares has an unknown column or a value of the wrong type, a
            market's quarters and providers stand twice, or events are asked of a market that is not sent.
    """
    every, typed, own = _events_asked(events)
    given, typed_conditions = asked(conditions, question_pb2.Condition, "conditions")
    common = BatchQuery(
        house=house or "",
        as_of=as_date(as_of),
        horizon=horizon,
        levels=level_list(levels),
        model=model,
        seed=seed,
        events=every,
        typed_events=typed,
        typed_conditions=typed_conditions,
        name_changes=name_changes_of(name_changes),
        conditions=given,
        league=league,
        include_history=include_history,
        revenue=revenue,
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
    return 8 * len(table.shares) + len(table.cell_decimals) + _bytes_of(table.market, *table.providers, *table.events)


def _events_asked(
    events: "EventsAsked",
) -> tuple[tuple[str, ...], tuple[question_pb2.Event, ...], dict[str, tuple[str, ...]]]:
    """Those asked of every market, in sentences and by values, and those asked of one alone."""
    if not isinstance(events, Mapping):
        return *asked(events, question_pb2.Event, "events"), {}
    own = {name: texts(asked, f"events[{name!r}]") for name, asked in events.items() if name}
    return texts(events.get("", ()), "events['']"), (), own


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
    found: dict[str, tuple[dict[tuple[int, str], ShareRow], dict[str, None]]] = {}
    for place, row in enumerate(_plain_rows(shares, "")):
        name = row.get("market")
        if not isinstance(name, str) or not name:
            raise InvalidArgument(f"shares.rows[{place}].market", name, "the name of a market")
        read = _share_row(row, place, name)
        if read.value is not None and read.share is not None:
            raise InvalidArgument(f"shares.rows[{place}].value", read.value, "none beside a share")
        cells, providers = found.setdefault(name, ({}, {}))
        at = (Quarter.parse(read.period, f"shares.rows[{place}].period").index, read.provider)
        if at in cells:
            raise InvalidArgument(f"shares.rows[{place}].provider", read.provider, "each provider once a quarter")
        cells[at] = read
        providers[read.provider] = None
    for name, (cells, providers) in found.items():
        amounts = [read for read in cells.values() if read.value is not None]
        if amounts and any(read.share is not None for read in cells.values()):
            raise InvalidArgument("shares", amounts[0].value, "shares throughout a market, or values", f"of {name} has")
        quarters = [index for index, _ in cells]
        first, last = min(quarters), max(quarters)
        if last - first > _LONGEST:
            raise InvalidArgument(
                "shares", last - first + 1, f"{_LONGEST} at most", f"of {name} span {last - first + 1} quarters"
            )
        laid = [cells.get((i, p)) for i in range(first, last + 1) for p in providers]
        printed = {read.decimals for read in cells.values()}
        numbers = ((None if read is None else read.value if amounts else read.share) for read in laid)
        yield MarketTable(
            market=name,
            first_period=str(Quarter(first)),
            providers=tuple(providers),
            shares=tuple(math.nan if number is None else number for number in numbers),
            decimals=printed.pop() if len(printed) == 1 else None,
            cell_decimals=tuple(None if read is None else read.decimals for read in laid) if printed else (),
            amounts=bool(amounts),
        )


def level_list(levels: "Iterable[float] | float", /) -> tuple[float, ...]:
    """Levels as given; one alone counts as one."""
    return tuple(levels) if isinstance(levels, Iterable) else (levels,)


def whole(number: float, /, field: str) -> int:
    """A whole number of any numeric type: 8.0 is 8.

    Raises:
        InvalidArgument: it is none.
    """
    value = _plain_cell(number)
    if isinstance(value, bool) or not isinstance(value, int | float) or int(value) != value:
        raise InvalidArgument(field, number, "a whole number")
    return int(value)


def import_rows(table: ImportTable, kind: str, /) -> Iterable[Mapping[str, object]]:
    """The rows of a table to be imported; one of shares is read as a sheet where it has other columns than ours.

    Raises:
        InvalidTable: it cannot be read.
    """
    rows = list(table_rows(table))
    if kind != "shares" or all(_is_plain(row, _IMPORT_COLUMNS) for row in rows):
        return rows
    return _read_as_sheet(rows, "", dated=True)


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
    if named:
        return cast("Iterable[Mapping[str, object]]", named(named=True))
    if type(table).__module__.partition(".")[0] == "pandas":
        from forecast.brought import frame_of  # loads Polars

        return frame_of(cast("pl.DataFrame", table)).rows(named=True)
    found = None if isinstance(table, str | bytes | Mapping) or not isinstance(table, Iterable) else list(table)
    if found is None or not all(isinstance(row, Mapping) for row in found):
        given = type(table).__name__ if found is None else "rows that are no mappings"
        raise InvalidArgument("table", given, "a frame of Polars or pandas, or rows as mappings")
    return [{name: _plain_cell(cell) for name, cell in row.items()} for row in found if isinstance(row, Mapping)]


def share_rows(shares: SharesTable, /, market: str) -> tuple[ShareRow, ...]:
    """The rows of one market's shares.

    Raises:
        InvalidArgument: a row has an unknown column, another market or a value of the wrong type.
    """
    return tuple(_share_row(row, place, market) for place, row in enumerate(_plain_rows(shares, market)))


def _plain_rows(shares: SharesTable, market: str) -> Sequence[Mapping[str, object]]:
    """The rows of a table with our own columns, quarters and numbers; read as a sheet where it has others.

    Args:
        shares: The table.
        market: Of a table that names none.
    """
    rows = [{name: _plain_cell(cell) for name, cell in row.items()} for row in table_rows(shares)]
    return rows if all(_is_plain(row, _COLUMNS) for row in rows) else _read_as_sheet(rows, market)


def _plain_cell(cell: object) -> object:
    """A cell as Python's own value; NaN and the like are nothing."""
    item = getattr(cell, "item", None)  # of a NumPy scalar
    value = item() if item is not None and type(cell).__module__ == "numpy" else cell
    if isinstance(value, float) and math.isnan(value):
        return None
    return None if type(value).__name__ in ("NaTType", "NAType") else value


def _is_plain(row: Mapping[str, object], columns: frozenset[str]) -> bool:
    """Whether a row has these columns alone, its quarter as 2020Q3, and numbers."""
    numbers = all(isinstance(row.get(name), int | float | None) for name in ("share", "value"))
    period = row.get("period")
    return numbers and isinstance(period, str) and Quarter.is_text(period) and set(row) <= columns


def _read_as_sheet(
    rows: Sequence[Mapping[str, object]], market: str, *, dated: bool = False
) -> Sequence[Mapping[str, object]]:
    """The rows of a table as an analyst has it, brought to our own columns; what is assumed is warned of."""
    from forecast.brought import made_fit, tidy_table
    from forecast.cells import quoted
    from forecast.errors import InvalidTable

    tidy = tidy_table(rows, market=market or "market", dated=dated)
    called = f"the market is called {quoted(market)}, as the sheet names none"  # which its caller knows
    read = made_fit(tidy, dated=dated)
    if read.broken:
        raise InvalidTable(read.table, read.violations, read.broken)
    for note in dict.fromkeys(note for note in read.notes["note"] if note != called):
        warnings.warn(note, UserWarning, stacklevel=2)
    if dated:
        return tidy.frame.drop("row", strict=False).rows(named=True)
    if "value" in tidy.frame.columns:
        return tidy.frame.select("market", "period", "provider", "value").rows(named=True)
    return read.shares.rows(named=True)


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
