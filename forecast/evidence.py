"""Published figures as linear observations of the shares of one or more quarters.

Working in share space makes every kind of statement linear: value = sum over quarters of weights . shares + noise.

=========================================  =============================================================================
33.4 %, about 16 %, more than 40 %         one share of one quarter, or their sum where several are named
others 19 %                                the rest beside those listed in the same release
78.4 million units of 369 million          a share too: the amount over the total of the same release
grew 54 % where the market grew 18 %       share(t) - 1.54 / 1.18 share(t - 4) = 0
37 % of the whole year                     the mean of the four quarters, weighted by what was spent in each
grew 55 % to 16 % of the whole year,       the mean of the year before, 16 % x 1.45 / 1.55; or that of the year itself
the market 45 %                            where the whole year before was told
=========================================  =============================================================================
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import polars as pl

from forecast.arrays import FloatArray
from forecast.breaks import SeriesBreaks
from forecast.name_changes import Names
from forecast.printed import Printed, combined, grown, inverse_of, ratio_of
from forecast.printed_tables import Listings, Table, uneven_tables
from forecast.quarter import Quarter
from forecast.results import OTHERS
from forecast.statements import (
    AMOUNTS,
    SAME_RELEASE_DAYS,
    Kind,
    LeftOut,
    Measured,
    Statement,
    apart,
    figure_ids_of,
    read_statements,
    reconciled,
)

SOURCE_ERROR = (
    0.0025  # sd of what a house's own rounding and restating adds, fraction; 0.2 to 0.4 points fit the China set
)
GROWTH_ERROR = 0.0035  # the same for a share that growth implies: measured mean error 0.27 points
YEAR_ERROR = 0.004  # the same for the mean of a year, whose weights are known from printed totals
EQUAL_YEAR_ERROR = 0.006  # and where they are not known and taken as equal
RESTATED_ERROR = 0.01  # sd that a value has beside the one that restates it: preliminary shares move by a point or two
VAGUE = 0.006  # sd beyond which an amount over a total, "about 1.6 of 20 bn", is not a share of the quarter told
FEWEST_MENTIONS = 2  # quarters that must name a provider before it is followed on its own
TOTAL = "TOTAL"


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """One measurement: a figure, or several that printing alone can reconcile."""

    figure_ids: tuple[int, ...]  # those that state it, then those it was worked out with
    quarter: Quarter  # the last quarter it tells of
    members: tuple[int, ...]  # the providers whose shares add up to it, as positions; the last position is Others
    weights: FloatArray  # (L + 1, K): row l weighs the shares of l quarters before `quarter`
    value: float  # fraction
    variance: float  # fraction squared
    kind: Kind = Kind.SHARE
    rest: bool = False  # the figure is for "others"
    named: tuple[int, ...] = ()  # those it names, where others are part of them by then; empty: the members

    @property
    def mentioned(self) -> tuple[int, ...]:
        """The providers it names."""
        return self.named or self.members

    @property
    def lags(self) -> int:
        """How many quarters before `quarter` it reaches."""
        return len(self.weights) - 1


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What the figures of one market and house say."""

    providers: tuple[str, ...]  # K, the largest first, Others last
    observations: tuple[Observation, ...]  # in order of quarter
    tables: tuple[Table, ...]  # that sum to what rounding cannot explain
    left_out: tuple[str, ...]  # what was not used and why, in words


def evidence(
    figures: pl.DataFrame,
    breaks: SeriesBreaks = SeriesBreaks(),  # noqa: B008  (a value)
    names: Names = Names(),  # noqa: B008  (likewise)
) -> Evidence:
    """Turn what is known of one market and house into observations.

    Args:
        figures: Curated figures of one market and house; all of them count, none that is not there.
        breaks: Its breaks as known then.
        names: Its changes of names as known then; the figures have the newest names already. Of a quarter since which a
            provider is part of another, a figure for the other is one for the sum of both, unless figures for the first
            alone go on: then each tells of its own part.

    Returns:
        The providers to follow, which two quarters or the newest one with shares must name alone; the observations of
        them; tables that do not add up; and what was left out. Statements that printing alone can reconcile are one
        observation however many pages make them; others of the same share are two, each with its own error. No
        statement about two quarters reaches across a break, none is of a base since revised.
    """
    statements, left_out = read_statements(figures, breaks)
    sheet = _Sheet(statements, breaks, left_out, names)
    measured = sheet.measured()
    providers = _followed(measured)
    if len(providers) == 1:
        return Evidence(providers, (), (), sheet.left_out.told())
    observations = sheet.observations(measured, providers)
    return Evidence(providers, observations, tuple(uneven_tables(statements)), sheet.left_out.told())


class _Sheet:
    """The statements by what they are about."""

    def __init__(self, statements: Sequence[Statement], breaks: SeriesBreaks, left_out: LeftOut, names: Names) -> None:
        self.breaks, self.left_out, self.names = breaks, left_out, names
        self.apart = frozenset(
            (name, told.last)
            for told in statements
            if names.mergers and not told.annual and told.measure != "yoy_growth"
            for name in told.names
            if (owner := names.owner(name, told.last)) != name and owner not in told.names
        )
        self.totals: dict[tuple[str, str], list[Statement]] = {}
        self.told: list[Statement] = []
        for statement in statements:
            if statement.names == (TOTAL,):
                self.totals.setdefault((statement.period, statement.measure), []).append(statement)
                continue
            self.told.append(statement)

    def measured(self) -> list[Measured]:
        """Every statement that is a share, or an amount with a total of the same release beside it."""
        found = []
        for statement in self.told:
            if statement.measure == "share":
                found.append(Measured(statement, statement.number, Kind.SHARE))
            elif statement.measure in AMOUNTS:
                total = self.total_beside(statement)
                if total is None:
                    self.left_out.add("the same release does not give the market's total", "amount")
                elif total.number.value > 0.0:
                    number = ratio_of(statement.number, total.number)
                    found.append(Measured(statement, number, Kind.AMOUNT, (total.figure_id,)))
        return found

    def total_beside(self, statement: Statement) -> Statement | None:
        """The market's figure of the same period, measure and release.

        Of several the one printed most finely, then the nearest. A total that is printed again unchanged keeps the day
        of its first page, so that where none is of that release the last one told before it still stands.
        """
        told = self.totals.get((statement.period, statement.measure), ())
        near = [total for total in told if apart(total, statement) <= SAME_RELEASE_DAYS]
        if near:
            return min(near, key=lambda t: (t.number.variance, apart(t, statement), t.day, t.figure_id))
        before = [total for total in told if total.day < statement.day]
        return min(before, key=lambda t: (apart(t, statement), t.number.variance, t.figure_id), default=None)

    def observations(self, measured: Sequence[Measured], providers: tuple[str, ...]) -> tuple[Observation, ...]:
        place = {name: k for k, name in enumerate(providers)}
        listings = Listings(measured)
        cells: dict[tuple[str, tuple[int, ...], bool], list[Measured]] = {}
        for one in measured:
            statement = one.statement
            rest = statement.names == (OTHERS,)
            listed = listings.beside(one) if rest else None
            if rest and listed is None:
                self.left_out.add("shares of the rest beside providers that are not known")
                continue
            if listed is not None:
                listed = self._with_parts(listed, place, statement.last)
            names = statement.names if listed is None else [n for n in place if n == OTHERS or n not in listed]
            members = self._members(statement, names, place)
            if members:
                cells.setdefault((statement.period, members, rest), []).append(one)
        start = min((ones[0].statement.first for ones in cells.values() if not ones[0].statement.annual), default=None)
        if start is None:
            return ()
        restating = _restating_days(measured)
        told = _Told()
        found: list[Observation] = []
        for (period, members, rest), ones in cells.items():
            first, last, annual = ones[0].statement.first, ones[0].statement.last, ones[0].statement.annual
            weights, error = np.ones(1), SOURCE_ERROR
            if annual:
                if first < start or self.breaks.between(first, last):
                    self._skip(ones, "of a whole year that the quarters do not cover, or that a series break divides")
                    continue
                weights, error = self._year(period)
            groups = reconciled(ones)
            for group in groups:
                number = combined([one.number for one in group])
                variance = number.variance + error**2
                if _cut_off(group, groups[0]):
                    variance += (2.0 * group[0].number.half) ** 2
                if not annual and _restated(group, groups, restating.get(period, {})):
                    variance += RESTATED_ERROR**2
                kind = Kind.SHARE if any(one.kind is Kind.SHARE for one in group) else Kind.AMOUNT
                alone = _indicator(members, len(place))
                rows = weights[:, None] * alone if annual else alone[None, :]
                observation = Observation(
                    figure_ids_of(group),
                    last,
                    members,
                    rows,
                    number.value,
                    variance,
                    Kind.YEAR if annual else kind,
                    rest,
                    () if rest else _places(group[0].statement.names, place),
                )
                found.append(observation)
                (told.years if annual else told.quarters).setdefault((last, members), observation)
        found += self._growth(place, told, start)
        return tuple(sorted(found, key=lambda o: (o.quarter, o.kind, o.figure_ids)))

    def _growth(self, place: dict[str, int], told: "_Told", start: Quarter) -> Iterator[Observation]:
        cells: dict[tuple[str, tuple[int, ...]], list[Measured]] = {}
        for statement in self.told:
            if statement.measure != "yoy_growth" or statement.names == (OTHERS,):
                continue
            reach = statement.first + (-4)
            members = self._members(statement, statement.names, place, since=reach)
            if not members:
                continue
            market = self.total_beside(statement)
            if market is None:
                self.left_out.add("the same release does not give the market's growth", "growth figure")
            elif self.breaks.between(reach, statement.last) or (reach < start and not statement.annual):
                self.left_out.add("since a quarter without data, or across a series break", "growth figure")
            elif market.number.value > -0.9 and statement.number.value > -0.9:
                number = ratio_of(grown(statement.number), grown(market.number))
                beside = (market.figure_id,)
                one = Measured(statement, number, Kind.GROWTH, beside)
                cells.setdefault((statement.period, members), []).append(one)
        for (_, members), ones in cells.items():
            for group in reconciled(ones):
                ratio = combined([one.number for one in group])
                if ones[0].statement.annual:
                    found = self._growth_of_year(group, ratio, members, len(place), told, start)
                    if found is None:
                        self._skip(group, "over whole years, without the share of one of them", "growth figure")
                    else:
                        yield found
                else:
                    yield _growth_of_quarter(group, ratio, members, len(place), told)

    def _growth_of_year(
        self,
        group: Sequence[Measured],
        ratio: Printed,
        members: tuple[int, ...],
        K: int,
        told: "_Told",
        start: Quarter,
    ) -> Observation | None:
        """The mean of the year before where the share of the year is told, else that of the year; None without both."""
        last = group[0].statement.last
        before = last + (-4)
        for known, other, by in ((last, before, inverse_of(ratio)), (before, last, ratio)):
            share = told.years.get((known, members))
            if share is None or other + (-3) < start:
                continue
            weights, error = self._year(str(other.year))
            value = share.value * by.value
            variance = share.variance * by.value**2 + share.value**2 * by.variance + error**2
            ids = (*figure_ids_of(group), *share.figure_ids)
            rows = weights[:, None] * _indicator(members, K)
            return Observation(tuple(dict.fromkeys(ids)), other, members, rows, value, variance, Kind.GROWTH)
        return None

    def _members(
        self, statement: Statement, names: Iterable[str], place: dict[str, int], *, since: Quarter | None = None
    ) -> tuple[int, ...]:
        """Positions of providers and of those that are part of them; none if one of them is not followed.

        None either where one became part of another between the quarters that a statement is about, from `since` on:
        of which of the two it speaks is not known.
        """
        if statement.unnamed:
            self.left_out.add("the top providers of a quarter, without their names")
            return ()
        missing = [name for name in names if name not in place]
        for name in missing:
            self.left_out.strangers[name] = self.left_out.strangers.get(name, 0) + 1
        if missing:
            return ()
        if not self.names.mergers:
            return tuple(sorted(place[name] for name in names))
        first = statement.first if since is None else since
        spans = [self._with_parts(names, place, first + t) for t in range(statement.last - first + 1)]
        if any(span != spans[0] for span in spans):
            self.left_out.add("about quarters between which a provider became part of another")
            return ()
        return tuple(sorted(place[name] for name in spans[0] if name in place))

    def _with_parts(self, names: Iterable[str], place: dict[str, int], quarter: Quarter) -> frozenset[str]:
        """Names, and those followed that are part of them in a quarter and have no figures of their own."""
        chosen = frozenset(names)
        parts = (name for name in place if name in self.names.mergers and self._within(name, quarter) & chosen)
        return chosen.union(parts)

    def _within(self, name: str, quarter: Quarter) -> set[str]:
        """Those that a provider is part of in a quarter, as far as it and they have no figures of their own."""
        found: set[str] = set()
        while (merger := self.names.mergers.get(name)) is not None and merger[1] <= quarter:
            if (name, quarter) in self.apart:
                break
            name = merger[0]
            found.add(name)
        return found

    def _year(self, year: str) -> tuple[FloatArray, float]:
        """Weights of the quarters of a year, the fourth first, and the error of a mean made with them."""
        for measure in AMOUNTS:
            told = [self.totals.get((f"{year}Q{number}", measure)) for number in (4, 3, 2, 1)]
            # among those printed most finely the last one told
            finest = [min(q, key=lambda t: (t.number.variance, -t.day.toordinal(), t.figure_id)) for q in told if q]
            amounts = np.array([total.number.value for total in finest])
            if len(amounts) == 4 and (amounts > 0.0).all():
                return amounts / amounts.sum(), YEAR_ERROR
        return np.full(4, 0.25), EQUAL_YEAR_ERROR

    def _skip(self, ones: Sequence[Measured], why: str, kind: str = "figure") -> None:
        for _ in ones:
            self.left_out.add(why, kind)


@dataclass(slots=True)
class _Told:
    """The shares told, by the last quarter of what they are of, and whose."""

    quarters: dict[tuple[Quarter, tuple[int, ...]], Observation] = field(default_factory=dict)
    years: dict[tuple[Quarter, tuple[int, ...]], Observation] = field(default_factory=dict)


def _growth_of_quarter(
    group: Sequence[Measured], ratio: Printed, members: tuple[int, ...], K: int, told: _Told
) -> Observation:
    last = group[0].statement.last
    weights = np.zeros((5, K))
    weights[0] = _indicator(members, K)
    weights[4] = -ratio.value * weights[0]
    # how much the printing of a growth rate blurs a share goes with the share a year ago
    level = told.quarters.get((last + (-4), members)) or told.quarters.get((last, members))
    base = len(members) / K if level is None else level.value
    variance = base**2 * ratio.variance + GROWTH_ERROR**2
    return Observation(figure_ids_of(group), last, members, weights, 0.0, variance, Kind.GROWTH)


def _places(names: Iterable[str], place: dict[str, int]) -> tuple[int, ...]:
    return tuple(sorted(place[name] for name in names if name in place))


def _indicator(members: tuple[int, ...], K: int) -> FloatArray:
    weights = np.zeros(K)
    weights[list(members)] = 1.0
    return weights


def _restating_days(measured: Sequence[Measured]) -> dict[str, dict[date, int]]:
    """By period: the days that told two providers or more of it, which a lone mention in a later article does not."""
    names: dict[str, dict[date, set[str]]] = {}
    for one in measured:
        if len(one.statement.names) == 1:
            names.setdefault(one.statement.period, {}).setdefault(one.statement.day, set()).add(one.statement.names[0])
    return {period: {day: len(told) for day, told in days.items() if len(told) > 1} for period, days in names.items()}


def _restated(group: Sequence[Measured], groups: Sequence[Sequence[Measured]], restating: dict[date, int]) -> bool:
    """Whether a later release that tells the quarter again gives this share another value."""
    latest = max(one.statement.day for one in group)
    later = {one.statement.day for other in groups if other is not group for one in other}
    return any((day - latest).days > SAME_RELEASE_DAYS and day in restating for day in later)


def _cut_off(group: Sequence[Measured], finest: Sequence[Measured]) -> bool:
    """Whether a number is printed more coarsely than another of the release and is not it rounded: 40 % for 40.9 %."""
    one, other = group[0], finest[0]
    return one.number.half > 5.0 * other.number.half and apart(one.statement, other.statement) <= SAME_RELEASE_DAYS


def _followed(measured: Sequence[Measured]) -> tuple[str, ...]:
    """The providers to follow on their own, largest first, and `Others` last."""
    quarters: dict[str, set[Quarter]] = {}
    sizes: dict[str, list[float]] = {}
    for one in measured:
        told = one.statement
        vague = one.kind is Kind.AMOUNT and one.number.variance > VAGUE**2
        if not told.annual and len(told.names) == 1 and told.names != (OTHERS,) and not told.unnamed and not vague:
            quarters.setdefault(told.names[0], set()).add(told.last)
            sizes.setdefault(told.names[0], []).append(one.number.value)
    newest = max((quarter for told_in in quarters.values() for quarter in told_in), default=None)
    kept = [name for name, told_in in quarters.items() if len(told_in) >= FEWEST_MENTIONS or newest in told_in]
    return (*sorted(kept, key=lambda name: (-float(np.mean(sizes[name])), name)), OTHERS)
