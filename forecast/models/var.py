"""Vector autoregression of order one of the quarterly changes, with a season: all contrasts at once, heavily shrunk.

Unrestricted, its (K - 1)^2 coefficients are wasted on some tens of quarters, and in levels it drags shares back to
their mean. Here the changes are regressed on the changes before (a random walk with shared momentum), and every
coefficient is probably near zero. statsmodels' VAR and VARMAX cannot shrink; its least squares can, when given the
prior as further rows (Theil & Goldberger 1961; Doan, Litterman & Sims 1984). How far to shrink is averaged over by
marginal likelihood (Giannone, Lenza & Primiceri 2015), and the draws carry what is not known of coefficients and
covariance. Nothing depends on the order of the providers, as neither prior nor likelihood know of a basis.
"""

import warnings
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy.special import multigammaln, softmax
from scipy.stats import invwishart
from statsmodels.regression.linear_model import OLS
from statsmodels.tools.sm_exceptions import SingularMatrixWarning

from forecast.arrays import FloatArray
from forecast.composition import helmert
from forecast.models.base import Outcome, Series
from forecast.models.fitted import FEWEST
from forecast.models.naive import naive

# Prior sd of the coefficient of a change before, each as likely; 1 is hardly shrunk at all.
MOMENTUM = (0.1, 0.3, 1.0)
# Prior sd of a season's effect on a change, in sds of a change, each as likely; 0 is no season.
SEASON = (0.0, 0.5, 1.0)
MOST_PERSISTENT = 0.98  # a quarter: momentum drawn stronger than that is scaled down, so that no path explodes


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """What one strength of shrinkage leaves to believe: changes are regressors @ coefficients + error."""

    coefficients: FloatArray  # (P, D), mean
    row_covariance: FloatArray  # (P, P), of the coefficients of one contrast relative to the variance of its errors
    scale: FloatArray  # (D, D), of the inverse Wishart of the covariance of the errors
    dof: float
    log_evidence: float  # log marginal likelihood of the changes


def posterior(changes: FloatArray, regressors: FloatArray, scale: FloatArray, prior_root: FloatArray, /) -> Posterior:
    """Regress changes on regressors, with coefficients that are probably near zero.

    Args:
        changes: Shape (n, D).
        regressors: Shape (n, P).
        scale: Shape (D, D), positive definite: the covariance of the errors expected beforehand.
        prior_root: Shape (P, P), a root R of the prior precision R' R of the coefficients of a contrast whose errors
            have variance one.
    """
    (n, D), P = changes.shape, regressors.shape[1]
    dof = D + 2.0  # the least that gives the covariance a mean, which is then `scale`
    # The further rows say "coefficients are zero" with the weight of the prior.
    with warnings.catch_warnings():
        # Columns of very different size look dependent to it; the prior's rows make them independent.
        warnings.simplefilter("ignore", SingularMatrixWarning)
        result = OLS(np.vstack([changes, np.zeros((P, D))]), np.vstack([regressors, prior_root])).fit()
    coefficients = np.asarray(result.params).reshape(P, D)  # a single column comes back flat
    row_covariance = np.asarray(result.normalized_cov_params)
    missed = np.vstack([changes - regressors @ coefficients, prior_root @ coefficients])
    found = scale + missed.T @ missed
    log_evidence = (
        multigammaln((dof + n) / 2.0, D)
        - multigammaln(dof / 2.0, D)
        - 0.5 * n * D * np.log(np.pi)
        + 0.5 * D * (np.linalg.slogdet(row_covariance)[1] + np.linalg.slogdet(prior_root.T @ prior_root)[1])
        + 0.5 * dof * np.linalg.slogdet(scale)[1]
        - 0.5 * (dof + n) * np.linalg.slogdet(found)[1]
    )
    return Posterior(coefficients, row_covariance, found, dof + n, float(log_evidence))


def seasons(rows: npt.NDArray[np.int_]) -> FloatArray:
    """Shape (n, 3): effects that sum to zero over a year, of unit variance in each of its quarters, for row numbers."""
    return np.asarray(helmert(4)[rows % 4] * np.sqrt(4.0 / 3.0))


def draw_parameters(belief: Posterior, draws: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Draw momentum, made stable, with effects of the seasons, and roots of the covariance of the errors.

    Returns:
        Coefficients of shape (draw, D + 3, D), those of a season zero where the belief has none; roots (draw, D, D).
    """
    P, D = belief.coefficients.shape
    covariances = invwishart.rvs(belief.dof, belief.scale, size=draws, random_state=rng).reshape(draws, D, D)
    roots = np.asarray(np.linalg.cholesky(covariances), dtype=np.float64)
    doubt = np.linalg.cholesky(belief.row_covariance) @ rng.standard_normal((draws, P, D)) @ roots.transpose(0, 2, 1)
    coefficients = np.zeros((draws, D + 3, D))
    coefficients[:, :P] = belief.coefficients + doubt
    persistence = np.abs(np.linalg.eigvals(coefficients[:, :D])).max(axis=1)
    coefficients[:, :D] *= (MOST_PERSISTENT / np.maximum(persistence, MOST_PERSISTENT))[:, None, None]
    return coefficients, roots


def beliefs_of(changes: FloatArray, before: FloatArray, rows: npt.NDArray[np.int_], /) -> list[Posterior]:
    """What each strength of shrinkage leaves to believe.

    Args:
        changes: Shape (n, D), of order one.
        before: Shape (n, D), the change of the quarter before each.
        rows: Shape (n,), number of each change's quarter.
    """
    n, D = changes.shape
    spread = changes.T @ changes / n
    weight = (D + 1.0) / (n + D + 1.0)
    # Towards equal variances in all directions, which no choice of basis changes.
    scale = (1.0 - weight) * spread + weight * np.trace(spread) / D * np.eye(D)
    root = np.linalg.cholesky(scale).T
    regressors = np.hstack([before, seasons(rows)])
    beliefs = []
    for momentum, season in product(MOMENTUM, SEASON):
        P = D + 3 * (season > 0.0)
        prior_root = np.eye(P)
        prior_root[:D, :D] = root / momentum
        prior_root[D:, D:] /= season or 1.0
        beliefs.append(posterior(changes, regressors[:, :P], scale, prior_root))
    return beliefs


def var(series: Series, /, *, power: float, horizon: int, draws: int, rng: np.random.Generator) -> Outcome:
    """Draw paths of a shrunk VAR(1) of the changes of all contrasts; changes at a missing quarter are left out.

    With too few changes, or none at all, a random walk stands in, and `used` and the notes say so.
    """
    contrasts = series.contrasts(power)
    T, D = contrasts.shape
    changes = np.diff(contrasts, axis=0, prepend=np.nan)
    known = np.asarray(np.isfinite(changes).all(axis=1))
    rows = 1 + np.flatnonzero(known[1:] & known[:-1])
    if len(rows) < FEWEST - 2 or not changes[rows].any():
        fallback = naive(series, power=power, horizon=horizon, draws=draws, rng=rng)
        reason = f"needs {FEWEST} quarters in a row that are not all the same"
        return Outcome(fallback.contrasts, fallback.used, (f"var: fell back to a random walk ({reason})",))
    # Of the size of the seasons' effects, because least squares judges rank by size.
    unit = float(np.sqrt(np.mean(changes[rows] ** 2)))
    beliefs = beliefs_of(changes[rows] / unit, changes[rows - 1] / unit, rows)
    counts = rng.multinomial(draws, softmax([belief.log_evidence for belief in beliefs]))
    parameters = [draw_parameters(b, int(n), rng) for b, n in zip(beliefs, counts, strict=True) if n]
    coefficients = np.concatenate([c for c, _ in parameters])
    roots = np.concatenate([r for _, r in parameters])
    ahead = seasons(T + np.arange(horizon))
    last = int(np.flatnonzero(series.observed)[-2])
    # After a gap, the change of a quarter is the average over the gap.
    change = np.broadcast_to((contrasts[-1] - contrasts[last]) / ((T - 1 - last) * unit), (draws, D))
    steps = np.empty((draws, horizon, D))
    for h in range(horizon):
        regressors = np.hstack([change, np.broadcast_to(ahead[h], (draws, 3))])
        errors = np.einsum("nij,nj->ni", roots, rng.standard_normal((draws, D)))
        steps[:, h] = change = np.einsum("np,npd->nd", regressors, coefficients) + errors
    return Outcome(contrasts[-1] + unit * steps.cumsum(axis=1), (("var", 1.0),))
