"""From a forecast or a history to what a sheet shows."""

from collections.abc import Sequence
from math import isfinite
from statistics import NormalDist

from forecast.charts.axis import share_axes
from forecast.charts.past import as_forecast, marks_of
from forecast.charts.prose import (
    break_notes,
    forecast_headline,
    forecast_subtitle,
    forecast_table,
    history_headline,
    history_table,
    house_name,
    model_note,
    origin_notes,
    readouts,
    rest_notes,
    scale_note,
    sheet_title,
    source_notes,
)
from forecast.charts.sheet import Band, Fan, Mark, Panel, Sheet
from forecast.charts.wording import clean, counted, per_cent
from forecast.quarter import Quarter
from forecast.results import Forecast, History, Status


def forecast_sheet(forecast: Forecast, /, *, title: str | None = None) -> Sheet:
    """What to draw of a forecast."""
    history = as_forecast(forecast.history, forecast.providers)
    columns = {provider: k for k, provider in enumerate(history.providers)} if history else {}
    marks = [marks_of(history, columns.get(provider)) for provider in forecast.providers]
    fans = [_fan(forecast, history, k, columns.get(provider)) for k, provider in enumerate(forecast.providers)]
    span = [mark.quarter for series in marks for mark in series] + [q for fan in fans for q in fan.quarters]
    first, last = min(span), max(span)
    axes, alike = share_axes([_extent(*pair) for pair in zip(marks, fans, strict=True)])
    breaks = _breaks(history, first, last)
    panels = tuple(
        Panel(
            provider=clean(provider) or "(no name)",
            headline=forecast_headline(forecast, k),
            marks=marks[k],
            fan=fans[k],
            axis=axes[k],
            end_label=per_cent(float(forecast.mean[-1, k])) if fans[k].quarters[-1] == last else "",
            readouts=readouts(first, last, marks[k], forecast, k),
        )
        for k, provider in enumerate(forecast.providers)
    )
    return Sheet(
        title=sheet_title(title, forecast.market, f"{counted(forecast.horizon, 'quarter')} from {forecast.origin}"),
        subtitle=forecast_subtitle(forecast),
        panels=panels,
        first=first,
        last=last,
        origin=forecast.origin,
        breaks=tuple(quarter for quarter, _ in breaks),
        levels=tuple(reversed(forecast.levels)),
        statuses=_statuses(history),
        notes=(
            *(f"What if: {clean(condition)}." for condition in forecast.given),
            *origin_notes(history, forecast),
            model_note(forecast.provenance),
            *break_notes(breaks),
            scale_note(alike=alike),
        ),
        warnings=tuple(map(clean, (*forecast.warnings, *forecast.provenance.notes))),
        table=forecast_table(forecast),
    )


def history_sheet(history: History, /, *, title: str | None = None) -> Sheet:
    """What to draw of a history."""
    marks = [marks_of(history, k) for k in range(len(history.providers))]
    span = [mark.quarter for series in marks for mark in series] or list(history.quarters)
    first, last = min(span), max(span)
    axes, alike = share_axes([_extent(series, None) for series in marks])
    breaks = _breaks(history, first, last)
    panels = tuple(
        Panel(
            provider=clean(provider) or "(no name)",
            headline=history_headline(marks[k]),
            marks=marks[k],
            fan=None,
            axis=axes[k],
            end_label=per_cent(marks[k][-1].share) if marks[k] and marks[k][-1].quarter == last else "",
            readouts=readouts(first, last, marks[k], None, k),
        )
        for k, provider in enumerate(history.providers)
    )
    return Sheet(
        title=sheet_title(title, history.market, f"{first} to {last}"),
        subtitle=f"Share of the market, rebuilt from what {house_name(history.house)} published.",
        panels=panels,
        first=first,
        last=last,
        origin=None,
        breaks=tuple(quarter for quarter, _ in breaks),
        levels=(),
        statuses=_statuses(history),
        notes=(*source_notes(history), *rest_notes(history), *break_notes(breaks), scale_note(alike=alike)),
        warnings=tuple(map(clean, history.warnings)),
        table=history_table(history),
    )


def _fan(forecast: Forecast, history: History | None, k: int, column: int | None) -> Fan:
    """The forecast of provider `k`, begun at the origin with what the history knows there, so that the eye follows."""
    quarters, mean = list(forecast.periods), [float(x) for x in forecast.mean[:, k]]
    lower = [[float(x) for x in forecast.lower[n, :, k]] for n in range(len(forecast.levels))]
    upper = [[float(x) for x in forecast.upper[n, :, k]] for n in range(len(forecast.levels))]
    if history is not None and column is not None and forecast.origin in history.quarters:
        t = history.quarters.index(forecast.origin)
        start, sd = float(history.smoothed[t, column]), float(history.smoothed_sd[t, column])
        if isfinite(start) and isfinite(sd):
            quarters, mean = [forecast.origin, *quarters], [start, *mean]
            for n, level in enumerate(forecast.levels):
                spread = NormalDist().inv_cdf((1 + level) / 2) * sd
                lower[n] = [max(0.0, start - spread), *lower[n]]
                upper[n] = [min(1.0, start + spread), *upper[n]]
    bands = [Band(level, tuple(lower[n]), tuple(upper[n])) for n, level in enumerate(forecast.levels)]
    return Fan(tuple(quarters), tuple(mean), tuple(reversed(bands)))


def _extent(marks: Sequence[Mark], fan: Fan | None) -> tuple[float, float]:
    shares: list[float] = []
    for mark in marks:
        shares += [mark.low, mark.high] if mark.status is Status.INFERRED else [mark.share]
    if fan:
        shares += fan.mean
        for band in fan.bands:
            shares += [*band.lower, *band.upper]
    shares = [min(max(share, 0.0), 1.0) for share in shares if isfinite(share)]
    return (min(shares), max(shares)) if shares else (0.0, 1.0)


def _breaks(history: History | None, first: Quarter, last: Quarter) -> tuple[tuple[Quarter, str], ...]:
    return tuple(item for item in history.breaks if first < item[0] <= last) if history else ()


def _statuses(history: History | None) -> tuple[Status, ...]:
    found = {status for row in history.status for status in row} if history else set()
    return tuple(status for status in Status if status in found)
