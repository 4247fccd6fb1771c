import numpy as np
import pytest

from forecast.models import total
from forecast.models.fitted import ContrastFit, DidNotConverge
from forecast.models.total import draw_totals

SEASON = np.array([0.9, 1.0, 0.95, 1.15])


def series(n: int, growth: float = 0.03, noise: float = 0.01, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.asarray(10.0 * np.exp(growth * np.arange(n) + noise * rng.standard_normal(n)) * SEASON[np.arange(n) % 4])


def test_the_season_and_the_trend_go_on() -> None:
    amounts = series(40)
    found = draw_totals(amounts[:36], horizon=4, draws=400, rng=np.random.default_rng(0))
    assert found.paths.shape == (400, 4)
    assert found.used == (("damped_trend", 0.5), ("ets", 0.5))
    assert found.notes == ()
    np.testing.assert_allclose(np.median(found.paths, axis=0), amounts[36:], rtol=0.06)
    low, high = np.quantile(found.paths, [0.01, 0.99], axis=0)
    assert ((low < amounts[36:]) & (amounts[36:] < high)).all()


def test_gaps_in_the_past_are_no_hindrance() -> None:
    amounts = series(40)
    gappy = amounts[:36].copy()
    gappy[[3, 8, 20]] = np.nan
    found = draw_totals(gappy, horizon=4, draws=400, rng=np.random.default_rng(0))
    np.testing.assert_allclose(np.median(found.paths, axis=0), amounts[36:], rtol=0.08)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_few_quarters_fall_back_to_last_years_changes_and_say_so(n: int) -> None:
    found = draw_totals(series(n), horizon=6, draws=50, rng=np.random.default_rng(0))
    assert found.used == (("seasonal_walk", 1.0),)
    assert found.notes == (
        "the total has fewer than 6 quarters that differ",
        "the total fell back to last year's changes",
    )
    assert np.isfinite(found.paths).all() and (found.paths > 0).all()


def test_a_fit_that_fails_is_named_and_leaves_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(logs: object) -> ContrastFit:
        raise DidNotConverge("no luck")

    monkeypatch.setitem(total.FITS, "ets", fails)
    found = draw_totals(series(30), horizon=2, draws=10, rng=np.random.default_rng(0))
    assert found.used == (("damped_trend", 1.0),)
    assert found.notes == ("ets of the total failed (no luck)",)
    monkeypatch.setitem(total.FITS, "damped_trend", fails)
    amounts = series(30, noise=0.0)
    found = draw_totals(amounts, horizon=4, draws=10, rng=np.random.default_rng(0))
    assert found.used == (("seasonal_walk", 1.0),)
    np.testing.assert_allclose(np.median(found.paths, axis=0), series(34, noise=0.0)[30:], rtol=1e-9)
