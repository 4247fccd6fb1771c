from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import t as student

from forecast.arrays import FloatArray
from forecast.composition import from_contrasts
from forecast.models.base import Series
from forecast.models.dlm import pasts_of
from forecast.models.smoothing import (
    ALPHAS,
    FADING,
    KAPPAS,
    ROUNDING,
    SEASON_DEGREES,
    SEASON_WEIGHT,
    fill_gaps,
    since_break,
    smooth,
    smoothing,
    t4_distribution,
    t4_quantile,
)


def series(seed: int, T: int = 20, K: int = 3, gaps: tuple[int, ...] = ()) -> Series:
    rng = np.random.default_rng(seed)
    contrasts = 0.3 * rng.standard_normal(K - 1) + (0.04 * rng.standard_normal((T, K - 1))).cumsum(axis=0)
    shares = from_contrasts(contrasts, 0.75)
    shares[list(gaps)] = np.nan
    return Series("m", shares)


def by_hand(past: Series, horizon: int) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation of each share ** .75 before the medians are made to sum to one: member by member."""
    T, K = past.shares.shape
    seen = past.observed
    usual = np.maximum(past.shares[seen][-8:].mean(axis=0), past.resolution)
    usual /= usual.sum()
    mean, sd = np.zeros((horizon, K)), np.zeros((horizon, K))
    for k in range(K):
        share = np.interp(np.arange(T), np.flatnonzero(seen), past.shares[seen, k])
        z = share**0.75
        ridge = (ROUNDING * past.resolution * 0.75 * usual[k] ** -0.25) ** 2
        members = []
        for seasonal in (False, True) if T >= 12 else (False,):
            season = np.zeros(4)  # by quarters before the end, the next quarter first
            if seasonal:
                away: list[list[float]] = [[], [], [], []]
                for t in range(2, T - 2):
                    middle = (z[t - 2] / 2 + z[t - 1] + z[t] + z[t + 1] + z[t + 2] / 2) / 4
                    away[(t - T) % 4].append(z[t] - middle)
                season = np.array([np.mean(each) for each in away])
                season -= season.mean()
            plain = z - season[(np.arange(T) - T) % 4]
            slope = np.polyfit(np.arange(T), plain, 1)[0]
            for alpha in ALPHAS:
                for kappa in KAPPAS:
                    level, squares, count = plain[0], 0.0, 0.0
                    for t in range(1, T):
                        error = plain[t] - level - kappa * slope * (1 - (1 - alpha) ** t) / alpha
                        if seen[t]:
                            squares += FADING ** (T - 1 - t) * error**2
                            count += FADING ** (T - 1 - t)
                        level += alpha * (plain[t] - level)
                    squares += count * ridge
                    weight = -count / 2 * np.log(squares) + (np.log(SEASON_WEIGHT) if seasonal else 0.0)
                    variance = squares / max(count - 2 - (SEASON_DEGREES if seasonal else 0.0), 1.0)
                    path = [
                        level + kappa * slope * (h + (1 - (1 - alpha) ** T) / alpha) + season[h % 4]
                        for h in range(horizon)
                    ]
                    members.append((weight, path, [variance * (1 + h * alpha**2) for h in range(horizon)]))
        logs = np.array([m[0] for m in members])
        w = np.exp(logs - logs.max())
        w /= w.sum()
        paths, variances = np.array([m[1] for m in members]), np.array([m[2] for m in members])
        mean[:, k] = w @ paths
        sd[:, k] = np.sqrt(w @ (variances + (paths - mean[:, k]) ** 2))
    return mean, sd


@pytest.mark.parametrize(("T", "gaps"), [(20, ()), (20, (3, 4, 11)), (9, (2,)), (4, ())])
def test_the_family_is_what_its_members_say_one_by_one(T: int, gaps: tuple[int, ...]) -> None:
    past = series(1, T=T, gaps=gaps)
    found = smooth(pasts_of(past), 0.75, 6)
    mean, sd = by_hand(past, 6)
    unit = (np.maximum(mean, 0.0) ** (4 / 3)).sum(axis=1, keepdims=True) ** 0.75
    np.testing.assert_allclose(found.location, mean / unit, rtol=1e-9)
    np.testing.assert_allclose(found.spread, sd / np.sqrt(2) / unit, rtol=1e-9)
    np.testing.assert_allclose(found.quantiles(np.array([0.5]))[0].sum(axis=1), 1.0, rtol=1e-12)


def test_only_quarters_since_the_last_break_count() -> None:
    past = series(2, T=24)
    broken = replace(past, breaks=(5, 13))
    alone = replace(past, shares=past.shares[13:])
    one, other = (smooth(pasts_of(each), 0.75, 4) for each in (broken, alone))
    np.testing.assert_array_equal(one.location, other.location)
    assert len(since_break(pasts_of(broken)).observed) == 11


def test_several_pasts_are_averaged_by_their_moments() -> None:
    past = series(3)
    others = (past.shares, from_contrasts(past.contrasts(0.75) + 0.2, 0.75))
    both = smooth(pasts_of(replace(past, histories=others)), 0.75, 2)
    each = [smooth(pasts_of(replace(past, shares=shares)), 0.75, 2) for shares in others]
    np.testing.assert_allclose(both.location, np.mean([e.location for e in each], axis=0), atol=0.02)
    assert (both.spread > np.minimum(each[0].spread, each[1].spread)).all()


def test_gaps_are_filled_by_straight_lines() -> None:
    past = series(4, gaps=(6, 7, 8))
    (filled,) = fill_gaps(pasts_of(past))
    np.testing.assert_allclose(filled[7], (filled[5] + filled[9]) / 2, rtol=1e-12)
    np.testing.assert_array_equal(filled[past.observed], past.shares[past.observed])


def test_the_t_distribution_of_four_degrees_is_that_of_scipy() -> None:
    z = np.array([-40.0, -3.0, -0.5, 0.0, 0.2, 2.0, 11.0])
    value, density = t4_distribution(z)
    np.testing.assert_allclose(value, student.cdf(z, 4), rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(density, student.pdf(z, 4), rtol=1e-12)
    levels = np.array([0.001, 0.025, 0.3, 0.5, 0.9, 0.999])
    np.testing.assert_allclose(t4_quantile(levels), student.ppf(levels, 4), rtol=1e-9, atol=1e-12)


def test_the_model_by_itself_draws_its_own_distribution() -> None:
    past = series(5, T=30)
    found = smoothing(past, power=0.75, horizon=4, draws=4000, rng=np.random.default_rng(1))
    assert found.used == (("smoothing", 1.0),)
    draws = from_contrasts(found.contrasts, 0.75)
    levels = np.array([0.1, 0.5, 0.9])
    expected = smooth(pasts_of(past), 0.75, 4).quantiles(levels)
    sd = draws.std(axis=0)
    assert (np.abs(np.quantile(draws, levels, axis=0) - expected) / sd).max() < 0.25


def test_too_few_quarters_since_a_break_fall_back_to_a_random_walk() -> None:
    found = smoothing(replace(series(6), breaks=(18,)), power=0.75, horizon=2, draws=50, rng=np.random.default_rng(1))
    assert "fell back" in found.notes[0] and found.used != (("smoothing", 1.0),)
