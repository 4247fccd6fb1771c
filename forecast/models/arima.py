"""ARIMA: each contrast by statsmodels' SARIMAX, differenced once, its order chosen by AICc among a few."""

from itertools import product

import numpy as np
from statsmodels.tsa.statespace.mlemodel import MLEResults
from statsmodels.tsa.statespace.sarimax import SARIMAX

from forecast.arrays import FloatArray
from forecast.models.base import Outcome, Series
from forecast.models.fitted import ContrastFit, DidNotConverge, by_contrast
from forecast.models.paths import path_distribution, root_of, standardised_errors

SEASON = 4
FEWEST_FOR_SEASON = 4 * SEASON  # observed quarters: four years
ITERATIONS = 200  # of the optimiser, beyond which a fit counts as failed
# One difference in all, because AICc does not compare forms of different differences, and shares have no fixed mean.
# Without a constant, because an undamped trend costs more than it gives.
ORDERS = ((0, 1, 0), (1, 1, 0), (0, 1, 1), (1, 1, 1))
SEASONS = ((0, 0, 0, 0), (1, 0, 0, SEASON))


def aicc(result: MLEResults, differences: int) -> float:
    """Akaike's criterion corrected for few quarters; infinite where as many parameters as differences are left."""
    parameters = len(result.params)
    spare = differences - parameters - 1
    if spare <= 0:
        return float("inf")
    return float(-2.0 * result.llf + 2.0 * parameters + 2.0 * parameters * (parameters + 1.0) / spare)


def best_order(values: FloatArray) -> MLEResults:
    """Fit every order to one series, shape (T,), NaN where unobserved, and keep the one of lowest AICc.

    Raises:
        DidNotConverge: no order converged.
    """
    observed = int(np.isfinite(values).sum())
    converged: list[tuple[float, MLEResults]] = []
    for order, season in product(ORDERS, SEASONS if observed >= FEWEST_FOR_SEASON else SEASONS[:1]):
        try:
            result = SARIMAX(values, order=order, seasonal_order=season).fit(disp=False, maxiter=ITERATIONS)
        except np.linalg.LinAlgError:
            continue  # no start that is stationary: a series that alternates, for one
        criterion = aicc(result, observed - 1)
        if result.mle_retvals["converged"] and np.isfinite(criterion):
            converged.append((criterion, result))
    if not converged:
        raise DidNotConverge("no order converged")
    return min(converged, key=lambda pair: pair[0])[1]


def fit_arima(contrast: FloatArray) -> ContrastFit:
    """Fit one contrast, shape (T,), by maximum likelihood; missing quarters are skipped exactly.

    Raises:
        DidNotConverge: no order converged.
    """
    unit = float(np.nanstd(contrast))  # the optimiser works on data of order one
    result = best_order(contrast / unit)
    differences = int(np.isfinite(contrast).sum()) - 1
    # Degrees of freedom: the maximum-likelihood variance is too small by the fitted coefficients.
    wider = differences / (differences - (len(result.params) - 1.0))

    def simulate(normals: FloatArray) -> FloatArray:
        mean, covariance = path_distribution(result, len(normals))
        return np.asarray(unit * (mean[:, None] + root_of(wider * covariance) @ normals))

    return ContrastFit(standardised_errors(result), simulate)


def arima(series: Series, /, *, power: float, horizon: int, draws: int, rng: np.random.Generator) -> Outcome:
    """Draw paths of an ARIMA model in each contrast."""
    return by_contrast("arima", fit_arima, series, power=power, horizon=horizon, draws=draws, rng=rng)
