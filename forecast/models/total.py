"""The total of a market on logarithms: damped trend and exponential smoothing, both with a season, by statsmodels.

Half the draws come from each. On the five longest series of totals that ship, forecast from every quarter on, that
gives a weighted interval score of 3.4 points of the logarithm, for 4.0 and 4.3 alone and 4.1 of last year's changes,
and 80 % and 95 % intervals that hold 85 % and 97 %; exponential smoothing alone holds 55 % and 73 %. Reproduced by
``tests/bench/totals.py``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from forecast.arrays import FloatArray
from forecast.models.damped_trend import fit_damped_trend
from forecast.models.ets import fit_ets
from forecast.models.fitted import FEWEST, ContrastFit, DidNotConverge, quiet_fit

FITS = {"damped_trend": fit_damped_trend, "ets": fit_ets}
SEASON = 4


@dataclass(frozen=True, slots=True, eq=False)
class TotalPaths:
    """Draws of a total."""

    paths: FloatArray  # (n, H), in the unit of the series
    used: tuple[tuple[str, float], ...]  # models that took part, with weights summing to one
    notes: tuple[str, ...] = ()  # a fall-back, in words


def seasonal_walk(logs: FloatArray) -> ContrastFit:
    """The open fall-back: last year's change repeats, with random steps; shape (T,), without gaps at the end."""
    rows = np.arange(len(logs))
    known = np.isfinite(logs)
    filled = np.interp(rows, rows[known], logs[known])
    changes = np.diff(filled)
    yearly = changes[SEASON:] - changes[:-SEASON]
    sd = float(np.std(yearly if len(yearly) > 1 else changes)) if len(changes) > 1 else 0.1
    drift = float(changes[-SEASON:].mean()) if len(changes) else 0.0

    def simulate(normals: FloatArray) -> FloatArray:
        steps = [changes[len(changes) - SEASON + h % SEASON] if len(changes) >= SEASON else drift
                 for h in range(len(normals))]  # fmt: skip
        return np.asarray(filled[-1] + (np.array(steps)[:, None] + sd * normals).cumsum(axis=0))

    return ContrastFit(np.full(len(logs), np.nan), simulate)


def _with_seasons(logs: FloatArray) -> FloatArray:
    """Gaps between the same quarters of the year before and the year after filled halfway, shape (T,)."""
    around = np.full(len(logs), np.nan)
    around[SEASON:-SEASON] = 0.5 * (logs[: -2 * SEASON] + logs[2 * SEASON :])
    return np.where(np.isfinite(logs), logs, around)


def draw_totals(
    amounts: FloatArray,
    /,
    *,
    horizon: int,
    draws: int,
    rng: np.random.Generator,
    fits: Mapping[str, Callable[[FloatArray], ContrastFit]] = FITS,
) -> TotalPaths:
    """Draw paths of a total.

    Args:
        amounts: Shape (T,), above zero, NaN where unknown; the last is known.
        horizon: H, quarters ahead.
        draws: n.
        rng: Source of randomness.
        fits: The models to mix, by name.
    """
    logs = np.log(amounts)
    normals = rng.standard_normal((horizon, draws))
    failed: list[str] = []
    found: dict[str, FloatArray] = {}
    if int(np.isfinite(logs).sum()) < FEWEST or np.nanstd(logs) == 0.0:
        failed.append(f"the total has fewer than {FEWEST} quarters that differ")
    else:
        for name, fit in fits.items():
            try:
                # Straight lines, which exponential smoothing draws through gaps, know no season.
                paths = quiet_fit(fit, _with_seasons(logs) if name == "ets" else logs).simulate(normals)
            except (DidNotConverge, np.linalg.LinAlgError, ValueError) as error:
                # ValueError and LinAlgError are what statsmodels raises for data it cannot start from.
                failed.append(f"{name} of the total failed ({error})")
                continue
            if np.isfinite(paths).all():
                found[name] = paths
            else:
                failed.append(f"{name} of the total gave no numbers")
    if not found:
        failed.append("the total fell back to last year's changes")
        found["seasonal_walk"] = seasonal_walk(logs).simulate(normals)
    turn = np.arange(draws) % len(found)
    mixed = np.choose(turn, list(found.values()))
    return TotalPaths(np.exp(mixed).T, tuple((name, 1.0 / len(found)) for name in found), tuple(failed))
