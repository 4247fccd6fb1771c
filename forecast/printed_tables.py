"""Tables that a release prints: who stands in one beside the rest, and whether it adds up."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations

from forecast.quarter import Quarter
from forecast.results import OTHERS
from forecast.schema import MAX_DECIMALS
from forecast.statements import SAME_RELEASE_DAYS, Measured, Statement, apart

LISTING_ERROR = 0.006  # by how much a table may miss the whole, beside rounding, and still be that of a stated rest


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The shares of a quarter as one release prints them all, the rest too."""

    quarter: Quarter
    total: float  # what they sum to, fraction
    figure_ids: tuple[int, ...]


class Listings:
    """Who is listed where a rest is stated: "others 19 %" is the rest beside them.

    Pages list the largest five or so of this quarter, or of the one they compare it with; folded with earlier pages, a
    figure no longer tells who stood beside it. So the listing is the one that the rest makes whole.
    """

    def __init__(self, measured: Sequence[Measured]) -> None:
        self._told: dict[str, dict[str, list[Measured]]] = {}
        self._named: dict[str, list[Statement]] = {}
        for one in measured:
            period, names = one.statement.period, one.statement.names
            self._named.setdefault(period, []).append(one.statement)
            if len(names) == 1 and names != (OTHERS,) and not one.statement.unnamed:
                self._told.setdefault(period, {}).setdefault(names[0], []).append(one)

    def beside(self, rest: Measured) -> frozenset[str] | None:
        """The providers listed beside a stated rest; None where they cannot be told."""
        day, period = rest.statement.day, rest.statement.period
        nearest = {
            name: min(told, key=lambda m: (apart(m.statement, rest.statement), m.number.variance))
            for name, told in self._told.get(period, {}).items()
        }
        by_then = [name for name, one in nearest.items() if (one.statement.day - day).days <= SAME_RELEASE_DAYS]
        same_day = [name for name in by_then if nearest[name].statement.day == day]
        same_release = [name for name in by_then if apart(nearest[name].statement, rest.statement) <= SAME_RELEASE_DAYS]

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


def uneven_tables(statements: Sequence[Statement]) -> Iterator[Table]:
    """Tables of a quarter, all of one day and its rest among them, whose sum rounding cannot explain."""
    pages: dict[tuple[str, date, int], dict[str, Statement]] = {}
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
