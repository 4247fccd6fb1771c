"""Charts of a forecast, a history and a backtest, as the bytes of a PNG, an SVG or an HTML page."""

from collections.abc import Sequence

from forecast.charts.answers import amounts_sheet, events_chart, league_sheet
from forecast.charts.build import forecast_sheet, history_sheet
from forecast.charts.calibration import calibration_chart
from forecast.charts.page import html_page
from forecast.charts.sheet import Section, Sheet, Table
from forecast.charts.vector import svg_image
from forecast.errors import InvalidArgument
from forecast.events import League
from forecast.results import Forecast, History
from forecast.shown import CHART_FORMATS, ChartFormat, Picture

__all__ = [
    "ChartFormat",
    "Picture",
    "Section",
    "Table",
    "amounts_sheet",
    "calibration_chart",
    "events_chart",
    "fan_chart",
    "fan_page",
    "history_chart",
    "league_chart",
    "sheet_chart",
]


def fan_chart(forecast: Forecast, *, format: ChartFormat, title: str | None = None) -> bytes:  # noqa: A002
    """Draw one sheet for a market: a panel per provider with its history, mean line and interval bands.

    Args:
        forecast: What to draw; its history, where it has one, gives the points before the origin.
        format: ``png`` (1760 pixels wide), ``svg``, or ``html`` (one file that loads nothing).
        title: In place of the one made of market, horizon and origin.

    Returns:
        The file's bytes; the same bytes for the same input, versions and installed fonts.

    Raises:
        InvalidArgument: the format is none of the three.
    """
    return sheet_chart(forecast_sheet(forecast, title=title), format=format)


def fan_page(forecast: Forecast, sections: Sequence[Section], *, title: str | None = None) -> bytes:
    """The HTML page of `fan_chart` with sections below the charts; one file that loads nothing.

    Args:
        forecast: What to draw.
        sections: In order.
        title: In place of the one made of market, horizon and origin.
    """
    return html_page(forecast_sheet(forecast, title=title), sections)


def history_chart(history: History, *, format: ChartFormat, title: str | None = None) -> bytes:  # noqa: A002
    """Draw one sheet for a market: a panel per provider with its reconstructed shares and how each is known.

    Args:
        history: What to draw.
        format: ``png`` (1760 pixels wide), ``svg``, or ``html`` (one file that loads nothing).
        title: In place of the one made of market and quarters.

    Returns:
        The file's bytes; the same bytes for the same input, versions and installed fonts.

    Raises:
        InvalidArgument: the format is none of the three.
    """
    return sheet_chart(history_sheet(history, title=title), format=format)


def league_chart(league: League, *, format: ChartFormat, title: str | None = None) -> bytes:  # noqa: A002
    """Draw concentration with its intervals, and how probably each provider leads that may.

    Args:
        league: What to draw.
        format: ``png`` (1760 pixels wide), ``svg``, or ``html`` (one file that loads nothing).
        title: In place of the one made of the market.

    Returns:
        The file's bytes; the same bytes for the same input, versions and installed fonts.

    Raises:
        InvalidArgument: the format is none of the three.
    """
    return sheet_chart(league_sheet(league, title=title), format=format)


def sheet_chart(sheet: Sheet, *, format: ChartFormat) -> bytes:  # noqa: A002
    """Draw a sheet that is made already.

    Raises:
        InvalidArgument: the format is none of ``png``, ``svg`` and ``html``.
    """
    match format:
        case "png":
            from forecast.charts.raster import png_image  # here, as matplotlib takes half a second

            return png_image(sheet)
        case "svg":
            return svg_image(sheet)
        case "html":
            return html_page(sheet)
        case _:
            raise InvalidArgument("format", format, ", ".join(CHART_FORMATS))
