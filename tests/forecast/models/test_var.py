import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import matrix_t, ortho_group
from statsmodels.tsa.api import VAR

from forecast.arrays import FloatArray
from forecast.composition import from_contrasts, to_contrasts
from forecast.models import var as module
from forecast.models.base import Series
from forecast.models.naive import naive
from forecast.models.var import MOST_PERSISTENT, Posterior, draw_parameters, posterior, seasons, var


def example(seed: int, n: int, D: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((D, D))
    return rng.standard_normal((n, D)) @ root, rng.standard_normal((n, D)) @ root, root.T @ root + np.eye(D)


def root_of(precision: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.cholesky(precision).T, dtype=np.float64)


@settings(max_examples=25)
@given(st.integers(0, 1000), st.integers(1, 9), st.integers(1, 4))
def test_the_evidence_is_the_density_of_a_matrix_t(seed: int, n: int, D: int) -> None:
    changes, before, scale = example(seed, n, D)
    root = np.asarray(root_of(scale) / 0.4)
    found = posterior(changes, before, scale, root).log_evidence
    spread = np.eye(n) + before @ np.linalg.inv(root.T @ root) @ before.T
    assert found == pytest.approx(matrix_t(np.zeros((n, D)), spread, scale, df=3).logpdf(changes), abs=1e-7)


def test_without_shrinkage_the_coefficients_are_those_of_statsmodels_var() -> None:
    rng = np.random.default_rng(2)
    changes = rng.standard_normal((30, 3)) @ rng.standard_normal((3, 3))
    told = VAR(changes).fit(1, trend="n")
    found = posterior(changes[1:], changes[:-1], np.eye(3), np.diag([1e-6] * 3))
    np.testing.assert_allclose(found.coefficients, told.params, atol=1e-8)
    shrunk = posterior(changes[1:], changes[:-1], np.eye(3), np.diag([1e6] * 3))
    np.testing.assert_allclose(shrunk.coefficients, 0.0, atol=1e-9)


@settings(max_examples=25)
@given(st.integers(0, 1000), st.integers(2, 5))
def test_another_basis_gives_the_same_belief(seed: int, D: int) -> None:
    changes, before, scale = example(seed, 12, D)
    turn = ortho_group.rvs(D, random_state=seed)
    one = posterior(changes, before, scale, root_of(scale))
    other = posterior(changes @ turn, before @ turn, turn.T @ scale @ turn, root_of(turn.T @ scale @ turn))
    assert other.log_evidence == pytest.approx(one.log_evidence, abs=1e-8)
    np.testing.assert_allclose(other.coefficients, turn.T @ one.coefficients @ turn, atol=1e-9)
    np.testing.assert_allclose(other.scale, turn.T @ one.scale @ turn, atol=1e-8)


def test_the_order_of_providers_does_not_move_the_forecast() -> None:
    rng = np.random.default_rng(4)
    shares = from_contrasts(0.1 * rng.standard_normal((24, 3)).cumsum(axis=0), 0.75)
    order = [2, 0, 3, 1]
    means = []
    for columns in (order, [0, 1, 2, 3]):
        series = Series("m", shares[:, columns])
        outcome = var(series, power=0.75, horizon=4, draws=20_000, rng=np.random.default_rng(1))
        means.append(from_contrasts(outcome.contrasts, 0.75).mean(axis=0))
    np.testing.assert_allclose(means[0], means[1][:, order], atol=0.003)


def test_drawn_parameters_have_the_moments_of_the_belief() -> None:
    belief = Posterior(
        np.array([[0.3, 0.1], [-0.1, 0.2]]),
        np.array([[0.01, 0.004], [0.004, 0.02]]),
        np.array([[30.0, 10.0], [10.0, 20.0]]),
        30.0,
        0.0,
    )
    coefficients, roots = draw_parameters(belief, 40_000, np.random.default_rng(5))
    covariance = belief.scale / (30.0 - 3.0)
    np.testing.assert_allclose((roots @ roots.transpose(0, 2, 1)).mean(axis=0), covariance, rtol=0.02)
    np.testing.assert_allclose(coefficients[:, :2].mean(axis=0), belief.coefficients, atol=0.004)
    first = np.cov(coefficients[:, :2].reshape(-1, 4).T)
    np.testing.assert_allclose(first, np.kron(belief.row_covariance, covariance), atol=0.0008)
    assert (coefficients[:, 2:] == 0.0).all(), "no season in this belief"


def test_momentum_that_would_explode_is_made_stable() -> None:
    belief = Posterior(1.5 * np.eye(2), 0.1 * np.eye(2), 10.0 * np.eye(2), 12.0, 0.0)
    coefficients, _ = draw_parameters(belief, 500, np.random.default_rng(6))
    assert np.abs(np.linalg.eigvals(coefficients[:, :2])).max() <= MOST_PERSISTENT + 1e-12


def test_the_effects_of_a_year_sum_to_zero_and_are_alike_in_size() -> None:
    effects = seasons(np.arange(5, 9))
    np.testing.assert_allclose(effects.sum(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose((effects**2).sum(axis=1), 1.0)


def test_intervals_hold_as_often_as_they_say_on_data_drawn_from_the_prior() -> None:
    rng = np.random.default_rng(7)
    hits = []
    for _ in range(250):
        momentum = 0.3 * rng.standard_normal((2, 2))
        changes = np.zeros((48, 2))
        for t in range(1, 48):
            changes[t] = changes[t - 1] @ momentum + 0.01 * rng.standard_normal(2)
        contrasts = changes.cumsum(axis=0)
        series = Series("m", from_contrasts(contrasts[:40], 1.0))
        drawn = var(series, power=1.0, horizon=8, draws=300, rng=rng).contrasts
        np.testing.assert_allclose(to_contrasts(series.shares, 1.0), contrasts[:40], atol=1e-9)
        bounds = np.quantile(drawn, [0.25, 0.75, 0.1, 0.9, 0.025, 0.975], axis=0)
        hits.append([(low < contrasts[40:]) & (contrasts[40:] < high) for low, high in bounds.reshape(3, 2, 8, 2)])
    np.testing.assert_allclose(np.mean(hits, axis=(0, 2, 3)), [0.5, 0.8, 0.95], atol=0.04)


def test_a_season_is_found_and_goes_on() -> None:
    rng = np.random.default_rng(8)
    contrasts = np.tile([[0.0, 0.0], [0.01, 0.0], [0.0, 0.01], [0.1, -0.05]], (6, 1))[:22]
    series = Series("m", from_contrasts(contrasts + 0.01 * rng.standard_normal((22, 2)), 1.0))
    mean = var(series, power=1.0, horizon=8, draws=2000, rng=rng).contrasts.mean(axis=0)
    assert mean[[1, 5], 0].min() > mean[[0, 2, 3, 4, 6, 7], 0].max() + 0.04


def test_shrinkage_is_what_the_tables_say(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(10)
    changes = np.zeros((30, 2))
    for t in range(1, 30):
        changes[t] = 0.9 * changes[t - 1] + 0.01 * rng.standard_normal(2) + (t % 4 == 2) * 0.03
    series = Series("m", from_contrasts(changes.cumsum(axis=0) / 3.0, 1.0))

    def moves(momentum: float, season: float) -> float:
        monkeypatch.setattr(module, "MOMENTUM", (momentum,))
        monkeypatch.setattr(module, "SEASON", (season,))
        drawn = var(series, power=1.0, horizon=4, draws=4000, rng=np.random.default_rng(1)).contrasts
        mean = np.vstack([series.contrasts(1.0)[-1], drawn.mean(axis=0)])
        return float(np.abs(np.diff(mean, axis=0)).max())

    assert moves(1e-4, 0.0) < 0.001 and moves(1e-4, 1e-4) < 0.001, "a random walk"
    assert moves(1.0, 0.0) > 0.005 and moves(1e-4, 1.0) > 0.003


def test_momentum_after_a_gap_is_that_of_one_quarter() -> None:
    rng = np.random.default_rng(11)
    contrasts = 0.01 * np.arange(30.0)[:, None] * [1.0, -0.5] + 1e-4 * rng.standard_normal((30, 2))
    contrasts[26:29] = np.nan
    series = Series("m", from_contrasts(contrasts, 1.0))
    mean = var(series, power=1.0, horizon=1, draws=500, rng=rng).contrasts.mean(axis=0)
    np.testing.assert_allclose(mean[0] - contrasts[-1], [0.01, -0.005], atol=0.002)


def test_changes_at_a_missing_quarter_are_left_out() -> None:
    rng = np.random.default_rng(9)
    shares = from_contrasts(0.1 * rng.standard_normal((20, 2)).cumsum(axis=0), 0.5)
    shares[[5, 18]] = np.nan
    outcome = var(Series("m", shares), power=0.5, horizon=2, draws=500, rng=rng)
    assert outcome.used == (("var", 1.0),) and np.isfinite(outcome.contrasts).all()


@pytest.mark.parametrize("shares", [np.full((12, 3), 1 / 3), np.array([[0.2, 0.8], [0.3, 0.7], [0.2, 0.8]])])
def test_with_too_little_to_go_by_a_random_walk_stands_in_and_says_so(shares: FloatArray) -> None:
    series = Series("m", shares)
    outcome, walk = (m(series, power=0.5, horizon=3, draws=9, rng=np.random.default_rng(1)) for m in (var, naive))
    assert outcome.contrasts.tobytes() == walk.contrasts.tobytes()
    assert outcome.used == (("naive", 1.0),)
    assert outcome.notes == ("var: fell back to a random walk (needs 6 quarters in a row that are not all the same)",)
