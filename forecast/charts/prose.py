"""What a sheet says in words: titles, headlines, readouts, notes, and the numbers as a table."""

from collections.abc import Iterable, Sequence
from math import isfinite

from forecast.charts.past import INFERRED_LEVEL
from forecast.charts.sheet import Mark, Table
from forecast.charts.wording import (
    HOUSE_NAMES,
    MARKET_NAMES,
    NBSP,
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


def sheet_title(given: str | None, market: str, span: str) -> str:
    """The title given, or one made of the market and what the sheet spans."""
    if given is not None:
        return clean(given)
    return f"{clean(MARKET_NAMES.get(market, market)) or 'Market'}: provider shares, {span}"


def house_name(house: str) -> str:
    """A research house as people write it."""
    return clean(HOUSE_NAMES.get(house, house)) or "the table given"


def forecast_subtitle(forecast: Forecast) -> str:
    """What the bands of a forecast are."""
    levels = listed([level_text(level) for level in forecast.levels])
    noun = "interval" if len(forecast.levels) == 1 else "intervals"
    return f"Share of the market: mean forecast with {levels} prediction {noun}."


def _named_level(forecast: Forecast) -> int:
    return min(range(len(forecast.levels)), key=lambda n: abs(forecast.levels[n] - NAMED_LEVEL))


def forecast_headline(forecast: Forecast, k: int) -> str:
    """Mean and interval of provider `k` in the last quarter."""
    n = _named_level(forecast)
    bounds = per_cent_range(float(forecast.lower[n, -1, k]), float(forecast.upper[n, -1, k]))
    mean = per_cent(float(forecast.mean[-1, k]))
    return f"{mean} in {forecast.periods[-1]}, {level_text(forecast.levels[n])}: {bounds}"


def history_headline(marks: Sequence[Mark]) -> str:
    """The latest share known."""
    if not marks:
        return "nothing published"
    return f"{per_cent(marks[-1].share)} in {marks[-1].quarter}, {marks[-1].status}"


def readouts(
    first: Quarter, last: Quarter, marks: Iterable[Mark], forecast: Forecast | None, k: int
) -> tuple[str, ...]:
    """What is known of provider `k` in each quarter of a sheet; empty where nothing is."""
    texts = {mark.quarter: _mark_text(mark) for mark in marks}
    if forecast is not None:
        for h, quarter in enumerate(forecast.periods):
            bounds = (
                f"{level_text(level)}:{NBSP}{per_cent_range(float(low[h, k]), float(high[h, k]))}"
                for level, low, high in zip(forecast.levels, forecast.lower, forecast.upper, strict=True)
            )
            texts[quarter] = f"{quarter} mean {per_cent(float(forecast.mean[h, k]))}; {'; '.join(bounds)}"
    return tuple(texts.get(first + n, "") for n in range(last - first + 1))


def _mark_text(mark: Mark) -> str:
    tail = f", {level_text(INFERRED_LEVEL)}:{NBSP}{per_cent_range(mark.low, mark.high)}"
    return f"{mark.quarter} {per_cent(mark.share)}, {mark.status}{'' if mark.status is Status.REPORTED else tail}"


def origin_notes(history: History | None, forecast: Forecast) -> tuple[str, ...]:
    """Source and vintage of a forecast."""
    if history is not None:
        return source_notes(history)
    notes = [f"Source: {house_name(forecast.house)}."]
    if forecast.as_of is not None:
        notes.append(f"Published as of {day(forecast.as_of)}.")
    return tuple(notes)


def source_notes(history: History) -> tuple[str, ...]:
    """Source and vintage of a history."""
    source = clean(history.source_line).rstrip(".") or house_name(history.house)
    source = source.removeprefix("Source:").strip()
    seen = f"Published as of {day(history.as_of)}" if history.as_of else "All published figures"
    newest = f"; the newest figure used is of {day(history.vintage)}" if history.vintage else ""
    used = f"; {counted(history.figures_used, 'figure')} used" if history.figures_used else ""
    return f"Source: {source}.", f"{seen}{newest}{used}."


def model_note(provenance: ModelProvenance) -> str:
    """Model, version, prior and seed."""
    used = listed([clean(f"{name} {per_cent(weight, 0)}") for name, weight in provenance.used] or [""])
    if len(provenance.used) == 1:
        used = clean(provenance.used[0][0])
    model = clean(provenance.model)
    made = f" ({used})" if used and used != model else ""
    prior = f", prior {clean(provenance.prior)}" if provenance.prior else ""
    return f"Model: {model}{made}, Sharecast {clean(provenance.version)}{prior}, seed {provenance.seed}."


def break_notes(breaks: Iterable[tuple[Quarter, str]]) -> tuple[str, ...]:
    """What changed at each break."""
    return tuple(f"Series break at {quarter}: {clean(text).rstrip('.') or 'declared'}." for quarter, text in breaks)


def rest_notes(history: History) -> tuple[str, ...]:
    """What Others means where some providers are unknown."""
    rest = history.providers[-1]
    if rest != OTHERS or not any(Status.UNKNOWN in row[:-1] for row in history.status):
        return ()
    return (f"{OTHERS} takes in whoever is unknown in a quarter.",)


def scale_note(*, alike: bool) -> str:
    """How the scales of the panels compare."""
    if alike:
        return (
            "Every panel spans the same number of points, so slopes and bands compare; scales need not start at zero."
        )
    return "Each panel has its own scale, which need not start at zero."


def forecast_table(forecast: Forecast) -> Table:
    """The forecast in numbers."""
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


def history_table(history: History) -> Table:
    """The history in numbers."""
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
