import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.completing import complete
from forecast.models.bulk import complete as compiled
from forecast.preparing import complete_rows, prepare_shares
from forecast.shares import check_shares

NAN = float("nan")
HALF = 0.0005  # tenths of a per cent


@given(st.integers(0, 10_000))
def test_every_quarter_with_a_share_becomes_a_composition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = rng.dirichlet(np.ones(4), size=9).round(2)
    table[rng.random(table.shape) < 0.2] = NAN
    table[rng.integers(9)] = NAN
    filled, names, _ = complete_rows(table, ("A", "B", "C", "D"), 0.005)
    said = np.isfinite(table).any(axis=1) & (np.nansum(table, axis=1) > 0)
    assert filled.shape == (9, len(names))
    np.testing.assert_allclose(filled[said].sum(axis=1), 1.0, rtol=1e-12)
    assert (filled[said] >= 0).all()
    assert np.isnan(filled[~np.isfinite(table).any(axis=1)]).all()


@given(st.integers(0, 10_000), st.integers(2, 9), st.integers(0, 2), st.booleans(), st.floats(0.5, 1.0))
def test_no_reported_share_moves_by_more_than_its_rounding(
    seed: int, parts: int, decimals: int, named: bool, told: float
) -> None:
    """Whatever the printed shares sum to: what is missing beyond rounding goes to Others and to nobody else."""
    rng = np.random.default_rng(seed)
    half = 0.5 * 10.0 ** (-2 - decimals)
    table = (rng.dirichlet(np.ones(parts), size=6) * rng.choice([1.0, told], size=(6, 1))).round(2 + decimals)
    table[rng.random(table.shape) < 0.1] = NAN
    table = table[np.nansum(table, axis=1) <= 1.0 + half * (table > 0).sum(axis=1)]
    names = [f"P{k}" for k in range(parts)]
    if named:
        names[-1] = "Others"
    filled, kept, _ = complete_rows(table, tuple(names), half)
    for t, row in enumerate(table):
        for name, share in zip(names, row, strict=True):
            if np.isfinite(share) and name != "Others" and np.isfinite(filled[t, 0]):
                assert abs(filled[t, kept.index(name)] - share) <= half + 1e-12, (name, t)


def test_what_rounding_misses_is_spread_and_quarters_without_a_word_stay_so() -> None:
    table = np.array([[0.5, 0.51], [NAN, NAN], [0.3, 0.69]])
    filled, names, warnings = complete_rows(table, ("A", "B"), 0.005)
    np.testing.assert_allclose(filled, [[0.495, 0.505], [NAN, NAN], [0.305, 0.695]])
    assert names == ("A", "B") and warnings == ()


@pytest.mark.parametrize("seed", range(20))
def test_no_share_of_many_small_ones_falls_below_zero_by_what_a_computer_rounds(seed: int) -> None:
    printed = np.random.default_rng(seed).dirichlet(np.full(60, 0.3), size=40).round(4)
    assert (complete(printed, -1, np.full(printed.shape, 5e-5))[0] >= 0.0).all()


def test_shares_printed_finely_move_less_than_those_printed_coarsely() -> None:
    shares = pl.DataFrame(
        {
            "market": "m",
            "period": ["2020Q1"] * 4 + ["2020Q2"] * 4,
            "provider": list("ABCD") * 2,
            "share": [0.4, 0.3, 0.2, 0.1123, 0.38, 0.3, 0.2, 0.1123],
            "decimals": [0, 0, 0, 2] * 2,
        }
    )
    series = prepare_shares(check_shares(shares)).series.shares
    np.testing.assert_allclose(series.sum(axis=1), 1.0)
    assert (np.abs(series[0] - shares["share"][:4].to_numpy()) <= [0.005, 0.005, 0.005, 0.00005]).all()
    assert series[1, 3] == pytest.approx(0.1123, abs=5e-5)


def test_eight_whole_per_cents_may_miss_the_whole_by_half_a_unit_each() -> None:
    filled, names, _ = complete_rows(np.array([[0.13] * 8, [0.12] * 8]), tuple("ABCDEFGH"), 0.005)
    np.testing.assert_allclose(filled, 0.125)
    assert names == tuple("ABCDEFGH")


@pytest.mark.parametrize("cygnus", [0.1, NAN])
def test_what_is_missing_goes_to_the_residual_part_even_where_it_is_reported(cygnus: float) -> None:
    table = np.array([[0.5, 0.2, cygnus, 0.1]] * 3)
    filled, names, warnings = complete_rows(table, ("Acme", "Borealis", "Cygnus", "Others"), HALF)
    told = 0.1 if cygnus == 0.1 else 0.0
    assert filled[:, names.index("Acme")].tolist() == [0.5] * 3
    np.testing.assert_allclose(filled[:, names.index("Others")], 0.3 - told)
    assert "the shares of 3 quarters sum to less than 1: the rest is counted in Others" in warnings


def test_a_provider_that_ended_has_nothing_where_the_others_make_the_quarter_whole() -> None:
    table = np.array([[0.5, 0.3, 0.2], [0.5, 0.2, 0.3], [0.6, NAN, 0.4], [0.7, NAN, 0.3005]])
    filled, _, warnings = complete_rows(table, ("A", "B", "C"), HALF)
    assert filled[:, 1].tolist() == [0.3, 0.2, 0.0, 0.0]
    np.testing.assert_allclose(filled[3], [0.69975, 0.0, 0.30025])
    assert warnings == ("without a share in the last quarter, which the others make whole, so 0 there: B",)


def test_a_hole_beside_reported_others_takes_its_own_line_and_no_more() -> None:
    table = np.array([[0.5, 0.2, 0.3], [0.5, NAN, 0.1], [0.5, 0.1, 0.4]])
    filled, *_ = complete_rows(table, ("A", "B", "Others"), HALF)
    np.testing.assert_allclose(filled[1], [0.5, 0.15, 0.35])


@pytest.mark.parametrize("zeros", [0, 2])
def test_a_quarter_of_zeros_alone_is_left_out_and_said_so(zeros: int) -> None:
    table = np.array([[0.5, 0.5], [0.4, 0.6], [0.3, 0.7]])
    table[zeros] = 0.0
    filled, _, warnings = complete_rows(table, ("A", "B"), HALF)
    assert np.isnan(filled[zeros]).all()
    assert warnings == ("1 quarter whose shares are all zero: left out",)


def reference(table: np.ndarray, others: int, half: np.ndarray) -> np.ndarray:  # noqa: PLR0912, PLR0915  (one plain loop)
    """What `complete` does, quarter by quarter in plain NumPy."""
    told = np.isfinite(table)
    named = [k for k in range(table.shape[1]) if told[:, k].any()]
    residual = named.index(others) if others in named else -1
    table, half = table[:, named], half[:, named]
    spoken = np.isfinite(table)
    told = spoken
    sums = np.nansum(table, axis=1)
    table[told.all(axis=1) & (sums == 0)] = NAN
    told = np.isfinite(table)
    left = 1 - np.nansum(table, axis=1)
    room = np.where(told, half, 0.0).sum(axis=1) + 1e-9
    if residual < 0 and (told.all(axis=1) & (left > room)).any():
        extra = np.where(told.all(axis=1), np.where(left > room, left, 0.0), NAN)
        table, residual = np.column_stack([table, extra]), table.shape[1]
        half = np.column_stack([half, np.zeros(len(half))])
    reports = table.copy()
    out = np.full_like(table, NAN)
    rows = np.arange(len(table))
    lines = np.zeros_like(table)
    for k in range(table.shape[1]):
        known = np.flatnonzero(np.isfinite(reports[:, k]))
        if len(known):
            lines[:, k] = np.interp(rows, known, reports[known, k])
    for t in rows[told.any(axis=1)]:
        row = reports[t].copy()
        rest, space = left[t], room[t]
        holes = [k for k in range(len(row)) if np.isnan(row[k])]
        for k in list(holes):
            known = np.flatnonzero(spoken[:, k]) if k < spoken.shape[1] else rows
            if k < told.shape[1] and (t < known[0] or t > known[-1]) and rest <= space:
                row[k] = 0.0
                holes.remove(k)
        claims = lines[t, holes]
        if holes:
            given = max(rest, 0.0)
            if rest <= space or (residual >= 0 and residual not in holes):
                given = min(given, claims.sum())
            row[holes] = given * claims / claims.sum() if claims.sum() > 0 else given / len(holes)
            rest -= given
        elif residual >= told.shape[1] and rest > space:
            rest = 0.0
        if rest > space and residual >= 0:
            row[residual] += rest
            rest = 0.0
        up, own = row > 0, half[t].copy()
        own[: told.shape[1]][~spoken[t]] = own[spoken[t].nonzero()[0]].max(initial=0.0)
        own[told.shape[1] :] = own[: told.shape[1]].max()
        if rest > 0 and up.any():
            most = np.inf if up.all() else own[up].sum()
            row[up] += min(rest, most) * own[up] / own[up].sum()
            if not up.all():
                row[~up] = max(rest - most, 0.0) * own[~up] / own[~up].sum()
        while rest < -1e-15 and (row > 0).any():
            up = row > 0
            moved = row[up] + rest * own[up] / own[up].sum()
            rest = np.minimum(moved, 0).sum()
            row[up] = np.maximum(moved, 0)
        out[t] = row / row.sum() if row.sum() > 0 else NAN
    return out


@given(st.integers(0, 10_000), st.integers(-1, 3), st.sampled_from([5e-6, 0.0005, 0.005]))
def test_quarters_are_completed_as_a_plain_second_way_does(seed: int, others: int, half: float) -> None:
    rng = np.random.default_rng(seed)
    table = rng.dirichlet(np.ones(4), size=7) * rng.choice([1.0, 1.0, 0.8, 0.998], size=(7, 1))
    table[rng.random(table.shape) < rng.choice([0.0, 0.2, 0.6])] = NAN
    table[:, 2] = rng.choice([0.0, NAN], size=7) if seed % 3 == 0 else table[:, 2]
    table[rng.integers(7)] = rng.choice([NAN, 0.0])
    halves = half * rng.choice([1.0, 1.0, 10.0], size=table.shape)
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = reference(table.copy(), others, halves)
    filled, *told = complete(table, others, halves)
    np.testing.assert_allclose(filled, expected, rtol=1e-9, atol=1e-12)
    again, *told_again = compiled(table, others, halves)
    np.testing.assert_allclose(again, filled, rtol=1e-12, atol=1e-15)
    assert [np.asarray(x).tolist() for x in told] == [np.asarray(x).tolist() for x in told_again]
