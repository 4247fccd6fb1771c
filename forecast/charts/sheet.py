"""What a sheet of charts says, whatever the file format draws it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from statistics import NormalDist

import numpy as np

from forecast.arrays import FloatArray
from forecast.charts.axis import ShareAxis, share_axes
from forecast.charts.wording import (
    HOUSE_NAMES,
    MARKET_NAMES,
    clean,
    counted,
    day,
    level_text,
    listed,
    per_cent,
    per_cent_range,
)
from forecast.quarter import Quarter
from forecast.results import OTHERS, Forecast, History, ModelProvenance, Status

NAMED_LEVEL = 0.8  # the interval that is written out is the one nearest to this
INFERRED_LEVEL = 0.95  # of the bars of inferred shares


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
    axis: ShareAxis
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


def forecast_sheet(forecast: Forecast, /, *, title: str | None = None) -> Sheet:
    """What to draw of a forecast."""
    history = _as_forecast(forecast.history, forecast.providers)
    columns = {provider: k for k, provider in enumerate(history.providers)} if history else {}
    marks = [_marks(history, columns.get(provider)) for provider in forecast.providers]
    fans = [_fan(forecast, history, k, columns.get(provider)) for k, provider in enumerate(forecast.providers)]
    span = [mark.quarter for series in marks for mark in series] + [q for fan in fans for q in fan.quarters]
    first, last = min(span), max(span)
    axes, alike = share_axes([_extent(*pair) for pair in zip(marks, fans, strict=True)])
    breaks = _breaks(history, first, last)
    panels = tuple(
        Panel(
            provider=clean(provider) or "(no name)",
            headline=_forecast_headline(forecast, k),
            marks=marks[k],
            fan=fans[k],
            axis=axes[k],
            end_label=per_cent(float(forecast.mean[-1, k])) if fans[k].quarters[-1] == last else "",
            readouts=_readouts(first, last, marks[k], forecast, k),
        )
        for k, provider in enumerate(forecast.providers)
    )
    return Sheet(
        title=_title(title, forecast.market, f"{counted(forecast.horizon, 'quarter')} from {forecast.origin}"),
        subtitle=_forecast_subtitle(forecast),
        panels=panels,
        first=first,
        last=last,
        origin=forecast.origin,
        breaks=tuple(quarter for quarter, _ in breaks),
        levels=tuple(reversed(forecast.levels)),
        statuses=_statuses(history),
        notes=(
            *_origin_notes(history, forecast),
            _model_note(forecast.provenance),
            *_break_notes(breaks),
            _scale_note(alike=alike),
        ),
        warnings=tuple(map(clean, (*forecast.warnings, *forecast.provenance.notes))),
        table=_forecast_table(forecast),
    )


def history_sheet(history: History, /, *, title: str | None = None) -> Sheet:
    """What to draw of a history."""
    marks = [_marks(history, k) for k in range(len(history.providers))]
    span = [mark.quarter for series in marks for mark in series] or list(history.quarters)
    first, last = min(span), max(span)
    axes, alike = share_axes([_extent(series, None) for series in marks])
    breaks = _breaks(history, first, last)
    panels = tuple(
        Panel(
            provider=clean(provider) or "(no name)",
            headline=_history_headline(marks[k]),
            marks=marks[k],
            fan=None,
            axis=axes[k],
            end_label=per_cent(marks[k][-1].share) if marks[k] and marks[k][-1].quarter == last else "",
            readouts=_readouts(first, last, marks[k], None, k),
        )
        for k, provider in enumerate(history.providers)
    )
    return Sheet(
        title=_title(title, history.market, f"{first} to {last}"),
        subtitle=f"Share of the market, rebuilt from what {_house(history.house)} published.",
        panels=panels,
        first=first,
        last=last,
        origin=None,
        breaks=tuple(quarter for quarter, _ in breaks),
        levels=(),
        statuses=_statuses(history),
        notes=(*_source_notes(history), *_rest_notes(history), *_break_notes(breaks), _scale_note(alike=alike)),
        warnings=tuple(map(clean, history.warnings)),
        table=_history_table(history),
    )


def _as_forecast(history: History | None, providers: Sequence[str]) -> History | None:
    """The history with Others made of the same providers as the Others of the forecast.

    A history counts in Others whoever is unknown in a quarter; a forecast counts there whoever it does not follow.
    Left as it is, the fan of Others would start away from its own past.
    """
    if history is None or history.providers[-1] not in providers:
        return history
    kept = [k for k, provider in enumerate(history.providers[:-1]) if provider in providers]
    rest = [k for k in range(len(history.providers)) if k not in kept]
    status = tuple((*(row[k] for k in kept), _status_of_rest(row, kept, rest)) for row in history.status)
    unknown = np.array([row[-1] is Status.UNKNOWN for row in status])
    share, sd = history.smoothed[:, rest].sum(axis=1), _sd_of_rest(history, kept, rest)
    return replace(
        history,
        providers=(*(history.providers[k] for k in kept), history.providers[-1]),
        share=_with_rest(history.share[:, kept], np.where(unknown, np.nan, share)),
        sd=_with_rest(history.sd[:, kept], np.where(unknown, np.nan, sd)),
        status=status,
        smoothed=_with_rest(history.smoothed[:, kept], share),
        smoothed_sd=_with_rest(history.smoothed_sd[:, kept], sd),
        draws=None,
        sources=(),
    )


def _status_of_rest(row: Sequence[Status], kept: Sequence[int], rest: Sequence[int]) -> Status:
    if row[-1] is not Status.UNKNOWN and any(row[k] is Status.UNKNOWN for k in kept):
        return Status.INFERRED  # what was published counts more providers in
    if row[-1] is Status.REPORTED and any(row[k] is not Status.UNKNOWN for k in rest[:-1]):
        return Status.COMBINED  # the sum of what was published
    return row[-1]


def _sd_of_rest(history: History, kept: Sequence[int], rest: Sequence[int]) -> FloatArray:
    """Standard deviation (T,) of the sum of some shares: of its draws, or about that of either half of the whole."""
    if history.draws is not None and len(history.draws) > 1:
        return np.asarray(history.draws[:, :, rest].sum(axis=2).std(axis=0, ddof=1))
    halves = [np.sqrt((history.smoothed_sd[:, half] ** 2).sum(axis=1)) for half in (kept, rest) if len(half)]
    return np.asarray(np.minimum.reduce(halves))


def _with_rest(columns: FloatArray, rest: FloatArray) -> FloatArray:
    return np.asarray(np.column_stack([columns, rest]))


def _marks(history: History | None, column: int | None) -> tuple[Mark, ...]:
    if history is None or column is None:
        return ()
    reach = NormalDist().inv_cdf((1 + INFERRED_LEVEL) / 2)
    marks = []
    for t, quarter in enumerate(history.quarters):
        share, status = float(history.share[t, column]), history.status[t][column]
        if status is Status.UNKNOWN or not isfinite(share):
            continue
        sd = float(history.sd[t, column])
        spread = reach * sd if isfinite(sd) else 0.0
        marks.append(Mark(quarter, share, status, max(0.0, share - spread), min(1.0, share + spread)))
    return tuple(marks)


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


def _named_level(forecast: Forecast) -> int:
    return min(range(len(forecast.levels)), key=lambda n: abs(forecast.levels[n] - NAMED_LEVEL))


def _forecast_headline(forecast: Forecast, k: int) -> str:
    n = _named_level(forecast)
    bounds = per_cent_range(float(forecast.lower[n, -1, k]), float(forecast.upper[n, -1, k]))
    mean = per_cent(float(forecast.mean[-1, k]))
    return f"{mean} in {forecast.periods[-1]}, {level_text(forecast.levels[n])}: {bounds}"


def _history_headline(marks: Sequence[Mark]) -> str:
    if not marks:
        return "nothing published"
    return f"{per_cent(marks[-1].share)} in {marks[-1].quarter}, {marks[-1].status}"


def _readouts(
    first: Quarter, last: Quarter, marks: Iterable[Mark], forecast: Forecast | None, k: int
) -> tuple[str, ...]:
    texts = {mark.quarter: _mark_text(mark) for mark in marks}
    if forecast is not None:
        for h, quarter in enumerate(forecast.periods):
            bounds = (
                f"{level_text(level)}: {per_cent_range(float(forecast.lower[n, h, k]), float(forecast.upper[n, h, k]))}"
                for n, level in enumerate(forecast.levels)
            )
            texts[quarter] = f"{quarter} mean {per_cent(float(forecast.mean[h, k]))}; {'; '.join(bounds)}"
    return tuple(texts.get(first + n, "") for n in range(last - first + 1))


def _mark_text(mark: Mark) -> str:
    tail = f", {level_text(INFERRED_LEVEL)}: {per_cent_range(mark.low, mark.high)}"
    return f"{mark.quarter} {per_cent(mark.share)}, {mark.status}{'' if mark.status is Status.REPORTED else tail}"


def _title(given: str | None, market: str, span: str) -> str:
    if given is not None:
        return clean(given)
    return f"{clean(MARKET_NAMES.get(market, market)) or 'Market'}: provider shares, {span}"


def _house(house: str) -> str:
    return clean(HOUSE_NAMES.get(house, house)) or "the table given"


def _forecast_subtitle(forecast: Forecast) -> str:
    levels = listed([level_text(level) for level in forecast.levels])
    noun = "interval" if len(forecast.levels) == 1 else "intervals"
    return f"Share of the market: mean forecast with {levels} prediction {noun}."


def _origin_notes(history: History | None, forecast: Forecast) -> tuple[str, ...]:
    if history is not None:
        return _source_notes(history)
    notes = [f"Source: {_house(forecast.house)}."]
    if forecast.as_of is not None:
        notes.append(f"Published as of {day(forecast.as_of)}.")
    return tuple(notes)


def _source_notes(history: History) -> tuple[str, ...]:
    source = clean(history.source_line).rstrip(".") or _house(history.house)
    source = source.removeprefix("Source:").strip()
    seen = f"Published as of {day(history.as_of)}" if history.as_of else "All published figures"
    newest = f"; the newest figure used is of {day(history.vintage)}" if history.vintage else ""
    used = f"; {counted(history.figures_used, 'figure')} used" if history.figures_used else ""
    return f"Source: {source}.", f"{seen}{newest}{used}."


def _model_note(provenance: ModelProvenance) -> str:
    used = listed(
        [clean(f"{name} {weight:.0%}".replace("%", "\N{NO-BREAK SPACE}%")) for name, weight in provenance.used] or [""]
    )
    if len(provenance.used) == 1:
        used = clean(provenance.used[0][0])
    model = clean(provenance.model)
    made = f" ({used})" if used and used != model else ""
    prior = f", prior {clean(provenance.prior)}" if provenance.prior else ""
    return f"Model: {model}{made}, Sharecast {clean(provenance.version)}{prior}, seed {provenance.seed}."


def _break_notes(breaks: Iterable[tuple[Quarter, str]]) -> tuple[str, ...]:
    return tuple(f"Series break at {quarter}: {clean(text).rstrip('.') or 'declared'}." for quarter, text in breaks)


def _rest_notes(history: History) -> tuple[str, ...]:
    rest = history.providers[-1]
    if rest != OTHERS or not any(Status.UNKNOWN in row[:-1] for row in history.status):
        return ()
    return (f"{OTHERS} takes in whoever is unknown in a quarter.",)


def _scale_note(*, alike: bool) -> str:
    if alike:
        return (
            "Every panel spans the same number of points, so slopes and bands compare; scales need not start at zero."
        )
    return "Each panel has its own scale, which need not start at zero."


def _forecast_table(forecast: Forecast) -> Table:
    bounds = tuple(f"{level_text(level)} interval" for level in forecast.levels)
    rows = tuple(
        (
            str(quarter),
            clean(provider),
            per_cent(float(forecast.mean[h, k])),
            per_cent(float(forecast.median[h, k])),
            *(
                per_cent_range(float(forecast.lower[n, h, k]), float(forecast.upper[n, h, k]))
                for n in range(len(forecast.levels))
            ),
        )
        for h, quarter in enumerate(forecast.periods)
        for k, provider in enumerate(forecast.providers)
    )
    return Table(("Quarter", "Provider", "Mean", "Median", *bounds), rows)


def _history_table(history: History) -> Table:
    rows = tuple(
        (
            str(quarter),
            clean(provider),
            per_cent(float(history.share[t, k])) if isfinite(history.share[t, k]) else "",
            f"{history.sd[t, k] * 100:.2f}" if isfinite(history.sd[t, k]) else "",
            str(history.status[t][k]),
        )
        for t, quarter in enumerate(history.quarters)
        for k, provider in enumerate(history.providers)
    )
    return Table(("Quarter", "Provider", "Share", "Standard deviation, points", "Status"), rows)
