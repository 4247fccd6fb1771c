"""Damped trend: a level with a slope that dies away and a season, seen through noise, each contrast by statsmodels.

statsmodels' UnobservedComponents has no damping, and its ETSModel takes neither missing quarters nor doubt about the
first slope; so the model is written out on their common base, `MLEModel`.
"""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from statsmodels.tsa.statespace.initialization import Initialization
from statsmodels.tsa.statespace.mlemodel import MLEModel

from forecast.arrays import FloatArray
from forecast.models.base import Outcome, Series
from forecast.models.fitted import ContrastFit, DidNotConverge, by_contrast
from forecast.models.paths import path_distribution, root_of, standardised_errors

Numbers: TypeAlias = npt.NDArray[np.inexact[Any]]  # complex where statsmodels takes a derivative by a complex step

LEAST_DAMPING, MOST_DAMPING = 0.98, 0.80  # factor a quarter; the bounds of Hyndman et al. (2008) for ETS
FEWEST_FOR_SEASON = 16  # observed quarters: four years
ITERATIONS = 200  # of the optimiser, beyond which a fit counts as failed


class DampedTrend(MLEModel):
    """Local linear trend whose slope shrinks by the factor `damping` each quarter and starts from its own stationarity.

    level(t + 1) = level(t) + slope(t) + step; slope(t + 1) = damping slope(t) + bend; value(t) = level(t) + season
    effect(t) + noise, where the effects of four quarters sum to zero, have variance 3/4 and correlation -1/3.

    Args:
        values: Shape (T,), of order one; NaN where unobserved.
        seasonal: Estimate a season; otherwise there is none.
    """

    def __init__(self, values: FloatArray, *, seasonal: bool) -> None:
        self.seasonal = seasonal
        states = 5 if seasonal else 2
        start = Initialization(states)
        start.set(0, "approximate_diffuse")
        start.set(1, "stationary")
        if seasonal:
            start.set((2, 5), "known", constant=np.zeros(3), stationary_cov=np.eye(3) - 0.25)
        super().__init__(  # type: ignore[no-untyped-call]  # statsmodels ships no types
            values, k_states=states, k_posdef=2, initialization=start, loglikelihood_burn=1
        )
        self.ssm["design", 0, 0] = 1.0
        self.ssm["transition", 0, :2] = 1.0
        self.ssm["transition", 1, 1] = LEAST_DAMPING
        self.ssm["selection", :2, :2] = np.eye(2)
        if seasonal:
            # The effect of this quarter and of the two before.
            self.ssm["transition", 2, 2:] = -1.0
            self.ssm["transition", 3, 2] = self.ssm["transition", 4, 3] = 1.0

    @property
    def param_names(self) -> list[str]:
        """Variances of noise, step and bend, the damping, and the size of the season."""
        return ["noise", "step", "bend", "damping", "season"][: 4 + self.seasonal]

    @property
    def start_params(self) -> FloatArray:
        """A quarter of the steps' variance for each source of change."""
        steps = np.diff(self.endog[np.isfinite(self.endog[:, 0]), 0])
        variance = max(float(np.mean(steps**2)) / 4.0, 1e-4)
        return np.array([variance, variance, variance, 0.9, variance**0.5])[: 4 + self.seasonal]

    def transform_params(self, unconstrained: Numbers) -> Numbers:
        """From the line to variances and a damping between its bounds; the sign of the season does not matter."""
        inside = 0.5 + 0.5 * np.tanh(0.5 * unconstrained[3])  # the logistic, which overflows in its other form
        damping = MOST_DAMPING + (LEAST_DAMPING - MOST_DAMPING) * inside
        return np.asarray(np.r_[unconstrained[:3] ** 2, damping, unconstrained[4:]])

    def untransform_params(self, constrained: Numbers) -> Numbers:
        """Inverse of `transform_params`."""
        inside = (constrained[3] - MOST_DAMPING) / (LEAST_DAMPING - MOST_DAMPING)
        return np.asarray(np.r_[constrained[:3] ** 0.5, np.log(inside / (1.0 - inside)), constrained[4:]])

    def update(
        self, params: Numbers, transformed: bool = True, includes_fixed: bool = False, complex_step: bool = False
    ) -> Numbers:
        """Put parameters into the matrices."""
        given: Numbers = super().update(params, transformed, includes_fixed, complex_step)  # type: ignore[no-untyped-call]
        self.ssm["obs_cov", 0, 0] = given[0]
        self.ssm["state_cov", 0, 0] = given[1]
        self.ssm["state_cov", 1, 1] = given[2]
        self.ssm["transition", 1, 1] = given[3]
        if self.seasonal:
            self.ssm["design", 0, 2] = given[4]
        return given


def fit_damped_trend(contrast: FloatArray) -> ContrastFit:
    """Fit one contrast, shape (T,), by maximum likelihood; missing quarters are skipped exactly.

    Raises:
        DidNotConverge: the optimiser says so.
    """
    unit = float(np.nanstd(contrast))  # the optimiser works on data of order one
    seasonal = int(np.isfinite(contrast).sum()) >= FEWEST_FOR_SEASON
    result = DampedTrend(contrast / unit, seasonal=seasonal).fit(disp=False, maxiter=ITERATIONS)  # type: ignore[no-untyped-call]
    if not result.mle_retvals["converged"]:
        raise DidNotConverge("the optimiser did not converge")

    def simulate(normals: FloatArray) -> FloatArray:
        mean, covariance = path_distribution(result, len(normals))
        return np.asarray(unit * (mean[:, None] + root_of(covariance) @ normals))

    return ContrastFit(standardised_errors(result), simulate)


def damped_trend(series: Series, /, *, power: float, horizon: int, draws: int, rng: np.random.Generator) -> Outcome:
    """Draw paths of a damped trend in each contrast."""
    return by_contrast("damped_trend", fit_damped_trend, series, power=power, horizon=horizon, draws=draws, rng=rng)
