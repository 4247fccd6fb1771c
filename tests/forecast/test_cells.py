from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.cells import Cell, fraction, is_blank, printable, printed_decimals, quoted, read_number
from forecast.errors import InvalidArgument


def both(cell: Cell) -> tuple[str | None, str | None]:
    number = read_number(cell)
    assert number is not None
    return number.point, number.comma


@pytest.mark.parametrize(
    ("text", "point", "comma"),
    [
        ("23.4%", "23.4", None),
        ("23,4 %", None, "23.4"),
        ("1,234", "1234", "1.234"),
        ("1.234", "1.234", "1234"),
        ("0.341", "0.341", None),
        ("0,341", None, "0.341"),
        ("1.234,5", None, "1234.5"),
        ("1,234.5", "1234.5", None),
        ("1 234", "1234", "1234"),
        ("1\N{NO-BREAK SPACE}234", "1234", "1234"),
        ("1\N{THIN SPACE}234,5", None, "1234.5"),
        ("1\N{NARROW NO-BREAK SPACE}234.5", "1234.5", None),
        ("1\N{RIGHT SINGLE QUOTATION MARK}234.50", "1234.50", None),
        ("1'234'567", "1234567", "1234567"),
        ("1,234,567", "1234567", None),
        ("1.234.567", None, "1234567"),
        ("1,23,45,678", "12345678", None),
        ("1,00,000.50", "100000.50", None),
        ("$5", "5", "5"),
        ("US$ 12.5", "12.5", None),
        ("\N{EURO SIGN} 1.234,50", None, "1234.50"),
        ("12 \N{EURO SIGN}", "12", "12"),
        ("-3", "-3", "-3"),
        ("\N{MINUS SIGN}3.5", "-3.5", None),
        (".5", "0.5", None),
        ("1e-05", "0.00001", "0.00001"),
        ("34.100%", "34.100", None),
        ("34,100 %", None, "34.100"),
        (" 7 ", "7", "7"),
        (34, "34", "34"),
        (0.341, "0.341", "0.341"),
        (5.0, "5", "5"),
        (1e-7, "0.0000001", "0.0000001"),
    ],
)
def test_a_number_is_read_with_each_decimal_mark_it_may_have(text: Cell, point: str | None, comma: str | None) -> None:
    assert both(text) == (point, comma)


@pytest.mark.parametrize(
    ("text", "qualifier"),
    [
        ("<1%", "less_than"), ("\N{LESS-THAN OR EQUAL TO}1%", "less_than"), ("under 1%", "less_than"),
        ("less than 1", "less_than"), (">40%", "more_than"), ("more than 40%", "more_than"), ("40%+", "more_than"),
        ("over 40", "more_than"), ("~16%", "about"), ("about 16 %", "about"), ("\N{ALMOST EQUAL TO}16", "about"),
        ("ca. 16 %", "about"), ("16%", None),
    ],
)  # fmt: skip
def test_bounds_and_rough_numbers_are_told_apart(text: str, qualifier: str | None) -> None:
    number = read_number(text)
    assert number is not None
    assert number.qualifier == qualifier
    assert number.percent == ("%" in text)


@pytest.mark.parametrize("mark", ["*", "\N{DAGGER}", "\N{DOUBLE DAGGER}", "\N{SUPERSCRIPT ONE}", "(e)", " (p)", "[1]"])
def test_the_marks_of_footnotes_are_no_part_of_a_number(mark: str) -> None:
    number = read_number(f"34.1%{mark}")
    assert number is not None
    assert (number.point, number.marked) == ("34.1", True)


@pytest.mark.parametrize(
    "cell",
    ["", " ", "\N{NO-BREAK SPACE}", "n/a", "N/A", "NA", "na", "-", "\N{EN DASH}", "\N{EM DASH}", ".", "..", "...",
     "\N{HORIZONTAL ELLIPSIS}", "null", "None", "NaN", "n/a*", "#N/A", None, float("nan")],
)  # fmt: skip
def test_what_was_not_reported_is_never_zero(cell: Cell) -> None:
    assert read_number(cell) is None


@pytest.mark.parametrize(
    "cell",
    ["tbd", "1,23,45", "123,45,678", "1.2.3", "12-13", "5.", "~", "1,234.5.6", "#DIV/0!", "12 34", "0,123,456", True],
)
def test_what_is_no_number_is_refused(cell: Cell) -> None:
    with pytest.raises(InvalidArgument, match="a number"):
        read_number(cell)


@pytest.mark.parametrize(
    ("cell", "point", "scale"),
    [("12.3bn", "12.3", "bn"), ("US$ 1,234.5m", "1234.5", "m"), ("5k", "5", "k"), ("3 million", "3", "million")],
)
def test_a_number_keeps_its_digits_and_the_unit_of_its_own(cell: str, point: str, scale: str) -> None:
    number = read_number(cell)
    assert number is not None
    assert (number.point, number.scale) == (point, scale)


@pytest.mark.parametrize(("cell", "point"), [("(3)", "-3"), ("($1,234.5)", "-1234.5"), ("(3.5%)", "-3.5")])
def test_a_number_in_brackets_is_negative(cell: str, point: str) -> None:
    number = read_number(cell)
    assert number is not None
    assert number.point == point


@given(st.integers(0, 10**9), st.integers(0, 6))
def test_a_per_cent_is_the_float_nearest_to_what_is_printed(units: int, decimals: int) -> None:
    text = f"{units // 10**decimals}.{units % 10**decimals:0{decimals}}" if decimals else str(units)
    number = read_number(f"{text}%")
    assert number is not None
    assert number.point is not None
    assert fraction(number.point, percent=True) == float(f"{units}e-{decimals + 2}")
    assert printed_decimals(number.point, percent=True) == decimals


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=0, max_value=1e15))
def test_a_number_of_a_program_keeps_its_last_digit(value: float) -> None:
    assert float(both(value)[0] or "") == value


@pytest.mark.parametrize(
    ("digits", "percent", "decimals"),
    [("0.341", False, 1), ("0.34", False, 0), ("0.3", False, 0), ("0.12345678", False, 6), ("0.123456789", False, None),
     ("34", True, 0), ("34.1", True, 1), ("0.30000000000000004", False, 0), ("0.3333333333333333", False, None)],
)  # fmt: skip
def test_printed_decimals_are_those_of_the_percentage(digits: str, percent: bool, decimals: int | None) -> None:
    assert printed_decimals(digits, percent=percent) == decimals


def test_messages_show_cells_without_what_does_not_print() -> None:
    assert quoted("a\x1b[31m") == r"'a\x1b[31m'"
    assert printable("x" * 100) == "x" * 57 + "..."
    assert (quoted(None), quoted(0.5), quoted(datetime(2020, 9, 30))) == ("nothing", "0.5", "2020-09-30")
    assert is_blank("\ufeff\N{NO-BREAK SPACE}")
    assert not is_blank(0)
