import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.printed import Printed, combined, grown, inverse_of, printed, ratio_of

NUMBERS = st.builds(printed, st.floats(0.05, 2.0), st.just("exact"), st.sampled_from([0.01, 0.001, 0.0001]))


@pytest.mark.parametrize(
    ("qualifier", "unit", "expected", "width"),
    [
        ("exact", 0.01, 0.40, 0.01),
        ("exact", 0.001, 0.40, 0.001),
        ("about", 0.01, 0.40, 0.02),
        ("more_than", 0.01, 0.405, 0.01),
        ("less_than", 0.001, 0.3995, 0.001),
    ],
)
def test_a_printed_number_stands_for_its_rounding_interval(
    qualifier: str, unit: float, expected: float, width: float
) -> None:
    number = printed(0.40, qualifier, unit)
    assert number.value == pytest.approx(expected, abs=1e-12)
    assert number.variance == pytest.approx(width**2 / 12, rel=1e-9)
    assert number.half == pytest.approx(width / 2)


@given(st.lists(NUMBERS, min_size=1, max_size=6))
def test_together_numbers_say_more_than_the_finest_and_lie_among_them(numbers: list[Printed]) -> None:
    numbers.sort(key=lambda number: number.variance)
    both = combined(numbers)
    values = [number.value for number in numbers]
    assert min(values) - 1e-12 <= both.value <= max(values) + 1e-12
    assert both.variance <= numbers[0].variance * (1.0 + 1e-12)
    assert both.variance >= numbers[0].variance / len(numbers) * (1.0 - 1e-12)


@given(NUMBERS, NUMBERS)
def test_the_spread_of_a_ratio_is_what_its_parts_move_it_by(part: Printed, whole: Printed) -> None:
    ratio, step = ratio_of(part, whole), 1e-6
    by_part = ((part.value + step) / whole.value - ratio.value) / step
    by_whole = (part.value / (whole.value + step) - ratio.value) / step
    assert ratio.variance == pytest.approx(by_part**2 * part.variance + by_whole**2 * whole.variance, rel=1e-3)
    one = Printed(1.0, 0.0, 0.0)
    assert ratio_of(one, whole).variance == pytest.approx(inverse_of(whole).variance)
    assert ratio_of(one, whole).value == pytest.approx(inverse_of(whole).value)


def test_growth_of_a_half_is_one_and_a_half_as_much() -> None:
    assert grown(Printed(0.5, 0.01, 0.1)) == Printed(1.5, 0.01, 0.1)
