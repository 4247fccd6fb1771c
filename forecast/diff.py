"""What changed in a forecast between two days, and which of the figures that came in between changed it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial

import numpy as np
import polars as pl

from forecast.arrays import FloatArray
from forecast.errors import InvalidArgument, NotEnoughData
from forecast.figures import RESTATED_AFTER_DAYS, known_as_of
from forecast.forecasting import LONGEST_HORIZON, check_request, forecast_history
from forecast.history import reconstruct
from forecast.name_changes import NameChange
from forecast.preparing import prepare_history
from forecast.quarter import Quarter
from forecast.results import OTHERS, Forecast, History, level_name
from forecast.wording import points_text

_CELL = ("period", "measure", "providers")
_SAID = (*_CELL, "value", "qualifier", "decimals")  # what its owner says again is not new
_SEEN = 5e-5  # a mean change that shows as 0.01 points


@dataclass(frozen=True, slots=True)
class Effect:
    """How far two forecasts lie apart, over the quarters and providers that both speak of; fractions."""

    mean: float  # mean absolute difference of the mean shares
    largest: float  # largest difference, with its sign: later minus earlier, or with minus without
    provider: str  # whose
    quarter: Quarter  # when


def is_seen(effect: Effect | None, /) -> bool:
    """Whether it is worth telling on its own: it shows as 0.01 points at least, or there is no forecast without it."""
    return effect is None or effect.mean >= _SEEN


def change_text(change: Effect, /) -> str:
    """From one forecast to another, in words."""
    if not is_seen(change):
        return "the forecast is the same"
    return (
        f"shares moved by {100 * change.mean:.2f} points on average, by {points_text(change.largest)} at most "
        f"({change.provider}, {change.quarter})"
    )


@dataclass(frozen=True, slots=True)
class NewStatement:
    """What was newly said of one cell in one release, by however many figures."""

    period: str  # a quarter such as "2020Q3", or a year such as "2020"
    measure: str
    providers: tuple[str, ...]  # one, or those whose sum it is
    figure_ids: tuple[int, ...]  # F, by date
    values: tuple[float, ...]  # F, fraction for share and yoy_growth, else in `unit`
    unit: str
    qualifiers: tuple[str, ...]  # F
    decimals: tuple[int, ...]  # F, as printed
    marks: tuple[str, ...]  # F, what was thought of each on the later day
    publishers: tuple[str, ...]  # those named, each once
    published_at: date  # of the first one
    known_values: tuple[float, ...]  # what had been said of the cell by the earlier day, each once
    effect: Effect | None  # of all of it together; None: without it no forecast of these quarters can be made


@dataclass(frozen=True, slots=True)
class NewBreak:
    """A break of the series that was declared in between."""

    period: str  # first quarter after it
    kind: str
    description: str
    published_at: date
    effect: Effect | None


@dataclass(frozen=True, slots=True)
class NewRelease:
    """What came out on one day: several statements, or a break beside them."""

    published_at: date
    statements: int
    breaks: int
    effect: Effect | None  # of all of it together


@dataclass(frozen=True, slots=True, eq=False)
class ForecastDiff:
    """A forecast as made on two days, at the H quarters that both look at, of K providers and N levels.

    The effect of a statement is the forecast of the later day minus the one without the statement. Effects do not add
    up: where two statements say the same thing in other words, neither is missed, and both effects are small; that of
    the release they came in shows what they did together. Effects are computed from the smoothed past alone, without
    draws of it, which would hide small effects behind noise.
    """

    market: str
    house: str
    earlier: date
    later: date
    before: Forecast  # as of the earlier day
    after: Forecast  # as of the later day
    quarters: tuple[Quarter, ...]  # H
    providers: tuple[str, ...]  # K, those of `after`, and before `Others` those that only `before` names
    change: Effect  # from before to after
    statements: tuple[NewStatement, ...]  # new since the earlier day, the one with the largest effect first
    breaks: tuple[NewBreak, ...]  # likewise
    releases: tuple[NewRelease, ...]  # days on which more than one of these came out, likewise

    @property
    def mean_before(self) -> FloatArray:
        """Shape (H, K), fraction; NaN where `before` counts a provider among `Others`."""
        return self._laid_out(self.before, self.before.mean)

    @property
    def mean_after(self) -> FloatArray:
        """Shape (H, K), likewise."""
        return self._laid_out(self.after, self.after.mean)

    def to_frame(self) -> pl.DataFrame:
        """One row per quarter and provider.

        Columns: market, house, period, provider, mean_before, mean_after, change (fractions; null where a provider is
        not named), then lower_80_before, upper_80_before, lower_80_after, upper_80_after, and so on for each level.
        """
        H, K = len(self.quarters), len(self.providers)
        columns: dict[str, object] = {
            "market": [self.market] * (H * K),
            "house": [self.house] * (H * K),
            "period": [str(quarter) for quarter in self.quarters for _ in range(K)],
            "provider": list(self.providers) * H,
            "mean_before": self.mean_before.ravel(),
            "mean_after": self.mean_after.ravel(),
            "change": (self.mean_after - self.mean_before).ravel(),
        }
        for n, level in enumerate(self.after.levels):
            for when, forecast in (("before", self.before), ("after", self.after)):
                for side, bounds in (("lower", forecast.lower), ("upper", forecast.upper)):
                    columns[f"{side}_{level_name(level)}_{when}"] = self._laid_out(forecast, bounds[n]).ravel()
        return pl.DataFrame(columns).with_columns(pl.col(pl.Float64).fill_nan(None))

    def statements_frame(self) -> pl.DataFrame:
        """One row per new statement, break and release, each in order.

        Columns: market, house, kind ("figure", "break" or "release"), period, measure, providers (joined by |), values
        (joined by ;, as are the next), known_values, unit, publishers, published_at, figure_ids, note (of breaks and
        releases), mean_change, largest_change (fractions), largest_provider, largest_period; the last four null where
        no forecast can be made without it.
        """
        rows = [
            *(_statement_row(told) for told in self.statements),
            *(_break_row(told) for told in self.breaks),
            *(_release_row(told) for told in self.releases),
        ]
        types: dict[str, type[pl.DataType] | pl.DataType] = {
            "published_at": pl.Date,
            "mean_change": pl.Float64,
            "largest_change": pl.Float64,
        }
        named = pl.DataFrame(rows, schema={name: types.get(name, pl.String) for name in _STATEMENT_COLUMNS})
        place = (pl.lit(self.market).alias("market"), pl.lit(self.house).alias("house"))
        return named.select(*place, *_STATEMENT_COLUMNS)

    def _laid_out(self, forecast: Forecast, table: FloatArray) -> FloatArray:
        """A table (horizon, providers of the forecast) at the quarters and providers of the diff."""
        laid = np.full((len(self.quarters), len(self.providers)), np.nan)
        rows = [quarter - forecast.origin - 1 for quarter in self.quarters]
        for k, provider in enumerate(self.providers):
            if provider in forecast.providers:
                laid[:, k] = table[rows, forecast.providers.index(provider)]
        return laid


def forecast_changes(
    figures: pl.DataFrame,
    breaks: pl.DataFrame,
    *,
    market: str,
    house: str = "canalys",
    earlier: date,
    later: date,
    horizon: int = 8,
    levels: tuple[float, ...] = (0.8,),
    model: str = "auto",
    seed: int = 0,
    figures_before: pl.DataFrame | None = None,
    name_changes: Sequence[NameChange] = (),
    on_step: Callable[[int, int], None] | None = None,
) -> ForecastDiff:
    """Compare the forecasts of two days, and find what each new statement did by leaving it out.

    One history is rebuilt, and one forecast made, for each new statement, break and release: some 50 ms each.

    Args:
        figures: Curated figures, as `forecast.figures.load_figures` returns them.
        breaks: Declared series breaks, as `forecast.figures.load_breaks` returns them.
        market: Name of the market.
        house: The research house's series.
        earlier: The first day: what was published by then is known.
        later: The second day, after it.
        horizon: Quarters ahead of the newest quarter known on the later day, 1 to 40.
        levels: Nominal levels of the intervals, each in (0, 1).
        model: Name of the model.
        seed: Of the draws.
        figures_before: The figures that count on the earlier day, where they are not among `figures`, because their
            owner has put others in their place; None: the same ones.
        name_changes: Declared changes of providers' names, of any markets and houses; each day with those known then.
        on_step: Called with how many of the new statements, breaks and releases have been left out, and how many there
            are.

    Raises:
        InvalidArgument: the later day is not after the earlier one, as `check_request`, or the newest quarters known on
            the two days lie 40 or more apart.
        NotFound: no such market, house or model.
        NotEnoughData: too little was known on one of the days.
    """
    check_request(horizon=horizon, levels=levels, model=model)
    if later <= earlier:
        raise InvalidArgument("later", str(later), f"a day after the earlier one, {earlier}")
    old = figures if figures_before is None else figures_before
    rebuilt = partial(reconstruct, market=market, house=house, name_changes=name_changes)
    past = rebuilt(old, breaks, as_of=earlier)
    present = rebuilt(figures, breaks, as_of=later)
    figures, old = (frame.filter(pl.col("market") == market, pl.col("house") == house) for frame in (figures, old))
    ask = _Question(levels, model, seed)
    quarters = _common_quarters(past, present, horizon, earlier)
    before, after = ask.forecast(past, quarters), ask.forecast(present, quarters)
    smooth_before, smooth_after = ask.forecast(_undrawn(past), quarters), ask.forecast(_undrawn(present), quarters)
    known_before, known = (known_as_of(frame, day) for frame, day in ((old, earlier), (figures, later)))
    replaced = known_before.join(figures, on="figure_id", how="anti")
    groups = list(_new_statements(known_before, known.join(replaced, on=_SAID, how="anti")))
    declared = breaks.filter(
        pl.col("market") == market,
        pl.col("house") == house,
        pl.col("published_at") > earlier,
        pl.col("published_at") <= later,
    )
    days: dict[date, tuple[list[pl.DataFrame], list[int]]] = {}
    for group in groups:
        days.setdefault(group["published_at"][0], ([], []))[0].append(group)
    for row, day in enumerate(declared["published_at"]):
        days.setdefault(day, ([], []))[1].append(row)
    together = {day: parts for day, parts in days.items() if len(parts[0]) + len(parts[1]) > 1}
    done, total = 0, len(groups) + declared.height + len(together)

    def effect(left_out: Sequence[pl.DataFrame], undeclared: Sequence[int]) -> Effect | None:
        nonlocal done
        fewer = _without(figures, pl.concat(left_out), old) if left_out else figures
        unbroken = breaks.join(declared[list(undeclared)], on=breaks.columns, how="anti", nulls_equal=True)
        try:
            history = rebuilt(fewer, unbroken, as_of=later)
            found = _effect(ask.forecast(_undrawn(history), quarters), smooth_after, quarters)
        except NotEnoughData:
            found = None
        done += 1
        if on_step is not None:
            on_step(done, total)
        return found

    statements = [_statement(group, known_before, effect([group], [])) for group in groups]
    dropped = [
        NewBreak(row["period"], row["kind"], row["description"], row["published_at"], effect([], [n]))
        for n, row in enumerate(declared.iter_rows(named=True))
    ]
    releases = [
        NewRelease(day, len(said), len(broken), effect(said, broken)) for day, (said, broken) in together.items()
    ]
    return ForecastDiff(
        market=market,
        house=house,
        earlier=earlier,
        later=later,
        before=before,
        after=after,
        quarters=quarters,
        providers=_providers(before, after),
        change=_effect(smooth_before, smooth_after, quarters),
        statements=tuple(sorted(statements, key=_by_effect)),
        breaks=tuple(sorted(dropped, key=_by_effect)),
        releases=tuple(sorted(releases, key=_by_effect)),
    )


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked of every forecast."""

    levels: tuple[float, ...]
    model: str
    seed: int

    def forecast(self, history: History, quarters: tuple[Quarter, ...]) -> Forecast:
        """A forecast that reaches the last of these quarters.

        Raises:
            NotEnoughData: the history is too short, or ends too long before them.
        """
        horizon = quarters[-1] - prepare_history(history).origin
        if horizon > LONGEST_HORIZON:
            raise NotEnoughData(history.market, 0, 1, f"in the {LONGEST_HORIZON} quarters before {quarters[-1]}")
        return forecast_history(history, horizon=horizon, levels=self.levels, model=self.model, seed=self.seed)


def _common_quarters(past: History, present: History, horizon: int, earlier: date) -> tuple[Quarter, ...]:
    origins = prepare_history(past).origin, prepare_history(present).origin
    first, last = max(origins) + 1, min(max(origins) + horizon, min(origins) + LONGEST_HORIZON)
    if last < first:
        raise InvalidArgument(
            "earlier", str(earlier), f"a day on which a quarter after {first + (-1 - LONGEST_HORIZON)} was known"
        )
    return tuple(first + step for step in range(last - first + 1))


def _undrawn(history: History) -> History:
    return replace(history, draws=None)


def _providers(before: Forecast, after: Forecast) -> tuple[str, ...]:
    """The providers of both, those of the later one first, the rest last."""
    named = dict.fromkeys(name for forecast in (after, before) for name in forecast.providers if name != OTHERS)
    return (*named, OTHERS)


def _effect(before: Forecast, after: Forecast, quarters: tuple[Quarter, ...]) -> Effect:
    """How far two forecasts lie apart; a provider that one of them does not name is among the other's rest too."""
    common = [name for name in after.providers if name != OTHERS and name in before.providers]

    def shares(forecast: Forecast) -> FloatArray:
        rows = [quarter - forecast.origin - 1 for quarter in quarters]
        named = forecast.mean[rows][:, [forecast.providers.index(name) for name in common]]
        return np.column_stack([named, 1.0 - named.sum(axis=1)])

    change = shares(after) - shares(before)
    h, k = np.unravel_index(np.abs(change).argmax(), change.shape)
    return Effect(float(np.abs(change).mean()), float(change[h, k]), (*common, OTHERS)[k], quarters[h])


def _new_statements(before: pl.DataFrame, after: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The figures that are known now and were not, those of one cell and release together."""
    new = after.filter(~pl.col("figure_id").is_in(before["figure_id"].implode()))
    for cell in new.sort(*_CELL, "published_at", "figure_id").partition_by(_CELL, maintain_order=True):
        days = cell["published_at"].to_list()
        start = 0
        for row in range(1, len(days) + 1):
            # what comes later than this is another release, which can restate the first
            if row == len(days) or (days[row] - days[start]).days > RESTATED_AFTER_DAYS:
                yield cell[start:row]
                start = row


def _without(figures: pl.DataFrame, group: pl.DataFrame, old: pl.DataFrame) -> pl.DataFrame:
    """The figures without some, and in their place what their owner had said of the cell before."""
    cell = ("market", "house", *_CELL)
    kept = figures.filter(~pl.col("figure_id").is_in(group["figure_id"].implode()))
    replaced = old.join(group.select(cell).unique(), on=cell, how="semi").join(figures, on="figure_id", how="anti")
    return pl.concat([kept, replaced]) if replaced.height else kept


def _statement(group: pl.DataFrame, before: pl.DataFrame, effect: Effect | None) -> NewStatement:
    first = group.row(0, named=True)
    told = before.join(group.select(_CELL).head(1), on=_CELL, how="semi").sort("published_at")
    return NewStatement(
        period=first["period"],
        measure=first["measure"],
        providers=tuple(first["providers"].split("|")),
        figure_ids=tuple(group["figure_id"]),
        values=tuple(group["value"]),
        unit=first["unit"],
        qualifiers=tuple(group["qualifier"]),
        decimals=tuple(group["decimals"]),
        marks=tuple(group["mark"]),
        publishers=tuple(group["publisher"].drop_nulls().unique(maintain_order=True)),
        published_at=first["published_at"],
        known_values=tuple(told["value"].unique(maintain_order=True)),
        effect=effect,
    )


def _by_effect(told: NewStatement | NewBreak | NewRelease) -> tuple[float, date]:
    return (-np.inf if told.effect is None else -told.effect.mean, told.published_at)


_STATEMENT_COLUMNS = (
    "kind",
    "period",
    "measure",
    "providers",
    "values",
    "known_values",
    "unit",
    "publishers",
    "published_at",
    "figure_ids",
    "note",
    "mean_change",
    "largest_change",
    "largest_provider",
    "largest_period",
)


def _statement_row(told: NewStatement) -> dict[str, object]:
    return {
        "kind": "figure",
        "period": told.period,
        "measure": told.measure,
        "providers": "|".join(told.providers),
        "values": _joined(told.values),
        "known_values": _joined(told.known_values),
        "unit": told.unit,
        "publishers": _joined(told.publishers),
        "published_at": told.published_at,
        "figure_ids": _joined(told.figure_ids),
        **_effect_row(told.effect),
    }


def _break_row(told: NewBreak) -> dict[str, object]:
    return {
        "kind": "break",
        "period": told.period,
        "published_at": told.published_at,
        "note": told.description,
        **_effect_row(told.effect),
    }


def _release_row(told: NewRelease) -> dict[str, object]:
    breaks = f", {told.breaks} break(s)" if told.breaks else ""
    return {
        "kind": "release",
        "published_at": told.published_at,
        "note": f"{told.statements} statement(s){breaks}",
        **_effect_row(told.effect),
    }


def _joined(items: Iterable[object]) -> str:
    return "; ".join(f"{item:.12g}" if isinstance(item, float) else str(item) for item in items)  # CSV has no lists


def _effect_row(effect: Effect | None) -> dict[str, object]:
    if effect is None:
        return {}
    return {
        "mean_change": effect.mean,
        "largest_change": effect.largest,
        "largest_provider": effect.provider,
        "largest_period": str(effect.quarter),
    }
