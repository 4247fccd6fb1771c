"""Models that statsmodels fits to each contrast alone; their joint draws share the correlation of the residuals."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from forecast.arrays import FloatArray
from forecast.models.base import Outcome, Series, correlated_normals
from forecast.models.naive import step_covariance

FEWEST = 6  # observed quarters below which no parameter is worth fitting


@dataclass(frozen=True, slots=True, eq=False)
class ContrastFit:
    """One contrast fitted by statsmodels."""

    residuals: FloatArray  # (T,), standardised one-step errors, NaN where unobserved or still settling
    simulate: Callable[[FloatArray], FloatArray]  # standard normals (H, draw) to paths (H, draw)


class DidNotConverge(Exception):  # noqa: N818  (an outcome of a fit, caught in this file)
    """The optimiser of a fit stopped without converging."""


def quiet_fit(fit: Callable[[FloatArray], ContrastFit], contrast: FloatArray, /) -> ContrastFit:
    """Run a fit; its warnings are not the user's, convergence is checked by the fit itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fit(contrast)


def random_walk(contrast: FloatArray) -> ContrastFit:
    """The open fall-back: a driftless random walk."""
    sd = float(np.sqrt(step_covariance(contrast[:, None])[0, 0]))
    steps = np.diff(contrast, prepend=np.nan) / (sd or 1.0)
    return ContrastFit(steps, lambda normals: contrast[-1] + sd * normals.cumsum(axis=0))


def residual_correlation(residuals: FloatArray) -> FloatArray:
    """Correlation of the residuals of D contrasts, shrunk towards independence as one quarter in four would.

    Args:
        residuals: Shape (T, D), NaN where unknown.

    Returns:
        Shape (D, D), positive definite.
    """
    D = residuals.shape[1]
    known = residuals[np.isfinite(residuals).all(axis=1)]
    # Weight of the identity: D + 1 pseudo-quarters, as many as a covariance needs to be invertible.
    moments = known.T @ known + (D + 1.0) * np.eye(D)
    root = np.sqrt(np.diag(moments))
    return np.asarray(moments / np.outer(root, root))


def by_contrast(
    name: str,
    fit: Callable[[FloatArray], ContrastFit],
    series: Series,
    *,
    power: float,
    horizon: int,
    draws: int,
    rng: np.random.Generator,
) -> Outcome:
    """Fit every contrast alone and draw them jointly; a contrast that fails falls back to a random walk and says so."""
    contrasts = series.contrasts(power)
    D = contrasts.shape[1]
    enough = int(series.observed.sum()) >= FEWEST
    fits: list[ContrastFit] = []
    failed: list[str] = []
    for d in range(D):
        column = np.ascontiguousarray(contrasts[:, d])
        try:
            if not enough or np.nanstd(column) == 0.0:
                raise DidNotConverge(f"needs {FEWEST} quarters that are not all the same")
            fits.append(quiet_fit(fit, column))
        except (DidNotConverge, np.linalg.LinAlgError, ValueError) as error:
            # ValueError and LinAlgError are what statsmodels raises for data it cannot start from.
            failed.append(f"{name}: contrast {d + 1} of {D} fell back to a random walk ({error})")
            fits.append(random_walk(column))
    correlation = residual_correlation(np.stack([f.residuals for f in fits], axis=1))
    normals = correlated_normals(draws, horizon, correlation, rng)
    paths = np.stack([f.simulate(np.ascontiguousarray(normals[:, :, d].T)).T for d, f in enumerate(fits)], axis=2)
    weight = len(failed) / D
    used = tuple((model, w) for model, w in ((name, 1.0 - weight), ("naive", weight)) if w > 0.0)
    return Outcome(paths, used, tuple(failed))
