import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.errors import InvalidArgument
from forecast.scores import covered, energy_score, interval_score, weighted_interval_score

proportions = st.floats(0.0, 1.0)


def test_the_interval_score_by_hand() -> None:
    lower, upper = np.array([0.2, 0.2, 0.2]), np.array([0.3, 0.3, 0.3])
    truth = np.array([0.25, 0.17, 0.35])
    np.testing.assert_allclose(interval_score(lower, upper, truth, 0.8), [0.1, 0.1 + 10 * 0.03, 0.1 + 10 * 0.05])


def test_the_weighted_interval_score_by_hand() -> None:
    found = weighted_interval_score(
        np.array([0.41]), np.array([[0.38], [0.35]]), np.array([[0.43], [0.46]]), np.array([0.45]), (0.5, 0.9)
    )
    # 0.5 |0.45 - 0.41| + 0.25 (0.05 + 4 * 0.02) + 0.05 * 0.11, over 2.5
    assert found[0] == pytest.approx((0.02 + 0.0325 + 0.0055) / 2.5)


@given(st.lists(proportions, min_size=3, max_size=9, unique=True), proportions)
def test_the_weighted_interval_score_is_the_mean_pinball_loss(values: list[float], truth: float) -> None:
    """Two routes to one number: WIS over central intervals equals twice the mean pinball loss of its quantiles."""
    n = (len(values) - 1) // 2
    q = np.sort(values)[: 2 * n + 1]
    levels = [1.0 - (k + 1) / (n + 1) for k in range(n)]
    quantile_levels = np.array(
        [*((1 - level) / 2 for level in levels), 0.5, *((1 + level) / 2 for level in levels[::-1])]
    )
    pinball = np.where(truth < q, (1 - quantile_levels) * (q - truth), quantile_levels * (truth - q))
    found = weighted_interval_score(
        np.array(q[n]), np.array(q[:n]), np.array(q[n + 1 :][::-1]), np.array(truth), levels
    )
    assert float(found) == pytest.approx(pinball.sum() / (n + 0.5), abs=1e-12)


def test_the_ends_of_an_interval_belong_to_it_and_no_truth_is_no_hit() -> None:
    found = covered(np.full(4, 0.2), np.full(4, 0.3), np.array([0.2, 0.3, 0.31, np.nan]))
    np.testing.assert_array_equal(found, [1, 1, 0, np.nan])


def test_the_energy_score_by_hand() -> None:
    draws = np.array([[[0.5, 0.3, 0.2]], [[0.5, 0.0, 0.5]], [[0.1, 0.3, 0.6]]])
    truth = np.array([[0.5, 0.3, 0.2]])
    to_truth = (0.0 + np.sqrt(0.09 + 0.09) + np.sqrt(0.16 + 0.16)) / 3
    apart = (np.sqrt(0.09 + 0.09) + np.sqrt(0.16 + 0.16) + np.sqrt(0.16 + 0.09 + 0.01)) / 3
    assert energy_score(draws, truth)[0] == pytest.approx(to_truth - apart / 2, abs=1e-15)


@given(st.integers(0, 10_000), st.integers(2, 25), st.integers(1, 5), st.integers(1, 4))
def test_the_energy_score_is_what_a_plain_loop_over_all_pairs_gives(seed: int, n: int, parts: int, steps: int) -> None:
    rng = np.random.default_rng(seed)
    draws, truth = rng.dirichlet(np.full(parts, 0.7), (n, steps)), rng.dirichlet(np.ones(parts), steps)
    truth[rng.uniform(size=truth.shape) < 0.3] = np.nan
    found = energy_score(draws, truth)
    for h in range(steps):
        known = [k for k in range(parts) if not math.isnan(truth[h, k])]
        if not known:
            assert math.isnan(found[h])
            continue
        rows = [[float(draw[h, k]) for k in known] for draw in draws]
        came = [float(truth[h, k]) for k in known]
        near = sum(math.dist(row, came) for row in rows) / n
        pairs = [math.dist(rows[i], rows[j]) for i in range(n) for j in range(n) if i != j]
        assert found[h] == pytest.approx(near - sum(pairs) / len(pairs) / 2, abs=1e-12)


def test_the_energy_score_does_not_favour_few_draws() -> None:
    """The mean over many small samples is that of one large sample; with all n * n pairs counted it would be larger."""
    rng = np.random.default_rng(4)
    draws = rng.dirichlet([4.0, 2.0, 1.0], (3000, 1))
    truth = np.array([[0.5, 0.3, 0.2]])
    few = np.mean([energy_score(draws[n : n + 3], truth)[0] for n in range(0, 3000, 3)])
    assert few == pytest.approx(energy_score(draws, truth)[0], abs=0.004)


def test_the_energy_score_is_smaller_for_the_forecast_that_is_right() -> None:
    rng = np.random.default_rng(5)
    right, shifted, wide = (rng.dirichlet(a, (800, 1)) for a in ([40, 40, 20], [60, 20, 20], [4, 4, 2]))
    came = rng.dirichlet([40, 40, 20], 60)
    scores = [np.mean([energy_score(draws, row[None])[0] for row in came]) for draws in (right, shifted, wide)]
    assert scores[0] < min(scores[1:])


def test_one_draw_has_no_energy_score() -> None:
    with pytest.raises(InvalidArgument, match="draws is 1; allowed: at least 2 draws"):
        energy_score(np.full((1, 2, 2), 0.5), np.full((2, 2), 0.5))
