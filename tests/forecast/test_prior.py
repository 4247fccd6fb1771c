import json
from dataclasses import replace
from importlib.resources import files

import numpy as np
import polars as pl
import pytest

from forecast.composition import from_contrasts, helmert, to_contrasts
from forecast.data.make_prior import as_content, learn, learn_many, measure_coverage, render, windows
from forecast.prior import prior_from, shipped_prior

PANEL = pl.read_parquet(files("forecast.data").joinpath("panel.parquet").read_bytes())


def test_the_shipped_prior_is_what_the_script_learns_from_the_shipped_panel() -> None:
    learned = learn(windows(PANEL), version=shipped_prior().version)
    np.testing.assert_allclose(learned.scale, shipped_prior().scale, atol=2e-4)
    np.testing.assert_allclose(learned.weights, shipped_prior().weights, rtol=0.02, atol=1e-5)
    cases = windows(PANEL)
    three = [w for w in cases if w.group in ("us_electricity_source", "w3schools_browser", "pypl_ide")]
    found = measure_coverage(three, learn_many(three, sorted({w.group for w in three})))
    assert [level for level, _ in found] == [0.5, 0.8, 0.9, 0.95, 0.99]
    assert all(abs(level - held) < 0.15 for level, held in found)
    again = prior_from(json.loads(render(as_content(learned))))
    np.testing.assert_array_equal(again.nodes, learned.nodes)
    assert again.event_penalty == learned.event_penalty and again.mixture_sd == learned.mixture_sd


def test_only_series_that_may_be_shipped_are_shipped_with_their_attribution() -> None:
    assert set(PANEL["licence"].unique()) == {"CC BY 3.0", "CC BY 4.0", "ODC PDDL", "US public domain"}
    assert PANEL["source"].null_count() == 0
    assert PANEL.group_by("market").len().height == 48


def test_the_prior_scale_is_the_step_of_the_share_carried_through_the_transform() -> None:
    """A small step of one share, by finite differences, moves the contrasts as the scale matrix says."""
    prior = shipped_prior()
    share = np.array([0.45, 0.3, 0.2, 0.05])
    sd = np.exp(prior.scale @ np.stack([np.ones(4), np.log(share), np.log1p(-share)]))
    basis, eps = helmert(4), 1e-7
    expected = np.zeros((3, 3))
    for k in range(4):
        # The total of p^a is held, as the scale does: only the part's own coordinate moves.
        u = 4 / prior.power * share**prior.power / (share**prior.power).sum()
        moved = share.copy()
        moved[k] += eps
        slope = (4 / prior.power * moved[k] ** prior.power / (share**prior.power).sum() - u[k]) / eps
        expected += (sd[k] * slope) ** 2 * np.outer(basis[k], basis[k])
    np.testing.assert_allclose(prior.scale_matrix(share), prior.dof * expected, rtol=1e-5)


def test_a_level_between_those_measured_is_interpolated() -> None:
    prior = replace(shipped_prior(), measured=((0.5, 0.48), (0.9, 0.88)))
    assert prior.coverage((0.5, 0.7, 0.95)) == pytest.approx((0.48, 0.68, 0.94))
    assert replace(prior, measured=()).coverage((0.5,)) == ()


def test_the_shipped_prior_says_how_often_its_intervals_held() -> None:
    for level, held in shipped_prior().measured:
        assert abs(level - held) < 0.04


def test_a_window_is_what_a_forecaster_would_have_seen() -> None:
    for window in windows(PANEL)[::40]:
        shares = window.series.shares
        assert 12 <= len(shares) <= 40 and shares.shape[1] <= 8
        seen = shares[window.series.observed]
        np.testing.assert_allclose(seen.sum(axis=1), 1.0)
        np.testing.assert_allclose(from_contrasts(to_contrasts(seen, 0.75), 0.75), seen, atol=1e-9)
