"""The size of a market, quarter by quarter on its newest base: totals and growth as published, put together.

Houses restate. A total as first published joins neither its restatement nor what follows, but the growth that a later
release tells is measured on its own base: total(t) / (1 + growth(t)) against the total published for t - 4 shows what
the base has become. Quarters without a total are filled from growth.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from forecast.arrays import FloatArray
from forecast.errors import InvalidArgument
from forecast.figures import known_as_of
from forecast.quarter import Quarter

TOTAL = "TOTAL"
GIVEN = "amount"  # measure of totals in a unit of their owner
UNITS = {"spend_usd_bn": "USD bn", "units_mn": "million units", GIVEN: ""}
YEAR = 4  # quarters
_LONGEST = 2_000  # quarters


@dataclass(frozen=True, slots=True, eq=False)
class Totals:
    """The size of one market over T consecutive quarters, from the first to the last that is known."""

    measure: str  # spend_usd_bn, units_mn or amount
    quarters: tuple[Quarter, ...]  # T
    amount: FloatArray  # (T,) in the unit of the measure, on the newest base; NaN where nothing tells it
    stated: FloatArray  # (T,) as published last; NaN where only growth tells it, or nothing
    notes: tuple[str, ...] = ()  # what was restated, filled or left out, in words
    given_unit: str = ""  # of amounts that are no house's

    @property
    def unit(self) -> str:
        """Such as USD bn."""
        return self.given_unit or UNITS.get(self.measure, "")


def given_totals(amounts: Mapping[Quarter, float], /, unit: str = "") -> Totals:
    """Totals that someone brings in place of published ones.

    Args:
        amounts: By quarter, in any one unit, on one base.
        unit: The unit, in words.

    Raises:
        InvalidArgument: an amount is not above zero and finite, or there is none.
    """
    if not amounts:
        raise InvalidArgument("totals", 0, "give amounts of at least two quarters", "are empty")
    for quarter, amount in amounts.items():
        if not (math.isfinite(amount) and amount > 0.0):
            raise InvalidArgument("totals", amount, "amounts are above zero", f"have {amount} in {quarter}")
    first, last = min(amounts), max(amounts)
    if last - first > _LONGEST:
        raise InvalidArgument("totals", last - first + 1, f"{_LONGEST} at most", f"span {last - first + 1} quarters")
    quarters = tuple(first + n for n in range(last - first + 1))
    found = np.array([amounts.get(quarter, math.nan) for quarter in quarters])
    return Totals(GIVEN, quarters, found, found.copy(), (), unit)


@dataclass(frozen=True, slots=True)
class _Said:
    value: float
    half: float  # half a unit of the printed precision


def read_totals(
    figures: pl.DataFrame, /, *, market: str, house: str, breaks: Sequence[Quarter] = (), as_of: date | None = None
) -> Totals | None:
    """The totals of a market as one house tells them; None where there are none.

    Args:
        figures: Curated figures, as `forecast.figures.load_figures` returns them.
        market: Name of the market.
        house: The research house's series.
        breaks: First quarters after a declared break; a base is not carried over them.
        as_of: Day up to which figures count; None: all.
    """
    mine = known_as_of(figures, as_of).filter(
        pl.col("market") == market,
        pl.col("house") == house,
        pl.col("providers") == TOTAL,
        ~pl.col("annual"),
        pl.col("mark") != "slip",
    )
    counts = {name: mine.filter(pl.col("measure") == name)["period"].n_unique() for name in UNITS}
    measure = max(counts, key=lambda name: counts[name])
    if counts[measure] == 0:
        return None
    level = _latest(mine.filter(pl.col("measure") == measure))
    growth = _latest(mine.filter(pl.col("measure") == "yoy_growth"))
    return _joined(measure, level, growth, sorted(breaks))


def _latest(rows: pl.DataFrame) -> dict[Quarter, _Said]:
    """What was said last of each quarter: of one day the exact before the vague, the fine before the coarse."""
    found: dict[Quarter, _Said] = {}
    ordered = rows.with_columns(vague=pl.col("qualifier") != "exact").sort(
        "published_at", "vague", "decimals", descending=[False, True, False], maintain_order=True
    )
    for period, value, qualifier, decimals, measure in ordered.select(
        "period", "value", "qualifier", "decimals", "measure"
    ).iter_rows():
        half = 0.5 * 10.0 ** -(decimals + (2 if measure == "yoy_growth" else 0))
        quarter = Quarter.parse(period)
        if qualifier != "exact" and quarter in found:
            continue  # "more than 80" beside a number adds nothing
        shift = {"more_than": half, "less_than": -half}.get(qualifier, 0.0)
        found[quarter] = _Said(value + shift, 2.0 * half if qualifier != "exact" else half)
    return found


def _joined(measure: str, level: dict[Quarter, _Said], growth: dict[Quarter, _Said], breaks: list[Quarter]) -> Totals:
    first = min(level)
    last = max([*level, *(q for q in growth if q + -YEAR in level)])
    quarters = tuple(first + n for n in range(last - first + 1))
    T = len(quarters)
    stated = np.array([level[q].value if q in level else math.nan for q in quarters])
    logs = np.log(stated)
    notes: list[str] = []
    steps = np.full(T, np.nan)  # by how much the base of a quarter differs from that of a year later, as logarithm
    for t in range(T - YEAR):
        q, later = quarters[t], quarters[t + YEAR]
        if q in level and later in level and later in growth:
            now, then, rate = level[later], level[q], growth[later]
            step = logs[t + YEAR] - math.log1p(rate.value) - logs[t]
            tolerance = now.half / now.value + then.half / then.value + rate.half / (1.0 + rate.value)
            steps[t] = 0.0 if abs(step) <= tolerance else step
    base = _bases(steps, quarters, breaks)
    logs += base
    restated = np.flatnonzero(np.isfinite(logs) & (np.nan_to_num(base) != 0.0)).tolist()
    if restated:
        most = max(restated, key=lambda t: abs(base[t]))
        notes.append(
            f"restated by the growth of later releases: {len(restated)} totals up to {quarters[restated[-1]]}, "
            f"the most {quarters[most]} from {stated[most]:.4g} to {math.exp(logs[most]):.4g} {UNITS[measure]}"
        )
    lost = np.flatnonzero(np.isnan(base) & np.isfinite(stated)).tolist()
    if lost:
        notes.append(f"not used, as nothing ties them to the newest base: {', '.join(str(quarters[t]) for t in lost)}")
    filled = []
    for _ in range(T):  # one fill may allow the next
        before = np.isfinite(logs).sum()
        for t in np.flatnonzero(np.isnan(logs)).tolist():
            ways = []
            if t >= YEAR and quarters[t] in growth:
                ways.append(logs[t - YEAR] + math.log1p(growth[quarters[t]].value))
            if t + YEAR < T and quarters[t + YEAR] in growth:
                ways.append(logs[t + YEAR] - math.log1p(growth[quarters[t + YEAR]].value))
            ways = [way for way in ways if math.isfinite(way)]
            if ways:
                logs[t] = float(np.mean(ways))
                filled.append(quarters[t])
        if np.isfinite(logs).sum() == before:
            break
    if filled:
        notes.append("filled from growth: " + ", ".join(map(str, sorted(filled))))
    known = np.flatnonzero(np.isfinite(logs))
    cut = slice(int(known[0]), int(known[-1]) + 1)
    return Totals(measure, quarters[cut], np.exp(logs[cut]), stated[cut], tuple(notes))


def _bases(
    steps: FloatArray,
    quarters: Sequence[Quarter],
    breaks: Sequence[Quarter],
) -> FloatArray:
    """What takes each quarter's total to the newest base, as logarithm; NaN where nothing tells it."""
    T = len(quarters)
    era = np.array([sum(q >= b for b in breaks) for q in quarters])
    base = np.full(T, np.nan)
    base[(era == era[-1]) & (np.arange(T) >= T - YEAR)] = 0.0
    for number in np.unique(era)[::-1]:
        here = np.flatnonzero(era == number)[::-1].tolist()
        linked = [t for t in here if _link(base, steps, t)]
        for t in here:
            # What no growth tells stands on the base of the nearest quarter of which growth does tell.
            if np.isnan(base[t]) and linked:
                base[t] = base[linked[int(np.argmin(np.abs(np.array(linked) - t)))]]
            elif np.isnan(base[t]) and number == era[-1]:
                base[t] = 0.0
        for t in here:
            _link(base, steps, t)
    return base


def _link(base: FloatArray, steps: FloatArray, t: int) -> bool:
    """Take a quarter to the base of the one a year later, where growth ties the two; say whether."""
    tied = t + YEAR < len(base) and bool(np.isfinite(steps[t]) and np.isfinite(base[t + YEAR]))
    if tied:
        base[t] = steps[t] + base[t + YEAR]
    return tied
