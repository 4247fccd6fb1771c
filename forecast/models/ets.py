"""Exponential smoothing: each contrast by statsmodels' ETSModel, the form chosen by AICc."""

import numpy as np
import pandas as pd
from statsmodels.tsa.exponential_smoothing.ets import ETSModel

from forecast.arrays import FloatArray
from forecast.models.base import Outcome, Series
from forecast.models.fitted import ContrastFit, DidNotConverge, by_contrast

SEASON = 4
FEWEST_FOR_SEASON = 4 * SEASON  # four years: three seasonal states cost that much


def fit_ets(contrast: FloatArray) -> ContrastFit:
    """Fit additive-error forms to one contrast, shape (T,), and keep the one of lowest AICc.

    Missing quarters are filled by straight lines, because ETSModel cannot take them.

    Raises:
        DidNotConverge: no form converged.
    """
    unit = float(np.nanstd(contrast))
    rows = np.arange(len(contrast))
    known = np.isfinite(contrast)
    filled = pd.Series(np.interp(rows, rows[known], contrast[known]) / unit)
    seasons = (None, "add") if len(contrast) >= FEWEST_FOR_SEASON else (None,)
    results = []
    for trend in (None, "add"):
        for seasonal in seasons:
            # AICc has no meaning once parameters reach the number of quarters.
            if 3 + 3 * (trend is not None) + SEASON * (seasonal is not None) + 2 > len(contrast):
                continue
            form = ETSModel(
                filled,
                error="add",
                trend=trend,
                damped_trend=trend is not None,
                seasonal=seasonal,
                seasonal_periods=SEASON if seasonal else None,
            )
            result = form.fit(disp=False)
            if result.mle_retvals.get("converged", False) and np.isfinite(result.aicc):
                results.append(result)
    if not results:
        raise DidNotConverge("no form converged")
    best = min(results, key=lambda r: float(r.aicc))
    # Degrees of freedom: the maximum-likelihood scale is too small by the fitted parameters.
    sd = float(np.sqrt(best.sse / max(len(filled) - best.df_model, 1.0)))
    residuals = np.asarray(best.resid, dtype=np.float64) / (sd or 1.0)
    residuals[~known] = np.nan

    def simulate(normals: FloatArray) -> FloatArray:
        horizon, draws = normals.shape
        paths = best.simulate(horizon, anchor="end", repetitions=draws, random_errors=sd * normals)
        return np.asarray(unit * np.asarray(paths, dtype=np.float64).reshape(horizon, draws))

    return ContrastFit(residuals, simulate)


def ets(series: Series, /, *, power: float, horizon: int, draws: int, rng: np.random.Generator) -> Outcome:
    """Draw paths of exponential smoothing in each contrast."""
    return by_contrast("ets", fit_ets, series, power=power, horizon=horizon, draws=draws, rng=rng)
