import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from forecast.composition import closure
from forecast.draws import summarise


@given(st.integers(0, 1000), st.lists(st.floats(0.01, 0.99), min_size=1, max_size=5, unique=True))
def test_means_sum_to_one_intervals_nest_and_stay_within_zero_and_one(seed: int, levels: list[float]) -> None:
    rng = np.random.default_rng(seed)
    draws = closure(rng.gamma(0.3, size=(200 * 3, 4)) + 1e-12).reshape(200, 3, 4)
    summary = summarise(draws, sorted(levels))
    np.testing.assert_allclose(summary.mean.sum(axis=1), 1.0, rtol=0, atol=1e-15)
    assert (summary.lower >= 0).all()
    assert (summary.upper <= 1).all()
    assert (np.diff(summary.lower, axis=0) <= 0).all()
    assert (np.diff(summary.upper, axis=0) >= 0).all()
    assert ((summary.median >= summary.lower[0]) & (summary.median <= summary.upper[0])).all()


def test_an_interval_holds_its_level_of_the_draws() -> None:
    ramp = np.linspace(0.0, 1.0, 1001)
    draws = np.stack([ramp, 1.0 - ramp], axis=1)[:, None, :]
    summary = summarise(draws, [0.5, 0.9])
    np.testing.assert_allclose(summary.lower[:, 0, 0], [0.25, 0.05], atol=1e-12)
    np.testing.assert_allclose(summary.upper[:, 0, 0], [0.75, 0.95], atol=1e-12)
