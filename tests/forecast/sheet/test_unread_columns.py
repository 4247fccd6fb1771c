"""Columns whose cells cannot be read are told by the cell, and columns that are no vendor's are told and left out."""

from __future__ import annotations

import pytest

from forecast.errors import InvalidTable
from forecast.sheet import Sheet, understand


def wide(title: str, cells: list[str], others: tuple[str, str] = ("30", "70")) -> Sheet:
    grid = [["Quarter", "A", "B", title]]
    grid += [[f"2020Q{q}", *others, cell] for q, cell in enumerate(cells, start=1)]
    return understand(grid, name="x")


@pytest.mark.parametrize("cell", ["40-45%", "n.m.", "tbd", "#REF!", "between 3 and 4", "3l.8%", "confidential", "c"])
def test_a_vendor_of_whom_no_cell_can_be_read_is_refused_by_the_cell(cell: str) -> None:
    sheet = wide("C", [cell] * 3)
    assert set(sheet.frame["provider"]) == {"A", "B", "C"}
    assert f"column C must hold numbers; rows 2 to 4 have '{cell}'" in sheet.refused["x"][0]


@pytest.mark.parametrize(
    "cells",
    [
        ["strong quarter", "2 new entrants", "n.m. for lack of data"],
        ["restated", "see page 4", "40 % of it from China"],
        ["2020-04-30", "2020-07-31", "2020-10-30"],
    ],
)
def test_a_column_of_remarks_is_no_vendor_and_told(cells: list[str]) -> None:
    sheet = wide("C", cells)
    assert set(sheet.frame["provider"]) == {"A", "B"}
    assert "column 'C' is not used" in sheet.notes


def test_a_number_in_brackets_is_a_negative_amount_and_refused_as_one() -> None:
    sheet = wide("C", ["(3120)", "($3,120.5)", "(3,120)"], ("2000", "2,500.5"))
    (sentence,) = sheet.refused["x"]
    assert "amounts of 0 or more; rows 2 to 4 have '(3120)', '($3,120.5)' and 1 more; a number in brackets" in sentence
    assert "per cents of 0 to 100; rows 2 to 4 have '(30%)'" in wide("C", ["(30%)"] * 3, ("60%", "70%")).refused["x"][0]


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (("$3.1bn", "$850.5m"), (3100.0, 850.5)),
        (("3,1 Mrd.", "850,5 Mio."), (3100.0, 850.5)),
        (("3,1 Md \N{EURO SIGN}", "2,2 Md \N{EURO SIGN}"), (3.1, 2.2)),
        (("3.1B", "0.2B"), (3.1, 0.2)),
        (("2 crore", "30 lakh"), (200.0, 30.0)),
    ],
)
@pytest.mark.parametrize("long", [False, True])
def test_amounts_with_a_unit_behind_them_are_read_in_the_smallest(
    cells: tuple[str, str], values: tuple[float, float], long: bool
) -> None:
    grid: list[list[str]] = [["Quarter", "A", "B"], ["2020Q1", *cells], ["2020Q2", *cells]]
    if long:
        grid = [["Quarter", "Vendor", "Revenue"]]
        grid += [[f"2020Q{q}", name, cell] for q in (1, 2) for name, cell in zip("AB", cells, strict=True)]
    sheet = understand(grid, name="x")
    assert sheet.faults == ()
    assert sheet.frame["value"].to_list() == [*values, *values]
    assert any(note.startswith("amounts are in units of 1") for note in sheet.notes)


def test_a_unit_behind_some_amounts_only_is_refused_by_the_fewer() -> None:
    cells = {"A": "3.1bn", "B": "2240", "C": "200"}
    for grid in (
        [["Quarter", *cells], *([f"2020Q{q}", *cells.values()] for q in (1, 2))],
        [["Quarter", "Vendor", "Sales"], *([f"2020Q{q}", *cell] for q in (1, 2) for cell in cells.items())],
    ):
        (sentence,) = understand(grid, name="x").refused["x"]
        assert "must hold numbers of one unit" in sentence
        assert "have '3.1bn'; here some have 'bn' behind them, and some nothing" in sentence
    sheet = understand([["Quarter", "A", "B"], ["2020Q1", "3M", "2MM"], ["2020Q2", "3M", "2MM"]], name="x")
    assert "'m' beside 'mm' may be a thousand or a million" in sheet.refused["x"][0]
    share = understand([["quarter", "vendor", "share"], ["2020Q1", "A", "31k"], ["2020Q1", "B", "69k"]], name="x")
    assert "shares, without 'k' behind them" in share.refused["x"][0]


def test_a_long_table_names_the_cell_that_is_no_number() -> None:
    sheet = understand([["Quarter", "Vendor", "x"], ["2020Q1", "A", "3-4"], ["2020Q1", "B", "4-5"]], name="x")
    assert "column x must hold numbers; rows 2 and 3 have '3-4' and '4-5'" in sheet.refused["x"][0]


AMOUNTS = {"A": ["3120", "2240", "2400"], "B": ["1510", "930", "990"], "Yearling": ["700", "720", "730"]}


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("Year", ["2022", "2022", "2022"]),
        ("FY", ["2022", "2022", "2023"]),
        ("Calendar year", ["2022", "2022", "2022"]),
        ("Month", ["3", "6", "9"]),
        ("No.", ["1", "2", "3"]),
        ("ASP (USD)", ["310", "311", "312"]),
        ("Average selling price", ["310", "311", "312"]),
        ("A YoY %", ["3.0", "3.1", "3.2"]),
        ("Yearling growth", ["3.0", "3.1", "3.2"]),
        ("b change (pp)", ["(1)", "2", "3"]),
        ("A ASP", ["310", "311", "312"]),
        ("# vendors", ["40", "41", "42"]),
        ("Number of vendors", ["40", "41", "42"]),
        ("FX rate", ["1.1", "1.2", "1.1"]),
        ("USD/EUR", ["1.1", "1.2", "1.1"]),
    ],
)
def test_a_column_of_helping_numbers_is_no_vendor_and_told(name: str, cells: list[str]) -> None:
    columns = {**AMOUNTS, name: cells}
    rows = [[f"2022Q{q + 1}", *(column[q] for column in columns.values())] for q in range(3)]
    sheet = understand([["Quarter", *columns], *rows], name="x")
    assert set(sheet.frame["provider"]) == set(AMOUNTS)
    assert any(note.startswith(f"'{name}' is not a vendor but ") for note in sheet.notes)
    assert sheet.faults == ()


@pytest.mark.parametrize("name", ["Yearling", "Time", "Pricewise", "A Growth Fund", "No. 7 Holdings", "Numberphile"])
def test_a_vendor_called_like_a_helping_number_is_one(name: str) -> None:
    columns = {**AMOUNTS, name: ["1700", "1720", "1735"]}
    rows = [[f"2022Q{q + 1}", *(column[q] for column in columns.values())] for q in range(3)]
    assert name in set(understand([["Quarter", *columns], *rows], name="x").frame["provider"])


def test_a_name_that_may_be_a_price_or_a_vendor_is_refused() -> None:
    columns = {**AMOUNTS, "ASP": ["310", "311", "312"]}
    rows = [[f"2022Q{q + 1}", *(column[q] for column in columns.values())] for q in range(3)]
    with pytest.raises(InvalidTable, match="'ASP' may be a vendor or a number made of the others: row 2 has '310'"):
        understand([["Quarter", *columns], *rows], name="x")
