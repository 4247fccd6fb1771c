"""What a caller asks, as plain values: the client writes them as messages, the server reads them back.

Free of Polars and NumPy, so that importing the client stays cheap.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Literal, TypeAlias

from forecast.errors import InvalidArgument
from forecast.name_changes import NameChange
from forecast.quarter import Quarter

if TYPE_CHECKING:
    from forecast.grammar import Asked
    from sharecast.v1 import question_pb2

DEFAULT_HOUSE = "canalys"
DEFAULT_HORIZON = 8  # quarters
DEFAULT_LEVELS = (0.8, 0.95)
DEFAULT_MODEL = "auto"
DEFAULT_ORIGINS = 12
DEFAULT_DIFF_LEVELS = (0.8,)
DEFAULT_BACKTEST_LEVELS = (0.5, 0.8, 0.95)
DEFAULT_BACKTEST_MODELS = ("auto", "naive")
DEFAULT_PAGE_SIZE, LARGEST_PAGE = 50, 500  # markets, models
DEFAULT_FIGURES_PAGE, LARGEST_FIGURES_PAGE = 100, 1000  # some 500 bytes each, of the 4 MiB that a message may have
OWN_HOUSE = "own"  # of imported shares for which no house is named
MOST_EVENTS, MOST_CONDITIONS = 100, 20  # of one forecast
MOST_TOTALS, LONGEST_UNIT = 400, 40  # of one forecast; characters
LARGEST_IMPORT = 1_000_000  # rows
LARGEST_IMPORT_BYTES = 128 * 2**20  # of the messages of one import: a row of shares has some 50, a figure some 300
LARGEST_ROW_BYTES = 16 * 2**10  # of a row of an import, on the average of a message
MOST_IMPORTING = 256 * 2**20  # of all imports that a server takes in at once
PLAIN_BYTES = 4 * 2**20  # of a message that a client of gRPC takes unless told otherwise


FigureRow: TypeAlias = Mapping[str, object]
"""One statement by one page, by column of `forecast.schema.FIGURES_COLUMNS`; None or left out: not given."""


@dataclass(frozen=True, slots=True)
class ShareRow:
    """One provider's share of one quarter; neither `share` nor `value`: not reported, which is never zero."""

    period: str  # "2020Q3"
    provider: str
    share: float | None = None  # fraction
    value: float | None = None  # an amount, in any one unit
    decimals: int | None = None  # of the percentage as published


@dataclass(frozen=True, slots=True)
class TotalRow:
    """The size of a market in one quarter."""

    period: str  # "2020Q3"
    amount: float  # above zero, in any one unit


@dataclass(frozen=True, slots=True)
class RevenueQuestion:
    """What the revenue of providers is worked out from."""

    totals: tuple[TotalRow, ...] = ()  # empty: what the house has published
    unit: str = ""  # of the totals given


@dataclass(frozen=True, slots=True)
class ForecastQuery:
    """One market to forecast, from the server's figures, from `shares`, or from `figures`."""

    market: str
    house: str = ""  # empty: the usual one of the market; and beside `shares`
    as_of: date | None = None
    shares: tuple[ShareRow, ...] | None = None
    horizon: int = DEFAULT_HORIZON  # quarters ahead
    levels: tuple[float, ...] = DEFAULT_LEVELS  # nominal, in (0, 1)
    model: str = DEFAULT_MODEL
    seed: int = 0
    include_history: bool = False
    events: "tuple[Asked, ...]" = ()  # whose probability is asked for
    conditions: "tuple[Asked, ...]" = ()  # that the forecast is given
    typed_events: "tuple[question_pb2.Event, ...]" = ()  # of a caller; the server reads them into `events`
    typed_conditions: "tuple[question_pb2.Condition, ...]" = ()  # the same for `conditions`
    league: bool = False  # whether ranks, leaders and concentration are asked for
    revenue: RevenueQuestion | None = None
    include_draws: bool = False
    figures: tuple[FigureRow, ...] | None = None  # raw, in place of the server's
    recorded_by: datetime | None = None  # UTC; only what the server's database held at this moment
    name_changes: tuple[NameChange, ...] = ()  # applied after those of the database

    @property
    def inline(self) -> bool:
        """Whether the data are the caller's."""
        return self.shares is not None or self.figures is not None

    @property
    def from_draws(self) -> bool:
        """Whether what is asked takes joint draws."""
        asked = self.events or self.conditions or self.league or self.revenue is not None
        return bool(asked or self.include_draws)


@dataclass(frozen=True, slots=True)
class MarketTable:
    """Shares or amounts of one market brought by the caller: T consecutive quarters by K providers."""

    market: str
    first_period: str  # "2020Q3"
    providers: tuple[str, ...]  # K
    shares: tuple[float, ...]  # T * K fractions, quarter by quarter; NaN where not reported, which is never zero
    decimals: int | None = None  # of the percentages as published
    cell_decimals: tuple[int | None, ...] = ()  # T * K, where they differ from cell to cell
    amounts: bool = False  # whether `shares` are amounts
    events: tuple[str, ...] = ()  # asked of this market alone


@dataclass(frozen=True, slots=True)
class BatchQuery:
    """Many markets to forecast, all asked the same."""

    markets: tuple[str, ...] = ()  # of the server
    house: str = ""  # empty: the usual one of each market
    as_of: date | None = None
    shares: tuple[MarketTable, ...] = ()  # in place of markets of the server or beside them
    horizon: int = DEFAULT_HORIZON  # quarters ahead
    levels: tuple[float, ...] = DEFAULT_LEVELS  # nominal, in (0, 1)
    model: str = DEFAULT_MODEL
    seed: int = 0
    events: "tuple[Asked, ...]" = ()  # asked of every market
    typed_events: "tuple[question_pb2.Event, ...]" = ()  # of a caller; the server reads them into `events`
    typed_conditions: "tuple[question_pb2.Condition, ...]" = ()  # the same for `conditions`
    own_events: tuple[tuple[str, ...], ...] = ()  # asked of each of `markets` alone; empty: none of any
    name_changes: tuple[NameChange, ...] = ()  # applied to every market that has the provider
    conditions: "tuple[Asked, ...]" = ()  # that every forecast is given
    league: bool = False  # whether ranks, leaders and concentration are asked for
    include_history: bool = False  # of markets of the server
    revenue: bool = False  # of markets of the server, from published totals

    def from_draws(self, events: "tuple[Asked, ...]", /) -> bool:
        """Whether what is asked of a market, of which these events are, takes joint draws."""
        return bool(events or self.conditions or self.league or self.revenue)

    def events_of(self, place: int, /) -> "tuple[Asked, ...]":
        """The events asked of one of `markets`."""
        return self.events + (self.own_events[place] if self.own_events else ())


@dataclass(frozen=True, slots=True)
class BacktestQuery:
    """One market to backtest, on the server's figures or on `shares`."""

    market: str
    house: str = ""  # empty: the usual one of the market; and beside `shares`
    shares: tuple[ShareRow, ...] | None = None
    origins: int = DEFAULT_ORIGINS
    horizon: int = DEFAULT_HORIZON  # quarters ahead
    levels: tuple[float, ...] = DEFAULT_BACKTEST_LEVELS  # nominal, in (0, 1)
    models: tuple[str, ...] = DEFAULT_BACKTEST_MODELS
    seed: int = 0


@dataclass(frozen=True, slots=True)
class DiffQuery:
    """One market's forecasts as made on two days."""

    market: str
    earlier: date
    later: date
    house: str = ""  # empty: the usual one of the market
    horizon: int = DEFAULT_HORIZON  # quarters ahead of the newest one known on the second day
    levels: tuple[float, ...] = DEFAULT_DIFF_LEVELS  # nominal, in (0, 1)
    model: str = DEFAULT_MODEL
    seed: int = 0


@dataclass(frozen=True, slots=True)
class ReportQuery:
    """A page about one market."""

    market: str
    house: str = ""  # empty: the usual one of the market
    as_of: date | None = None
    horizon: int = DEFAULT_HORIZON  # quarters ahead
    origins: int = DEFAULT_ORIGINS


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """One market's history as one house tells it, as known on a date."""

    market: str
    house: str = ""  # empty: the usual one of the market
    as_of: date | None = None
    most_bytes: int = PLAIN_BYTES  # of the answer, which with many figures behind each cell has more than most have
    figures: tuple[FigureRow, ...] | None = None  # raw, in place of the server's
    recorded_by: datetime | None = None  # UTC; only what the server's database held at this moment
    name_changes: tuple[NameChange, ...] = ()  # applied after those of the database


@dataclass(frozen=True, slots=True)
class MarketsQuery:
    """One page of the list of markets."""

    page_size: int = DEFAULT_PAGE_SIZE  # 1 to LARGEST_PAGE
    after: str = ""  # the last market of the page before


@dataclass(frozen=True, slots=True)
class ModelsQuery:
    """One page of the list of models."""

    page_size: int = DEFAULT_PAGE_SIZE  # 1 to LARGEST_PAGE
    after: str = ""  # the last model of the page before


@dataclass(frozen=True, slots=True)
class FiguresQuery:
    """One page of the figures that fit every filter; None: whatever it is."""

    market: str | None = None
    house: str | None = None
    quarter: Quarter | None = None
    provider: str | None = None  # alone or in a sum
    as_of: date | None = None
    page_size: int = DEFAULT_FIGURES_PAGE  # 1 to LARGEST_FIGURES_PAGE
    after: int | None = None  # figure_id of the last one of the page before


@dataclass(frozen=True, slots=True)
class ImportQuery:
    """What is imported, apart from its rows."""

    kind: Literal["figures", "shares", "names"]
    house: str = ""  # of shares; empty beside figures, whose rows name theirs
    request_id: str = ""  # empty: an import of its own each time
    validate_only: bool = False
    replace: bool = False  # of shares: whether earlier shares of the house in these markets stop counting
    name_changes: tuple[NameChange, ...] = ()  # kept with figures or shares


@dataclass(frozen=True, slots=True)
class WithdrawQuery:
    """Which imported rows are to stop counting: those that fit everything that is given."""

    import_id: int | None = None  # of this import
    market: str = ""  # of this market; required without `import_id`
    house: str = ""  # of this house
    provider: str = ""  # that name this provider, alone or in a sum
    period: str = ""  # of this quarter such as "2020Q3", or of this whole year such as "2020"
    kind: Literal["", "figures", "shares", "names"] = ""  # empty: every kind with an import, else figures and shares
    request_id: str = ""  # empty: a withdrawal of its own each time
    validate_only: bool = False


_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def parse_date(text: str, /, field: str = "as_of") -> date:
    """Read ``2021-01-15``.

    Raises:
        InvalidArgument: the text is no date of that form, such as ``2021-02-30`` or ``20210115``.
    """
    try:
        if _ISO_DATE.fullmatch(text):  # fromisoformat alone also takes 20210115 and 2021-W03-5
            return date.fromisoformat(text)
    except ValueError:  # such as 2021-02-30
        pass
    raise InvalidArgument(field, text, "a date such as 2021-01-15")


_ISO_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}.*(Z|[+-][0-9]{2}:[0-9]{2})", re.ASCII)


def parse_moment(text: str, /, field: str = "recorded_by") -> datetime:
    """Read ``2026-11-23T14:30:00+01:00``, in any time zone; a date alone stands for its last microsecond in UTC.

    Returns:
        The moment in UTC.

    Raises:
        InvalidArgument: the text is neither, or has no time zone.

    >>> parse_moment("2026-11-23T14:30+01:00").isoformat(), parse_moment("2026-11-23").isoformat()
    ('2026-11-23T13:30:00+00:00', '2026-11-23T23:59:59.999999+00:00')
    """
    try:
        if _ISO_DATE.fullmatch(text):
            return end_of_day(date.fromisoformat(text))
        if _ISO_MOMENT.fullmatch(text):
            return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):  # such as 2021-02-30, or a year before 1 in UTC
        pass
    raise InvalidArgument(
        field, text, "a moment with its time zone such as 2026-11-23T14:30:00Z, or a date such as 2026-11-23"
    )


def end_of_day(day: date, /) -> datetime:
    """The last microsecond of a day in UTC."""
    return datetime.combine(day, time.max, UTC)
