import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.completing import complete
from forecast.preparing import complete_rows

NAN = float("nan")


@given(st.integers(0, 10_000))
def test_every_quarter_with_a_share_becomes_a_composition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = rng.dirichlet(np.ones(4), size=9).round(2)
    table[rng.random(table.shape) < 0.2] = NAN
    table[rng.integers(9)] = NAN
    filled, names, _ = complete_rows(table, ("A", "B", "C", "D"))
    said = np.isfinite(table).any(axis=1) & (np.nansum(table, axis=1) > 0)
    assert filled.shape == (9, len(names))
    np.testing.assert_allclose(filled[said].sum(axis=1), 1.0, rtol=1e-12)
    assert (filled[said] >= 0).all()
    assert np.isnan(filled[~np.isfinite(table).any(axis=1)]).all()


def test_whole_quarters_are_only_closed_and_those_without_a_word_stay_so() -> None:
    table = np.array([[0.5, 0.51], [NAN, NAN], [0.3, 0.69]])
    filled, names, warnings = complete_rows(table, ("A", "B"))
    np.testing.assert_allclose(filled, [[0.5 / 1.01, 0.51 / 1.01], [NAN, NAN], [0.3 / 0.99, 0.69 / 0.99]])
    assert names == ("A", "B") and warnings == ()


@pytest.mark.parametrize("zeros", [0, 2])
def test_a_quarter_of_zeros_alone_is_left_out_and_said_so(zeros: int) -> None:
    table = np.array([[0.5, 0.5], [0.4, 0.6], [0.3, 0.7]])
    table[zeros] = 0.0
    filled, _, warnings = complete_rows(table, ("A", "B"))
    assert np.isnan(filled[zeros]).all()
    assert warnings == ("1 quarter(s) whose shares are all zero were left out",)


def reference(table: np.ndarray, others: int) -> np.ndarray:
    """What `complete` does, in plain NumPy and by other steps."""
    table = table.copy()
    said = np.isfinite(table).any(axis=1)
    silent = ~np.isfinite(table).any(axis=0)
    named = others >= 0 and not silent[others]
    table = table[:, ~silent]
    whole = np.isfinite(table).all(axis=1) & said
    nothing = whole & (np.nansum(table, axis=1) == 0)
    table[nothing] = NAN
    rest = np.where(whole & ~nothing, 1 - table.sum(axis=1), NAN)
    if not named and (rest > 0.02).any():
        table = np.column_stack([table, np.where(np.isnan(rest), NAN, np.where(rest > 0.02, rest, 0.0))])
    reported = table.copy()
    for t in np.flatnonzero(said & ~nothing):
        missing = np.flatnonzero(np.isnan(reported[t]))
        if len(missing):
            claims = np.zeros(len(missing))
            for i, k in enumerate(missing):
                known = np.flatnonzero(np.isfinite(reported[:, k]))
                claims[i] = np.interp(t, known, reported[known, k]) if len(known) else 0.0
            claims = claims if claims.sum() > 0 else np.ones(len(missing))
            table[t, missing] = max(1 - np.nansum(reported[t]), 0) * claims / claims.sum()
    return np.asarray(table / table.sum(axis=1, keepdims=True))


@given(st.integers(0, 10_000), st.integers(-1, 3))
def test_quarters_are_completed_as_a_plain_second_way_does(seed: int, others: int) -> None:
    rng = np.random.default_rng(seed)
    table = rng.dirichlet(np.ones(4), size=7) * rng.choice([1.0, 1.0, 0.8], size=(7, 1))
    table[rng.random(table.shape) < rng.choice([0.0, 0.2, 0.6])] = NAN
    table[:, 2] = rng.choice([0.0, NAN], size=7) if seed % 3 == 0 else table[:, 2]
    table[rng.integers(7)] = rng.choice([NAN, 0.0])
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = reference(table, others)
    filled, *_ = complete(table, others)
    np.testing.assert_allclose(filled, expected, rtol=1e-12, atol=1e-15)
