"""A user's own table, as shipped to a store and asked again: what is stated stays, and the forecast is the batch's."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.errors import NotEnoughData
from forecast.figures import load_breaks, load_figures
from forecast.forecasting import forecast_history, forecast_shares
from forecast.history import reconstruct
from forecast.merging import merge_figures, share_statements
from forecast.results import History, Status
from forecast.revenue import totals_of
from forecast.shares import read_shares, sound_shares

TODAY = date(2026, 11, 30)


def kept(frame: pl.DataFrame) -> pl.DataFrame:
    """The figures that an import of a table leaves."""
    statements = share_statements(sound_shares(frame, dated=True), house="own", today=TODAY)
    return merge_figures(load_figures().clear(), statements.with_columns(kind=pl.lit("shares")))


def own(frame: pl.DataFrame, as_of: date | None = None) -> History:
    return reconstruct(kept(frame), load_breaks(), market="m", house="own", as_of=as_of)


@st.composite
def tables(draw: st.DrawFn) -> pl.DataFrame:
    """Printed shares with holes, sums that are short, a residual part or none."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    quarters, parts, decimals = draw(st.integers(3, 9)), draw(st.integers(1, 5)), draw(st.integers(0, 1))
    names = ["A", "B", "C", "D", "E"][:parts]
    if draw(st.booleans()):
        names[-1] = "Others"
    shares = rng.dirichlet(np.ones(parts), size=quarters) * draw(st.sampled_from([1.0, 0.9, 0.997]))
    shares = np.floor(shares * 10 ** (2 + decimals)) / 10 ** (2 + decimals)
    shares[rng.random(shares.shape) < draw(st.sampled_from([0.0, 0.2]))] = np.nan
    rows = [
        ("m", f"{2020 + t // 4}Q{t % 4 + 1}", names[k], shares[t, k]) for t in range(quarters) for k in range(parts)
    ]
    frame = pl.DataFrame(rows, schema=["market", "period", "provider", "share"], orient="row").fill_nan(None)
    return frame.with_columns(share=pl.col("share").round(6))


@settings(deadline=None, max_examples=40)
@given(tables())
def test_an_imported_table_is_forecast_as_the_table_itself_and_keeps_what_it_states(frame: pl.DataFrame) -> None:
    try:
        plain = forecast_shares(frame, horizon=2)
    except NotEnoughData:
        return
    history = own(frame)
    made = forecast_history(history, horizon=2)
    assert set(made.providers) == set(plain.providers) and made.origin == plain.origin
    order = [plain.providers.index(name) for name in made.providers]
    for mine, theirs in ((made.mean, plain.mean), (made.lower[0], plain.lower[0]), (made.upper[1], plain.upper[1])):
        np.testing.assert_allclose(mine, theirs[:, order], atol=1e-9)
    read = read_shares(frame).shares
    half = 0.5 * 10.0 ** (-2 - (read["decimals"].max() or 0))  # type: ignore[operator]
    place = {str(quarter): t for t, quarter in enumerate(history.quarters)}
    assert history.completed is not None
    for period, name, share in frame.drop_nulls().select("period", "provider", "share").iter_rows():
        t, k = place[period], history.providers.index(name)
        if np.isnan(history.completed[t, k]) or name == "Others":
            continue
        assert history.share[t, k] == share and history.status[t][k] is Status.REPORTED
        assert abs(history.completed[t, k] - share) <= half + 1e-12


def phones(**changes: float | None) -> pl.DataFrame:
    cells = {"Acme": 0.5, "Borealis": 0.2, "Cygnus": 0.1, "Others": 0.1, **changes}
    rows = [("m", f"2021Q{q}", name, share) for q in (1, 2, 3, 4) for name, share in cells.items()]
    return pl.DataFrame(rows, schema=["market", "period", "provider", "share"], orient="row")


def test_what_is_missing_is_shown_in_others_and_nowhere_else() -> None:
    history = own(phones())
    assert history.providers == ("Acme", "Borealis", "Cygnus", "Others")
    np.testing.assert_allclose(history.share[-1], [0.5, 0.2, 0.1, 0.2])
    assert [str(s) for s in history.status[-1]] == ["reported"] * 3 + ["combined"]
    assert "the shares of 4 quarters sum to less than 1: the rest is counted in Others" in history.warnings


def test_a_share_of_one_decimal_does_not_come_back_as_another() -> None:
    frame = phones(Acme=0.186, Borealis=0.414, Cygnus=0.2, Others=0.2)
    assert own(frame).share[0].tolist() == [0.414, 0.2, 0.186, 0.2]


def test_totals_of_imported_amounts_are_there_for_revenue() -> None:
    frame = phones(Acme=500.0, Borealis=200.0, Cygnus=100.0, Others=150.5).rename({"share": "value"})
    totals = totals_of(own(frame), kept(frame))
    assert totals is not None and totals.amount.tolist() == pytest.approx([950.5] * 4)


def test_a_quarter_between_two_without_a_share_is_unknown_and_bridged() -> None:
    frame = phones().filter(pl.col("period") != "2021Q2")
    history = own(frame)
    assert np.isnan(history.share[1]).all() and set(history.status[1]) == {Status.UNKNOWN}
    np.testing.assert_allclose(history.smoothed.sum(axis=1), 1.0)


def test_only_what_was_published_by_a_day_counts() -> None:
    first = phones(Others=0.2).with_columns(published_at=pl.lit("2022-01-15"))
    later = phones(Acme=0.4, Others=0.3).with_columns(published_at=pl.lit("2022-06-01"))
    both = pl.concat([first, later])
    assert own(both, date(2022, 2, 1)).share[-1, 0] == 0.5
    assert own(both).share[-1, 0] == pytest.approx(0.4)


def test_a_zero_that_is_the_only_share_of_its_quarter_is_a_report() -> None:
    rows = [("m", f"2024Q{t + 1}", "A", share) for t, share in enumerate([0.1, 0.12, 0.0, 0.03])]
    made = own(pl.DataFrame(rows, schema=["market", "period", "provider", "share"], orient="row"))
    assert made.providers == ("A", "Others") and made.share[2, 0] == 0.0
    assert made.status[2] == (Status.REPORTED, Status.UNKNOWN)
    assert "1 quarter whose shares are all zero: left out" in made.warnings
