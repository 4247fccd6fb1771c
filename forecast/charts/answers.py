"""Pictures of what follows from a forecast: events, concentration and leaders, amounts."""

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite
from typing import TypeAlias

import numpy as np
import polars as pl

from forecast.arrays import FloatArray
from forecast.charts.axis import ShareAxis, amount_axis, share_axes
from forecast.charts.layout import SHEET_WIDTH, Scene
from forecast.charts.prose import house_name
from forecast.charts.scene import Area, Line, Primitive, Text
from forecast.charts.sheet import Band, Fan, Mark, Panel, Sheet, Table
from forecast.charts.style import LOOKS
from forecast.charts.vector import stylesheet, svg_items, svg_scene
from forecast.charts.wording import MARKET_NAMES, clean, level_text, listed, per_cent, wrapped
from forecast.errors import InvalidArgument
from forecast.events import ALREADY, League
from forecast.quarter import Quarter
from forecast.results import Status
from forecast.shown import CHART_FORMATS, ChartFormat
from forecast.wording import probability_text

_MARGIN, _BAR = 22.0, 14.0
_TEXT, _RIGHT = 420.0, 78.0  # room for an event, and for its probability
_SELDOM = 0.005  # a probability of leading that is not worth a panel
_MOST_LEADERS = 5


ToldEvent: TypeAlias = tuple[str, float, int, bool, str]
"""Event, probability, draws, whether it is so at the origin, and what was so there in words."""


def league_sheet(league: League, /, *, title: str | None = None) -> Sheet:
    """Concentration, and how probably each provider leads that may."""
    index, order = league.concentration, league.ranks
    marks = (Mark(league.origin, index.latest, Status.REPORTED, index.latest, index.latest),)
    values = [np.array([index.latest]), index.mean, *index.lower, *index.upper]
    (axis,), _ = share_axes([_extent(values)])
    last = league.periods[-1]
    panels = [
        Panel(
            provider="Concentration (HHI)",
            headline=f"{index.latest:.3f} in {league.origin}, {index.mean[-1]:.3f} in {last}",
            marks=marks,
            fan=_fan(league.periods, index.mean, index.lower, index.upper, index.levels, (league.origin, index.latest)),
            axis=_Index(axis.low, axis.high, axis.step),
            end_label=f"{index.mean[-1]:.3f}",
            readouts=(f"{league.origin}: {index.latest:.3f}", *_told(league.periods, index.mean, "{:.3f}")),
        )
    ]
    often = sorted(range(len(order.providers)), key=lambda k: -float(order.first[:, k].max(initial=0.0)))
    for k in often[:_MOST_LEADERS]:
        leads, now = order.first[:, k], float(order.latest[k] == 1.0)
        if leads.max() < _SELDOM:
            continue
        text = probability_text(float(leads[-1]), league.draws)
        panels.append(
            Panel(
                provider=f"{clean(order.providers[k])} leads",
                headline=clean(f"{text} in {last}"),
                marks=(Mark(league.origin, now, Status.REPORTED, now, now),),
                fan=_fan(league.periods, leads, (), (), (), (league.origin, now)),
                axis=ShareAxis(0.0, 1.0, 0.25),
                end_label=clean(text) if len(text) < 7 else "",
                readouts=("", *_told(league.periods, 100 * leads, "{:.1f}\N{NO-BREAK SPACE}%")),
            )
        )
    levels = listed([level_text(level) for level in index.levels])
    return Sheet(
        title=clean(title) if title is not None else f"{_market(league.market)}: who leads, and how concentrated",
        subtitle=f"Concentration with {levels} prediction intervals, and the probability of leading.",
        panels=tuple(panels),
        first=league.origin,
        last=last,
        origin=league.origin,
        breaks=(),
        levels=tuple(reversed(index.levels)),
        statuses=(),
        notes=(
            "Herfindahl-Hirschman index: the sum of squared shares of the named providers, Others left out.",
            f"{house_name(league.house)} figures; counted over {league.draws:,} joint draws.",
        ),
        warnings=(),
        table=_table(league.to_frame()),
        line_text="mean, or probability",
        past_text="at the origin",
    )


class _Index(ShareAxis):
    """The scale of an index between 0 and 1."""

    __slots__ = ()

    def tick_text(self, share: float, /) -> str:
        """A tick as a number."""
        return f"{share:.{3 if self.step < 0.01 else 2}f}"


def amounts_sheet(
    names: Sequence[str],
    past: tuple[Sequence[Quarter], FloatArray],
    periods: Sequence[Quarter],
    mean: FloatArray,
    bounds: tuple[FloatArray, FloatArray],
    levels: Sequence[float],
    *,
    market: str,
    unit: str,
    notes: Sequence[str],
    title: str | None = None,
) -> Sheet:
    """Amounts of providers, past and ahead.

    Args:
        names: P of them.
        past: T quarters, and amounts of shape (T, P); NaN where not known.
        periods: H quarters ahead.
        mean: Shape (H, P).
        bounds: Lower and upper ones, each of shape (N, H, P).
        levels: N nominal levels, ascending.
        market: Name of the market.
        unit: Of the amounts.
        notes: In words, below.
        title: In place of the one made of market and quarters.
    """
    panels = []
    for k, name in enumerate(names):
        marks = tuple(
            Mark(quarter, float(amount), Status.REPORTED, float(amount), float(amount))
            for quarter, amount in zip(past[0], past[1][:, k], strict=True)
            if isfinite(amount) and quarter < periods[0]
        )
        start = (marks[-1].quarter, marks[-1].share) if marks and marks[-1].quarter + 1 == periods[0] else None
        lower, upper = bounds[0][:, :, k], bounds[1][:, :, k]
        known = np.isfinite(mean[:, k])
        whole = bool(known.all())
        axis = amount_axis(max([mark.share for mark in marks] + [float(np.nanmax(upper, initial=0.0))]))
        digits = 1 if axis.high >= 10.0 else 2
        n = min(range(len(levels)), key=lambda n: abs(levels[n] - 0.8))
        last = f"{mean[-1, k]:,.{digits}f}"
        panels.append(
            Panel(
                provider=clean(name),
                headline=f"{last} in {periods[-1]}, {level_text(levels[n])}: "
                f"{lower[n, -1]:,.{digits}f}\N{EN DASH}{upper[n, -1]:,.{digits}f}",
                marks=marks,
                fan=_fan(periods, mean[:, k], lower, upper, levels, start) if whole else None,
                axis=axis,
                end_label=last if whole else "",
                readouts=(),
            )
        )
    first = min([mark.quarter for panel in panels for mark in panel.marks] + [periods[0]])
    pattern = f"{{:,.2f}} {unit}"
    for k, panel in enumerate(panels):
        told = {mark.quarter: f"{mark.quarter}: {pattern.format(mark.share)}" for mark in panel.marks}
        told |= dict(zip(periods, _told(periods, mean[:, k], pattern), strict=True))
        span = range(periods[-1] - first + 1)
        panels[k] = replace(panel, readouts=tuple(told.get(first + n, "") for n in span))
    return Sheet(
        title=f"{_market(market)}: what providers sell, {unit} a quarter" if title is None else clean(title),
        subtitle=f"Share times the market's total: mean with {listed([level_text(x) for x in levels])} intervals.",
        panels=tuple(panels),
        first=first,
        last=periods[-1],
        origin=periods[0] + -1,
        breaks=(),
        levels=tuple(sorted(levels, reverse=True)),
        statuses=(),
        notes=(
            *(clean(f"{note[:1].upper()}{note[1:].rstrip('.')}.") for note in notes),
            "Every panel has its own scale, from zero.",
        ),
        warnings=(),
        table=Table(
            ("Quarter", *(panel.provider for panel in panels)),
            tuple((str(q), *(f"{x:,.2f}" for x in row)) for q, row in zip(periods, mean.tolist(), strict=True)),
        ),
        past_text="past: rebuilt share times total",
    )


def events_chart(
    found: Sequence[ToldEvent],
    *,
    format: ChartFormat,  # noqa: A002
    title: str = "How probable it is",
) -> bytes:
    """Draw a bar for every event.

    Args:
        found: Events of one forecast.
        format: ``png``, ``svg``, or ``html`` (one file that loads nothing).
        title: Of the chart.

    Returns:
        The file's bytes.

    Raises:
        InvalidArgument: the format is none of the three.
    """
    scene = _events_scene(found, clean(title))
    match format:
        case "png":
            from forecast.charts.raster import png_scene  # here, as matplotlib takes half a second

            return png_scene(scene, bands=1)
        case "svg":
            return svg_scene(scene, title=clean(title), bands=1)
        case "html":
            return _page(scene, clean(title))
        case _:
            raise InvalidArgument("format", format, ", ".join(CHART_FORMATS))


def _events_scene(found: Sequence[ToldEvent], title: str) -> Scene:
    left, right = _MARGIN + _TEXT, SHEET_WIDTH - _MARGIN - _RIGHT
    items: list[Primitive] = [Text((_MARGIN, _MARGIN + 20.0), title, "title")]
    top = y = _MARGIN + 56.0
    for event, probability, draws, at_origin, reference in found:
        lines = wrapped(clean(event), _TEXT - 16, LOOKS["provider"].size, bold=True)
        at = clean(f"{reference}{f'; {ALREADY}' if at_origin else ''}")
        small = wrapped(at, _TEXT - 16, LOOKS["headline"].size)
        middle = y + 8.0
        items += [Text((_MARGIN, y + 13.0 + n * 18.0), line, "provider") for n, line in enumerate(lines)]
        y += 18.0 * len(lines)
        items += [Text((_MARGIN, y + 11.0 + n * 15.0), line, "headline") for n, line in enumerate(small)]
        y += 15.0 * len(small) + 16.0
        end = left + (right - left) * probability
        items.append(_bar(left, right, middle, "band-0"))
        if end > left:
            items.append(_bar(left, end, middle, "mean-dot"))
        text = clean(probability_text(probability, draws))
        items.append(Text((right + 8.0, middle + 4.5), text, "end-label"))
    grid: list[Primitive] = []
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = left + (right - left) * tick
        grid.append(Line(((x, top - 8.0), (x, y)), "axis" if tick == 0.0 else "grid"))
        grid.append(Text((x, y + 14.0), per_cent(tick, 0), "tick", "middle"))
    note = f"Counted over {found[0][2]:,} joint draws." if found else "Nothing was asked."
    items.append(Text((_MARGIN, y + 40.0), note, "note"))
    height = float(round(y + 40.0 + _MARGIN))
    page = Area(((0.0, 0.0), (SHEET_WIDTH, 0.0), (SHEET_WIDTH, height), (0.0, height)), "page")
    return Scene(SHEET_WIDTH, height, (page, *grid, *items))


def _bar(left: float, right: float, middle: float, look: str) -> Area:
    top, bottom = middle - _BAR / 2, middle + _BAR / 2
    return Area(((left, top), (right, top), (right, bottom), (left, bottom)), look)


def _page(scene: Scene, title: str) -> bytes:
    """One HTML file with the picture alone; its policy lets it load and run nothing."""
    from forecast.charts.page import bare_page

    style = f"{stylesheet(1)}body {{ margin: 0; }} .chart {{ width: 100%; max-width: 880px; height: auto; }}\n"
    body = (
        f'<svg class="chart" viewBox="0 0 {scene.width:g} {scene.height:g}" role="img" aria-label="{title}">\n'
        f"{svg_items(scene.items)}</svg>\n"
    )
    return bare_page(title, style, body)


def _fan(
    periods: Sequence[Quarter],
    mean: FloatArray,
    lower: Sequence[FloatArray] | FloatArray,
    upper: Sequence[FloatArray] | FloatArray,
    levels: Sequence[float],
    start: tuple[Quarter, float] | None,
) -> Fan:
    """The widest band first; begun at the origin where that is known, so that the eye follows."""
    quarters, first = ((start[0],), [start[1]]) if start else ((), [])
    bands = [
        Band(level, tuple(first + low.tolist()), tuple(first + high.tolist()))
        for level, low, high in zip(levels, lower, upper, strict=True)
    ]
    ordered = sorted(bands, key=lambda band: -band.level)
    return Fan((*quarters, *periods), tuple(first + mean.tolist()), tuple(ordered))


def _told(periods: Sequence[Quarter], values: FloatArray, pattern: str) -> tuple[str, ...]:
    return tuple(f"{q} mean {pattern.format(value)}" for q, value in zip(periods, values.tolist(), strict=True))


def _table(frame: pl.DataFrame) -> Table:
    rows = (tuple(f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in row) for row in frame.rows())
    return Table(tuple(frame.columns), tuple(rows))


def _extent(values: Sequence[FloatArray]) -> tuple[float, float]:
    every = np.concatenate(values)
    return float(every.min()), float(every.max())


def _market(market: str) -> str:
    return clean(MARKET_NAMES.get(market, market)) or "Market"
