"""The compiled form of the model of record, which takes many markets, against the plain one, which takes each alone."""

from dataclasses import replace
from importlib.resources import files

import numpy as np
import polars as pl
import pytest

from forecast.composition import from_contrasts, helmert
from forecast.forecasting import forecast_shares
from forecast.many import forecast_table
from forecast.models import kernel
from forecast.models.base import Series
from forecast.models.bulk import fill_gaps, tables
from forecast.models.dlm import BREAK_VARIANCE, RECENT, SMALLEST_WEIGHT, Pasts, filter_pasts, pasts_of
from forecast.models.marginal import smooth_parts
from forecast.models.smoothing import smooth
from forecast.prior import shipped_prior
from forecast.quarter import Quarter
from forecast.shares import by_market, check_shares

PANEL = pl.read_parquet(files("forecast.data").joinpath("panel.parquet").read_bytes())


def compare(shares: pl.DataFrame, horizon: int) -> float:
    """Largest difference of any number between the two forms."""
    together = forecast_table(by_market(check_shares(shares)), horizon=horizon, levels=(0.5, 0.8, 0.95))
    assert together.told and not together.failures
    worst = 0.0
    for (market,), rows in together.table.group_by("market", maintain_order=True):
        alone = forecast_shares(shares.filter(market=market), horizon=horizon, levels=(0.5, 0.8, 0.95)).to_frame()
        assert rows["provider"].to_list() == alone["provider"].to_list()
        assert rows["period"].to_list() == alone["period"].to_list()
        numbers = rows.columns[rows.columns.index("mean") :]
        worst = max(worst, float(np.abs(rows[numbers].to_numpy() - alone[numbers].to_numpy()).max()))
    return worst


def made_up(seed: int) -> Series:
    """A market with gaps, zeros, a step, up to 90 quarters and 2 to 8 parts."""
    rng = np.random.default_rng(seed)
    T, K = int(rng.integers(2, 91)), int(rng.integers(2, 9))
    contrasts = 0.4 * rng.standard_normal(K - 1) + (0.06 * rng.standard_normal((T, K - 1))).cumsum(axis=0)
    contrasts[T // 2 :] += 0.3 * (seed % 3) * rng.standard_normal(K - 1)
    shares = from_contrasts(contrasts, 0.75)
    if seed % 4 == 0 and K > 2:
        shares[: T // 2, 0] = 0.0
    if seed % 5 == 0 and K > 3:
        shares[:, 1] = 0.0
    shares /= shares.sum(axis=1, keepdims=True)
    shares[1:-1][rng.random(max(T - 2, 0)) < 0.1] = np.nan
    return Series(f"m{seed}", shares, resolution=0.0005)


def as_table(series: Series) -> pl.DataFrame:
    names = [f"P{k}" for k in range(series.shares.shape[1] - 1)] + ["Others" if series.market[-1] in "02468" else "Z"]
    rows = [
        (series.market, str(Quarter(8000 + t)), name, round(float(share), 4), 2)
        for t, row in enumerate(series.shares)
        for name, share in zip(names, row, strict=True)
        if np.isfinite(share)
    ]
    return pl.DataFrame(rows, schema=["market", "period", "provider", "share", "decimals"], orient="row")


def test_the_forms_agree_on_the_panel_that_ships() -> None:
    shares = PANEL.select("market", "period", "provider", "share").drop_nulls()
    assert compare(shares, 8) < 1e-11


@pytest.mark.parametrize("horizon", [1, 40])
def test_the_forms_agree_on_made_up_markets(horizon: int) -> None:
    """150 markets of two horizons, 75 each."""
    first = 0 if horizon == 1 else 75
    assert compare(pl.concat([as_table(made_up(seed)) for seed in range(first, first + 75)]), horizon) < 1e-11


@pytest.mark.parametrize("seed", range(12))
def test_the_filters_agree_where_breaks_are_declared(seed: int) -> None:
    """Breaks come with histories, of which there are never thousands; the compiled filter knows them all the same."""
    prior, series = shipped_prior(), made_up(seed + 200)
    series = replace(series, breaks=tuple(sorted({len(series.shares) // 3, 2 * len(series.shares) // 3} - {0})))
    pasts = pasts_of(series)
    plain = filter_pasts(pasts, prior)
    jump = np.zeros(len(pasts.observed))
    jump[list(pasts.breaks)] = BREAK_VARIANCE
    basis = helmert(pasts.shares.shape[2]).copy()
    contrasts, observed, _, scale, inverse, logdet, printed = kernel.ready_market(
        np.ascontiguousarray(pasts.shares[0]),
        basis,
        prior.power,
        prior.step,
        prior.step_power,
        prior.dof,
        RECENT,
        pasts.resolution,
        prior.rounding,
    )
    likelihood, weights, mean, cov, scales, dof, events = kernel.filter_grid(
        contrasts,
        observed,
        jump,
        prior.nodes,
        prior.discount,
        SMALLEST_WEIGHT,
        tables(prior),
        prior.dof,
        scale,
        inverse,
        logdet,
        prior.event_shift,
        prior.event_penalty,
    )
    np.testing.assert_allclose(likelihood, plain.log_likelihood[0], rtol=1e-10, atol=1e-9)
    np.testing.assert_allclose(weights, plain.weights[0], rtol=1e-8, atol=1e-11)
    np.testing.assert_allclose(mean, plain.mean[0], rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(cov, plain.cov[0], rtol=1e-9, atol=1e-11)
    np.testing.assert_array_equal(events, plain.events[0])
    assert dof == pytest.approx(plain.dof, rel=1e-12)
    for g in np.flatnonzero(weights >= SMALLEST_WEIGHT):
        kernel.add_rounding(scales[g], dof, basis, printed)
    np.testing.assert_allclose(scales, plain.scale[0], rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("seed", range(8))
def test_the_smoothings_agree(seed: int) -> None:
    pasts: Pasts = pasts_of(made_up(seed + 300))
    plain = smooth(pasts, 0.75, 9)
    shares = np.ascontiguousarray(pasts.shares[0])
    filled = fill_gaps(shares, pasts.observed)
    location, spread = smooth_parts(filled, pasts.observed, pasts.usual[0], 0.75, pasts.resolution, 9)
    np.testing.assert_allclose(location, plain.location, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(spread, plain.spread, rtol=1e-10, atol=1e-12)
