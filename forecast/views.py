"""How a notebook shows each result: as an HTML table, and as a picture."""

from collections.abc import Iterable, Sequence
from functools import singledispatch
from html import escape
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
from forecast.results import Forecast, History, Status
from forecast.revenue import Revenue
from forecast.scorecard import REFERENCE, Backtest
from forecast.wording import probability_text

QUARTERS_SHOWN = 12  # of a history, the last ones
NAMED_LEVEL = 0.8  # the interval shown is the one nearest to this

# Written into each element: notebooks drop style sheets of results that are not trusted, and one result must not style
# another. No colour but grey, which reads on any page.
_FAINT = "opacity: 0.7;"
_LINE = "border: 0; border-bottom: 1px solid rgba(128, 128, 128, 0.35);"
_CELL = f"{_LINE} padding: 3px 12px 3px 0; vertical-align: top; background: transparent;"
_WHERE = {"left": "text-align: left;", "right": "text-align: right; white-space: nowrap;"}

Cell = tuple[str, str]  # what it says, and what stands small below it


@singledispatch
def html_of(result: object, /) -> str:
    """A result as an HTML fragment.

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


@html_of.register
def _(made: Forecast, /) -> str:
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
    return _table(f"{caption}{known}", ("quarter", *made.providers), rows) + _notes(
        given, (*made.provenance.notes, *made.warnings)
    )


@picture_of.register
def _(made: Forecast, title: str | None, /) -> Picture:
    span = f"{counted(made.horizon, 'quarter')} from {made.origin}"
    return Picture(
        title or f"{_heading(made.market, made.house)}: shares, {span}",
        lambda kind: fan_chart(made, format=kind, title=title),
    )


@html_of.register
def _(history: History, /) -> str:
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
    meaning = "* combined from what was published, ~ inferred, below it the standard deviation in points"
    return _table(
        f"{_heading(history.market, history.house)}: {which}{known}", ("quarter", *history.providers), rows
    ) + _notes([meaning], history.warnings)


@picture_of.register
def _(history: History, title: str | None, /) -> Picture:
    return Picture(
        title or f"{_heading(history.market, history.house)}: shares as published and rebuilt",
        lambda kind: history_chart(history, format=kind, title=title),
    )


@html_of.register
def _(found: Conditioned, /) -> str:
    items = "".join(f"<li>{escape(clean(str(line)))}</li>" for line in found.plausibility)
    how = f'<ul style="margin: 6px 0; padding-left: 20px;">{items}</ul>' if items else ""
    return how + html_of(found.forecast)


@picture_of.register
def _(found: Conditioned, title: str | None, /) -> Picture:
    return picture_of(found.forecast, title)


def events_table(found: Sequence[ToldEvent], /) -> str:
    """Events as an HTML fragment."""
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
    return _table(f"How probable it is{of}", ("event", "probability", "at the origin"), rows, where=("right", "left"))


def events_picture(found: Sequence[ToldEvent], title: str | None, /) -> Picture:
    """A bar for every event."""
    heading = title or "How probable it is"
    return Picture(heading, lambda kind: events_chart(found, format=kind, title=heading))


def _told(found: EventProbabilities) -> list[ToldEvent]:
    return [(str(row.event), row.probability, row.draws, row.at_origin, row.reference) for row in found]


@html_of.register
def _(found: EventProbabilities, /) -> str:
    return events_table(_told(found))


@picture_of.register
def _(found: EventProbabilities, title: str | None, /) -> Picture:
    return events_picture(_told(found), title)


@html_of.register
def _(found: EventProbability, /) -> str:
    return html_of(EventProbabilities((found,)))


@picture_of.register
def _(found: EventProbability, title: str | None, /) -> Picture:
    return picture_of(EventProbabilities((found,)), title)


@html_of.register
def _(league: League, /) -> str:
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
    return _table(caption, ("quarter", "HHI", *order.providers), rows)


@picture_of.register
def _(league: League, title: str | None, /) -> Picture:
    heading = title or f"{_heading(league.market, league.house)}: who leads, and how concentrated"
    return Picture(heading, lambda kind: league_chart(league, format=kind, title=title))


@html_of.register
def _(found: Revenue, /) -> str:
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
    return _table(caption, ("quarter", *found.providers, "Market"), rows) + _notes((), found.notes)


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


@html_of.register
def _(found: Backtest, /) -> str:
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
    return _table(caption, (*names, *(f"held by {level_text(level)}" for level in found.levels)), rows) + _notes(
        (), (*found.notes, *map(str, found.skipped))
    )


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


def _table(
    caption: str, columns: Sequence[str], rows: Iterable[tuple[str, Sequence[Cell]]], *, where: Sequence[str] = ()
) -> str:
    """A table whose first column names its rows; the others to the right unless `where` says otherwise."""
    sides = (*where, *["right"] * (len(columns) - 1 - len(where)))
    head = "".join(
        f'<th scope="col" style="{_CELL} {_WHERE[side]}">{escape(clean(name))}</th>'
        for name, side in zip(columns, ("left", *sides), strict=True)
    )
    body = []
    for name, cells in rows:
        texts = "".join(
            f'<td style="{_CELL} {_WHERE[side]}">{_cell(cell)}</td>' for cell, side in zip(cells, sides, strict=True)
        )
        label = f'<th scope="row" style="{_CELL} {_WHERE["left"]} font-weight: 600;">{escape(clean(name))}</th>'
        body.append(f'<tr style="background: transparent;">{label}{texts}</tr>')
    return (
        f'<div style="overflow-x: auto;" tabindex="0" role="region" aria-label="{escape(clean(caption))}">'
        '<table style="border-collapse: collapse; border: 0; font-variant-numeric: tabular-nums; margin: 0;">'
        f'<caption style="caption-side: top; text-align: left; color: inherit; padding: 4px 0; font-weight: 600;">'
        f"{escape(clean(caption))}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )


def _cell(cell: Cell) -> str:
    text, below = cell
    small = f'<br><small style="{_FAINT}">{escape(clean(below))}</small>' if below else ""
    return f"{escape(clean(text))}{small}"


def _notes(told: Iterable[str], folded: Sequence[str]) -> str:
    """Lines below a table; what is only for who asks is folded away."""
    lines = "".join(f'<p style="margin: 4px 0; font-size: 0.9em; {_FAINT}">{escape(clean(text))}</p>' for text in told)
    if not folded:
        return lines
    items = "".join(f"<li>{escape(clean(text))}</li>" for text in folded)
    return (
        f'{lines}<details style="font-size: 0.9em;"><summary>{counted(len(folded), "note")}</summary>'
        f'<ul style="margin: 4px 0; padding-left: 20px;">{items}</ul></details>'
    )
