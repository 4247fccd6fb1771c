"""Declared breaks of a house's series as known on a date, and what they leave of a statement."""

from dataclasses import dataclass
from datetime import date
from typing import Self

import polars as pl

from forecast.quarter import Quarter


@dataclass(frozen=True, slots=True)
class Revision:
    """Quarters that a later release tells anew, on another base."""

    first: Quarter
    last: Quarter
    published_at: date


@dataclass(frozen=True, slots=True)
class SeriesBreaks:
    """The breaks of one market and house.

    >>> from datetime import date
    >>> q = Quarter.parse
    >>> breaks = SeriesBreaks(((q("2020Q1"), "a new base"),), (Revision(q("2019Q1"), q("2019Q4"), date(2021, 3, 1)),))
    >>> breaks.between(q("2019Q4"), q("2020Q1")), breaks.between(q("2020Q1"), q("2020Q4"))
    (True, False)
    >>> breaks.revised(q("2019Q4"), q("2020Q3"), date(2020, 12, 1)) == breaks.revisions[0]
    True
    """

    jumps: tuple[tuple[Quarter, str], ...] = ()  # first quarter after the break and what changed, ascending
    revisions: tuple[Revision, ...] = ()

    @classmethod
    def known(cls, breaks: pl.DataFrame, *, market: str, house: str, as_of: date | None = None) -> Self:
        """Those made known on a day or before it.

        Args:
            breaks: Columns of `forecast.figures.BREAKS_SCHEMA`.
            market: Name of the market.
            house: The research house's series.
            as_of: The day; None: all.
        """
        mine = breaks.filter(pl.col("market") == market, pl.col("house") == house)
        if as_of is not None:
            mine = mine.filter(pl.col("published_at") <= as_of)
        rows = list(mine.sort("period", "published_at", "description").iter_rows(named=True))
        return cls(
            tuple((Quarter.parse(row["period"]), row["description"]) for row in rows),
            tuple(
                Revision(Quarter.parse(row["period"]), Quarter.parse(row["last_period"]), row["published_at"])
                for row in rows
                if row["kind"] == "revision"
            ),
        )

    def between(self, first: Quarter, last: Quarter, /) -> bool:
        """Whether the series breaks after the quarter `first`, up to the start of `last`."""
        return any(first < quarter <= last for quarter, _ in self.jumps)

    def revised(self, first: Quarter, last: Quarter, published_at: date, /) -> Revision | None:
        """The first revision, if any, that puts a quarter of a span on another base than it was published on then."""
        for revision in self.revisions:
            if revision.first <= last and first <= revision.last and published_at < revision.published_at:
                return revision
        return None
