from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.cells import Cell
from forecast.stamps import Mark, Stamp, fiscal_quarter, read_mark, read_stamp


@pytest.mark.parametrize(
    "text",
    ["2020Q3", "Q3 2020", "3Q20", "3Q 2020", "2020-Q3", "2020q3", "2020 Q3", "Q3'20", "Q3-20", "Q3/2020", "2020/Q3",
     "3. Quartal 2020", "Quartal 3 2020", "T3 2020", "2020T3", "3e trimestre 2020",
     "2020\u5e74\u7b2c\u4e09\u5b63\u5ea6", "2020\u5e743\u5b63\u5ea6", "2020\u5e74Q3",
     "3rd quarter 2020",
     "third quarter of 2020", "20Q3", "Q3\N{NO-BREAK SPACE}2020", " Q3 2020* ", "2020.Q3", "Q3, 2020"],
)  # fmt: skip
def test_a_quarter_is_read_in_every_spelling(text: str) -> None:
    assert read_stamp(text) == Stamp("quarter", 2020, 3)


@pytest.mark.parametrize(
    "text", ["Q3FY21", "FY21 Q3", "FQ3 2021", "Q3 FY2021", "3QFY21", "FY2021-Q3", "FQ3'21", "FY21Q3"]
)
def test_a_fiscal_quarter_is_read_as_such(text: str) -> None:
    assert read_stamp(text) == Stamp("fiscal", 2021, 3)


@pytest.mark.parametrize(
    ("cell", "stamp"),
    [
        ("2020-09-30", Stamp("day", 2020, 9, 30)),
        ("30.09.2020", Stamp("day", 2020, 9, 30)),
        ("9/30/2020", Stamp("day", 2020, 9, 30)),
        ("2020-09-30 00:00:00", Stamp("day", 2020, 9, 30)),
        ("2020-09-30T00:00:00Z", Stamp("day", 2020, 9, 30)),
        ("20200930", Stamp("day", 2020, 9, 30)),
        ("30 Sep 2020", Stamp("day", 2020, 9, 30)),
        ("September 30, 2020", Stamp("day", 2020, 9, 30)),
        (date(2020, 9, 30), Stamp("day", 2020, 9, 30)),
        (datetime(2020, 9, 30, 12), Stamp("day", 2020, 9, 30)),
        ("03/03/2020", Stamp("day", 2020, 3, 3)),
        ("03/06/2020", Stamp("either", 2020, 3, 6)),
        ("2020-09", Stamp("month", 2020, 9)),
        ("09/2020", Stamp("month", 2020, 9)),
        ("Sep 2020", Stamp("month", 2020, 9)),
        ("Sep-20", Stamp("month", 2020, 9)),
        ("QE Sep-20", Stamp("month", 2020, 9)),
        ("Quarter ended 30 September 2020", Stamp("day", 2020, 9, 30)),
        ("September 2020", Stamp("month", 2020, 9)),
        ("M\u00e4rz 2020", Stamp("month", 2020, 3)),
        ("3/2020", Stamp("loose", 2020, 3)),
        ("H1 2020", Stamp("half", 2020, 1)),
        ("1H20", Stamp("half", 2020, 1)),
        ("2020", Stamp("year", 2020)),
        (2020, Stamp("year", 2020)),
        (2020.0, Stamp("year", 2020)),
        ("FY2020", Stamp("year", 2020)),
        ("Q3", Stamp("bare", 0, 3)),
        ("3Q", Stamp("bare", 0, 3)),
    ],
)
def test_dates_months_halves_and_years_are_told_apart(cell: Cell, stamp: Stamp) -> None:
    assert read_stamp(cell) == stamp


@pytest.mark.parametrize(
    "cell",
    ["Q5 2020", "2020Q0", "31.06.2020", "2020-13-01", "Sep 30", "QE Q3 2020",
     "2020Q3P", "FY2020/21", "202003", "soon", "",
     None, True, 44104, 2020.5, "1899", "x" * 100],
)  # fmt: skip
def test_what_is_no_time_is_none(cell: Cell) -> None:
    assert read_stamp(cell) is None


@given(st.integers(1950, 2100), st.integers(1, 4), st.integers(1, 12))
def test_a_fiscal_quarter_is_the_calendar_quarter_of_its_last_month(year: int, number: int, end: int) -> None:
    quarter = fiscal_quarter(year, number, year_end=end)
    months_to_the_end = 3 * (4 - number)
    month, calendar = end, year
    for _ in range(months_to_the_end):
        month, calendar = (month - 1, calendar) if month > 1 else (12, calendar - 1)
    assert str(quarter) == f"{calendar}Q{(month - 1) // 3 + 1}"


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("2020Q3E", "estimate"), ("3Q20E", "estimate"), ("Q3 2020 est.", "estimate"),
        ("2020Q3 (estimated)", "estimate"),
        ("2020Q3 (prelim.)", "revised"), ("3Q20 r", "revised"), ("Q3 2020 [revised]", "revised"), ("3Q20A", "actual"),
        ("3Q20F", "forecast"), ("2020Q3 (F)", "forecast"), ("Q3 2020 forecast", "forecast"), ("Q3 2020*", ""),
        ("2020\u5e74\u7b2c\u4e09\u5b63\u5ea6(\u9884\u6d4b)", "forecast"), ("3e trimestre 2020", ""),
    ],
)  # fmt: skip
def test_a_mark_behind_a_quarter_says_what_its_numbers_are(text: str, mark: Mark) -> None:
    assert read_stamp(text) == Stamp("quarter", 2020, 3, mark=mark)
    assert read_mark("Acme") is None
