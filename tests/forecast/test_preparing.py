import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
