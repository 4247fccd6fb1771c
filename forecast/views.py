"""How each result shows itself: as a table, and as a picture."""

from collections.abc import Sequence
from dataclasses import replace
from functools import singledispatch
from math import isfinite

import numpy as np

from forecast.charts import (
    ChartFormat,
    Picture,
    amounts_sheet,
    calibration_chart,
    events_chart,
    fan_chart,
    history_chart,
    league_chart,
    sheet_chart,
)
from forecast.charts.answers import ToldEvent
from forecast.charts.sheet import Sheet
from forecast.charts.wording import EN_DASH, HOUSE_NAMES, MARKET_NAMES, clean, counted, level_text, per_cent
from forecast.conditions import Conditioned
from forecast.events import ALREADY, EventProbabilities, EventProbability, League
from forecast.result_table import Cell, ResultTable
from forecast.results import Forecast, History, Status
from forecast.revenue import Revenue
from forecast.scorecard import REFERENCE, Backtest
from forecast.wording import probability_text

QUARTERS_SHOWN = 12  # of a history, the last ones
NAMED_LEVEL = 0.8  # the interval shown is the one nearest to this


@singledispatch
def table_of(result: object, /) -> ResultTable:
    """A result as a table.

    Raises:
        TypeError: there is no view of it.
    """
    raise TypeError(f"no view of {type(result).__name__}")


@singledispatch
def picture_of(result: object, title: str | None, /) -> Picture:
    """A result as a picture.

    Raises:
        TypeError: there is no picture of it.
    """
    raise TypeError(f"no picture of {type(result).__name__}")


@table_of.register
def _(made: Forecast, /) -> ResultTable:
    n = _named(made.levels)
    rows = [
        (
            str(quarter),
            [
                (per_cent(float(mean)), _range(float(low), float(high)))
                for mean, low, high in zip(made.mean[h], made.lower[n, h], made.upper[n, h], strict=True)
            ],
        )
        for h, quarter in enumerate(made.periods)
    ]
    known = f", as known on {made.as_of}" if made.as_of else ""
    caption = f"{_heading(made.market, made.house)}: mean and {level_text(made.levels[n])} interval, from {made.origin}"
    given = [f"What if: {condition}" for condition in made.given]
    columns, folded = ("quarter", *made.providers), (*made.provenance.notes, *made.warnings)
    return ResultTable(f"{caption}{known}", columns, rows, notes=given, folded=folded)


@picture_of.register
def _(made: Forecast, title: str | None, /) -> Picture:
    span = f"{counted(made.horizon, 'quarter')} from {made.origin}"
    return Picture(
        title or f"{_heading(made.market, made.house)}: shares, {span}",
        lambda kind: fan_chart(made, format=kind, title=title),
    )


@table_of.register
def _(history: History, /) -> ResultTable:
    first = max(len(history.quarters) - QUARTERS_SHOWN, 0)
    rows = [
        (
            str(history.quarters[t]),
            [
                _past_cell(float(share), float(sd), status)
                for share, sd, status in zip(history.share[t], history.sd[t], history.status[t], strict=True)
            ],
        )
        for t in range(first, len(history.quarters))
    ]
    known = f", as known on {history.as_of}" if history.as_of else ""
    which = f"the last {len(rows)} of {len(history.quarters)} quarters" if first else counted(len(rows), "quarter")
    meaning = "* combined from what was published, ~ inferred, ± the standard deviation in points"
    caption = f"{_heading(history.market, history.house)}: {which}{known}"
    columns = ("quarter", *history.providers)
    return ResultTable(caption, columns, rows, notes=[meaning], folded=history.warnings)


@picture_of.register
def _(history: History, title: str | None, /) -> Picture:
    return Picture(
        title or f"{_heading(history.market, history.house)}: shares as published and rebuilt",
        lambda kind: history_chart(history, format=kind, title=title),
    )


@table_of.register
def _(found: Conditioned, /) -> ResultTable:
    return replace(table_of(found.forecast), before=[str(line) for line in found.plausibility])


@picture_of.register
def _(found: Conditioned, title: str | None, /) -> Picture:
    return picture_of(found.forecast, title)


def events_table(found: Sequence[ToldEvent], /) -> ResultTable:
    """Events as a table."""
    rows = [
        (
            event,
            [
                (probability_text(probability, draws), ""),
                (f"{reference}{f'; {ALREADY}' if at_origin else ''}", ""),
            ],
        )
        for event, probability, draws, at_origin, reference in found
    ]
    of = f", counted over {found[0][2]:,} joint draws" if found else ""
    columns = ("event", "probability", "at the origin")
    return ResultTable(f"How probable it is{of}", columns, rows, sides=("right", "left"))


def events_picture(found: Sequence[ToldEvent], title: str | None, /) -> Picture:
    """A bar for every event."""
    heading = title or "How probable it is"
    return Picture(heading, lambda kind: events_chart(found, format=kind, title=heading))


def _told(found: EventProbabilities) -> list[ToldEvent]:
    return [(str(row.event), row.probability, row.draws, row.at_origin, row.reference) for row in found]


@table_of.register
def _(found: EventProbabilities, /) -> ResultTable:
    return events_table(_told(found))


@picture_of.register
def _(found: EventProbabilities, title: str | None, /) -> Picture:
    return events_picture(_told(found), title)


@table_of.register
def _(found: EventProbability, /) -> ResultTable:
    return table_of(EventProbabilities((found,)))


@picture_of.register
def _(found: EventProbability, title: str | None, /) -> Picture:
    return picture_of(EventProbabilities((found,)), title)


@table_of.register
def _(league: League, /) -> ResultTable:
    order, index = league.ranks, league.concentration
    n = _named(index.levels)
    now = [(f"{index.latest:.3f}", ""), *((f"{rank:.0f}", "") for rank in order.latest)]
    rows = [(f"{league.origin}, the origin", now)]
    for h, quarter in enumerate(league.periods):
        hhi = (f"{index.mean[h]:.3f}", f"{index.lower[n, h]:.3f}{EN_DASH}{index.upper[n, h]:.3f}")
        ranks = [
            (f"{rank:.1f}", f"leads: {probability_text(float(first), league.draws)}")
            for rank, first in zip(order.expected[h], order.first[h], strict=True)
        ]
        rows.append((str(quarter), [hhi, *ranks]))
    caption = (
        f"{_heading(league.market, league.house)}: expected ranks, probability of leading, and concentration (HHI) "
        f"with its {level_text(index.levels[n])} interval"
    )
    return ResultTable(caption, ("quarter", "HHI", *order.providers), rows)


@picture_of.register
def _(league: League, title: str | None, /) -> Picture:
    heading = title or f"{_heading(league.market, league.house)}: who leads, and how concentrated"
    return Picture(heading, lambda kind: league_chart(league, format=kind, title=title))


@table_of.register
def _(found: Revenue, /) -> ResultTable:
    n = _named(found.levels)
    amounts, growth = found.amounts, found.growths.median
    digits = 1 if amounts.mean[0, -1] >= 100.0 else 2
    rows = []
    for h, quarter in enumerate(found.periods):
        cells = []
        for k in range(amounts.mean.shape[1]):
            band = f"{amounts.lower[n, h, k]:,.{digits}f}{EN_DASH}{amounts.upper[n, h, k]:,.{digits}f}"
            grew = f", {100 * growth[h, k]:+.0f}\N{NO-BREAK SPACE}%" if isfinite(growth[h, k]) else ""
            cells.append((f"{amounts.mean[h, k]:,.{digits}f}", f"{band}{grew}"))
        rows.append((str(quarter), cells))
    caption = (
        f"{_heading(found.market, found.house)}: {found.unit} a quarter, mean, {level_text(found.levels[n])} interval "
        "and growth over a year"
    )
    return ResultTable(caption, ("quarter", *found.providers, "Market"), rows, folded=found.notes)


@picture_of.register
def _(found: Revenue, title: str | None, /) -> Picture:
    def sheet() -> Sheet:
        return amounts_sheet(
            (*found.providers, "Market"),
            (found.totals.quarters, found.past),
            found.periods,
            found.amounts.mean,
            (found.amounts.lower, found.amounts.upper),
            found.levels,
            market=found.market,
            unit=found.unit,
            notes=found.notes,
            title=title,
        )

    def draw(kind: ChartFormat) -> bytes:
        return sheet_chart(sheet(), format=kind)

    return Picture(title or f"{_heading(found.market, found.house)}: what providers sell", draw)


@table_of.register
def _(found: Backtest, /) -> ResultTable:
    rows = []
    for model in found.models:
        scores = [found.find(name, model=model) for name in ("wis", "mae", "energy", "wis_skill")]
        cells = [("" if score is None else f"{score.value:.2f}", "") for score in scores[:3]]
        skill = scores[3]
        told = "" if skill is None or model == REFERENCE else f"{100 * skill.value:+.0f}\N{NO-BREAK SPACE}%"
        held = [found.find("coverage", model=model, level=level) for level in found.levels]
        cells += [
            (told, ""),
            *(("" if one is None else f"{100 * one.value:.0f}\N{NO-BREAK SPACE}%", "") for one in held),
        ]
        rows.append((model, cells))
    names = ("model", "WIS, points", "MAE, points", "energy, points", f"skill against {REFERENCE}")
    caption = (
        f"{', '.join(_heading(market, found.house) for market in found.markets)}: {found.forecasts} origins from "
        f"{found.first_origin} to {found.last_origin}, up to {counted(found.horizon, 'quarter')} ahead"
    )
    columns = (*names, *(f"held by {level_text(level)}" for level in found.levels))
    return ResultTable(caption, columns, rows, folded=(*found.notes, *map(str, found.skipped)))


@picture_of.register
def _(found: Backtest, title: str | None, /) -> Picture:
    heading = title or f"{', '.join(_heading(market, found.house) for market in found.markets)}: calibration"
    return Picture(heading, lambda kind: calibration_chart(found, format=kind, title=title))


def _heading(market: str, house: str) -> str:
    name = clean(MARKET_NAMES.get(market, market)) or "Market"
    return f"{name}, {clean(HOUSE_NAMES.get(house, house))}" if house else name


def _named(levels: Sequence[float]) -> int:
    return int(np.argmin(np.abs(np.array(levels) - NAMED_LEVEL)))


def _range(low: float, high: float) -> str:
    return f"{100 * low:.1f}{EN_DASH}{100 * high:.1f}"


def _past_cell(share: float, sd: float, status: Status) -> Cell:
    match status:
        case Status.REPORTED:
            return per_cent(share), ""
        case Status.COMBINED:
            return f"{per_cent(share)}*", f"±{100 * sd:.1f}"
        case Status.INFERRED:
            return f"~{per_cent(share)}", f"±{100 * sd:.1f}"
        case Status.UNKNOWN:
            return EN_DASH, ""
