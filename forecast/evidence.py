"""A published figure as a linear observation of the shares of one quarter.

Working in share space makes a single share, a combined share and the residual linear alike:
value = weights . shares + noise.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from forecast.arrays import FloatArray
from forecast.quarter import Quarter
from forecast.results import OTHERS

SOURCE_ERROR = (
    0.003  # sd of what a house's own rounding and restating adds, fraction; 0.2 to 0.4 points fit the China set
)


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """One figure as an observation."""

    figure_id: int
    quarter: Quarter
    members: tuple[int, ...]  # the providers whose shares add up to it, as positions; the last position is Others
    weights: FloatArray  # (K,), one for each member
    value: float  # fraction
    variance: float  # fraction squared
    rest: bool = False  # the figure is for "others"


def measured(value: float, qualifier: str, decimals: int, /) -> tuple[float, float]:
    """Expected value and variance of the share behind a printed number.

    Args:
        value: As a fraction.
        qualifier: exact, about, more_than or less_than.
        decimals: Of the percentage as printed.

    Returns:
        Fraction and fraction squared. A printed number stands for its rounding interval, "about" for one twice as
        wide, "more than 40 %" for 40 to 40 plus one unit: of five such statements with a known truth all were.
    """
    unit = 10.0 ** (-2 - decimals)
    shift = {"more_than": 0.5, "less_than": -0.5}.get(qualifier, 0.0) * unit
    width = 2.0 * unit if qualifier == "about" else unit
    return value + shift, width**2 / 12.0 + SOURCE_ERROR**2


def observations(figures: pl.DataFrame, providers: Sequence[str], /) -> tuple[tuple[Observation, ...], tuple[str, ...]]:
    """Turn the quarterly share figures of one market and house into observations.

    Args:
        figures: Curated figures.
        providers: K names, the last being Others; a figure that names anyone else is not used.

    Returns:
        Observations in order of quarter, and what was left out and why. A stated rest ("others 19 %") is the rest
        beside the providers listed in that quarter: it takes in whoever is followed but not listed there.
    """
    place = {name: k for k, name in enumerate(providers)}
    listed: dict[str, set[str]] = {}
    for period, names in figures.select("period", "providers").iter_rows():
        listed.setdefault(period, set()).update(names.split("|"))
    found: list[Observation] = []
    unnamed = 0
    strangers: dict[str, int] = {}
    columns = ("figure_id", "period", "providers", "value", "qualifier", "decimals")
    for figure_id, period, names, value, qualifier, decimals in figures.select(columns).iter_rows():
        members = names.split("|")
        rest = members == [OTHERS]
        if rest:
            members = [name for name in providers if name == OTHERS or name not in listed[period]]
        missing = [name for name in members if name not in place]
        if missing:
            if missing[0].startswith("TOP") and missing[0][3:].isdigit():
                unnamed += 1
            else:
                for name in missing:
                    strangers[name] = strangers.get(name, 0) + 1
            continue
        weights = np.zeros(len(providers))
        positions = tuple(sorted(place[name] for name in members))
        weights[list(positions)] = 1.0
        mean, variance = measured(value, qualifier, decimals)
        found.append(Observation(figure_id, Quarter.parse(period), positions, weights, mean, variance, rest))
    left_out = []
    if unnamed:
        left_out.append(f"{unnamed} figure(s) for the top providers of a quarter do not name them and were not used")
    if strangers:
        named = ", ".join(f"{name} ({n})" for name, n in sorted(strangers.items()))
        left_out.append(f"named in too few quarters to follow, counted in {OTHERS}: {named}")
    return tuple(sorted(found, key=lambda o: (o.quarter, o.figure_id))), tuple(left_out)
