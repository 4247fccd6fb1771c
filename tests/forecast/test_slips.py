import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.arrays import FloatArray
from forecast.evidence import Observation
from forecast.posterior import Design
from forecast.printed_tables import Table
from forecast.quarter import Quarter
from forecast.slips import doubted, find_slips

FIRST = Quarter.parse("2020Q1")
K = 3


def told(row: int, members: tuple[int, ...], value: float, sd: float = 0.003) -> Observation:
    weights = np.zeros((1, K))
    weights[0, list(members)] = 1.0
    return Observation((100 * row + len(members),), FIRST + row, members, weights, value, sd**2)


def quiet(rows: int = 8) -> list[Observation]:
    """Two shares told every quarter, near 0.5 and 0.3."""
    rng = np.random.default_rng(2)
    return [
        told(t, (k,), level + 0.003 * rng.standard_normal()) for t in range(rows) for k, level in ((0, 0.5), (1, 0.3))
    ]


def searched(observations: list[Observation], *tables: Table, step: float = 0.012) -> tuple[FloatArray, dict[int, str]]:
    rows = max(o.quarter - FIRST for o in observations) + 1
    design = Design.of(observations, FIRST, np.full((rows, K), step))
    found, _, suspects = find_slips(design, observations, tables)
    return found.variance - design.variance, {suspect.index: suspect.reason for suspect in suspects}


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6))
def test_what_agrees_within_its_own_noise_is_left_alone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    walk = 0.5 + np.cumsum(0.012 * rng.standard_normal(20))
    observations = [told(t, (0,), float(x + 0.003 * rng.standard_normal())) for t, x in enumerate(walk)]
    observations += [told(t, (0,), float(x + 0.003 * rng.standard_normal())) for t, x in enumerate(walk)]
    extra, suspects = searched(sorted(observations, key=lambda o: o.quarter))
    assert suspects == {} and not extra.any()


def test_a_figure_that_the_others_contradict_counts_as_little_as_it_is_off() -> None:
    observations = [*quiet(), told(4, (0, 1), 0.97)]
    extra, suspects = searched(observations)
    assert suspects == {16: "slip"}
    assert np.sqrt(extra[16]) == pytest.approx(3 * 0.17, rel=0.05) and not extra[:16].any()


def test_a_great_move_is_news_and_no_slip() -> None:
    observations = quiet()
    moved = [*observations[:8], *(told(o.quarter - FIRST, o.members, o.value - 0.08) for o in observations[8:])]
    assert searched(moved)[1] == {}


def test_of_two_that_contradict_each_other_neither_is_chosen_without_a_reason() -> None:
    apart = [told(0, (0,), 0.30), told(0, (0,), 0.36), told(0, (1,), 0.4)]
    extra, suspects = searched(apart)
    assert suspects == {0: "contradiction", 1: "contradiction"}
    np.testing.assert_allclose(np.sqrt(extra[:2]), 0.06, rtol=0.05)


def test_which_of_two_is_wrong_shows_in_how_shares_usually_move() -> None:
    found = searched([told(0, (0,), 0.30), told(1, (0,), 0.30), told(1, (0,), 0.335), told(2, (0,), 0.30)])[1]
    assert found == {2: "slip"}


def test_a_table_that_does_not_add_up_is_doubted_whole_until_another_page_tells_the_cell() -> None:
    cells = [told(0, (0,), 0.383), told(0, (1,), 0.418), told(0, (2,), 0.205)]
    cells = [Observation((n,), o.quarter, o.members, o.weights, o.value, o.variance) for n, o in enumerate(cells)]
    table = Table(FIRST, 1.006, (0, 1, 2))
    extra, suspects = searched(cells, table)
    assert suspects == dict.fromkeys(range(3), "table")
    np.testing.assert_allclose(np.sqrt(extra), 0.006)
    other_page = Observation((9,), FIRST, (1,), cells[1].weights, 0.412, cells[1].variance)
    extra, suspects = searched([*cells, other_page], table)
    assert suspects == {1: "slip"}
    np.testing.assert_allclose(np.sqrt(extra), [0.0, 0.018, 0.0, 0.0])


def test_only_slips_are_not_believed_at_all() -> None:
    observations = [*quiet(), told(4, (0, 1), 0.97)]
    design = Design.of(observations, FIRST, np.full((8, K), 0.012))
    _, _, suspects = find_slips(design, observations, ())
    assert doubted(suspects, 17).tolist() == [False] * 16 + [True]
