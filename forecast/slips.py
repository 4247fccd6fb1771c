"""Slips of the press, told from what else was known at the time: down-weighted and reported, not obeyed.

A figure is a slip when the other figures leave it far outside: 97 % for 79 %, another provider's share. Where two
figures contradict each other and nothing tells which is wrong, both count little. A table whose shares and rest do not
add up has a wrong cell; another page that gives the cell the value that the sum asks for tells which.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from forecast.arrays import FloatArray
from forecast.evidence import Observation
from forecast.posterior import Design, Posterior
from forecast.printed_tables import Table

GROSS_SD = 4.0  # standard deviations that a figure must lie outside of what the others leave room for
GROSS = 0.01  # and the fraction of the market
FREE_STEPS = 3.0  # times their usual steps that shares may take meanwhile: what moved is news, what contradicts is not
UNDECIDED = 4.0  # by how much the squared standardised residuals of two must differ to tell which of them is wrong
DISTRUST = 3.0  # the sd of a figure told to be wrong is so many times as much as it is off
MOST_SLIPS = 0.2  # of the observations: beyond that, the model is wrong and not the press

Reason = Literal["slip", "contradiction", "table"]


@dataclass(frozen=True, slots=True)
class Suspect:
    """An observation that counts less than its printing would let it."""

    index: int  # of the observation
    off: float  # how far it lies from what the others leave expected, fraction
    reason: Reason


def find_slips(
    design: Design, observations: Sequence[Observation], tables: Sequence[Table]
) -> tuple[Design, Posterior, tuple[Suspect, ...]]:
    """Give figures that the others contradict as much variance as they are off.

    Args:
        design: Of the observations.
        observations: N.
        tables: Tables of shares that do not add up.

    Returns:
        The design with the variances to use, its posterior, and what was found, in order of the observations.
    """
    suspects: dict[int, Suspect] = {}
    variance = design.variance.copy()
    usual = Posterior(design)
    free_steps = FREE_STEPS * design.step_sd
    found = [suspect for table in tables for suspect in _of_table(table, observations)]
    for _ in range(1 + max(int(MOST_SLIPS * len(observations)), 1)):
        for suspect in found:
            suspects[suspect.index] = suspect
            variance[suspect.index] = design.variance[suspect.index] + _distrust(suspect) ** 2
        if found:
            usual = usual.with_variance(variance)
        found = _worst(usual.with_steps(free_steps, variance), usual, variance, observations, suspects)
        if not found:
            break
    return design.with_variance(variance), usual, tuple(suspects[index] for index in sorted(suspects))


def _distrust(suspect: Suspect) -> float:
    return abs(suspect.off) * (DISTRUST if suspect.reason == "slip" else 1.0)


def _worst(
    free: Posterior,
    usual: Posterior,
    variance: FloatArray,
    observations: Sequence[Observation],
    known: dict[int, Suspect],
) -> list[Suspect]:
    """The observation furthest outside what the others leave expected, or that and the one it contradicts.

    That something is wrong shows where shares may move freely; what is wrong, where they move as they usually do.
    """
    standardised, off = _residuals(free, variance)
    gross = (np.abs(standardised) >= GROSS_SD) & (np.abs(off) >= GROSS)
    gross[[index for index, suspect in known.items() if suspect.reason != "table"]] = False
    if not gross.any():
        return []
    standardised, off = _residuals(usual, variance)
    order = np.flatnonzero(gross)[np.argsort(-np.abs(standardised[gross]), kind="stable")]
    worst = int(order[0])
    for rival in map(int, order[1:]):
        undecided = standardised[worst] ** 2 - standardised[rival] ** 2 < UNDECIDED
        if undecided and _alike(observations[worst], observations[rival]):
            return [Suspect(n, float(off[n]), "contradiction") for n in (worst, rival)]
    return [Suspect(worst, float(off[worst]), "slip")]


def _residuals(posterior: Posterior, variance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """How far observations (N,) lie from what is expected without them: standardised, and as fractions."""
    residual = posterior.residual()
    room = np.maximum(variance - posterior.spread(), 1e-12)  # variance of the residual
    return residual / np.sqrt(room), residual * variance / room


def _alike(one: Observation, other: Observation) -> bool:
    """Whether two observations tell of the same share in the same quarter."""
    return one.quarter == other.quarter and one.members == other.members and one.lags == other.lags == 0


def _of_table(table: Table, observations: Sequence[Observation]) -> list[Suspect]:
    cells = [n for n, o in enumerate(observations) if set(o.figure_ids) & set(table.figure_ids)]
    off = table.total - 1.0
    for n in cells:
        asked_for = observations[n].value - off
        for other in observations:
            same = other.quarter == table.quarter and other.members == observations[n].members and not other.lags
            if same and other is not observations[n] and abs(other.value - asked_for) < 0.25 * abs(off):
                return [Suspect(n, off, "slip")]
    return [Suspect(n, off, "table") for n in cells]


def doubted(suspects: Sequence[Suspect], n: int) -> npt.NDArray[np.bool_]:
    """Which of n observations state what is not to be believed."""
    mask = np.zeros(n, bool)
    mask[[suspect.index for suspect in suspects if suspect.reason == "slip"]] = True
    return mask
