"""The fast filter against the plain statsmodels form of the same model, which shares no code with it."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import invwishart, multivariate_t
from statsmodels.tsa.statespace.mlemodel import MLEModel

from forecast.arrays import FloatArray
from forecast.composition import from_contrasts, helmert, to_contrasts
from forecast.models import kernel
from forecast.models.base import Series
from forecast.models.dlm import (
    RECENT,
    Tables,
    allocate,
    draw_market,
    draw_shares,
    filter_market,
    summarise_market,
    tables,
    usual_composition,
)
from forecast.prior import shipped_prior

NOTHING_SMALL = np.array([0.0, 0.0, 1.0])  # `Prior.small` without effect


class PlainModel(MLEModel):
    """Level, damped slope and dummy season of one contrast, with S = 1."""

    def __init__(
        self,
        values: FloatArray,
        node: FloatArray,
        initial: FloatArray,
        extra_noise: FloatArray,
        extra_level: FloatArray,
    ) -> None:
        noise, level, slope, season, damping = node[:5]
        seasonal = season >= 0
        states = 5 if seasonal else 2
        start = np.zeros((states, states))
        start[0, 0], start[1, 1] = initial[0], initial[1]
        if seasonal:
            start[2:, 2:] = initial[2] * (np.eye(3) - 0.25)
        super().__init__(  # type: ignore[no-untyped-call]
            values,
            k_states=states,
            k_posdef=states,
            initialization="known",
            constant=np.zeros(states),
            stationary_cov=start,
        )
        T = len(values)
        design = np.zeros((1, states))
        transition = np.zeros((states, states))
        design[0, 0] = 1
        transition[0, 0], transition[0, 1], transition[1, 1] = 1, damping, damping
        diagonal = np.array([level, slope])
        if seasonal:
            design[0, 2] = 1
            transition[2, 2:] = -1
            transition[3, 2] = transition[4, 3] = 1
            diagonal = np.append(diagonal, [season, 0, 0])
        self.ssm["design"], self.ssm["transition"], self.ssm["selection"] = design, transition, np.eye(states)
        self.ssm["obs_cov"] = (noise + extra_noise)[None, None, :]
        cov = np.repeat(np.diag(diagonal)[:, :, None], T, axis=2)
        cov[0, 0, :-1] += extra_level[1:]  # state_cov of t moves the state from t to t + 1
        self.ssm["state_cov"] = cov
        self.ssm.loglikelihood_burn = 0


@dataclass(frozen=True)
class Reference:
    log_likelihood: float
    mean: FloatArray  # of the next quarter, (D,)
    variance: float  # of the next quarter, relative to S
    scale: FloatArray
    degrees: float
    events: int


def reference(
    Y: FloatArray,
    jump: FloatArray,
    node: FloatArray,
    initial: FloatArray,
    dof: float,
    scale: FloatArray,
    discount: float,
    threshold: float,
    shift: float,
    penalty: float,
) -> Reference:
    """statsmodels gives every one-step mean and variance, scipy the density of the multivariate t."""
    T, D = Y.shape
    noise, level = np.zeros(T), jump.copy()

    def one_step() -> tuple[FloatArray, FloatArray, list[object]]:
        results = [PlainModel(Y[:, d], node, initial, noise, level).ssm.filter() for d in range(D)]
        means = np.stack([r.forecasts[0] for r in results], axis=1)
        return means, results[0].forecasts_error_cov[0, 0], results

    S, degrees, seen, total, events = scale.copy(), dof, 0, 0.0, 0
    for t in range(T):
        means, variances, _ = one_step()
        if np.isnan(Y[t]).any():
            continue
        if seen > 0:
            S, degrees = discount * S, discount * degrees
        e, q = Y[t] - means[t], variances[t]
        size = float(e @ np.linalg.solve(S / degrees, e)) / (q * D)
        if size > threshold and seen > 0:
            excess = q * (size - 1)
            noise[t] += (1 - shift) * excess
            level[t] += shift * excess
            means, variances, _ = one_step()
            q = variances[t]
            total -= penalty
            events += 1
        density = multivariate_t(loc=means[t], shape=q * S / degrees, df=degrees)  # type: ignore[arg-type]  # the stubs know whole degrees only
        total += float(density.logpdf(Y[t]))
        S = S + np.outer(e, e) / q
        degrees += 1
        seen += 1
    noise, level = np.append(noise, 0.0), np.append(level, 0.0)
    Y = np.vstack([Y, np.full(D, np.nan)])
    T += 1
    means, variances, _ = one_step()
    return Reference(total, means[-1], float(variances[-1]), S, degrees, events)


NODES = np.array(
    [
        [0.3, 0.7, 0.05, 0.03, 0.9, 1.0, np.inf, 1.0],
        [0.3, 0.7, 0.05, 0.03, 0.9, 0.85, 2.0, 1.0],
        [0.001, 0.999, 0.0, -1.0, 0.9, 0.85, 2.0, 0.6],
        [0.001, 0.999, 0.0, -1.0, 0.9, 0.85, np.inf, 1.7],
        [0.6, 0.4, 0.15, -1.0, 0.75, 1.0, 1.5, 1.0],
        [0.9, 0.1, 0.0, 0.0, 0.9, 0.9, 3.0, 1.0],
        [0.9, 0.1, 0.0, 0.0, 0.9, 0.9, 40.0, 1.0],
        [0.9, 0.1, 0.0, 0.0, 0.9, 0.9, np.inf, 1.0],
    ]
)
INITIAL = np.array([25.0, 0.3, 4.0])


def tables_of(nodes: FloatArray, T: int) -> Tables:
    return (np.arange(len(nodes)), *kernel.gain_tables(np.ascontiguousarray(nodes[:, :5]), INITIAL, T))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_fast_filter_equals_statsmodels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    T, D = 17, 3
    Y = rng.standard_normal((T, D)).cumsum(axis=0) + rng.standard_normal((T, D))
    Y[9] += 6.0
    Y[[4, 5, 11]] = np.nan
    jump = np.zeros(T)
    jump[13] = 7.0
    root = rng.standard_normal((D, D)) + 2 * np.eye(D)
    scale, dof = root @ root.T, 4.5
    observed = np.isfinite(Y[:, 0])
    flat = np.full(len(NODES), 1 / len(NODES))
    loglik, weights, mean, cov, scales, after, events = kernel.filter_grid(
        np.nan_to_num(Y),
        observed,
        jump,
        NODES,
        flat,
        0.0,
        tables_of(NODES, T),
        dof,
        scale,
        np.asarray(np.linalg.inv(scale), dtype=np.float64),
        np.linalg.slogdet(scale)[1],
        0.4,
        1.3,
    )
    np.testing.assert_allclose(weights, np.exp(loglik) / np.exp(loglik).sum(), rtol=1e-9)
    for g, node in enumerate(NODES):
        expected = reference(Y.copy(), jump, node, INITIAL, dof, scale * node[7], node[5], node[6], 0.4, 1.3)
        paths, covariance = kernel.path_moments(node, mean[g], cov[g], 1)
        np.testing.assert_allclose(loglik[g], expected.log_likelihood, rtol=1e-8)
        np.testing.assert_allclose(paths[0], expected.mean, rtol=1e-8, atol=1e-8)
        np.testing.assert_allclose(covariance[0, 0], expected.variance, rtol=1e-8)
        np.testing.assert_allclose(scales[g], expected.scale, rtol=1e-8)
        assert after[g] == pytest.approx(expected.degrees, rel=1e-12)
        assert events[g] == expected.events
        assert node[6] < np.inf or events[g] == 0
    assert events.sum() > 0


@pytest.mark.parametrize("node", NODES[[0, 3, 5]] * [1, 1, 1, 1, 1, 1, np.inf, 1])
def test_the_predictive_path_equals_statsmodels_forecasts(node: FloatArray) -> None:
    rng = np.random.default_rng(7)
    T, H = 15, 6
    y = rng.standard_normal(T).cumsum()
    zeros = np.zeros(T)
    _, _, mean, cov, *_ = kernel.filter_grid(
        y[:, None],
        np.ones(T, bool),
        zeros,
        node[None],
        np.ones(1),
        0.0,
        tables_of(node[None], T),
        5.0,
        np.eye(1),
        np.eye(1),
        0.0,
        0.5,
        0.0,
    )
    paths, covariance = kernel.path_moments(node, mean[0], cov[0], H)
    longer = np.append(y, np.full(H, np.nan))
    model = PlainModel(longer, node, INITIAL, np.zeros(T + H), np.zeros(T + H))
    plain = model.ssm.filter()
    np.testing.assert_allclose(paths[:, 0], plain.forecasts[0, T:], rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(np.diag(covariance), plain.forecasts_error_cov[0, 0, T:], rtol=1e-8)
    # Covariances between quarters: observing one quarter ahead must move the others as statsmodels says.
    longer[T + 1] = paths[1, 0] + 1.0
    moved = PlainModel(longer, node, INITIAL, np.zeros(T + H), np.zeros(T + H)).ssm.filter()
    expected = paths[2:, 0] + covariance[1, 2:] / covariance[1, 1]
    np.testing.assert_allclose(moved.forecasts[0, T + 2 :], expected, rtol=1e-8, atol=1e-8)


def market(seed: int, T: int = 24, K: int = 4) -> Series:
    rng = np.random.default_rng(seed)
    contrasts = 0.5 * rng.standard_normal(K - 1) + (0.05 * rng.standard_normal((T, K - 1))).cumsum(axis=0)
    return Series("test", from_contrasts(contrasts, 0.75))


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.permutations(range(4)))
def test_the_order_of_providers_does_not_matter(seed: int, order: list[int]) -> None:
    series = market(seed)
    turned = replace(series, shares=np.ascontiguousarray(series.shares[:, order]))
    prior = shipped_prior()
    np.testing.assert_allclose(
        filter_market(series, prior).log_likelihood, filter_market(turned, prior).log_likelihood, rtol=1e-9
    )


@settings(max_examples=15)
@given(st.integers(0, 10_000))
def test_the_choice_of_basis_does_not_matter(seed: int) -> None:
    """Contrasts turned by any rotation: the same likelihoods, and the same covariance seen from the parts."""
    series, prior = market(seed), shipped_prior()
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    found = []
    for basis in (helmert(4).copy(), helmert(4) @ rotation):
        Y, observed, scale, inverse, logdet, *_ = kernel.ready_market(
            series.shares, basis, prior.power, prior.scale, prior.dof, RECENT, series.resolution, prior.small
        )
        event = (prior.event_shift, prior.event_penalty)
        jump = np.zeros(len(Y))
        likelihood, weights, _, _, scales, _, _ = kernel.filter_grid(
            Y,
            observed,
            jump,
            prior.nodes,
            prior.weights,
            1e-5,
            tables(prior),
            prior.dof,
            scale,
            inverse,
            logdet,
            *event,
        )
        found.append((likelihood, weights, basis @ scales[np.argmax(weights)] @ basis.T))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-7, atol=1e-10)


def test_a_quarter_that_is_missing_differs_from_one_of_a_zero_share() -> None:
    series = market(3)
    missing, zero = series.shares.copy(), series.shares.copy()
    missing[10] = np.nan
    zero[10, 0] = 0.0
    zero[10] /= zero[10].sum()
    prior = shipped_prior()
    likelihoods = [filter_market(replace(series, shares=s), prior).log_likelihood for s in (missing, zero)]
    assert not np.allclose(likelihoods[0], likelihoods[1])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30).filter(lambda w: sum(w) > 0), st.integers(1, 500))
def test_every_draw_is_allocated_and_each_node_within_one_of_its_share(weights: list[float], draws: int) -> None:
    p = np.array(weights) / sum(weights)
    counts = allocate(p, draws, np.random.default_rng(1))
    assert counts.sum() == draws
    assert (counts >= 0).all()
    assert (np.abs(counts - p * draws) < 1 + 1e-6).all()


def test_draws_have_the_moments_of_the_matrix_t() -> None:
    """One node, no mixture: the covariance of the draws is q * S / (delta - 2), within sampling error."""
    base = shipped_prior()
    prior = replace(base, nodes=NODES[3:4], weights=np.ones(1), mixture_sd=0.0, mixture_mean=0.0)
    filtered = filter_market(market(5), prior)
    draws = draw_shares(filtered, prior, 3, 200_000, np.random.default_rng(1))
    paths = to_contrasts(draws.reshape(-1, 4), prior.power).reshape(200_000, 3, 3)
    centre, covariance = kernel.path_moments(prior.nodes[0], filtered.mean[0], filtered.cov[0], 3)
    np.testing.assert_allclose(paths.mean(axis=0), centre, atol=4e-3 * np.sqrt(covariance[2, 2]))
    S = filtered.scale[0] / (filtered.dof[0] - 2)
    for i, j in ((0, 0), (2, 2), (0, 2)):
        found = (paths[:, i] - centre[i]).T @ (paths[:, j] - centre[j]) / len(paths)
        np.testing.assert_allclose(found, covariance[i, j] * S, rtol=0.03, atol=0.03 * covariance[i, j] * S.max())


def test_intervals_cover_as_they_say_on_data_drawn_from_the_model() -> None:
    """Simulated from one node, S drawn from its prior: nominal 80 % must hold 80 % over many markets."""
    base = shipped_prior()
    node = np.array([0.1, 0.9, 0.0, -1.0, 0.9, 1.0, np.inf, 1.0])
    prior = replace(base, nodes=node[None], weights=np.ones(1), mixture_sd=0.0, mixture_mean=0.0, small=NOTHING_SMALL)
    scale = prior.scale_matrix(np.full(3, 1 / 3))
    rng = np.random.default_rng(11)
    hits = []
    for _ in range(500):
        root = np.linalg.cholesky(invwishart.rvs(prior.dof + 1.0, scale, random_state=rng))
        steps = np.sqrt(0.9) * rng.standard_normal((16, 2))
        contrasts = steps.cumsum(axis=0) + np.sqrt(0.1) * rng.standard_normal((16, 2))
        shares = from_contrasts(contrasts @ root.T, prior.power)
        draws = draw_market(Series("m", shares[:12]), prior, 4, 400, rng)
        low, high = np.quantile(draws, [0.1, 0.9], axis=0)
        hits.append((shares[12:] >= low) & (shares[12:] <= high))
    assert abs(np.mean(hits) - 0.80) < 0.03


def test_a_long_past_with_parts_that_stay_zero_is_forecast_all_the_same() -> None:
    rng = np.random.default_rng(3)
    shares = np.zeros((190, 6))
    shares[:, :3] = rng.dirichlet([300.0, 200.0, 100.0], size=190)
    shares[-3:, 3] = 0.002
    series = Series("m", shares / shares.sum(axis=1, keepdims=True))
    filtered = filter_market(series, shipped_prior())
    assert np.isfinite(filtered.weights).all() and filtered.weights.sum() == pytest.approx(1.0)
    assert np.isfinite(draw_market(series, shipped_prior(), 4, 50, rng)).all()


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.integers(1, 7))
def test_every_draw_is_a_composition_however_wild_the_market(seed: int, parts: int) -> None:
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(parts, 0.2), size=12)
    prior = replace(shipped_prior(), mixture_sd=2.0)
    draws = draw_market(Series("m", shares / shares.sum(axis=1, keepdims=True)), prior, 8, 501, rng)
    assert draws.shape == (501, 8, parts)
    assert (draws >= 0).all()
    np.testing.assert_allclose(draws.sum(axis=2), 1.0, rtol=0, atol=1e-12)


def test_what_lies_more_than_sixteen_years_back_does_not_matter() -> None:
    long = market(9, T=90)
    gap = long.shares.copy()
    gap[: 90 - 64] = gap[0]
    first, second = (filter_market(s, shipped_prior()) for s in (long, replace(long, shares=gap)))
    np.testing.assert_array_equal(first.log_likelihood, second.log_likelihood)


@pytest.mark.parametrize("power", [0.75, 0.5])
def test_a_market_made_ready_is_what_the_plain_functions_say(power: float) -> None:
    prior = replace(shipped_prior(), power=power)
    series = market(6, T=15, K=5)
    shares = series.shares.copy()
    shares[3] = np.nan
    shares[-9:, 2] = 0.0
    shares[-9:] /= shares[-9:].sum(axis=1, keepdims=True)
    series = replace(series, shares=shares)
    small = np.array([0.6, 0.4, 0.03])
    contrasts, observed, scale, inverse, logdet, printed, calm = kernel.ready_market(
        shares, helmert(5), power, prior.scale, prior.dof, RECENT, series.resolution, small
    )
    expected = prior.scale_matrix(usual_composition(series))
    np.testing.assert_array_equal(observed, series.observed)
    np.testing.assert_allclose(contrasts[observed], series.contrasts(power)[observed], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(scale, expected, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(inverse @ expected, np.eye(4), atol=1e-8)
    assert logdet == pytest.approx(np.linalg.slogdet(expected)[1], rel=1e-10)
    p = usual_composition(series)
    nearby = (5 * (p + 1e-7) ** power - 5 * p**power) / (1e-7 * power * (p**power).sum())  # d u / d p
    np.testing.assert_allclose(printed, 0.6 * (series.resolution * nearby) ** 2 / 3, rtol=1e-3)
    np.testing.assert_allclose(calm, 1 - 0.4 / (1 + (p / 0.03) ** 2))


def test_a_tempered_scale_moves_each_coordinate_by_its_own_factor() -> None:
    rng = np.random.default_rng(8)
    basis, dof = helmert(4), 7.5
    root = rng.standard_normal((3, 3))
    S = root @ root.T
    printed, calm = np.array([0.0, 0.02, 0.3, 0.1]), np.array([1.0, 0.9, 0.6, 0.8])
    spread = basis @ S @ basis.T
    factor = calm * np.sqrt(1 + printed / (np.diag(spread) / dof))
    expected = basis.T @ np.diag(factor) @ spread @ np.diag(factor) @ basis
    found = S.copy()
    kernel.temper(found, dof, basis, printed, calm)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_rounding_to_whole_per_cents_widens_the_forecast_of_a_small_share() -> None:
    rng = np.random.default_rng(4)
    shares = np.round(np.column_stack([np.full(30, 0.012), 0.5 + 0.02 * rng.standard_normal(30)]), 3)
    series = Series("m", np.column_stack([shares, 1 - shares.sum(axis=1)]), resolution=0.0005)
    fine, coarse = (
        summarise_market(replace(series, resolution=half_unit), shipped_prior(), 4, (0.8,))
        for half_unit in (0.0005, 0.005)
    )
    widths = [made.upper[0, 0] - made.lower[0, 0] for made in (fine, coarse)]
    assert widths[1][0] > 1.5 * widths[0][0]
    assert widths[1][1] == pytest.approx(widths[0][1], rel=0.1)
