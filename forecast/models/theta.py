"""Theta: half the trend of a straight line on exponential smoothing, each contrast by statsmodels' ThetaModel."""

import warnings

import numpy as np
from statsmodels.tools.sm_exceptions import ConvergenceWarning
from statsmodels.tsa.forecasting.theta import ThetaModel

from forecast.arrays import FloatArray
from forecast.models.base import Outcome, Series
from forecast.models.fitted import ContrastFit, DidNotConverge, by_contrast

SEASON = 4
FEWEST_FOR_SEASON = 4 * SEASON  # four years


def smoothing_errors(values: FloatArray, smoothing: float, slope: float) -> FloatArray:
    """One-step errors of simple exponential smoothing with half the slope of a straight line as drift.

    Args:
        values: Shape (T,), without season.
        smoothing: Weight of the newest value, in (0, 1).
        slope: Of the straight line, a quarter.

    Returns:
        Shape (T,); the first is NaN, as nothing forecasts it.

    Source:
        Hyndman & Billah (2003), Unmasking the Theta method.
    """
    errors = np.full(len(values), np.nan)
    level = values[0]
    for t in range(1, len(values)):
        level += smoothing * (values[t - 1] - level)
        errors[t] = values[t] - level - 0.5 * slope * (1.0 - (1.0 - smoothing) ** t) / smoothing
    return errors


def fit_theta(contrast: FloatArray) -> ContrastFit:
    """Fit one contrast, shape (T,); a season is taken out where its autocorrelation is significant at 10 %.

    Missing quarters are filled by straight lines, because ThetaModel cannot take them. The variance of h quarters ahead
    is that of the equivalent ARIMA(0,1,1), sigma^2 (1 + (h - 1) alpha^2) with alpha the smoothing: statsmodels 0.15
    has (alpha - 1)^2 in its place, and a sigma from the series with its season, so its variance is not used.

    Raises:
        DidNotConverge: the optimiser says so.
    """
    unit = float(np.nanstd(contrast))
    rows = np.arange(len(contrast))
    known = np.isfinite(contrast)
    filled = np.interp(rows, rows[known], contrast[known]) / unit
    model = ThetaModel(
        filled,
        period=SEASON,
        deseasonalize=len(filled) >= FEWEST_FOR_SEASON,
        method="additive",
        difference=True,  # the trend of a series without differences hides or feigns a season
    )
    with warnings.catch_warnings():
        # ThetaModel tells nobody else how its optimiser ended.
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            result = model.fit()
        except ConvergenceWarning as warning:
            raise DidNotConverge("the optimiser did not converge") from warning
    slope, smoothing = (float(v) for v in result.params)
    season = np.asarray(result.forecast_components(SEASON)["seasonal"])
    # Row t of the past has the season of the quarter whose distance from the end is the same modulo four.
    errors = smoothing_errors(filled - season[(rows - len(filled)) % SEASON], smoothing, slope)
    # Degrees of freedom: the smoothing and the slope are fitted.
    sd = float(np.sqrt(np.nansum(errors**2) / max(int(known.sum()) - 3.0, 1.0)))
    standardised = errors / (sd or 1.0)
    standardised[~known] = np.nan

    def simulate(normals: FloatArray) -> FloatArray:
        mean = np.asarray(result.forecast(len(normals)), dtype=np.float64)
        earlier = normals.cumsum(axis=0) - normals
        return np.asarray(unit * (mean[:, None] + sd * (normals + smoothing * earlier)))

    return ContrastFit(standardised, simulate)


def theta(series: Series, /, *, power: float, horizon: int, draws: int, rng: np.random.Generator) -> Outcome:
    """Draw paths of the Theta method in each contrast."""
    return by_contrast("theta", fit_theta, series, power=power, horizon=horizon, draws=draws, rng=rng)
