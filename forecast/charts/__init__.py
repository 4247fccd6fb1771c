"""Charts of a forecast, a history and a backtest, as the bytes of a PNG, an SVG or an HTML page."""

from collections.abc import Sequence

from forecast.charts.build import forecast_sheet, history_sheet
from forecast.charts.calibration import calibration_chart
from forecast.charts.formats import CHART_FORMATS, ChartFormat
from forecast.charts.page import html_page
from forecast.charts.sheet import Section, Sheet, Table
from forecast.charts.vector import svg_image
from forecast.errors import InvalidArgument
from forecast.results import Forecast, History

__all__ = ["ChartFormat", "Section", "Table", "calibration_chart", "fan_chart", "fan_page", "history_chart"]


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
    return _drawn(forecast_sheet(forecast, title=title), format)


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
    return _drawn(history_sheet(history, title=title), format)


def _drawn(sheet: Sheet, chart_format: str) -> bytes:
    match chart_format:
        case "png":
            from forecast.charts.raster import png_image  # here, as matplotlib takes half a second

            return png_image(sheet)
        case "svg":
            return svg_image(sheet)
        case "html":
            return html_page(sheet)
        case _:
            raise InvalidArgument("format", chart_format, ", ".join(CHART_FORMATS))
