import numpy as np
import polars as pl
import pytest

from forecast.evidence import SOURCE_ERROR, measured, observations
from forecast.quarter import Quarter

PROVIDERS = ("A", "B", "C", "Others")


def figures(*rows: tuple[str, str, float, str, int]) -> pl.DataFrame:
    return pl.DataFrame(
        [(n, *row) for n, row in enumerate(rows)],
        schema=["figure_id", "period", "providers", "value", "qualifier", "decimals"],
        orient="row",
    )


@pytest.mark.parametrize(
    ("qualifier", "decimals", "mean", "width"),
    [
        ("exact", 0, 0.40, 0.01),
        ("exact", 1, 0.40, 0.001),
        ("about", 0, 0.40, 0.02),
        ("more_than", 0, 0.405, 0.01),
        ("less_than", 1, 0.3995, 0.001),
    ],
)
def test_a_printed_number_stands_for_its_rounding_interval(
    qualifier: str, decimals: int, mean: float, width: float
) -> None:
    value, variance = measured(0.40, qualifier, decimals)
    assert value == pytest.approx(mean, abs=1e-12)
    assert variance - SOURCE_ERROR**2 == pytest.approx(width**2 / 12, rel=1e-9)


def test_a_combined_share_is_the_sum_of_its_members() -> None:
    (found,), _ = observations(figures(("2020Q1", "A|C", 0.72, "exact", 0)), PROVIDERS)
    np.testing.assert_array_equal(found.weights, [1, 0, 1, 0])
    assert (found.quarter, found.members) == (Quarter.parse("2020Q1"), (0, 2))


def test_a_stated_rest_takes_in_whoever_is_not_listed_in_that_quarter() -> None:
    rows = figures(
        ("2020Q1", "A", 0.5, "exact", 0), ("2020Q1", "Others", 0.5, "exact", 0), ("2020Q2", "B", 0.1, "exact", 0)
    )
    found, _ = observations(rows, PROVIDERS)
    np.testing.assert_array_equal(found[1].weights, [0, 1, 1, 1])


def test_what_cannot_be_used_is_said() -> None:
    rows = figures(
        ("2020Q1", "TOP3", 0.6, "exact", 0), ("2020Q1", "A|Z", 0.5, "exact", 0), ("2020Q1", "Z", 0.1, "exact", 0)
    )
    found, left_out = observations(rows, PROVIDERS)
    assert found == ()
    assert left_out == (
        "1 figure(s) for the top providers of a quarter do not name them and were not used",
        "named in too few quarters to follow, counted in Others: Z (2)",
    )
