"""Rolling origins: forecast from what was known at each date, and score what came.

At an origin a model sees only what had been published by then; where figures carry their dates, restatements that came
later are not seen. The prior of the model of record is the one given, which may have been learned from later years of
other markets. Every model is scored on the same cells: those whose share was later reported or followed from a stated
sum. What is scored are the joint draws and their summaries; the means and intervals that the model of record computes
without draws agree with them within sampling error. `forecast.scorecard` says what the scores measure.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial

import numpy as np
import polars as pl

from forecast.arrays import FloatArray
from forecast.brought import TableLike, read_table
from forecast.errors import InvalidArgument, InvalidTable, NotEnoughData, SharecastError
from forecast.forecasting import check_request, check_seed, forecast_history, forecast_shares
from forecast.history import reconstruct
from forecast.models.base import FEWEST_QUARTERS
from forecast.name_changes import NameChange, Names
from forecast.quarter import Quarter
from forecast.results import OTHERS, Forecast, History, Status
from forecast.scorecard import REFERENCE, Backtest, BacktestProgress, Skipped
from forecast.shares import SharesTable
from forecast.tally import Tally, score_forecast, score_rows

DEFAULT_ORIGINS = 12
DEFAULT_LEVELS = (0.5, 0.8, 0.95)
DEFAULT_MODELS = ("auto", REFERENCE)
MOST_ORIGINS = 400  # a century of quarters


def backtest_figures(
    figures: pl.DataFrame,
    breaks: pl.DataFrame,
    *,
    market: str,
    house: str = "canalys",
    origins: int = DEFAULT_ORIGINS,
    horizon: int = 8,
    levels: Sequence[float] = DEFAULT_LEVELS,
    models: Sequence[str] = DEFAULT_MODELS,
    seed: int = 0,
    progress: Callable[[BacktestProgress], None] | None = None,
    name_changes: Sequence[NameChange] = (),
) -> Backtest:
    """Backtest one market as one research house tells it.

    An origin is a quarter that, on the day its first share figure came out, was the newest one with any; the history is
    rebuilt as of that day. The truth is the history rebuilt from every figure: cells that are reported or combined, and
    `Others` where every provider the forecast follows is.

    Args:
        figures: Curated figures, as `forecast.figures.load_figures` returns them.
        breaks: Declared series breaks.
        market: Name of the market.
        house: The research house's series.
        origins: How many, the latest ones after which something is known; 1 to 400.
        horizon: Quarters ahead, 1 to 40.
        levels: Nominal levels of the intervals and bands, each in (0, 1); at least one.
        models: Names of models; skill is measured where `naive` is among them.
        seed: Of the draws.
        progress: Called after every origin.
        name_changes: Declared changes of providers' names, of any markets and houses. They apply at every origin,
            whenever they became known: what is forecast and what came are of the same providers.

    Raises:
        InvalidArgument, NotFound: as `forecast.forecasting.check_request` and `forecast.history.reconstruct`.
        NotEnoughData: no origin could be scored.
    """
    steps = backtest_figures_steps(
        figures,
        breaks,
        market=market,
        house=house,
        origins=origins,
        horizon=horizon,
        levels=levels,
        models=models,
        seed=seed,
        name_changes=name_changes,
    )
    return _last(steps, progress)


def backtest_figures_steps(
    figures: pl.DataFrame,
    breaks: pl.DataFrame,
    *,
    market: str,
    house: str = "canalys",
    origins: int = DEFAULT_ORIGINS,
    horizon: int = 8,
    levels: Sequence[float] = DEFAULT_LEVELS,
    models: Sequence[str] = DEFAULT_MODELS,
    seed: int = 0,
    name_changes: Sequence[NameChange] = (),
) -> Iterator[BacktestProgress | Backtest]:
    """`backtest_figures` step by step: progress after every origin, and last the scores.

    Arguments are checked when the first step is asked for; nothing is done between two steps.
    """
    plan = _Plan.checked(origins=origins, horizon=horizon, levels=levels, models=models, seed=seed)
    names = Names.known(name_changes, market=market, house=house)
    always = tuple(replace(change, published_at=None) for change in names.changes)
    latest = reconstruct(figures, breaks, market=market, house=house, name_changes=always)
    chosen = figures.filter(pl.col("market") == market, pl.col("house") == house)

    def case(origin: Quarter, as_of: date) -> _Case:
        def forecasts() -> Iterator[tuple[Forecast, FloatArray]]:
            history = reconstruct(chosen, breaks, market=market, house=house, as_of=as_of, name_changes=always)
            for model in plan.models:
                made = forecast_history(
                    history, horizon=plan.horizon, levels=plan.levels, model=model, seed=plan.seed, keep_draws=True
                )
                yield made, _came_in_history(latest, made)

        return _Case(market, origin, forecasts)

    found = _figure_origins(chosen, latest, plan)
    if not found:
        raise NotEnoughData(market, len(_newest_when_told(chosen)), FEWEST_QUARTERS + 1, "each told of before the next")
    notes = [
        f"the series breaks before {quarter} ({change.rstrip('.')}), which no forecast from before it could know"
        for quarter, change in latest.breaks
        if quarter > found[0][0]
    ]
    yield from _run([case(*origin) for origin in found], plan, house=house, skipped=(), notes=tuple(notes))


def backtest_shares(
    shares: "SharesTable | TableLike",
    *,
    origins: int = DEFAULT_ORIGINS,
    horizon: int = 8,
    levels: Sequence[float] = DEFAULT_LEVELS,
    models: Sequence[str] = DEFAULT_MODELS,
    seed: int = 0,
    progress: Callable[[BacktestProgress], None] | None = None,
) -> Backtest:
    """Backtest every market of a shares table.

    An origin is a quarter with a share; the table is cut after it. A shares table has no dates of publication, so a
    share restated later is seen at every origin.

    Args:
        shares: As `forecast.forecasting.forecast_shares` takes it, of one market or many.
        origins: How many per market, the latest ones after which something is known; 1 to 400.
        horizon: As in `backtest_figures`, and so are the other arguments and the errors.
        levels: Nominal levels.
        models: Names of models.
        seed: Of the draws.
        progress: Called after every origin.
    """
    steps = backtest_shares_steps(shares, origins=origins, horizon=horizon, levels=levels, models=models, seed=seed)
    return _last(steps, progress)


def backtest_shares_steps(
    shares: "SharesTable | TableLike",
    *,
    origins: int = DEFAULT_ORIGINS,
    horizon: int = 8,
    levels: Sequence[float] = DEFAULT_LEVELS,
    models: Sequence[str] = DEFAULT_MODELS,
    seed: int = 0,
) -> Iterator[BacktestProgress | Backtest]:
    """`backtest_shares` step by step: progress after every origin, and last the scores.

    Arguments are checked when the first step is asked for; nothing is done between two steps.
    """
    plan = _Plan.checked(origins=origins, horizon=horizon, levels=levels, models=models, seed=seed)

    read = shares if isinstance(shares, SharesTable) else read_table(shares)
    if read.broken:
        raise InvalidTable(read.table, read.violations, read.broken)
    shares = read.shares

    def forecasts(rows: pl.DataFrame, origin: Quarter) -> Iterator[tuple[Forecast, FloatArray]]:
        seen = SharesTable.checked(rows.filter(pl.col("period") <= str(origin)))  # texts sort as quarters do
        for model in plan.models:
            made = forecast_shares(
                seen, horizon=plan.horizon, levels=plan.levels, model=model, seed=plan.seed, keep_draws=True
            )
            yield made, _came_in_shares(rows, made)

    cases: list[_Case] = []
    skipped: list[Skipped] = []
    late: dict[str, list[str]] = {}
    for (name,), rows in shares.group_by("market", maintain_order=True):
        market = str(name)
        reported = rows.filter(pl.col("share").is_not_null())
        quarters = [Quarter.parse(period) for period in reported["period"].unique().sort()]
        found = _with_something_after(quarters, quarters[FEWEST_QUARTERS - 1 :], plan)
        if not found:
            short = NotEnoughData(market, len(quarters), FEWEST_QUARTERS + 1, "to be backtested")
            skipped.append(Skipped(market, None, str(short)))
            continue
        if entered := _entering_after(reported, found[0]):
            late[market] = entered
        cases += [_Case(market, origin, partial(forecasts, rows, origin)) for origin in found]
    if not cases:
        market = str(shares["market"][0])
        quarters_found = shares.filter(pl.col("market") == market, pl.col("share").is_not_null())["period"].n_unique()
        raise NotEnoughData(market, quarters_found, FEWEST_QUARTERS + 1, "to be backtested")
    notes = [f"{market}: {note}" for market, note in read.notes.iter_rows()]
    notes += [
        f"{market}: {', '.join(names)} entered after the first origin: not scored at origins that could not know of it"
        for market, names in late.items()
    ]
    yield from _run(cases, plan, house="", skipped=tuple(skipped), notes=tuple(notes))


@dataclass(frozen=True, slots=True)
class _Plan:
    origins: int
    horizon: int
    levels: tuple[float, ...]  # ascending
    models: tuple[str, ...]
    seed: int

    @classmethod
    def checked(
        cls, *, origins: int, horizon: int, levels: Sequence[float], models: Sequence[str], seed: int
    ) -> "_Plan":
        if not 1 <= origins <= MOST_ORIGINS:
            raise InvalidArgument("origins", origins, f"1 to {MOST_ORIGINS}")
        if isinstance(levels, Sequence) and not levels:
            raise InvalidArgument("levels", list(levels), "at least one level in (0, 1)")
        if not models or len(set(models)) < len(models):
            raise InvalidArgument("models", list(models), "at least one model, each once")
        for model in models:
            quarters, asked = check_request(horizon=horizon, levels=levels, model=model)
        return cls(origins, quarters, tuple(sorted(asked)), tuple(models), check_seed(seed))


@dataclass(frozen=True, slots=True)
class _Case:
    market: str
    origin: Quarter
    forecasts: Callable[[], Iterator[tuple[Forecast, FloatArray]]]  # per model: the forecast with draws, what came


@dataclass(slots=True, eq=False)
class _Count:
    """What has been scored so far."""

    tallies: dict[str, dict[str, Tally]] = field(default_factory=dict)  # by market, then model
    origins: list[Quarter] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


def _run(
    cases: Sequence[_Case], plan: _Plan, *, house: str, skipped: tuple[Skipped, ...], notes: tuple[str, ...]
) -> Iterator[BacktestProgress | Backtest]:
    count = _Count(skipped=list(skipped))
    first_error: SharecastError | None = None
    for done, case in enumerate(cases, start=1):
        try:
            found = [score_forecast(made, truth) for made, truth in case.forecasts()]
        except SharecastError as error:
            first_error = first_error or error
            count.skipped.append(Skipped(case.market, case.origin, str(error)))
        else:
            if found[0].known.any():
                count.origins.append(case.origin)
                tallies = count.tallies.setdefault(
                    case.market, {m: Tally.empty(plan.levels, plan.horizon) for m in plan.models}
                )
                for model, scored in zip(plan.models, found, strict=True):
                    tallies[model].add(scored)
            else:
                reason = "nothing that was forecast became known"
                count.skipped.append(Skipped(case.market, case.origin, reason))
        yield BacktestProgress(case.market, case.origin, done, len(cases))
    if not count.origins:
        raise first_error or NotEnoughData(cases[0].market, 0, 1, "that a forecast could be scored against")
    yield Backtest(
        markets=tuple(count.tallies),
        house=house,
        models=plan.models,
        levels=plan.levels,
        horizon=plan.horizon,
        seed=plan.seed,
        forecasts=len(count.origins),
        first_origin=min(count.origins),
        last_origin=max(count.origins),
        scores=tuple(score_rows(count.tallies, plan.models)),
        skipped=tuple(count.skipped),
        notes=notes,
    )


def _last(
    steps: Iterator[BacktestProgress | Backtest], progress: Callable[[BacktestProgress], None] | None
) -> Backtest:
    for step in steps:
        if isinstance(step, Backtest):
            return step
        if progress is not None:
            progress(step)
    raise AssertionError("the last step is the scores")


def _figure_origins(figures: pl.DataFrame, latest: History, plan: _Plan) -> list[tuple[Quarter, date]]:
    """Origins and the day each was known by, ascending."""
    days = _first_days(figures)
    first_days = _newest_when_told(figures)
    known = [
        quarter
        for quarter, row in zip(latest.quarters, latest.status, strict=True)
        if any(status in (Status.REPORTED, Status.COMBINED) for status in row)
    ]
    able = [quarter for quarter, day in first_days.items() if (days["published_at"] <= day).sum() >= FEWEST_QUARTERS]
    return [(quarter, first_days[quarter]) for quarter in _with_something_after(known, able, plan)]


def _first_days(figures: pl.DataFrame) -> pl.DataFrame:
    """Columns period and published_at: when the first share of each quarter came out, latest quarter first."""
    stated = figures.filter(pl.col("measure") == "share", ~pl.col("annual"), pl.col("providers") != "TOTAL")
    return stated.group_by("period").agg(pl.col("published_at").min()).sort("period", descending=True)


def _newest_when_told(figures: pl.DataFrame) -> dict[Quarter, date]:
    """Quarters, ascending, that were first told of before any later one was, and the day."""
    found: list[tuple[Quarter, date]] = []
    newest = date.max
    for period, day in _first_days(figures).iter_rows():
        if day < newest:
            found.append((Quarter.parse(period), day))
            newest = day
    return dict(reversed(found))


def _with_something_after(known: Sequence[Quarter], candidates: Sequence[Quarter], plan: _Plan) -> list[Quarter]:
    """The last of the candidates within `horizon` after which a quarter is known."""
    found = [origin for origin in candidates if any(0 < quarter - origin <= plan.horizon for quarter in known)]
    return found[-plan.origins :]


def _came_in_history(latest: History, made: Forecast) -> FloatArray:
    """Shares that came, shape (H, K), by the providers of a forecast; NaN where not known."""
    known = np.array([[s in (Status.REPORTED, Status.COMBINED) for s in row] for row in latest.status])
    shares = np.where(known, latest.share, np.nan)
    names = Names.known(latest.name_changes, market=latest.market, house=latest.house)
    parts: dict[str, list[int]] = {}
    for k, name in enumerate(latest.providers):
        parts.setdefault(names.final(name), []).append(k)
        if name in names.mergers:  # part of another it has nothing of its own, which is known
            shares[[names.owner(name, quarter) != name for quarter in latest.quarters], k] = 0.0
    truth = np.full(made.mean.shape, np.nan)
    for h, quarter in enumerate(made.periods):
        row = quarter - latest.quarters[0]
        if 0 <= row < len(shares):
            named = [name for name in made.providers if name != OTHERS]
            truth[h] = _with_rest(
                {name: float(shares[row, parts[name]].sum()) for name in named if name in parts}, made
            )
    return truth


def _came_in_shares(rows: pl.DataFrame, made: Forecast) -> FloatArray:
    """The same for a shares table."""
    truth = np.full(made.mean.shape, np.nan)
    place = {str(quarter): h for h, quarter in enumerate(made.periods)}
    came: dict[int, dict[str, float]] = {}
    later = rows.filter(pl.col("period").is_in(list(place)), pl.col("share").is_not_null())
    for period, provider, share in later.select("period", "provider", "share").iter_rows():
        came.setdefault(place[period], {})[provider] = share
    for h, shares in came.items():
        truth[h] = _with_rest(shares, made)
    return truth


def _with_rest(shares: dict[str, float], made: Forecast) -> list[float]:
    """Shares by the providers of a forecast; `Others` is the rest where all others are known, else what is stated."""
    named = [shares.get(name, np.nan) for name in made.providers if name != OTHERS]
    rest = max(1.0 - sum(named), 0.0) if np.isfinite(named).all() else shares.get(OTHERS, np.nan)
    known = dict(zip((name for name in made.providers if name != OTHERS), named, strict=True))
    return [rest if name == OTHERS else known[name] for name in made.providers]


def _entering_after(reported: pl.DataFrame, origin: Quarter) -> list[str]:
    """Providers first reported after an origin."""
    first = reported.group_by("provider", maintain_order=True).agg(pl.col("period").min())
    return first.filter(pl.col("period") > str(origin))["provider"].to_list()
