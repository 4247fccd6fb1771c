import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.errors import InvalidArgument
from forecast.quarter import Quarter

quarters = st.builds(lambda y, q: f"{y}Q{q}", st.integers(1900, 2200), st.integers(1, 4))


@given(quarters)
def test_a_quarter_reads_back_as_it_was_written(text: str) -> None:
    assert str(Quarter.parse(text)) == text


@given(quarters, st.integers(-400, 400))
def test_adding_quarters_and_subtracting_are_inverse(text: str, n: int) -> None:
    start = Quarter.parse(text)
    assert (start + n) - start == n
    assert (start + n > start) == (n > 0)


def test_the_last_day_of_a_quarter_is_its_last_day() -> None:
    assert [Quarter.parse(f"2024Q{n}").last_day for n in (1, 2, 3, 4)] == [
        date(2024, 3, 31),
        date(2024, 6, 30),
        date(2024, 9, 30),
        date(2024, 12, 31),
    ]


@pytest.mark.parametrize("text", ["2020", "2020Q5", "20Q1", "2020Q1 ", "1899Q4", "2201Q1", "٢٠٢٠Q1", "../2020Q1"])
def test_what_is_no_quarter_is_named_in_the_error(text: str) -> None:
    with pytest.raises(InvalidArgument, match=re.escape(repr(text)) + ".*such as 2020Q3"):
        Quarter.parse(text)


def test_a_quarter_shows_as_people_write_it() -> None:
    assert repr([Quarter.parse("2023Q4")]) == "[Quarter('2023Q4')]"
