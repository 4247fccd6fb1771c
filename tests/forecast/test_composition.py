import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from forecast.arrays import FloatArray
from forecast.composition import InvalidComposition, closure, from_contrasts, helmert, to_contrasts

amounts = st.integers(2, 8).flatmap(
    lambda k: arrays(np.float64, st.tuples(st.integers(1, 6), st.just(k)), elements=st.floats(0, 1e9))
)
powers = st.sampled_from([0.0, 0.1, 0.5, 0.75, 1.0])


def positive(parts: FloatArray, floor: float) -> FloatArray:
    return closure(parts + floor + 1e-9 * parts.max())


@given(amounts.filter(lambda a: bool((a.max(axis=1) > 0).all())))
def test_closure_sums_to_one_and_keeps_ratios(parts: FloatArray) -> None:
    closed = closure(parts)
    np.testing.assert_allclose(closed.sum(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_allclose(closed * parts.sum(axis=1, keepdims=True), parts, rtol=1e-9, atol=1e-300)


@pytest.mark.parametrize("bad", [-1e-9, np.nan, np.inf])
def test_closure_names_the_first_bad_row(bad: float) -> None:
    parts = np.array([[1.0, 2.0], [3.0, 4.0], [bad, 1.0], [bad, 2.0]])
    with pytest.raises(InvalidComposition, match=r"parts, row 2 is .* finite parts of at least 0"):
        closure(parts)


def test_closure_refuses_a_row_of_zeros() -> None:
    with pytest.raises(InvalidComposition, match=r"row 1 is 'all zero'"):
        closure(np.array([[1.0, 2.0], [0.0, 0.0]]))


@given(st.integers(2, 12))
def test_contrasts_are_orthonormal_and_orthogonal_to_ones(k: int) -> None:
    basis = helmert(k)
    np.testing.assert_allclose(basis.T @ basis, np.eye(k - 1), atol=1e-14)
    np.testing.assert_allclose(basis.sum(axis=0), 0.0, atol=1e-14)


@given(amounts, powers)
def test_the_transform_and_its_inverse_undo_each_other(parts: FloatArray, power: float) -> None:
    shares = positive(parts, 1e-3)
    np.testing.assert_allclose(from_contrasts(to_contrasts(shares, power), power), shares, rtol=1e-7, atol=1e-12)


@given(amounts, powers)
def test_whatever_the_contrasts_the_inverse_is_a_composition(parts: FloatArray, power: float) -> None:
    contrasts = (parts - parts.mean())[:, :-1] / (1.0 + parts.std()) * 30.0
    shares = from_contrasts(contrasts, power)
    assert (shares >= 0.0).all()
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, rtol=1e-12)


def test_contrasts_by_the_definition_of_the_transform() -> None:
    p = np.array([[0.5, 0.3, 0.2]])
    u = (3 * p**0.75 / (p**0.75).sum() - 1) / 0.75
    by_hand = [(u[0, 0] - u[0, 1]) / np.sqrt(2), (u[0, 0] + u[0, 1] - 2 * u[0, 2]) / np.sqrt(6)]
    np.testing.assert_allclose(to_contrasts(p, 0.75)[0], by_hand, rtol=1e-12)


def test_a_small_power_is_close_to_the_log_ratio() -> None:
    p = np.array([[0.5, 0.3, 0.2]])
    np.testing.assert_allclose(to_contrasts(p, 1e-6), to_contrasts(p, 0.0), rtol=1e-5)


def test_a_part_can_reach_zero_when_the_power_is_above_zero() -> None:
    p = np.array([[0.5, 0.5, 0.0]])
    np.testing.assert_allclose(from_contrasts(to_contrasts(p, 0.75), 0.75), p, atol=1e-12)
