import tracemalloc

import numpy as np
import pytest

from forecast.arrays import FloatArray
from forecast.composition import helmert
from forecast.posterior import START_SD, Design, Posterior

T, K = 7, 3


def a_design() -> Design:
    """Six quarters of three shares, one about growth over four of them, one about the mean of a year."""
    growth = np.zeros((5, K))
    growth[0, 1], growth[4, 1] = 1.0, -1.3
    year = np.outer([0.3, 0.27, 0.23, 0.2], [1.0, 0.0, 0.0])
    weights = ([[1.0, 0, 0]], [[1.0, 1, 0]], year, growth, [[0, 0, 1.0]], [[1.0, 0, 0]], [[0, 1.0, 0]])
    return Design(
        (0, 2, 3, 5, 5, 6, 6),
        tuple(np.array(w) for w in weights),
        np.array([0.5, 0.81, 0.47, 0.002, 0.2, 0.45, 0.33]),
        np.array([1.0, 2, 3, 1, 5, 2, 9]) * 1e-5,
        np.linspace(0.006, 0.02, T * K).reshape(T, K),
    )


def conditioned(design: Design) -> tuple[FloatArray, FloatArray]:
    """Mean and covariance of all shares, by conditioning their joint normal on all values at once: no precision, no
    band, no filter."""
    basis, D = helmert(K), K - 1
    prior = np.zeros((T * D, T * D))
    for t in range(T):
        for s in range(T):
            walked = [(basis.T * design.step_sd[r] ** 2) @ basis for r in range(1, min(t, s) + 1)]
            block = START_SD**2 * np.eye(D) + sum(walked, np.zeros((D, D)))
            prior[t * D : t * D + D, s * D : s * D + D] = block
    to_shares = np.kron(np.eye(T), basis)
    prior = to_shares @ prior @ to_shares.T
    A = np.zeros((len(design.row), T * K))
    for n, (row, weights) in enumerate(zip(design.row, design.weights, strict=True)):
        for lag, own in enumerate(weights):
            A[n, (row - lag) * K : (row - lag + 1) * K] = own
    gain = prior @ A.T @ np.linalg.inv(A @ prior @ A.T + np.diag(design.variance))
    start = np.full(T * K, 1 / K)
    return start + gain @ (design.value - A @ start), prior - gain @ A @ prior


def test_the_posterior_equals_conditioning_the_joint_normal() -> None:
    design = a_design()
    posterior = Posterior(design)
    mean, covariance = conditioned(design)
    np.testing.assert_allclose(posterior.shares.ravel(), mean, rtol=1e-8, atol=1e-10)
    for n, (row, weights) in enumerate(zip(design.row, design.weights, strict=True)):
        a = np.zeros((T, K))
        a[row - len(weights) + 1 : row + 1] = weights[::-1]
        assert posterior.spread()[n] == pytest.approx(a.ravel() @ covariance @ a.ravel(), rel=1e-7)
        assert posterior.residual()[n] == pytest.approx(design.value[n] - a.ravel() @ mean, abs=1e-10)


def test_draws_have_the_mean_and_the_covariance_of_the_posterior() -> None:
    design = a_design()
    mean, covariance = conditioned(design)
    draws = Posterior(design).draws(40_000, np.random.default_rng(1)).reshape(40_000, -1)
    np.testing.assert_allclose(draws.mean(axis=0), mean, atol=1e-9)  # mirrored pairs
    np.testing.assert_allclose(np.cov(draws.T), covariance, atol=0.04 * covariance.max())
    np.testing.assert_allclose(draws.reshape(-1, T, K).sum(axis=2), 1.0, atol=1e-12)


def test_a_share_nobody_speaks_of_again_keeps_walking() -> None:
    design = Design((0,), (np.array([[1.0, 0, 0]]),), np.array([0.5]), np.array([1e-5]), np.full((T, K), 0.01))
    draws = Posterior(design).draws(20_000, np.random.default_rng(2))
    sd = draws[:, :, 0].std(axis=0)
    assert (np.diff(sd) > 0.0).all()
    assert sd[0] == pytest.approx(np.sqrt(1e-5), rel=0.05)


def test_a_wide_market_takes_memory_of_its_band_and_not_of_all_quarters_by_all_quarters() -> None:
    wide, quarters = 60, 80
    rows = [t for t in range(quarters) for _ in range(wide - 1)]
    alone = [row[None] for row in np.eye(wide)[:-1]] * quarters
    noise = np.full(len(rows), 1e-6)
    design = Design(tuple(rows), tuple(alone), np.full(len(rows), 1 / wide), noise, np.full((quarters, wide), 0.01))
    tracemalloc.start()
    posterior = Posterior(design)
    posterior.spread()
    posterior.covariance()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    everything = 8 * (quarters * (wide - 1)) ** 2  # bytes of one covariance of all quarters
    assert peak < everything / 4
