import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.scores import covered, interval_score, weighted_interval_score

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
