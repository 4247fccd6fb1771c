"""What a sheet of charts says, whatever the file format draws it."""

from dataclasses import dataclass

from forecast.charts.axis import AmountAxis, ShareAxis
from forecast.quarter import Quarter
from forecast.results import Status


@dataclass(frozen=True, slots=True)
class Mark:
    """One share of the past."""

    quarter: Quarter
    share: float  # fraction
    status: Status  # never unknown: what is unknown has no mark
    low: float  # fraction, lower end of the 95 % interval of what the share was
    high: float


@dataclass(frozen=True, slots=True)
class Band:
    """The prediction intervals of one level along the quarters of a fan."""

    level: float
    lower: tuple[float, ...]
    upper: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Fan:
    """The forecast of one provider; starts at the origin where the share there is known."""

    quarters: tuple[Quarter, ...]
    mean: tuple[float, ...]
    bands: tuple[Band, ...]  # widest first, the order of drawing


@dataclass(frozen=True, slots=True)
class Panel:
    """One provider."""

    provider: str
    headline: str  # the latest number in words
    marks: tuple[Mark, ...]
    fan: Fan | None
    axis: ShareAxis | AmountAxis
    end_label: str  # at the end of the line; empty where the line ends early
    readouts: tuple[str, ...]  # one per quarter of the sheet, empty where nothing is known


@dataclass(frozen=True, slots=True)
class Table:
    """The numbers behind a sheet, as text."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """One market: panels that share their quarters."""

    title: str
    subtitle: str
    panels: tuple[Panel, ...]
    first: Quarter
    last: Quarter
    origin: Quarter | None
    breaks: tuple[Quarter, ...]  # first quarter after each
    levels: tuple[float, ...]  # widest first
    statuses: tuple[Status, ...]  # those that occur
    notes: tuple[str, ...]  # source, vintage, model, breaks, scale
    warnings: tuple[str, ...]
    table: Table
    line_text: str = "mean forecast"  # what the line through the forecast is
    past_text: str = ""  # what a dot of the past is, where it has no status


@dataclass(frozen=True, slots=True)
class Section:
    """What a page says below its charts."""

    title: str
    paragraphs: tuple[str, ...] = ()
    table: Table | None = None
    picture: bytes = b""  # an SVG image
    picture_text: str = ""  # what it shows, for who cannot see it
