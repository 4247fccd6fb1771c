"""Both forms of the filter, the plain and the compiled, against the statsmodels form of the same model."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import invwishart, multivariate_t
from statsmodels.tsa.statespace.mlemodel import MLEModel

from forecast.arrays import FloatArray
from forecast.composition import from_contrasts, helmert, to_contrasts
from forecast.models import kernel
from forecast.models.base import Series
from forecast.models.bulk import tables
from forecast.models.dlm import (
    BREAK_VARIANCE,
    RECENT,
    Filtered,
    allocate,
    contrasts_of,
    draw_pasts,
    filter_contrasts,
    filter_pasts,
    pasts_of,
    path_moments,
    with_rounding,
)
from forecast.models.pool import summarise_market
from forecast.prior import Prior, shipped_prior

Bools: TypeAlias = npt.NDArray[np.bool_]


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
        [0.3, 0.7, 0.05, 0.03, 0.9, np.inf],
        [0.3, 0.7, 0.05, 0.03, 0.8, 2.0],
        [0.001, 0.999, 0.0, -1.0, 0.9, 2.0],
        [0.001, 0.999, 0.0, -1.0, 0.9, np.inf],
        [0.6, 0.4, 0.15, -1.0, 0.75, 1.5],
        [0.9, 0.1, 0.0, 0.0, 0.9, 3.0],
        [0.9, 0.1, 0.0, 0.0, 0.9, 40.0],
        [0.9, 0.1, 0.0, 0.0, 0.9, np.inf],
    ]
)
INITIAL = np.array([25.0, 0.3, 4.0])
SHIFT, PENALTY = 0.4, 1.3


def plain(
    Y: FloatArray, observed: Bools, jump: FloatArray, nodes: FloatArray, discount: float, dof: float, scale: FloatArray
) -> Filtered:
    """The plain form, of one past."""
    return filter_contrasts(
        np.nan_to_num(Y)[None],
        observed,
        jump,
        nodes=nodes,
        initial_variance=INITIAL,
        discount=discount,
        dof=dof,
        scale=scale[None],
        shift=SHIFT,
        penalty=PENALTY,
    )


def compiled(
    Y: FloatArray, observed: Bools, jump: FloatArray, nodes: FloatArray, discount: float, dof: float, scale: FloatArray
) -> Filtered:
    """The compiled form, in the shape of the plain one."""
    gains = kernel.gain_tables(np.ascontiguousarray(nodes[:, :5]), INITIAL, len(Y))
    log_likelihood, weights, mean, cov, scales, after, events = kernel.filter_grid(
        np.nan_to_num(Y),
        observed,
        jump,
        nodes,
        discount,
        0.0,
        (np.arange(len(nodes)), *gains),
        dof,
        scale,
        np.asarray(np.linalg.inv(scale), dtype=np.float64),
        np.linalg.slogdet(scale)[1],
        SHIFT,
        PENALTY,
    )
    return Filtered(log_likelihood[None], weights[None], mean[None], cov[None], scales[None], after, events[None])


@pytest.mark.parametrize("form", [plain, compiled])
@pytest.mark.parametrize(("seed", "discount"), [(1, 1.0), (2, 0.85), (3, 0.93)])
def test_the_filter_equals_statsmodels(form: Callable[..., Filtered], seed: int, discount: float) -> None:
    rng = np.random.default_rng(seed)
    T, D = 17, 3
    Y = rng.standard_normal((T, D)).cumsum(axis=0) + rng.standard_normal((T, D))
    Y[9] += 6.0
    Y[[4, 5, 11]] = np.nan
    jump = np.zeros(T)
    jump[13] = 7.0
    root = rng.standard_normal((D, D)) + 2 * np.eye(D)
    scale, dof = root @ root.T, 4.5
    found = form(Y, np.isfinite(Y[:, 0]), jump, NODES, discount, dof, scale)
    likelihood = np.exp(found.log_likelihood - found.log_likelihood.max())
    np.testing.assert_allclose(found.weights, likelihood / likelihood.sum(), rtol=1e-9)
    for g, node in enumerate(NODES):
        expected = reference(Y.copy(), jump, node, INITIAL, dof, scale, discount, node[5], SHIFT, PENALTY)
        paths, covariance = path_moments(node, found.mean[0, g], found.cov[0, g], 1)
        np.testing.assert_allclose(found.log_likelihood[0, g], expected.log_likelihood, rtol=1e-8)
        np.testing.assert_allclose(paths[0], expected.mean, rtol=1e-8, atol=1e-8)
        np.testing.assert_allclose(covariance[0, 0], expected.variance, rtol=1e-8)
        np.testing.assert_allclose(found.scale[0, g], expected.scale, rtol=1e-8)
        assert found.dof == pytest.approx(expected.degrees, rel=1e-12)
        assert found.events[0, g] == expected.events
        assert node[5] < np.inf or found.events[0, g] == 0
    assert found.events.sum() > 0


@pytest.mark.parametrize("node", NODES[[0, 3, 7]])
def test_the_predictive_path_equals_statsmodels_forecasts(node: FloatArray) -> None:
    rng = np.random.default_rng(7)
    T, H = 15, 6
    y = rng.standard_normal(T).cumsum()
    found = plain(y[:, None], np.ones(T, bool), np.zeros(T), node[None], 1.0, 5.0, np.eye(1))
    paths, covariance = path_moments(node, found.mean[0, 0], found.cov[0, 0], H)
    longer = np.append(y, np.full(H, np.nan))
    model = PlainModel(longer, node, INITIAL, np.zeros(T + H), np.zeros(T + H))
    there = model.ssm.filter()
    np.testing.assert_allclose(paths[:, 0], there.forecasts[0, T:], rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(np.diag(covariance), there.forecasts_error_cov[0, 0, T:], rtol=1e-8)
    # Covariances between quarters: observing one quarter ahead must move the others as statsmodels says.
    longer[T + 1] = paths[1, 0] + 1.0
    moved = PlainModel(longer, node, INITIAL, np.zeros(T + H), np.zeros(T + H)).ssm.filter()
    expected = paths[2:, 0] + covariance[1, 2:] / covariance[1, 1]
    np.testing.assert_allclose(moved.forecasts[0, T + 2 :], expected, rtol=1e-8, atol=1e-8)


def market(seed: int, T: int = 24, K: int = 4) -> Series:
    rng = np.random.default_rng(seed)
    contrasts = 0.5 * rng.standard_normal(K - 1) + (0.05 * rng.standard_normal((T, K - 1))).cumsum(axis=0)
    return Series("test", from_contrasts(contrasts, 0.75))


def filtered_of(series: Series, prior: Prior | None = None) -> Filtered:
    return filter_pasts(pasts_of(series), prior or shipped_prior())


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.permutations(range(4)))
def test_the_order_of_providers_does_not_matter(seed: int, order: list[int]) -> None:
    series = market(seed)
    turned = replace(series, shares=np.ascontiguousarray(series.shares[:, order]))
    np.testing.assert_allclose(filtered_of(series).log_likelihood, filtered_of(turned).log_likelihood, rtol=1e-9)


@settings(max_examples=15)
@given(st.integers(0, 10_000))
def test_the_choice_of_basis_does_not_matter(seed: int) -> None:
    """Contrasts turned by any rotation: the same likelihoods, and the same covariance seen from the parts."""
    rng = np.random.default_rng(seed)
    Y = rng.standard_normal((20, 3)).cumsum(axis=0)
    root = rng.standard_normal((3, 3)) + 2 * np.eye(3)
    rotation = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    seen, none = np.ones(20, bool), np.zeros(20)
    one = plain(Y, seen, none, NODES, 0.9, 4.0, root @ root.T)
    other = plain(Y @ rotation, seen, none, NODES, 0.9, 4.0, rotation.T @ root @ root.T @ rotation)
    np.testing.assert_allclose(one.log_likelihood, other.log_likelihood, rtol=1e-7)
    np.testing.assert_allclose(one.scale, rotation @ other.scale @ rotation.T, rtol=1e-7, atol=1e-9)


def test_pasts_are_filtered_each_by_itself() -> None:
    series = market(4)
    others = tuple(from_contrasts(series.contrasts(0.75) + shift, 0.75) for shift in (-0.1, 0.2))
    together = filtered_of(replace(series, histories=others, breaks=(9,)))
    for b, past in enumerate(others):
        alone = filtered_of(replace(series, shares=past, breaks=(9,)))
        np.testing.assert_allclose(together.log_likelihood[b], alone.log_likelihood[0], rtol=1e-11)
        np.testing.assert_allclose(together.scale[b], alone.scale[0], rtol=1e-9, atol=1e-15)


def test_a_declared_break_lets_the_level_jump() -> None:
    series = market(5)
    shares = series.shares.copy()
    shares[12:] = np.roll(shares[12:], 1, axis=1)
    stepped = replace(series, shares=shares)
    declared = filtered_of(replace(stepped, breaks=(12,)))
    # With the break declared the step is no surprise, and S does not learn of it.
    assert declared.log_likelihood.max() > filtered_of(stepped).log_likelihood.max()
    jump = np.zeros(24)
    jump[12] = BREAK_VARIANCE
    prior, pasts = shipped_prior(), pasts_of(stepped)
    by_hand = filter_contrasts(
        contrasts_of(pasts, prior.power),
        pasts.observed,
        jump,
        nodes=prior.nodes,
        initial_variance=prior.initial_variance,
        discount=prior.discount,
        dof=prior.dof,
        scale=prior.scale_matrix(pasts.usual),
        shift=prior.event_shift,
        penalty=prior.event_penalty,
    )
    np.testing.assert_array_equal(by_hand.log_likelihood, declared.log_likelihood)


def test_a_quarter_that_is_missing_differs_from_one_of_a_zero_share() -> None:
    series = market(3)
    missing, zero = series.shares.copy(), series.shares.copy()
    missing[10] = np.nan
    zero[10, 0] = 0.0
    zero[10] /= zero[10].sum()
    likelihoods = [filtered_of(replace(series, shares=s)).log_likelihood for s in (missing, zero)]
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
    prior = replace(base, nodes=NODES[3:4], mixture_sd=0.0, mixture_mean=0.0)
    filtered = filtered_of(market(5), prior)
    draws = draw_pasts(filtered, prior, 3, 200_000, np.random.default_rng(1))
    paths = to_contrasts(draws.reshape(-1, 4), prior.power).reshape(200_000, 3, 3)
    centre, covariance = path_moments(prior.nodes[0], filtered.mean[0, 0], filtered.cov[0, 0], 3)
    np.testing.assert_allclose(paths.mean(axis=0), centre, atol=4e-3 * np.sqrt(covariance[2, 2]))
    S = filtered.scale[0, 0] / (filtered.dof - 2)
    for i, j in ((0, 0), (2, 2), (0, 2)):
        found = (paths[:, i] - centre[i]).T @ (paths[:, j] - centre[j]) / len(paths)
        np.testing.assert_allclose(found, covariance[i, j] * S, rtol=0.03, atol=0.03 * covariance[i, j] * S.max())


def test_intervals_cover_as_they_say_on_data_drawn_from_the_model() -> None:
    """Simulated from one node, S drawn from its prior: nominal 80 % must hold 80 % over many markets."""
    base = shipped_prior()
    node = np.array([0.1, 0.9, 0.0, -1.0, 0.9, np.inf])
    prior = replace(base, nodes=node[None], discount=1.0, mixture_sd=0.0, mixture_mean=0.0, rounding=0.0)
    scale = prior.scale_matrix(np.full(3, 1 / 3))
    rng = np.random.default_rng(11)
    hits = []
    for _ in range(500):
        root = np.linalg.cholesky(invwishart.rvs(prior.dof + 1.0, scale, random_state=rng))
        steps = np.sqrt(0.9) * rng.standard_normal((16, 2))
        contrasts = steps.cumsum(axis=0) + np.sqrt(0.1) * rng.standard_normal((16, 2))
        shares = from_contrasts(contrasts @ root.T, prior.power)
        draws = draw_pasts(filtered_of(Series("m", shares[:12]), prior), prior, 4, 400, rng)
        low, high = np.quantile(draws, [0.1, 0.9], axis=0)
        hits.append((shares[12:] >= low) & (shares[12:] <= high))
    assert abs(np.mean(hits) - 0.80) < 0.03


def test_a_long_past_with_parts_that_stay_zero_is_forecast_all_the_same() -> None:
    rng = np.random.default_rng(3)
    shares = np.zeros((190, 6))
    shares[:, :3] = rng.dirichlet([300.0, 200.0, 100.0], size=190)
    shares[-3:, 3] = 0.002
    series = Series("m", shares / shares.sum(axis=1, keepdims=True))
    filtered = filtered_of(series)
    assert np.isfinite(filtered.weights).all() and filtered.weights.sum() == pytest.approx(1.0)
    assert np.isfinite(draw_pasts(filtered, shipped_prior(), 4, 50, rng)).all()


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.integers(1, 7))
def test_every_draw_is_a_composition_however_wild_the_market(seed: int, parts: int) -> None:
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(parts, 0.2), size=12)
    prior = replace(shipped_prior(), mixture_sd=2.0)
    filtered = filtered_of(Series("m", shares / shares.sum(axis=1, keepdims=True)), prior)
    draws = draw_pasts(filtered, prior, 8, 501, rng)
    assert draws.shape == (501, 8, parts)
    assert (draws >= 0).all()
    np.testing.assert_allclose(draws.sum(axis=2), 1.0, rtol=0, atol=1e-12)


def test_what_lies_more_than_sixteen_years_back_does_not_matter() -> None:
    long = market(9, T=90)
    gap = long.shares.copy()
    gap[: 90 - 64] = gap[0]
    first, second = (filtered_of(s) for s in (long, replace(long, shares=gap)))
    np.testing.assert_array_equal(first.log_likelihood, second.log_likelihood)


@pytest.mark.parametrize("power", [0.75, 0.5])
def test_a_market_made_ready_by_the_compiled_form_is_what_the_plain_functions_say(power: float) -> None:
    prior = replace(shipped_prior(), power=power)
    series = market(6, T=15, K=5)
    shares = series.shares.copy()
    shares[3] = np.nan
    shares[-9:, 2] = 0.0
    shares[-9:] /= shares[-9:].sum(axis=1, keepdims=True)
    pasts = pasts_of(replace(series, shares=shares))
    (usual,) = pasts.usual
    contrasts, observed, found_usual, scale, inverse, logdet, printed = kernel.ready_market(
        shares,
        helmert(5).copy(),
        power,
        prior.step,
        prior.step_power,
        prior.dof,
        RECENT,
        pasts.resolution,
        prior.rounding,
    )
    expected = prior.scale_matrix(usual)
    np.testing.assert_array_equal(observed, pasts.observed)
    np.testing.assert_allclose(found_usual, usual, rtol=1e-12)
    np.testing.assert_allclose(contrasts, contrasts_of(pasts, power)[0], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(contrasts[observed], to_contrasts(shares, power)[observed], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(scale, expected, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(inverse @ expected, np.eye(4), atol=1e-8)
    assert logdet == pytest.approx(np.linalg.slogdet(expected)[1], rel=1e-10)
    np.testing.assert_allclose(printed, prior.printed_variance(usual, pasts.resolution), rtol=1e-12)


def test_what_rounding_adds_moves_each_coordinate_by_its_own_factor() -> None:
    rng = np.random.default_rng(8)
    basis, dof = helmert(4).copy(), 7.5
    root = rng.standard_normal((3, 3))
    S = root @ root.T
    printed = np.array([0.0, 0.02, 0.3, 0.1])
    spread = basis @ S @ basis.T
    factor = np.sqrt(1 + printed / (np.diag(spread) / dof))
    expected = basis.T @ np.diag(factor) @ spread @ np.diag(factor) @ basis
    np.testing.assert_allclose(with_rounding(S[None], dof, basis, printed[None])[0], expected, rtol=1e-12)
    found = S.copy()
    kernel.add_rounding(found, dof, basis, printed)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_neighbours_of_the_shipped_grid_share_work_in_the_compiled_filter() -> None:
    rows, variances, *_ = tables(shipped_prior())
    assert len(variances) == len(shipped_prior().nodes) // 2
    np.testing.assert_array_equal(rows[::2], rows[1::2])


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
