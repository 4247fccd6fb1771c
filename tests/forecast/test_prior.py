import math
from dataclasses import replace
from importlib.resources import files

import numpy as np
import polars as pl
import pytest

from forecast.composition import helmert
from forecast.prior import Measured, grid, shipped_prior

PANEL = pl.read_parquet(files("forecast.data").joinpath("panel.parquet").read_bytes())


def test_only_series_that_may_be_shipped_are_shipped_with_their_attribution() -> None:
    assert set(PANEL["licence"].unique()) == {"CC BY 3.0", "CC BY 4.0", "ODC PDDL", "US public domain"}
    assert PANEL["source"].null_count() == 0
    assert PANEL.group_by("market").len().height == 48


def test_the_prior_scale_is_the_step_of_the_share_carried_through_the_transform() -> None:
    """A small step of one share, by finite differences, moves the contrasts as the scale matrix says."""
    prior = shipped_prior()
    share = np.array([0.45, 0.3, 0.2, 0.05])
    sd = 0.03 * share**0.6
    basis, eps = helmert(4), 1e-7
    expected, printed = np.zeros((3, 3)), np.zeros(4)
    for k in range(4):
        # The total of p^a is held, as the scale does: only the part's own coordinate moves.
        u = 4 / prior.power * share**prior.power / (share**prior.power).sum()
        moved = share.copy()
        moved[k] += eps
        slope = (4 / prior.power * moved[k] ** prior.power / (share**prior.power).sum() - u[k]) / eps
        expected += (sd[k] * slope) ** 2 * np.outer(basis[k], basis[k])
        printed[k] = prior.rounding * (0.005 * slope) ** 2 / 3
    np.testing.assert_allclose(prior.scale_matrix(share), prior.dof * expected, rtol=1e-5)
    np.testing.assert_allclose(prior.printed_variance(share, 0.005), printed, rtol=1e-5)
    both = np.stack([share, share[::-1]])
    np.testing.assert_allclose(prior.scale_matrix(both)[1], prior.scale_matrix(share[::-1]), rtol=1e-12)


def test_neighbours_in_the_grid_differ_by_a_rising_threshold_alone() -> None:
    nodes = grid()
    assert len(np.unique(nodes, axis=0)) == len(nodes)
    np.testing.assert_array_equal(nodes[::2, :5], nodes[1::2, :5])
    assert (nodes[::2, 5] < nodes[1::2, 5]).all()


def test_the_factor_that_widens_a_path_has_the_moments_it_says() -> None:
    prior = shipped_prior()
    factor = np.exp(prior.mixture_sd * np.random.default_rng(1).standard_normal((2, 2_000_000)) + prior.mixture_mean)
    square, product = prior.widened_moments
    assert square == pytest.approx((factor**2).mean(), rel=0.01)
    assert product == pytest.approx((factor[0] * factor[1]).mean(), rel=0.01)


def test_coverage_is_that_of_the_markets_own_class_and_interpolated_between_levels() -> None:
    calm, wild = Measured(2.0, ((0.5, 0.48), (0.9, 0.88))), Measured(math.inf, ((0.5, 0.4), (0.9, 0.8)))
    prior = replace(shipped_prior(), measured=(calm, wild))
    assert prior.coverage((0.5, 0.7, 0.95), 1.9) == pytest.approx((0.48, 0.68, 0.94))
    assert prior.coverage((0.5, 0.7), 2.0) == pytest.approx((0.4, 0.6))
    assert replace(prior, measured=()).coverage((0.5,), 1.0) == ()


def test_the_shipped_prior_says_how_often_its_intervals_held() -> None:
    measured = shipped_prior().measured
    assert [each.below for each in measured] == [1.0, 2.0, 4.0, math.inf]
    for each in measured:
        for level, held in each.held:
            assert abs(level - held) < 0.06
