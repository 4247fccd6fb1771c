"""Figures as statements: of whom, of which quarters, what was printed, and which of them say the same."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

import polars as pl

from forecast.breaks import SeriesBreaks
from forecast.printed import Printed, printed
from forecast.quarter import Quarter
from forecast.results import OTHERS

SAME_RELEASE_DAYS = 60  # figures published further apart are of two releases: one quarter's is 90 days after the last
AMOUNTS = ("spend_usd_bn", "units_mn", "amount")


class Kind(StrEnum):
    """How a figure tells of shares."""

    SHARE = "share"  # a share, or the sum of several, as stated
    AMOUNT = "amount"  # an amount over the total
    GROWTH = "growth"  # growth beside the market's
    YEAR = "year"  # of a whole year


@dataclass(frozen=True, slots=True)
class Statement:
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
        """Whether it is of a whole year."""
        return len(self.period) == 4

    @property
    def unnamed(self) -> bool:
        """Whether it is of the top so many, whoever they are."""
        return self.names[0].startswith("TOP") and self.names[0][3:].isdigit()


@dataclass(frozen=True, slots=True)
class Measured:
    """A share that statements tell, before it is known who is followed."""

    statement: Statement
    number: Printed  # of the share, fraction
    kind: Kind
    beside: tuple[int, ...] = ()  # figures it was worked out with


@dataclass(slots=True)
class LeftOut:
    """What was not used and why."""

    counts: dict[tuple[str, str], int] = field(default_factory=dict)  # of figures, by their kind and why
    strangers: dict[str, int] = field(default_factory=dict)  # of figures, by the provider who is not followed

    def add(self, why: str, kind: str = "figure") -> None:
        """Count one figure more."""
        self.counts[kind, why] = self.counts.get((kind, why), 0) + 1

    def told(self) -> tuple[str, ...]:
        """Return all of it in words."""
        told = [f"{n} {kind}{'' if n == 1 else 's'} not used: {why}" for (kind, why), n in self.counts.items()]
        if self.strangers:
            named = ", ".join(f"{name} ({n})" for name, n in sorted(self.strangers.items()))
            told.append(f"named in too few quarters to follow, counted in {OTHERS}: {named}")
        return tuple(told)


def read_statements(figures: pl.DataFrame, breaks: SeriesBreaks, /) -> tuple[list[Statement], LeftOut]:
    """Read the figures of one market and house.

    Args:
        figures: Curated figures; the order of the rows does not count.
        breaks: Breaks of the series as known then; what was told of a base since revised is left out.

    Returns:
        The statements in order of period, measure, providers and day, and what was left out.
    """
    columns = ("figure_id", "period", "providers", "measure", "value", "qualifier", "decimals", "published_at")
    # the order of the rows is no evidence
    rows = figures.select(columns).sort("period", "measure", "providers", "published_at", "figure_id").iter_rows()
    statements: list[Statement] = []
    left_out = LeftOut()
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
            left_out.add(f"published before {told_anew}")
            continue
        unit = 10.0 ** (-decimals if measure in AMOUNTS else -2 - decimals)
        number = printed(value, qualifier, unit)
        exact = qualifier == "exact"
        statements.append(
            Statement(figure_id, period, first, last, tuple(names.split("|")), measure, number, exact, decimals, day)
        )
    return statements, left_out


def apart(one: Statement, other: Statement, /) -> int:
    """Days between two statements."""
    return abs((one.day - other.day).days)


def reconciled(ones: Sequence[Measured], /) -> list[list[Measured]]:
    """Groups of statements of the same thing that printing alone can reconcile, each with its finest first."""
    if len(ones) == 1:
        return [list(ones)]
    groups: list[list[Measured]] = []
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


def figure_ids_of(group: Sequence[Measured], /) -> tuple[int, ...]:
    """The figures that state something, then those it was worked out with, each once."""
    stated = [one.statement.figure_id for one in group]
    return tuple(dict.fromkeys([*stated, *(beside for one in group for beside in one.beside)]))
