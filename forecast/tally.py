"""From single forecasts to the scores of a backtest: score each, add up, take means, compare."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from forecast.arrays import FloatArray
from forecast.draws import bands_of
from forecast.results import Forecast
from forecast.scorecard import DISTANCES, REFERENCE, Score
from forecast.scores import covered, energy_score, weighted_interval_score

_ROUNDING = 1e-9  # a truth made as 1 less the others may miss a bound of exactly zero by this much
_POINTS = 100.0  # per unit of share

Means: TypeAlias = dict[tuple[str, float | None, int | None], tuple[float, int]]
"""By measure, level and horizon: the mean, and over how many."""


@dataclass(slots=True, eq=False)
class Tally:
    """Sums over the forecasts of one market by one model."""

    levels: tuple[float, ...]
    distances: dict[str, FloatArray]  # each (H,)
    cells: FloatArray  # (H,)
    quarters: FloatArray  # (H,)
    hits: FloatArray  # (N, H)
    whole: FloatArray  # (N,)
    forecasts: int = 0

    @classmethod
    def empty(cls, levels: tuple[float, ...], horizon: int) -> "Tally":
        """Nothing counted yet, for N levels and H quarters ahead."""
        steps, numbers = horizon, len(levels)
        return cls(
            levels,
            {measure: np.zeros(steps) for measure in DISTANCES},
            np.zeros(steps),
            np.zeros(steps),
            np.zeros((numbers, steps)),
            np.zeros(numbers),
        )

    def add(self, found: "Scored") -> None:
        """Count one forecast."""
        known = found.known
        for measure, values in (("wis", found.wis), ("mae", found.error)):
            self.distances[measure] += np.where(known, values, 0.0).sum(axis=1)
        self.distances["energy"] += np.where(known.any(axis=1), found.energy, 0.0)
        self.cells += known.sum(axis=1)
        self.quarters += known.any(axis=1)
        self.hits += np.where(known, found.hits, 0.0).sum(axis=2)
        self.whole += found.whole
        self.forecasts += 1

    def means(self) -> Means:
        """Mean scores, all horizons together and each alone."""
        found: Means = {}
        for measure in DISTANCES:
            counts = self.quarters if measure == "energy" else self.cells
            _by_horizon(found, measure, None, self.distances[measure], counts)
        for n, level in enumerate(self.levels):
            _by_horizon(found, "coverage", level, self.hits[n], self.cells)
            found["simultaneous_coverage", level, None] = (float(self.whole[n] / self.forecasts), self.forecasts)
        return found


def _by_horizon(found: Means, measure: str, level: float | None, sums: FloatArray, counts: FloatArray) -> None:
    found[measure, level, None] = (float(sums.sum() / counts.sum()), int(counts.sum()))
    for h in np.flatnonzero(counts):
        found[measure, level, int(h) + 1] = (float(sums[h] / counts[h]), int(counts[h]))


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """One forecast beside what came: H quarters, K providers, N levels. Cells that are not known hold no meaning."""

    known: npt.NDArray[np.bool_]  # (H, K)
    wis: FloatArray  # (H, K) points
    error: FloatArray  # (H, K) points
    energy: FloatArray  # (H,) points
    hits: FloatArray  # (N, H, K)
    whole: FloatArray  # (N,)


def score_forecast(made: Forecast, truth: FloatArray, /) -> Scored:
    """Score one forecast that kept its draws.

    Args:
        made: The forecast.
        truth: Shape (H, K), shares that came; NaN where not known.
    """
    assert made.draws is not None  # the callers ask for them
    known = np.isfinite(truth)
    # Bands about the cells that came: cells that nobody knows cannot be missed.
    seen = replace(made, draws=made.draws[:, known])
    whole = []
    for level in made.levels:
        lower, upper = bands_of(seen, level)
        whole.append(float((covered(lower - _ROUNDING, upper + _ROUNDING, truth[known]) == 1.0).all()))
    return Scored(
        known,
        _POINTS * weighted_interval_score(made.median, made.lower, made.upper, truth, made.levels),
        _POINTS * np.abs(truth - made.median),
        _POINTS * energy_score(made.draws, truth),
        covered(made.lower - _ROUNDING, made.upper + _ROUNDING, np.broadcast_to(truth, made.lower.shape)),
        np.array(whole),
    )


def score_rows(tallies: dict[str, dict[str, Tally]], models: Sequence[str], /) -> Iterator[Score]:
    """The scores of all markets together, each with the same weight, then of each market.

    Args:
        tallies: By market, then by model; every market has every model, with at least one forecast.
        models: In the order wanted.
    """
    by_market = {market: {model: mine[model].means() for model in models} for market, mine in tallies.items()}
    yield from _rows_of(None, {model: _pooled([means[model] for means in by_market.values()]) for model in models})
    for market, means in by_market.items():
        yield from _rows_of(market, means)


def _pooled(markets: Sequence[Means]) -> Means:
    keys = dict.fromkeys(key for means in markets for key in means)
    found: Means = {}
    for key in keys:
        having = [means[key] for means in markets if key in means]
        found[key] = (sum(value for value, _ in having) / len(having), sum(count for _, count in having))
    return found


def _rows_of(market: str | None, means: dict[str, Means]) -> Iterator[Score]:
    for model, mine in means.items():
        for (measure, level, horizon), (value, count) in mine.items():
            yield Score(market, model, measure, level, horizon, value, count)
        reference = means.get(REFERENCE, {})
        for (measure, level, horizon), (value, count) in mine.items():
            base, _ = reference.get((measure, level, horizon), (0.0, 0))
            if measure in DISTANCES and base > 0.0:
                yield Score(market, model, f"{measure}_skill", level, horizon, 1.0 - value / base, count)
