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

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from itertools import combinations

import numpy as np
import polars as pl

from forecast.arrays import FloatArray
from forecast.breaks import SeriesBreaks
from forecast.quarter import Quarter
from forecast.results import OTHERS
from forecast.schema import MAX_DECIMALS

SOURCE_ERROR = (
    0.0025  # sd of what a house's own rounding and restating adds, fraction; 0.2 to 0.4 points fit the China set
)
GROWTH_ERROR = 0.0035  # the same for a share that growth implies: measured mean error 0.27 points
YEAR_ERROR = 0.004  # the same for the mean of a year, whose weights are known from printed totals
EQUAL_YEAR_ERROR = 0.006  # and where they are not known and taken as equal
RESTATED_ERROR = 0.01  # sd that a value has beside the one that restates it: preliminary shares move by a point or two
SAME_RELEASE_DAYS = 60  # figures published further apart are of two releases: one quarter's is 90 days after the last
LISTING_ERROR = 0.006  # by how much a table may miss the whole, beside rounding, and still be that of a stated rest
VAGUE = 0.006  # sd beyond which an amount over a total, "about 1.6 of 20 bn", is not a share of the quarter told
FEWEST_MENTIONS = 2  # quarters that must name a provider before it is followed on its own
TOTAL = "TOTAL"
AMOUNTS = ("spend_usd_bn", "units_mn")


class Kind(StrEnum):
    """How a figure tells of shares."""

    SHARE = "share"  # a share, or the sum of several, as stated
    AMOUNT = "amount"  # an amount over the total
    GROWTH = "growth"  # growth beside the market's
    YEAR = "year"  # of a whole year


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

    @property
    def lags(self) -> int:
        """How many quarters before `quarter` it reaches."""
        return len(self.weights) - 1


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The shares of a quarter as one release prints them all, the rest too."""

    quarter: Quarter
    total: float  # what they sum to, fraction
    figure_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What the figures of one market and house say."""

    providers: tuple[str, ...]  # K, the largest first, Others last
    observations: tuple[Observation, ...]  # in order of quarter
    tables: tuple[Table, ...]  # that sum to what rounding cannot explain
    left_out: tuple[str, ...]  # what was not used and why, in words


@dataclass(frozen=True, slots=True)
class Printed:
    """What a printed number stands for, in its own unit."""

    value: float  # expected
    variance: float
    half: float  # half the width of the interval it stands for


def printed(value: float, qualifier: str, unit: float, /) -> Printed:
    """Read a printed number.

    Args:
        value: As printed.
        qualifier: exact, about, more_than or less_than.
        unit: One unit of its last printed digit.

    Returns:
        A printed number stands for its rounding interval, "about" for one twice as wide, "more than 40" for 40 to 40
        plus one unit: of five such statements with a known truth all were.
    """
    shift = {"more_than": 0.5, "less_than": -0.5}.get(qualifier, 0.0) * unit
    width = 2.0 * unit if qualifier == "about" else unit
    return Printed(value + shift, width**2 / 12.0, width / 2.0)


def evidence(figures: pl.DataFrame, breaks: SeriesBreaks = SeriesBreaks()) -> Evidence:  # noqa: B008  (a value)
    """Turn what is known of one market and house into observations.

    Args:
        figures: Curated figures of one market and house; all of them count, none that is not there.
        breaks: Its breaks as known then.

    Returns:
        The providers to follow, which two quarters or the newest one with shares must name alone; the observations of
        them; tables that do not add up; and what was left out. Statements that printing alone can reconcile are one
        observation however many pages make them; others of the same share are two, each with its own error. No
        statement about two quarters reaches across a break, none is of a base since revised.
    """
    statements, left_out = _read(figures, breaks)
    sheet = _Sheet(statements, breaks, left_out)
    measured = sheet.measured()
    providers = _followed(measured)
    if len(providers) == 1:
        return Evidence(providers, (), (), sheet.left_out.told())
    observations = sheet.observations(measured, providers)
    return Evidence(providers, observations, tuple(_tables(statements)), sheet.left_out.told())


@dataclass(frozen=True, slots=True)
class _Statement:
    """A row of the figures."""

    figure_id: int
    period: str
    first: Quarter  # of the quarters it is about
    last: Quarter
    names: tuple[str, ...]
    measure: str
    number: Printed
    exact: bool
    decimals: int
    day: date

    @property
    def annual(self) -> bool:
        return len(self.period) == 4

    @property
    def unnamed(self) -> bool:
        return self.names[0].startswith("TOP") and self.names[0][3:].isdigit()


@dataclass(frozen=True, slots=True)
class _Measured:
    """A share that statements tell, before it is known who is followed."""

    statement: _Statement
    number: Printed  # of the share, fraction
    kind: Kind
    beside: tuple[int, ...] = ()  # figures it was worked out with


@dataclass(slots=True)
class _LeftOut:
    counts: dict[str, int] = field(default_factory=dict)
    strangers: dict[str, int] = field(default_factory=dict)

    def add(self, why: str) -> None:
        self.counts[why] = self.counts.get(why, 0) + 1

    def told(self) -> tuple[str, ...]:
        told = [f"{n} figure(s) {why}" for why, n in self.counts.items()]
        if self.strangers:
            named = ", ".join(f"{name} ({n})" for name, n in sorted(self.strangers.items()))
            told.append(f"named in too few quarters to follow, counted in {OTHERS}: {named}")
        return tuple(told)


def _read(figures: pl.DataFrame, breaks: SeriesBreaks) -> tuple[list[_Statement], _LeftOut]:
    columns = ("figure_id", "period", "providers", "measure", "value", "qualifier", "decimals", "published_at")
    # the order of the rows is no evidence
    rows = figures.select(columns).sort("period", "measure", "providers", "published_at", "figure_id").iter_rows()
    statements: list[_Statement] = []
    left_out = _LeftOut()
    spans: dict[str, tuple[Quarter, Quarter]] = {}
    for figure_id, period, names, measure, value, qualifier, decimals, day in rows:
        if period not in spans:
            annual = len(period) == 4
            last = Quarter.parse(f"{period}Q4" if annual else period)
            spans[period] = (last + (-3) if annual else last, last)
        first, last = spans[period]
        since = breaks.revised(first + (-4 if measure == "yoy_growth" else 0), last, day)
        if since is not None:
            told_anew = f"{since.first} to {since.last} was revised on {since.published_at}"
            left_out.add(f"published before {told_anew} were not used")
            continue
        unit = 10.0 ** (-decimals if measure in AMOUNTS else -2 - decimals)
        number = printed(value, qualifier, unit)
        exact = qualifier == "exact"
        statements.append(
            _Statement(figure_id, period, first, last, tuple(names.split("|")), measure, number, exact, decimals, day)
        )
    return statements, left_out


class _Sheet:
    """The statements by what they are about."""

    def __init__(self, statements: Sequence[_Statement], breaks: SeriesBreaks, left_out: _LeftOut) -> None:
        self.breaks, self.left_out = breaks, left_out
        self.totals: dict[tuple[str, str], list[_Statement]] = {}
        self.told: list[_Statement] = []
        for statement in statements:
            if statement.names == (TOTAL,):
                self.totals.setdefault((statement.period, statement.measure), []).append(statement)
                continue
            self.told.append(statement)

    def measured(self) -> list[_Measured]:
        """Every statement that is a share, or an amount with a total of the same release beside it."""
        found = []
        for statement in self.told:
            if statement.measure == "share":
                found.append(_Measured(statement, statement.number, Kind.SHARE))
            elif statement.measure in AMOUNTS:
                total = self.total_beside(statement)
                if total is None:
                    self.left_out.add("for an amount without the market's total in the same release were not used")
                elif total.number.value > 0.0:
                    number = _ratio(statement.number, total.number)
                    found.append(_Measured(statement, number, Kind.AMOUNT, (total.figure_id,)))
        return found

    def total_beside(self, statement: _Statement) -> _Statement | None:
        """The market's figure of the same period, measure and release.

        Of several the one printed most finely, then the nearest. A total that is printed again unchanged keeps the day
        of its first page, so that where none is of that release the last one told before it still stands.
        """
        told = self.totals.get((statement.period, statement.measure), ())
        near = [total for total in told if _apart(total, statement) <= SAME_RELEASE_DAYS]
        if near:
            return min(near, key=lambda t: (t.number.variance, _apart(t, statement), t.day, t.figure_id))
        before = [total for total in told if total.day < statement.day]
        return min(before, key=lambda t: (_apart(t, statement), t.number.variance, t.figure_id), default=None)

    def observations(self, measured: Sequence[_Measured], providers: tuple[str, ...]) -> tuple[Observation, ...]:
        place = {name: k for k, name in enumerate(providers)}
        listings = _Listings(measured)
        cells: dict[tuple[str, tuple[int, ...], bool], list[_Measured]] = {}
        for one in measured:
            statement = one.statement
            rest = statement.names == (OTHERS,)
            listed = listings.beside(one) if rest else None
            if rest and listed is None:
                self.left_out.add("for the rest beside providers that cannot be told were not used")
                continue
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
                    self._skip(ones, "of whole years that the quarters do not cover, or that a break divides,")
                    continue
                weights, error = self._year(period)
            groups = _reconciled(ones)
            for group in groups:
                number = _combined([one.number for one in group])
                variance = number.variance + error**2
                if _cut_off(group, groups[0]):
                    variance += (2.0 * group[0].number.half) ** 2
                if not annual and _restated(group, groups, restating.get(period, {})):
                    variance += RESTATED_ERROR**2
                kind = Kind.SHARE if any(one.kind is Kind.SHARE for one in group) else Kind.AMOUNT
                alone = _indicator(members, len(place))
                rows = weights[:, None] * alone if annual else alone[None, :]
                observation = Observation(
                    _ids(group),
                    last,
                    members,
                    rows,
                    number.value,
                    variance,
                    Kind.YEAR if annual else kind,
                    rest,
                )
                found.append(observation)
                (told.years if annual else told.quarters).setdefault((last, members), observation)
        found += self._growth(place, told, start)
        return tuple(sorted(found, key=lambda o: (o.quarter, o.kind, o.figure_ids)))

    def _growth(self, place: dict[str, int], told: "_Told", start: Quarter) -> Iterator[Observation]:
        cells: dict[tuple[str, tuple[int, ...]], list[_Measured]] = {}
        for statement in self.told:
            if statement.measure != "yoy_growth" or statement.names == (OTHERS,):
                continue
            members = self._members(statement, statement.names, place)
            if not members:
                continue
            reach = statement.first + (-4)
            market = self.total_beside(statement)
            if market is None:
                self.left_out.add("for growth without the market's growth in the same release were not used")
            elif self.breaks.between(reach, statement.last) or (reach < start and not statement.annual):
                self.left_out.add("for growth since a quarter not covered, or across a break, were not used")
            elif market.number.value > -0.9 and statement.number.value > -0.9:
                number = _ratio(_grown(statement.number), _grown(market.number))
                beside = (market.figure_id,)
                one = _Measured(statement, number, Kind.GROWTH, beside)
                cells.setdefault((statement.period, members), []).append(one)
        for (_, members), ones in cells.items():
            for group in _reconciled(ones):
                ratio = _combined([one.number for one in group])
                if ones[0].statement.annual:
                    found = self._growth_of_year(group, ratio, members, len(place), told, start)
                    if found is None:
                        self._skip(group, "for growth of whole years without the share of one of them")
                    else:
                        yield found
                else:
                    yield _growth_of_quarter(group, ratio, members, len(place), told)

    def _growth_of_year(
        self,
        group: Sequence[_Measured],
        ratio: Printed,
        members: tuple[int, ...],
        K: int,
        told: "_Told",
        start: Quarter,
    ) -> Observation | None:
        """The mean of the year before where the share of the year is told, else that of the year; None without both."""
        last = group[0].statement.last
        before = last + (-4)
        for known, other, by in ((last, before, _inverse(ratio)), (before, last, ratio)):
            share = told.years.get((known, members))
            if share is None or other + (-3) < start:
                continue
            weights, error = self._year(str(other.year))
            value = share.value * by.value
            variance = share.variance * by.value**2 + share.value**2 * by.variance + error**2
            ids = (*_ids(group), *share.figure_ids)
            rows = weights[:, None] * _indicator(members, K)
            return Observation(tuple(dict.fromkeys(ids)), other, members, rows, value, variance, Kind.GROWTH)
        return None

    def _members(self, statement: _Statement, names: Iterable[str], place: dict[str, int]) -> tuple[int, ...]:
        """Positions of providers, none if one of them is not followed."""
        if statement.unnamed:
            self.left_out.add("for the top providers of a quarter do not name them and were not used")
            return ()
        missing = [name for name in names if name not in place]
        for name in missing:
            self.left_out.strangers[name] = self.left_out.strangers.get(name, 0) + 1
        return () if missing else tuple(sorted(place[name] for name in names))

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

    def _skip(self, ones: Sequence[_Measured], why: str) -> None:
        for _ in ones:
            self.left_out.add(f"{why} were not used")


@dataclass(slots=True)
class _Told:
    """The shares told, by the last quarter of what they are of, and whose."""

    quarters: dict[tuple[Quarter, tuple[int, ...]], Observation] = field(default_factory=dict)
    years: dict[tuple[Quarter, tuple[int, ...]], Observation] = field(default_factory=dict)


def _growth_of_quarter(
    group: Sequence[_Measured], ratio: Printed, members: tuple[int, ...], K: int, told: _Told
) -> Observation:
    last = group[0].statement.last
    weights = np.zeros((5, K))
    weights[0] = _indicator(members, K)
    weights[4] = -ratio.value * weights[0]
    # how much the printing of a growth rate blurs a share goes with the share a year ago
    level = told.quarters.get((last + (-4), members)) or told.quarters.get((last, members))
    base = len(members) / K if level is None else level.value
    variance = base**2 * ratio.variance + GROWTH_ERROR**2
    return Observation(_ids(group), last, members, weights, 0.0, variance, Kind.GROWTH)


class _Listings:
    """Who is listed where a rest is stated: "others 19 %" is the rest beside them.

    Pages list the largest five or so of this quarter, or of the one they compare it with; folded with earlier pages, a
    figure no longer tells who stood beside it. So the listing is the one that the rest makes whole.
    """

    def __init__(self, measured: Sequence[_Measured]) -> None:
        self._told: dict[str, dict[str, list[_Measured]]] = {}
        self._named: dict[str, list[_Statement]] = {}
        for one in measured:
            period, names = one.statement.period, one.statement.names
            self._named.setdefault(period, []).append(one.statement)
            if len(names) == 1 and names != (OTHERS,) and not one.statement.unnamed:
                self._told.setdefault(period, {}).setdefault(names[0], []).append(one)

    def beside(self, rest: _Measured) -> frozenset[str] | None:
        """The providers listed beside a stated rest; None where they cannot be told."""
        day, period = rest.statement.day, rest.statement.period
        nearest = {
            name: min(told, key=lambda m: (_apart(m.statement, rest.statement), m.number.variance))
            for name, told in self._told.get(period, {}).items()
        }
        by_then = [name for name, one in nearest.items() if (one.statement.day - day).days <= SAME_RELEASE_DAYS]
        same_day = [name for name in by_then if nearest[name].statement.day == day]
        same_release = [
            name for name in by_then if _apart(nearest[name].statement, rest.statement) <= SAME_RELEASE_DAYS
        ]

        def gap(names: Iterable[str]) -> float:
            """How far they and the rest are from the whole, beyond what rounding and a small slip explain."""
            numbers = [rest.number, *(nearest[name].number for name in names)]
            room = LISTING_ERROR + 2.0 * math.sqrt(sum(number.variance for number in numbers))
            return abs(sum(number.value for number in numbers) - 1.0) - room

        for names in (same_day, same_release, by_then):
            if names and gap(names) <= 0.0:
                return frozenset(names)
        without = [[n for n in by_then if n not in left] for size in (1, 2) for left in combinations(by_then, size)]
        best = min(without, key=gap, default=[])
        if best and gap(best) <= 0.0:
            return frozenset(best)
        total = rest.number.value + sum(nearest[name].number.value for name in by_then)
        if total > 1.0 + LISTING_ERROR:
            return None
        # Some of those listed are told in a sum only.
        others = [told for told in self._named[period] if (told.day - day).days <= SAME_RELEASE_DAYS]
        return frozenset(name for told in others for name in told.names if name != OTHERS)


def _apart(one: _Statement, other: _Statement) -> int:
    return abs((one.day - other.day).days)


def _indicator(members: tuple[int, ...], K: int) -> FloatArray:
    weights = np.zeros(K)
    weights[list(members)] = 1.0
    return weights


def _grown(growth: Printed) -> Printed:
    return Printed(1.0 + growth.value, growth.variance, growth.half)


def _ratio(part: Printed, whole: Printed) -> Printed:
    """A ratio of two printed numbers, its variance by the delta method."""
    value = part.value / whole.value
    variance = (part.variance + value**2 * whole.variance) / whole.value**2
    return Printed(value, variance, (part.half + abs(value) * whole.half) / whole.value)


def _inverse(ratio: Printed) -> Printed:
    return Printed(1.0 / ratio.value, ratio.variance / ratio.value**4, ratio.half / ratio.value**2)


def _reconciled(ones: Sequence[_Measured]) -> list[list[_Measured]]:
    """Groups of statements of the same thing that printing alone can reconcile, each with its finest first."""
    if len(ones) == 1:
        return [list(ones)]
    groups: list[list[_Measured]] = []
    finest_first = sorted(ones, key=lambda m: (m.number.variance, m.statement.day, m.statement.figure_id))
    for one in finest_first:
        for group in groups:
            anchor = group[0].number
            if abs(one.number.value - anchor.value) <= one.number.half + anchor.half + 1e-9:
                group.append(one)
                break
        else:
            groups.append([one])
    return groups


def _combined(numbers: Sequence[Printed]) -> Printed:
    if len(numbers) == 1:
        return numbers[0]
    precision = math.fsum(1.0 / number.variance for number in numbers)
    value = math.fsum(number.value / number.variance for number in numbers) / precision
    return Printed(value, 1.0 / precision, numbers[0].half)


def _ids(group: Sequence[_Measured]) -> tuple[int, ...]:
    stated = [one.statement.figure_id for one in group]
    return tuple(dict.fromkeys([*stated, *(beside for one in group for beside in one.beside)]))


def _restating_days(measured: Sequence[_Measured]) -> dict[str, dict[date, int]]:
    """By period: the days that told two providers or more of it, which a lone mention in a later article does not."""
    names: dict[str, dict[date, set[str]]] = {}
    for one in measured:
        if len(one.statement.names) == 1:
            names.setdefault(one.statement.period, {}).setdefault(one.statement.day, set()).add(one.statement.names[0])
    return {period: {day: len(told) for day, told in days.items() if len(told) > 1} for period, days in names.items()}


def _restated(group: Sequence[_Measured], groups: Sequence[Sequence[_Measured]], restating: dict[date, int]) -> bool:
    """Whether a later release that tells the quarter again gives this share another value."""
    latest = max(one.statement.day for one in group)
    later = {one.statement.day for other in groups if other is not group for one in other}
    return any((day - latest).days > SAME_RELEASE_DAYS and day in restating for day in later)


def _cut_off(group: Sequence[_Measured], finest: Sequence[_Measured]) -> bool:
    """Whether a number is printed more coarsely than another of the release and is not it rounded: 40 % for 40.9 %."""
    one, other = group[0], finest[0]
    return one.number.half > 5.0 * other.number.half and _apart(one.statement, other.statement) <= SAME_RELEASE_DAYS


def _followed(measured: Sequence[_Measured]) -> tuple[str, ...]:
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


def _tables(statements: Sequence[_Statement]) -> Iterator[Table]:
    """Tables of a quarter, all of one day and its rest among them, whose sum rounding cannot explain."""
    pages: dict[tuple[str, date, int], dict[str, _Statement]] = {}
    twice: set[tuple[str, date, int]] = set()
    for told in statements:
        if told.measure == "share" and not told.annual and len(told.names) == 1 and told.exact and not told.unnamed:
            key = (told.period, told.day, told.decimals)
            cells = pages.setdefault(key, {})
            if told.names[0] in cells:
                twice.add(key)  # two tables, or two values in dispute: which belong together is not known
            cells[told.names[0]] = told
    for key, cells in sorted(pages.items()):
        total = math.fsum(cell.number.value for cell in cells.values())
        off = abs(total - 1.0)
        # further off, and the rest is beside others than those listed: no table
        if OTHERS not in cells or len(cells) < 3 or key in twice or not 1e-9 < off <= 0.03:
            continue
        # "23.20 %, 15.60 %": zeros that every cell ends in are not printed precision
        decimals = next(d for d in range(key[2] + 1) if all(_has_decimals(c.number.value, d) for c in cells.values()))
        if off > 0.5 * 10.0 ** (-2 - decimals) * len(cells) + 1e-9:
            quarter = next(iter(cells.values())).last
            yield Table(quarter, total, tuple(cell.figure_id for cell in cells.values()))


def _has_decimals(share: float, decimals: int) -> bool:
    return decimals >= MAX_DECIMALS or abs(100.0 * share - round(100.0 * share, decimals)) < 1e-9
