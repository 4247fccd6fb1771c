"""A sheet holds one table: a second one below it, above it or beside it never lends its numbers to the first."""

from __future__ import annotations

import pytest

from forecast.errors import InvalidTable
from forecast.sheet import understand

VENDORS = "quarter,A,B|2020Q1,30%,70%|2020Q2,31%,69%|"
QUARTERS = "vendor,2020Q1,2020Q2|A,30,40|B,70,60|"
LONG = "quarter,vendor,share|2020Q1,A,30%|2020Q1,B,70%|"


def grid(text: str) -> list[list[str | None]]:
    return [[cell or None for cell in line.split(",")] for line in text.split("|")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{VENDORS},,|quarter,B,A|2020Q3,68%,32%", "row 5 is a second header, between rows of numbers: 'quarter; B"),
        (f"{VENDORS}quarter,C,D|2020Q3,68%,32%", "row 4 is a second header"),
        (f"{VENDORS}Tablets|quarter,A,B|2020Q3,68%,32%", "row 4 has 'Tablets' without a number"),
        (f"{VENDORS}Tablets,,|2020Q3,68%,32%", "row 4 has 'Tablets' without a number"),
        (f"{VENDORS}Source: X|quarter,A,B|2020Q3,68%,32%", "row 5 is a second header"),
        (f"{VENDORS},EUR m,EUR m|2020Q3,68,32", "row 4 is a second header"),
        (f"{VENDORS}vendor,2020Q3,2020Q4|A,68%,32%|B,32%,68%", "row 2 has a quarter and a number above the header"),
        (f"{VENDORS}quarter,vendor,share|2020Q3,A,1", "row 2 has a quarter and a number above the header"),
        (f"{QUARTERS}Tablets,,|C,20,30|D,80,70", "row 4 has 'Tablets' without a number"),
        (f"{QUARTERS}Tablets,2020Q1,2020Q2|C,20,30|D,80,70", "row 4 is a second header"),
        (f"{QUARTERS}vendor,2020Q3,2020Q4|A,20,30|B,80,70", "row 4 is a second header"),
        (f"{QUARTERS}vendor,2020Q1,2020Q2|C,20,30|D,80,70", "or remove it where it is the first one again"),
        (f"{LONG}quarter,vendor,units|2020Q2,A,300", "row 4 is a second header"),
        (f"{LONG}vendor,quarter,share|A,2020Q2,30%", "row 4 is a second header"),
        (f"{LONG}Tablets|2020Q2,A,30%", "row 4 has 'Tablets' without a number"),
        (f"{LONG},,,2020Q2,A,30%", "row 4 has a quarter and a number in other columns"),
    ],
)
def test_a_second_table_is_refused_by_its_row(text: str, said: str) -> None:
    with pytest.raises(InvalidTable) as caught:
        understand(grid(text), name="x")
    assert said in str(caught.value)
    assert "put each table on a sheet or in a file of its own" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"{VENDORS}quarter,A,B|2020Q3,32%,68%", "row 4 is not used, the header again: 'quarter; A; B'"),
        (f"{LONG}quarter,vendor,share|2020Q3,A,100%", "row 4 is not used, the header again: 'quarter; vendor; share'"),
        (f"{VENDORS}Source: X|2020Q3,32%,68%", "row 4 is not used, without a number: 'Source: X'"),
        (f"{VENDORS}---,---,---|2020Q3,32%,68%", "row 4 is not used, without a number: '---; ---; ---'"),
        (f"{QUARTERS}Tablets are not counted", "row 4 is not used, without a number: 'Tablets are not counted'"),
        ("vendor,2020Q1,2020Q2|Phones|A,30,40|B,70,60", "row 2 is not used, without a number: 'Phones'"),
        ("Date:,2024-05-01,Version,2|quarter,A,B|2020Q1,30%,70%", "row 1 above the header is not used"),
    ],
)
def test_the_header_again_remarks_and_titles_are_passed_over_and_told(text: str, told: str) -> None:
    sheet = understand(grid(text), name="x")
    assert sheet.faults == ()
    assert any(note.startswith(told) for note in sheet.notes)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (",Europe,,Asia,|Quarter,A,B,A,B|2022Q1,30%,70%,40%,60%", "'Europe' and 'Asia' each stand over 'A' and 'B'"),
        (",Europe,Europe,Asia,Asia|Quarter,A,B,A,B|2022Q1,30%,70%,40%,60%", "'Europe' and 'Asia' each stand over 'A'"),
        (
            ",Europe,,Asia,|Vendor,2022Q1,2022Q2,2022Q1,2022Q2|A,30%,31%,40%,41%|B,70%,69%,60%,59%",
            "'Europe' and 'Asia'",
        ),
        (
            "Phones|,2022Q1,,2022Q2,|Region,A,B,A,B|EU,30%,70%,40%,60%",
            "rows 2 and 3 are a header of two",
        ),
    ],
)
def test_a_header_of_two_levels_is_refused_by_what_stands_over_what(text: str, said: str) -> None:
    with pytest.raises(InvalidTable, match="are a header of two levels") as caught:
        understand(grid(text), name="x")
    assert said in str(caught.value)


def test_years_over_quarters_are_a_header_that_is_read() -> None:
    sheet = understand(grid(",2022,,2023,|Vendor,Q1,Q2,Q1,Q2|A,30%,31%,32%,33%|B,70%,69%,68%,67%"), name="x")
    assert sheet.frame["period"].to_list()[:4] == ["2022Q1", "2022Q2", "2023Q1", "2023Q2"]
