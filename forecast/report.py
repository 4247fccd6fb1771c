"""One page about one market: its forecast, what follows, what changed, how good forecasts were, what is doubted.

The page is a single HTML file that loads nothing and reads on a phone, on paper and without a network.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import polars as pl

from forecast.backtest import backtest_figures
from forecast.charts import Section, Table, calibration_chart, fan_page
from forecast.diff import Effect, ForecastDiff, NewStatement, change_text, forecast_changes, is_seen
from forecast.errors import InvalidArgument, NotEnoughData
from forecast.events import Event, Leads, Limit, Overtakes, TopChanges, When, concentration, event_probability, ranks
from forecast.figures import known_as_of
from forecast.forecasting import forecast_history
from forecast.grammar import Sign
from forecast.history import reconstruct
from forecast.listing import doubtful_figures, select_figures
from forecast.name_changes import NameChange
from forecast.results import Forecast, History, level_name
from forecast.revenue import Revenue, forecast_revenue
from forecast.scorecard import REFERENCE, Backtest
from forecast.totals import YEAR
from forecast.wording import named, per_cent, points_text, probability_text, value_text, whom

CALIBRATION_LEVELS = (0.5, 0.8, 0.95)
_RIVALS = 4  # providers, the largest ones, among whom overtaking is asked
_TOLD = 12  # new statements and doubted cells at most; the rest is counted


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """What a page is made of."""

    forecast: Forecast  # with draws and history
    changes: ForecastDiff | None  # since the quarter before; None: too little was known then
    backtest: Backtest | None  # None: too little was known at every earlier origin
    doubtful: pl.DataFrame  # figures that contradict each other, columns of `forecast.figures.CURATED_SCHEMA`
    revenue: Revenue | None = None  # None: the house publishes no totals of this market

    def to_html(self) -> bytes:
        """The page, UTF-8."""
        return fan_page(self.forecast, tuple(self._sections()))

    def _sections(self) -> Iterator[Section]:
        yield _league(self.forecast)
        yield _events(self.forecast)
        if self.revenue is not None:
            yield _revenue(self.revenue)
        yield _changes(self.changes)
        yield _accuracy(self.forecast, self.backtest)
        yield _doubts(self.forecast.history, self.doubtful)
        yield _provenance(self.forecast)


def make_report(
    figures: pl.DataFrame,
    breaks: pl.DataFrame,
    *,
    market: str,
    house: str = "canalys",
    as_of: date | None = None,
    horizon: int = 8,
    levels: Sequence[float] = (0.5, 0.8, 0.95),
    model: str = "auto",
    seed: int = 0,
    origins: int = 12,
    name_changes: Sequence[NameChange] = (),
) -> Report:
    """Forecast a market, look at what changed since the quarter before, and at how good its forecasts were.

    Args:
        figures: Curated figures, as `forecast.figures.load_figures` returns them.
        breaks: Declared series breaks, as `forecast.figures.load_breaks` returns them.
        market: Name of the market.
        house: The research house's series.
        as_of: Only what was published on or before this day counts; None: everything.
        horizon: Quarters ahead, 1 to 40.
        levels: Nominal levels of the intervals, each in (0, 1).
        model: One of `forecast.forecasting.MODELS`.
        seed: Of the draws.
        origins: Of the backtest, the latest ones.
        name_changes: Declared changes of providers' names, of any markets and houses.

    Raises:
        InvalidArgument, NotFound, NotEnoughData: as `reconstruct` and `forecast_history`.
    """
    known = known_as_of(figures, as_of)
    history = reconstruct(figures, breaks, market=market, house=house, as_of=as_of, name_changes=name_changes)
    made = forecast_history(history, horizon=horizon, levels=levels, model=model, seed=seed, keep_draws=True)
    mine = select_figures(known, market=market, house=house)
    return Report(
        made,
        _since_the_quarter_before(known, breaks, made, horizon=horizon, model=model, seed=seed),
        _backtest(known, breaks, made, origins=origins, horizon=horizon, model=model, seed=seed),
        doubtful_figures(mine),
        _sold(made, known, seed=seed),
    )


def _sold(made: Forecast, figures: pl.DataFrame, *, seed: int) -> Revenue | None:
    try:
        return forecast_revenue(made, figures, seed=seed)
    except (NotEnoughData, InvalidArgument):
        return None  # no totals, or none for ten years


def _since_the_quarter_before(
    figures: pl.DataFrame, breaks: pl.DataFrame, made: Forecast, *, horizon: int, model: str, seed: int
) -> ForecastDiff | None:
    """From the day before the first figure of the newest quarter came out, to the newest figure."""
    history = made.history
    assert history is not None and history.vintage is not None  # made from figures
    newest = figures.filter(
        pl.col("market") == made.market, pl.col("house") == made.house, pl.col("period") == str(made.origin)
    )["published_at"].min()
    if not isinstance(newest, date) or newest > history.vintage:
        return None
    try:
        return forecast_changes(
            figures,
            breaks,
            market=made.market,
            house=made.house,
            earlier=newest - timedelta(days=1),
            later=history.vintage,
            horizon=horizon,
            model=model,
            seed=seed,
            name_changes=history.name_changes,
        )
    except (NotEnoughData, InvalidArgument):
        return None  # the first quarter of all, or one after a long silence


def _backtest(
    figures: pl.DataFrame, breaks: pl.DataFrame, made: Forecast, *, origins: int, horizon: int, model: str, seed: int
) -> Backtest | None:
    try:
        return backtest_figures(
            figures,
            breaks,
            market=made.market,
            house=made.house,
            origins=origins,
            horizon=horizon,
            levels=CALIBRATION_LEVELS,
            models=tuple(dict.fromkeys((model, REFERENCE))),
            seed=seed,
            name_changes=() if made.history is None else made.history.name_changes,
        )
    except NotEnoughData:
        return None


def _league(made: Forecast) -> Section:
    order = ranks(made)
    assert made.latest is not None  # `ranks` has looked
    n, last = len(made.levels) - 1, made.horizon - 1
    widest = f"{level_name(made.levels[n])} %"
    rows = []
    for place in sorted(range(len(order.providers)), key=lambda i: order.latest[i]):
        name = order.providers[place]
        k = made.providers.index(name)
        rows.append(
            (
                f"{order.latest[place]:.0f}",
                name,
                per_cent(made.latest[k]),
                per_cent(made.mean[last, k]),
                f"{per_cent(made.lower[n, last, k])} to {per_cent(made.upper[n, last, k])}",
                f"{order.expected[last, place]:.1f}",
                probability_text(float(order.first[last, place]), _draws(made)),
            )
        )
    index = concentration(made)
    then = made.periods[last]
    columns = (
        "rank", "provider", str(made.origin), f"{then}, mean", widest, f"expected rank {then}", f"leads in {then}",
    )  # fmt: skip
    text = (
        f"Concentration (Herfindahl-Hirschman index of the named providers): {index.latest:.3f} in {made.origin}, "
        f"{index.mean[last]:.3f} expected in {then}, {widest} interval {index.lower[n][last]:.3f} to "
        f"{index.upper[n][last]:.3f}."
    )
    return Section("League table", (text,), Table(columns, tuple(rows)))


def _events(made: Forecast) -> Section:
    latest = made.latest
    assert latest is not None
    companies = named(made.providers)
    largest = [made.providers[k] for k in sorted(companies, key=lambda k: -latest[k])][:_RIVALS]
    then = made.periods[-1]
    asked = [Event(Overtakes(b, a), When.BY, then) for a, b in pairwise(largest)]
    if largest:
        asked.append(Event(Leads(largest[0]), When.THROUGH, then))
        today = round(float(latest[made.providers.index(largest[0])]), 2)
        asked.append(Event(Limit((largest[0],), Sign.ABOVE, today), When.IN, then))
    if len(companies) > 3:
        asked.append(Event(TopChanges(3), When.BY, then))
    found = [event_probability(made, event) for event in asked]
    rows = tuple((str(e.event), probability_text(e.probability, e.draws), e.reference) for e in found)
    text = (
        f"Shares of {_draws(made):,} joint futures; by means in at least one quarter up to then, through in every one."
    )
    return Section("How probable it is", (text,), Table(("event", "probability", "at the origin"), rows))


def _revenue(found: Revenue) -> Section:
    n, last = len(found.levels) - 1, len(found.periods) - 1
    widest = f"{found.levels[n]:.0%}".replace("%", " %")
    year = min(YEAR, len(found.periods)) - 1
    amounts, growth = found.amounts, found.growths
    digits = 1 if amounts.mean[0, -1] >= 100.0 else 2
    before = found.past[found.totals.quarters.index(found.origin)] if found.origin in found.totals.quarters else None
    rows = []
    for k, name in enumerate((*found.providers, "Market")):
        grew = growth.median[year, k]
        known = before is not None and np.isfinite(before[k])
        rows.append(
            (
                name,
                f"{before[k]:,.{digits}f}" if before is not None and known else "",
                f"{amounts.mean[year, k]:,.{digits}f}",
                f"{100 * grew:+.0f} %" if np.isfinite(grew) else "",
                f"{amounts.mean[last, k]:,.{digits}f}",
                f"{amounts.lower[n, last, k]:,.{digits}f} to {amounts.upper[n, last, k]:,.{digits}f}",
            )
        )
    soon, then = found.periods[year], found.periods[last]
    columns = ("provider", str(found.origin), f"{soon}, mean", "growth over a year", f"{then}, mean", widest)
    text = (
        f"Share times the market's total, which is forecast as well; {found.unit} a quarter. Shares and market size "
        "are simulated independently."
    )
    return Section(
        "What providers sell",
        (text,),
        Table(columns, tuple(rows)),
        found.plot().draw("svg"),
        "Amounts of every provider and of the market, past and forecast",
    )


def _provenance(made: Forecast) -> Section:
    # Last, so that source, vintage and model, which stand below every chart, follow it.
    digest = "" if made.history is None else made.history.content_hash
    return Section("Provenance", (f"SHA-256 of the figures used: {digest}",) if digest else ())


def _changes(changes: ForecastDiff | None) -> Section:
    title = "What changed since the quarter before"
    if changes is None:
        return Section(title, ("Too little was known then to compare with.",))
    text = f"From {changes.earlier} to {changes.later}: {change_text(changes.change)}."
    told = [statement for statement in changes.statements if is_seen(statement.effect)]
    rows = tuple(
        (
            statement.period,
            " + ".join(statement.providers),
            statement.measure,
            _values(statement),
            str(statement.published_at),
            ", ".join(statement.publishers[:2]) or "unknown",
            _effect(statement.effect),
        )
        for statement in told[:_TOLD]
    )
    notes = [text]
    if changes.statements:
        less, silent = len(told) - len(rows), len(changes.statements) - len(told)
        notes.append(
            "The effect of a statement, in points at most, is found by forecasting without it; effects do not add up."
            + (f" {less} more with a smaller effect do not stand here." if less else "")
            + (f" {silent} more changed it by less than 0.01 points." if silent else "")
        )
    columns = ("period", "of", "measure", "stated", "published", "by", "effect")
    return Section(title, tuple(notes), Table(columns, rows) if rows else None)


def _values(told: NewStatement) -> str:
    stated = zip(told.values, told.qualifiers, told.decimals, strict=True)
    return ", ".join(value_text(value, told.measure, told.unit, how, decimals) for value, how, decimals in stated)


def _effect(effect: Effect | None) -> str:
    return "no forecast without it" if effect is None else f"{points_text(effect.largest)} ({effect.provider})"


def _accuracy(made: Forecast, found: Backtest | None) -> Section:
    title = "How good forecasts of this market have been"
    elsewhere = ""
    if made.provenance.measured_coverage:
        held = ", ".join(
            f"{level_name(level)} % held {100 * share:.0f} %"
            for level, share in zip(made.levels, made.provenance.measured_coverage, strict=True)
        )
        elsewhere = f"On real markets that nothing was learned from, intervals of {held}."
    if found is None:
        return Section(title, ("There is no earlier origin with something to score on.", *filter(None, [elsewhere])))
    rows = []
    for model in found.models:
        scores = [found.find("wis", model=model), found.find("mae", model=model), found.find("wis_skill", model=model)]
        wis, mae, skill = (None if score is None else score.value for score in scores)
        coverage = [found.find("coverage", model=model, level=level) for level in found.levels]
        rows.append(
            (
                model,
                "" if wis is None else f"{wis:.2f}",
                "" if mae is None else f"{mae:.2f}",
                "" if skill is None or model == REFERENCE else f"{100 * skill:+.0f} %",
                " / ".join("" if c is None else f"{100 * c.value:.0f}" for c in coverage),
            )
        )
    levels = " / ".join(f"{100 * level:g}" for level in found.levels)
    columns = ("model", "WIS, points", "MAE, points", "skill against naive", f"coverage of {levels} %, %")
    text = (
        f"{found.forecasts} origins from {found.first_origin} to {found.last_origin}, each forecast from what had been "
        "published by then. WIS is the weighted interval score; smaller is better."
    )
    return Section(
        title,
        tuple(filter(None, (text, elsewhere))),
        Table(columns, tuple(rows)),
        calibration_chart(found, format="svg"),
        "Nominal level against measured coverage of each model, and coverage by quarters ahead",
    )


def _doubts(history: History | None, doubtful: pl.DataFrame) -> Section:
    doubts = () if history is None else tuple(f"{str(doubt)[:1].upper()}{str(doubt)[1:]}." for doubt in history.doubts)
    shown = doubtful.head(4 * _TOLD)
    rows = tuple(
        (
            row["period"],
            whom(row["providers"]),
            row["measure"],
            value_text(row["value"], row["measure"], row["unit"], row["qualifier"], row["decimals"]),
            str(row["published_at"]),
            row["publisher"] or "",
            row["mark"],
        )
        for row in shown.iter_rows(named=True)
    )
    rest = doubtful.height - shown.height
    said = f"{doubtful.height} published figures contradict each other" if doubtful.height else "No figures contradict"
    text = (
        f"{said}{f'; the first {shown.height} stand here' if rest else ''}." if doubtful.height else f"{said} others."
    )
    table = Table(("period", "of", "measure", "stated", "published", "by", "mark"), rows) if rows else None
    return Section("Doubts in the figures", (*doubts, text), table)


def _draws(made: Forecast) -> int:
    return 0 if made.draws is None else len(made.draws)
