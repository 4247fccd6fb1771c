"""Local level: a random walk seen through noise, each contrast fitted by statsmodels' UnobservedComponents."""

import numpy as np
from statsmodels.tsa.statespace.structural import UnobservedComponents

from forecast.arrays import FloatArray
from forecast.models.base import Outcome, Series
from forecast.models.fitted import ContrastFit, DidNotConverge, by_contrast
from forecast.models.paths import standardised_errors


def fit_local_level(contrast: FloatArray) -> ContrastFit:
    """Fit one contrast, shape (T,), by maximum likelihood; missing quarters are skipped exactly.

    Raises:
        DidNotConverge: the optimiser says so.
    """
    unit = float(np.nanstd(contrast))  # the optimiser works on data of order one
    result = UnobservedComponents(contrast / unit, level="local level").fit(disp=False)
    if not result.mle_retvals["converged"]:
        raise DidNotConverge("the optimiser did not converge")
    noise, step = (unit**2 * float(v) for v in result.params)
    level = unit * float(result.predicted_state[0, -1])
    # The predicted state is already one quarter ahead.
    spread = unit**2 * float(result.predicted_state_cov[0, 0, -1])

    def simulate(normals: FloatArray) -> FloatArray:
        horizon = len(normals)
        ahead = np.arange(horizon)
        covariance = spread + step * np.minimum.outer(ahead, ahead) + noise * np.eye(horizon)
        # Exact zeros of both variances leave a singular covariance.
        root = np.linalg.cholesky(covariance + 1e-12 * unit**2 * np.eye(horizon))
        return np.asarray(level + root @ normals)

    return ContrastFit(standardised_errors(result), simulate)


def local_level(series: Series, /, *, power: float, horizon: int, draws: int, rng: np.random.Generator) -> Outcome:
    """Draw paths of a local level in each contrast."""
    return by_contrast("local_level", fit_local_level, series, power=power, horizon=horizon, draws=draws, rng=rng)
